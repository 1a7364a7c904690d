package mlp

import (
	"math"
	"math/rand/v2"
)

// Scheme is a way to draw a layer's first weights; biases begin at 0.
type Scheme string

// The schemes. Of a layer of in inputs and out units:
const (
	Auto          Scheme = "auto"           // HeUniform before a ReLU or a kin of it, GlorotUniform elsewhere
	HeUniform     Scheme = "he_uniform"     // uniform in ±√(6/in) (He et al. 2015)
	HeNormal      Scheme = "he_normal"      // normal of variance 2/in
	GlorotUniform Scheme = "glorot_uniform" // uniform in ±√(6/(in+out)) (Glorot and Bengio 2010)
	GlorotNormal  Scheme = "glorot_normal"  // normal of variance 2/(in+out)
	Uniform       Scheme = "uniform"        // uniform in ±0.05, as Keras has it
)

// Schemes lists them.
var Schemes = []Scheme{Auto, HeUniform, HeNormal, GlorotUniform, GlorotNormal, Uniform}

// Init draws initial parameters. schemes has one element a layer, the output
// layer's last; nil: Auto for all.
//
// The numbers come from the source's bits by a rule of our own, so that no later
// version of the standard library can change them.
func Init(s Shape, schemes []Scheme, r rand.Source) []float32 {
	p := make([]float32, s.Params())
	for i, l := range s.Layers() {
		scheme := Auto
		if schemes != nil {
			scheme = schemes[i]
		}
		draw := scheme.of(l)
		for j := l.W; j < l.B; j++ {
			p[j] = float32(draw(r))
		}
	}
	return p
}

// of gives what draws one weight of a layer.
func (s Scheme) of(l Layer) func(rand.Source) float64 {
	in, both := float64(l.In), float64(l.In+l.Out)
	switch s {
	case HeUniform:
		return uniform(math.Sqrt(6 / in))
	case HeNormal:
		return normal(math.Sqrt(2 / in))
	case GlorotUniform:
		return uniform(math.Sqrt(6 / both))
	case GlorotNormal:
		return normal(math.Sqrt(2 / both))
	case Uniform:
		return uniform(0.05)
	}
	switch l.Activation {
	case ReLU, LeakyReLU, ELU:
		return HeUniform.of(l)
	}
	return GlorotUniform.of(l)
}

// fraction is uniform in [0, 1).
func fraction(r rand.Source) float64 { return float64(r.Uint64()>>11) / (1 << 53) }

func uniform(limit float64) func(rand.Source) float64 {
	return func(r rand.Source) float64 { return (2*fraction(r) - 1) * limit }
}

// normal is by Box and Muller's rule, one number of each pair.
func normal(deviation float64) func(rand.Source) float64 {
	return func(r rand.Source) float64 {
		radius := math.Sqrt(-2 * math.Log(1-fraction(r)))
		return deviation * radius * math.Cos(2*math.Pi*fraction(r))
	}
}
