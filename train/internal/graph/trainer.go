// Package graph trains a multi-layer perceptron with Gorgonia: it builds the
// expression graph, differentiates it symbolically, runs it on a tape machine
// and lets an optimiser step. It is the only package that imports Gorgonia.
//
// Gorgonia's own ops allocate a result at every call and its solvers work on
// bound dual values; written that way it takes 7 to 10 times as long. So the
// ops here are fused (one for a dense layer with bias and activation, one for
// softmax or sigmoid with cross-entropy), bring their own gradients, and keep
// their results in memory of their own, all parameters' gradients in one
// slice that the optimiser reads. Since no op writes to a register, Gorgonia's reuse
// of registers (gorgonia#576) cannot touch a value that is still needed.
//
// A graph has a fixed number of rows; the last batch of an epoch, if smaller,
// gets a second graph over the same parameters. One goroutine does all of the
// arithmetic, in a fixed order: on the same architecture and kernel the same
// input gives the same bits, whatever GOMAXPROCS is.
package graph

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/pcapline/pcapline/train/internal/blas"
	"github.com/pcapline/pcapline/train/internal/mlp"
)

// Options of a [Trainer].
type Options struct {
	Kernel     blas.Kernel
	Dropout    []float64   // share of each hidden layer's units left out, [0, 1); nil: none
	Noise      float64     // standard deviation of the normal noise that is added to each input in each step; 0: none
	Rand       rand.Source // for noise and dropout
	FocalGamma float64     // of the focal loss; 0: cross-entropy

	Optimiser   Optimiser
	L2          float64 // added to the gradient of the weights, not of the biases
	WeightDecay float64 // decoupled, as in AdamW; weights only
	Beta1       float64 // Adam's
	Beta2       float64
	Rho         float64 // of RMSProp: how much of the mean square stays
	Epsilon     float64 // of Adam and RMSProp
	Momentum    float64 // of SGD and RMSProp
	Nesterov    bool    // of SGD
}

// Trainer holds a network that is being trained. It is not safe for
// concurrent use, but several trainers are.
type Trainer struct {
	shape  mlp.Shape
	layers []mlp.Layer
	opt    Options

	params, grad []float32
	moments
	steps    int
	programs map[int]*program
	normal   *rand.Rand // of opt.Rand; nil: no noise
}

// New makes a trainer that changes params in place; see package mlp for their
// order.
func New(shape mlp.Shape, params []float32, opt Options) (*Trainer, error) {
	if err := shape.Check(); err != nil {
		return nil, err
	}
	n := shape.Params()
	if len(params) != n {
		return nil, fmt.Errorf("%d parameters for a network of %d", len(params), n)
	}
	if err := opt.checkDropout(len(shape.Hidden)); err != nil {
		return nil, err
	}
	if !(opt.Noise >= 0 && opt.Noise <= math.MaxFloat32) || opt.Noise > 0 && opt.Rand == nil {
		return nil, fmt.Errorf("noise of %v, which needs a source of random numbers", opt.Noise)
	}
	if !(opt.FocalGamma >= 0) {
		return nil, fmt.Errorf("a focal loss of exponent %v", opt.FocalGamma)
	}
	t := &Trainer{
		shape: shape, layers: shape.Layers(), opt: opt, params: params,
		grad: make([]float32, n), programs: make(map[int]*program),
	}
	if opt.Noise > 0 {
		t.normal = rand.New(opt.Rand)
	}
	var err error
	t.moments, err = newMoments(&opt, n)
	return t, err
}

func (o *Options) checkDropout(hidden int) error {
	if o.Dropout != nil && len(o.Dropout) != hidden {
		return fmt.Errorf("%d shares of dropout for %d hidden layers", len(o.Dropout), hidden)
	}
	for _, share := range o.Dropout {
		if !(share >= 0 && share < 1) {
			return fmt.Errorf("dropout of %v is outside [0, 1)", share)
		}
		if share > 0 && o.Rand == nil {
			return errors.New("dropout needs a source of random numbers")
		}
	}
	return nil
}

// ErrNotFinite is wrapped by Step when a loss is NaN or infinite.
var ErrNotFinite = errors.New("the loss is not finite")

// Batch is some rows to learn from. Target is the class, or 0 and 1 for a
// network with one output. Weights must be positive.
type Batch struct {
	Rows   int
	X      []float32 // Rows × Inputs
	Target []float32 // Rows
	Weight []float32 // Rows
}

// Step computes the weighted mean loss of the batch and its gradient and lets
// the optimiser take one step of the given learning rate. It returns the loss
// before the step and the sum of the weights. On error the parameters are as
// before.
func (t *Trainer) Step(b Batch, rate float64) (loss, weight float64, err error) {
	p, err := t.gradient(b)
	if err != nil {
		return 0, 0, err
	}
	t.update(rate)
	return p.loss.loss, p.loss.total, nil
}

