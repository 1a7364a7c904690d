package graph

import (
	"fmt"
	"slices"

	"github.com/pcapline/pcapline/train/internal/blas"
)

// Optimiser turns gradients into steps.
type Optimiser string

// The optimisers, all by PyTorch's formulas.
const (
	Adam    Optimiser = "adam"
	SGD     Optimiser = "sgd"
	RMSProp Optimiser = "rmsprop"
)

// Optimisers lists them.
var Optimisers = []Optimiser{Adam, SGD, RMSProp}

// moments is what an optimiser remembers of each parameter.
type moments struct {
	m []float32 // Adam's mean of gradients, the others' velocity; nil: none
	v []float32 // mean of squares; nil: none
}

func newMoments(o *Options, n int) (s moments, err error) {
	if !slices.Contains(Optimisers, o.Optimiser) {
		return s, fmt.Errorf("unknown optimiser %q (have %q)", o.Optimiser, Optimisers)
	}
	if o.Optimiser == Adam || o.Momentum != 0 {
		s.m = make([]float32, n)
	}
	if o.Optimiser != SGD {
		s.v = make([]float32, n)
	}
	return s, nil
}

// update takes a step from the gradient: weights decay, biases do not.
func (t *Trainer) update(rate float64) {
	t.steps++
	for _, l := range t.layers {
		t.step(l.W, l.B, rate, t.opt.L2, t.opt.WeightDecay)
		t.step(l.B, l.End(), rate, 0, 0)
	}
}

// step updates the parameters from one offset to another.
func (t *Trainer) step(from, to int, rate, l2, decay float64) {
	o := &t.opt
	w, g, m, v := t.params[from:to], t.grad[from:to], t.m, t.v
	if m != nil {
		m = m[from:to]
	}
	if v != nil {
		v = v[from:to]
	}
	switch o.Optimiser {
	case SGD:
		blas.SGD(w, g, m, &blas.SGDStep{
			Rate: float32(rate), Momentum: float32(o.Momentum), Nesterov: o.Nesterov, L2: float32(l2), Keep: float32(1 - rate*decay),
		})
	case RMSProp:
		blas.RMSProp(w, g, m, v, &blas.RMSPropStep{
			Rate: float32(rate), Rho: float32(o.Rho), OneMinusRho: float32(1 - o.Rho), Epsilon: float32(o.Epsilon),
			Momentum: float32(o.Momentum), L2: float32(l2), Keep: float32(1 - rate*decay),
		})
	default:
		s := blas.NewAdamStep(rate, o.Beta1, o.Beta2, o.Epsilon, l2, decay, t.steps)
		o.Kernel.Adam(w, g, m, v, &s)
	}
}

// State is what a trainer knows beside the parameters. Its slices are the
// trainer's own.
type State struct {
	Steps int
	M, V  []float32 // of the optimiser, one value a parameter; nil: it has none
}

// State gives the state, to be saved before the next step.
func (t *Trainer) State() State { return State{t.steps, t.m, t.v} }

// Restore continues from a state of a trainer with the same options.
func (t *Trainer) Restore(s State) error {
	if s.Steps < 0 || len(s.M) != len(t.m) || len(s.V) != len(t.v) {
		return fmt.Errorf("a state of %d steps with %d and %d values for an optimiser of %d and %d", s.Steps, len(s.M), len(s.V), len(t.m), len(t.v))
	}
	t.steps = s.Steps
	copy(t.m, s.M)
	copy(t.v, s.V)
	return nil
}
