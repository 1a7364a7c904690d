package blas

import "math"

// AdamStep holds one step's constants of the Adam optimiser (Kingma and Ba,
// "Adam: A Method for Stochastic Optimization", 2015, Algorithm 1) with the
// two usual forms of weight decay. The field order is known to the assembly.
type AdamStep struct {
	Beta1, OneMinusBeta1 float32
	Beta2, OneMinusBeta2 float32
	Rate                 float32 // learning rate / (1 − β1^t)
	RootCorrection       float32 // sqrt(1 − β2^t)
	Epsilon              float32
	L2                   float32 // added to the gradient, times the weight
	Keep                 float32 // 1 − rate·decay: decoupled decay (AdamW)
}

// NewAdamStep computes the constants of step t, counted from 1.
func NewAdamStep(rate, beta1, beta2, epsilon, l2, decay float64, t int) AdamStep {
	return AdamStep{
		Beta1: float32(beta1), OneMinusBeta1: float32(1 - beta1),
		Beta2: float32(beta2), OneMinusBeta2: float32(1 - beta2),
		Rate:           float32(rate / (1 - math.Pow(beta1, float64(t)))),
		RootCorrection: float32(math.Sqrt(1 - math.Pow(beta2, float64(t)))),
		Epsilon:        float32(epsilon),
		L2:             float32(l2),
		Keep:           float32(1 - rate*decay),
	}
}

// Adam updates the weights w and the moments m and v from the gradient g, all
// of one length:
//
//	g += L2·w;  m = β1·m + (1−β1)·g;  v = β2·v + (1−β2)·g²
//	w = Keep·w − Rate·m / (√v/RootCorrection + ε)
//
// as PyTorch's Adam and AdamW do. g itself is not changed. All kernels give
// the same bits.
func (k Kernel) Adam(w, g, m, v []float32, s *AdamStep) {
	n := len(w)
	g, m, v = g[:n], m[:n], v[:n]
	i := 0
	if k.vector() && n >= 8 {
		i = n &^ 7
		adamVec(w[:i], g[:i], m[:i], v[:i], s)
	}
	adamGo(w[i:], g[i:], m[i:], v[i:], s)
}

// adamGo spells out each rounding, so that no compiler fuses them.
func adamGo(w, g, m, v []float32, s *AdamStep) {
	for i := range w {
		gi := g[i] + float32(s.L2*w[i])
		m[i] = float32(s.Beta1*m[i]) + float32(s.OneMinusBeta1*gi)
		v[i] = float32(s.Beta2*v[i]) + float32(s.OneMinusBeta2*float32(gi*gi))
		root := float32(math.Sqrt(float64(v[i])))
		d := float32(root/s.RootCorrection) + s.Epsilon
		w[i] = float32(s.Keep*w[i]) - float32(float32(s.Rate*m[i])/d)
	}
}
