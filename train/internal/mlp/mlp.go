// Package mlp says how a multi-layer perceptron lies in memory and computes
// its outputs in plain Go. Training (package graph) and scoring (package
// train) share both, so that a model scores exactly as it was trained.
//
// A network's parameters are one slice: for each layer in order the weights,
// in×out row-major, then out biases.
package mlp

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/pcapline/pcapline/train/internal/blas"
)

// Shape describes a network. The outputs are logits: one for two classes,
// else one for each class.
type Shape struct {
	Inputs      int          `json:"inputs"`
	Hidden      []int        `json:"hidden"`
	Outputs     int          `json:"outputs"`
	Activation  Activation   `json:"activation"`            // of the hidden layers
	Activations []Activation `json:"activations,omitempty"` // of each of them, where they differ; else nil
}

// maxParams bounds what a model file can make us allocate: 1 GiB of weights.
const maxParams = 1 << 28

// Check reports what is wrong with the shape.
func (s Shape) Check() error {
	if s.Inputs < 1 || s.Outputs < 1 {
		return fmt.Errorf("a network of %d inputs and %d outputs", s.Inputs, s.Outputs)
	}
	if s.Activations != nil && len(s.Activations) != len(s.Hidden) {
		return fmt.Errorf("%d activations for %d hidden layers", len(s.Activations), len(s.Hidden))
	}
	for _, a := range append([]Activation{s.Activation}, s.Activations...) {
		if !slices.Contains(Activations, a) {
			return fmt.Errorf("unknown activation %q (have %q)", a, Activations)
		}
	}
	total, in := 0, s.Inputs
	for i, out := range append(s.Hidden[:len(s.Hidden):len(s.Hidden)], s.Outputs) {
		if out < 1 {
			return fmt.Errorf("layer %d has %d units", i+1, out)
		}
		if in > maxParams || out > maxParams || total > maxParams {
			return errors.New("the network has too many parameters")
		}
		total += (in + 1) * out
		in = out
	}
	if total > maxParams {
		return fmt.Errorf("the network has %d parameters, more than %d", total, maxParams)
	}
	return nil
}

// Layer is where a dense layer stands in the parameters.
type Layer struct {
	In, Out    int
	W, B       int // offsets of weights and biases
	Activation Activation
}

// End is the offset behind the layer.
func (l Layer) End() int { return l.B + l.Out }

// Layers lists the dense layers; the last one has no activation.
func (s Shape) Layers() []Layer {
	ls := make([]Layer, 0, len(s.Hidden)+1)
	in, at := s.Inputs, 0
	add := func(out int, a Activation) {
		ls = append(ls, Layer{In: in, Out: out, W: at, B: at + in*out, Activation: a})
		in, at = out, at+(in+1)*out
	}
	for i, h := range s.Hidden {
		a := s.Activation
		if s.Activations != nil {
			a = s.Activations[i]
		}
		add(h, a)
	}
	add(s.Outputs, "")
	return ls
}

// Params is the number of parameters.
func (s Shape) Params() int {
	ls := s.Layers()
	return ls[len(ls)-1].End()
}

// Width is the widest layer, which sizes the scratch of [Forward].
func (s Shape) Width() int {
	w := s.Outputs
	for _, h := range s.Hidden {
		w = max(w, h)
	}
	return w
}

// Forward computes the logits of n rows of x into out (n×Outputs). a and b
// are scratch of n×Width elements each. It does not allocate.
func Forward(k blas.Kernel, layers []Layer, params, x []float32, n int, a, b, out []float32) {
	for i, l := range layers {
		y := a
		if i == len(layers)-1 {
			y = out
		}
		Dense(k, l, params[l.W:l.B], params[l.B:l.End()], x, n, y)
		x, a, b = y, b, y
	}
}

// Dense computes one layer of n rows from its weights and biases.
func Dense(k blas.Kernel, l Layer, w, b, x []float32, n int, y []float32) {
	k.Dense(y, x, w, b, n, l.In, l.Out, l.Activation == ReLU)
	l.Activation.apply(y[:n*l.Out])
}

// Sigmoid is 1/(1+e^−z), without overflow.
func Sigmoid(z float64) float64 {
	if z >= 0 {
		return 1 / (1 + math.Exp(-z))
	}
	e := math.Exp(z)
	return e / (1 + e)
}

// LogSumExp is log Σ e^zᵢ, without overflow.
func LogSumExp(z []float32) float64 {
	top := slices.Max(z)
	sum := 0.0
	for _, v := range z {
		sum += math.Exp(float64(v - top))
	}
	return float64(top) + math.Log(sum)
}

// Softmax turns one row of logits into probabilities and returns the log of
// the sum of their exponentials; z and p may be the same.
func Softmax(p, z []float32) float64 {
	log := LogSumExp(z)
	for i, v := range z {
		p[i] = float32(math.Exp(float64(v) - log))
	}
	return log
}