// gradient runs the graph; the gradients are then in t.grad.
func (t *Trainer) gradient(b Batch) (*program, error) {
	if err := t.check(b); err != nil {
		return nil, err
	}
	p := t.programs[b.Rows]
	if p == nil {
		var err error
		if p, err = t.build(b.Rows); err != nil {
			return nil, fmt.Errorf("building the graph: %w", err)
		}
		t.programs[b.Rows] = p
	}
	copy(p.x, b.X)
	if t.normal != nil {
		addNoise(p.x, float32(t.opt.Noise), t.normal)
	}
	copy(p.target, b.Target)
	copy(p.weight, b.Weight)
	for i, m := range p.masks {
		if m != nil {
			fillMask(m, t.opt.Dropout[i], t.opt.Rand)
		}
	}
	p.vm.Reset()
	if err := p.vm.RunAll(); err != nil {
		return nil, fmt.Errorf("running the graph: %w", err)
	}
	if l := p.loss.loss; math.IsNaN(l) || math.IsInf(l, 0) {
		return nil, fmt.Errorf("%w: %v", ErrNotFinite, l)
	}
	return p, nil
}

// check is complete: a panic inside an op would be in Gorgonia's goroutine,
// where nobody could recover it.
func (t *Trainer) check(b Batch) error {
	if b.Rows < 1 || len(b.X) != b.Rows*t.shape.Inputs || len(b.Target) != b.Rows || len(b.Weight) != b.Rows {
		return fmt.Errorf("a batch of %d rows with %d values, %d targets and %d weights for %d inputs",
			b.Rows, len(b.X), len(b.Target), len(b.Weight), t.shape.Inputs)
	}
	classes := max(2, t.shape.Outputs)
	for i, c := range b.Target {
		if !(c >= 0 && int(c) < classes && float32(int(c)) == c) {
			return fmt.Errorf("row %d of the batch: class %v of %d", i, c, classes)
		}
		if w := b.Weight[i]; !(w > 0 && w <= math.MaxFloat32) {
			return fmt.Errorf("row %d of the batch: weight %v", i, w)
		}
	}
	return nil
}

// addNoise moves each value by a normal deviate, as another network's rows
// would differ: training with it is a penalty on the slope of the loss
// (Bishop 1995, Training with Noise is Equivalent to Tikhonov Regularization).
func addNoise(x []float32, sd float32, r *rand.Rand) {
	for i := range x {
		x[i] += sd * float32(r.NormFloat64())
	}
}

// fillMask leaves each unit out with probability share and scales the others
// so that the expected sum stays the same.
func fillMask(m []float32, share float64, r rand.Source) {
	keep := 1 - share
	limit, scale := uint64(keep*(1<<32)), float32(1/keep)
	for i := range m {
		m[i] = 0
		if r.Uint64()>>32 < limit {
			m[i] = scale
		}
	}
}

// program is the compiled graph for one number of rows.
type program struct {
	x, target, weight []float32
	masks             [][]float32 // of each hidden layer; nil: no dropout there
	loss              *lossOp
	lossNode          *G.Node
	grads             G.Nodes // of each layer's weights and biases
	vm                G.VM
}

// building guards Gorgonia's global state (shared constant nodes, counters)
// while graphs are made; running them needs no lock.
var building sync.Mutex

// build makes the graph for n rows. Gorgonia panics on some errors of its
// own; they are returned.
func (t *Trainer) build(n int) (p *program, err error) {
	building.Lock()
	defer building.Unlock()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("gorgonia: %v", r)
		}
	}()
	p = &program{
		x:      make([]float32, n*t.shape.Inputs),
		target: make([]float32, n), weight: make([]float32, n),
		loss: newLoss(n, t.shape.Outputs, t.opt.FocalGamma),
	}
	g := G.NewGraph()
	logits, params, err := t.forward(g, p, n)
	if err != nil {
		return nil, err
	}
	p.lossNode, err = G.ApplyOp(p.loss, logits, input(g, "target", p.target, n), input(g, "weight", p.weight, n))
	if err != nil {
		return nil, err
	}
	if p.grads, err = G.Grad(p.lossNode, params...); err != nil {
		return nil, err
	}
	p.vm = G.NewTapeMachine(g)
	return p, nil
}

// forward adds the layers and returns the logits and the parameters' nodes.
func (t *Trainer) forward(g *G.ExprGraph, p *program, n int) (y *G.Node, params G.Nodes, err error) {
	y = input(g, "x", p.x, n, t.shape.Inputs)
	p.masks = make([][]float32, len(t.opt.Dropout))
	for i, l := range t.layers {
		name := fmt.Sprintf("dense%d", i)
		w := input(g, name+".w", t.params[l.W:l.B], l.In, l.Out)
		b := input(g, name+".b", t.params[l.B:l.End()], l.Out)
		params = append(params, w, b)
		op := newDense(name, t.opt.Kernel, l, n, i == 0, t.grad)
		if y, err = G.ApplyOp(op, y, w, b); err != nil {
			return nil, nil, err
		}
		if i >= len(p.masks) || t.opt.Dropout[i] == 0 {
			continue
		}
		mask := make([]float32, n*l.Out)
		p.masks[i] = mask
		m := input(g, name+".mask", mask, n, l.Out)
		if y, err = G.ApplyOp(newMask(name+".dropout", n, l.Out), y, m); err != nil {
			return nil, nil, err
		}
	}
	return y, params, nil
}

// input makes a node over existing memory.
func input(g *G.ExprGraph, name string, x []float32, shape ...int) *G.Node {
	return G.NewTensor(g, tensor.Float32, len(shape), G.WithShape(shape...), G.WithName(name), G.WithValue(wrap(x, shape...)))
}
