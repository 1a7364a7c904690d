package graph

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/pcapline/pcapline/train/internal/blas"
	"github.com/pcapline/pcapline/train/internal/mlp"
)

func testBatch(s mlp.Shape, rows int, seed uint64) Batch {
	r := rand.New(rand.NewPCG(seed, 7))
	b := Batch{Rows: rows, X: make([]float32, rows*s.Inputs), Target: make([]float32, rows), Weight: make([]float32, rows)}
	for i := range b.X {
		b.X[i] = float32(r.NormFloat64())
	}
	for i := range b.Target {
		b.Target[i] = float32(r.IntN(max(2, s.Outputs)))
		b.Weight[i] = float32(0.25 + r.Float64())
	}
	return b
}

// reference is the loss in float64, written without regard to speed and
// without sharing code with the ops.
func reference(s mlp.Shape, params []float64, masks [][]float32, gamma float64, b Batch) float64 {
	var loss, total float64
	for i := range b.Rows {
		x := make([]float64, s.Inputs)
		for j := range x {
			x[j] = float64(b.X[i*s.Inputs+j])
		}
		for li, l := range s.Layers() {
			y := make([]float64, l.Out)
			for j := range y {
				y[j] = params[l.B+j]
				for p, v := range x {
					y[j] += v * params[l.W+p*l.Out+j]
				}
				y[j] = activate(l.Activation, y[j])
				if li < len(masks) && masks[li] != nil {
					y[j] *= float64(masks[li][i*l.Out+j])
				}
			}
			x = y
		}
		w := float64(b.Weight[i])
		total += w
		ce := crossEntropy(x, int(b.Target[i]))
		loss += w * math.Pow(1-math.Exp(-ce), gamma) * ce
	}
	return loss / total
}

func activate(a mlp.Activation, x float64) float64 {
	switch {
	case a == mlp.ReLU:
		return math.Max(0, x)
	case a == mlp.LeakyReLU && x < 0:
		return x / 100
	case a == mlp.ELU && x < 0:
		return math.Exp(x) - 1
	case a == mlp.Tanh:
		return math.Tanh(x)
	case a == mlp.Logistic:
		return 1 / (1 + math.Exp(-x))
	}
	return x
}

func crossEntropy(z []float64, target int) float64 {
	if len(z) == 1 {
		z = []float64{0, z[0]} // sigmoid(z) is softmax(0, z)
	}
	sum := 0.0
	for _, v := range z {
		sum += math.Exp(v - z[target])
	}
	return math.Log(sum)
}

var nets = []mlp.Shape{
	{Inputs: 3, Outputs: 1, Activation: mlp.ReLU},
	{Inputs: 3, Outputs: 4, Activation: mlp.ReLU},
	{Inputs: 5, Hidden: []int{9}, Outputs: 1, Activation: mlp.ReLU},
	{Inputs: 5, Hidden: []int{9}, Outputs: 1, Activation: mlp.Tanh},
	{Inputs: 4, Hidden: []int{8, 5}, Outputs: 3, Activation: mlp.ReLU},
	{Inputs: 4, Hidden: []int{17, 6, 5, 3}, Outputs: 2, Activation: mlp.Tanh},
}

// Every op's gradient against the numerical one of the reference, for every
// depth, activation and loss, with dropout and without.
func TestGradients(t *testing.T) {
	for _, k := range blas.Available() {
		for i, s := range append(nets, everyActivation()...) {
			for _, c := range []struct{ dropout, gamma float64 }{{0, 0}, {0.4, 0}, {0, 2}, {0, 0.5}, {0.3, 1}} {
				t.Run(fmt.Sprintf("%v/%d/dropout=%v/focal=%v", k, i, c.dropout, c.gamma), func(t *testing.T) {
					checkGradient(t, k, s, c.dropout, c.gamma)
				})
			}
		}
	}
}

// everyActivation gives nets that have each activation before each other one.
func everyActivation() (all []mlp.Shape) {
	for _, a := range mlp.Activations {
		s := mlp.Shape{Inputs: 4, Outputs: 1, Activation: a, Activations: []mlp.Activation{}}
		for i, b := range mlp.Activations {
			s.Hidden, s.Activations = append(s.Hidden, 3+i%4), append(s.Activations, b)
			if len(s.Hidden) == 2 {
				s.Hidden, s.Activations = append(s.Hidden, 5), append(s.Activations, a)
				all = append(all, s)
				s.Hidden, s.Activations = nil, nil
			}
		}
	}
	return all
}

func checkGradient(t *testing.T, k blas.Kernel, s mlp.Shape, dropout, gamma float64) {
	r := rand.New(rand.NewPCG(11, 3))
	params := mlp.Init(s, nil, r)
	for i := range params { // biases too
		params[i] += float32(0.1 * r.NormFloat64())
	}
	opt := defaults(k)
	opt.Rand, opt.FocalGamma = r, gamma
	for i := range s.Hidden { // all layers but the second
		opt.Dropout = append(opt.Dropout, dropout)
		if i == 1 {
			opt.Dropout[i] = 0
		}
	}
	tr, err := New(s, params, opt)
	if err != nil {
		t.Fatal(err)
	}
	b := testBatch(s, 7, 5)
	for range 3 { // the second and third run reuse every buffer
		p, err := tr.gradient(b)
		if err != nil {
			t.Fatal(err)
		}
		wide := make([]float64, len(params))
		for i, v := range params {
			wide[i] = float64(v)
		}
		masks := p.masks
		if want := reference(s, wide, masks, gamma, b); math.Abs(p.loss.loss-want) > 1e-5*(1+want) {
			t.Fatalf("loss %v, want %v", p.loss.loss, want)
		}
		for i := range wide {
			const h = 1e-5
			at := wide[i]
			wide[i] = at + h
			up := reference(s, wide, masks, gamma, b)
			wide[i] = at - h
			down := reference(s, wide, masks, gamma, b)
			wide[i] = at
			want := (up - down) / (2 * h)
			if got := float64(tr.grad[i]); math.Abs(got-want) > 2e-5*(1+math.Abs(want)) {
				t.Fatalf("gradient of parameter %d is %v, want %v", i, got, want)
			}
		}
	}
}

// The gradients that Adam reads are those that Gorgonia bound to the nodes of
// G.Grad (gorgonia#576: a reused register would show here).
func TestGradientsAreThoseOfTheNodes(t *testing.T) {
	for _, s := range nets {
		tr, err := New(s, mlp.Init(s, nil, rand.New(rand.NewPCG(1, 1))), defaults(blas.Best()))
		if err != nil {
			t.Fatal(err)
		}
		p, err := tr.gradient(testBatch(s, 6, 1))
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range tr.layers {
			dw := p.grads[2*i].Value().Data().([]float32)
			db := p.grads[2*i+1].Value().Data().([]float32)
			if !slices.Equal(dw, tr.grad[l.W:l.B]) || !slices.Equal(db, tr.grad[l.B:l.End()]) {
				t.Fatalf("layer %d of %+v: the nodes hold other gradients", i, s)
			}
		}
		if got := float64(p.lossNode.Value().Data().(float32)); math.Abs(got-p.loss.loss) > 1e-6 {
			t.Fatalf("the loss node has %v, the op %v", got, p.loss.loss)
		}
	}
}

// A loss that is used in a larger expression must scale its gradient by what
// comes in.
func TestLossHonoursIncomingGradient(t *testing.T) {
	for _, classes := range []int{1, 3} {
		b := testBatch(mlp.Shape{Inputs: classes, Outputs: classes}, 4, 2)
		var grads [2][]float32
		for i, factor := range []float32{1, 3} {
			g := G.NewGraph()
			z := input(g, "z", b.X, 4, classes)
			loss, err := G.ApplyOp(newLoss(4, classes, 0), z, input(g, "t", b.Target, 4), input(g, "w", b.Weight, 4))
			if err != nil {
				t.Fatal(err)
			}
			dz, err := G.Grad(G.Must(G.Mul(loss, G.NewConstant(factor))), z)
			if err != nil {
				t.Fatal(err)
			}
			if err := G.NewTapeMachine(g).RunAll(); err != nil {
				t.Fatal(err)
			}
			grads[i] = dz[0].Value().Data().([]float32)
		}
		for i, v := range grads[0] {
			if d := grads[1][i] - 3*v; d > 1e-6 || d < -1e-6 {
				t.Fatalf("%d classes: gradient of thrice the loss is %v, of the loss %v", classes, grads[1][i], v)
			}
		}
	}
}

// Sigmoid and log apart would have a gradient of 0 here.
func TestSaturatedLogits(t *testing.T) {
	s := mlp.Shape{Inputs: 1, Outputs: 1, Activation: mlp.ReLU}
	tr, err := New(s, []float32{1000, 0}, defaults(blas.Best()))
	if err != nil {
		t.Fatal(err)
	}
	p, err := tr.gradient(Batch{Rows: 1, X: []float32{1}, Target: []float32{0}, Weight: []float32{1}})
	if err != nil {
		t.Fatal(err)
	}
	if p.loss.loss != 1000 || tr.grad[0] != 1 || tr.grad[1] != 1 {
		t.Fatalf("loss %v, gradient %v; want 1000 and 1", p.loss.loss, tr.grad)
	}
}

func defaults(k blas.Kernel) Options {
	return Options{Kernel: k, Optimiser: Adam, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
}

func TestLossFallsAndBatchSizesMix(t *testing.T) {
	s := mlp.Shape{Inputs: 6, Hidden: []int{16, 8}, Outputs: 3, Activation: mlp.ReLU}
	for _, k := range blas.Available() {
		tr, err := New(s, mlp.Init(s, nil, rand.New(rand.NewPCG(1, 2))), defaults(k))
		if err != nil {
			t.Fatal(err)
		}
		big, small := testBatch(s, 32, 3), testBatch(s, 5, 3)
		var first, last float64
		for i := range 200 {
			loss, weight, err := tr.Step(big, 1e-2)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := tr.Step(small, 1e-3); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				first = loss
			}
			last = loss
			if weight < 8 || weight > 40 {
				t.Fatalf("sum of weights %v", weight)
			}
		}
		if last > first/4 {
			t.Fatalf("%v: the loss went from %v to %v", k, first, last)
		}
	}
}

// The forward pass of scoring must give the logits that training saw.
func TestPlainForwardIsTheSame(t *testing.T) {
	for _, k := range blas.Available() {
		for _, s := range nets {
			params := mlp.Init(s, nil, rand.New(rand.NewPCG(1, 4)))
			tr, err := New(s, params, defaults(k))
			if err != nil {
				t.Fatal(err)
			}
			b := testBatch(s, 9, 4)
			p, err := tr.gradient(b)
			if err != nil {
				t.Fatal(err)
			}
			scratch := func() []float32 { return make([]float32, 9*s.Width()) }
			z, prob := make([]float32, 9*s.Outputs), make([]float32, s.Outputs)
			mlp.Forward(k, s.Layers(), params, b.X, 9, scratch(), scratch(), z)
			for i := range 9 {
				row := z[i*s.Outputs : (i+1)*s.Outputs]
				if s.Outputs == 1 {
					prob[0] = float32(mlp.Sigmoid(float64(row[0])))
				} else {
					mlp.Softmax(prob, row)
				}
				if !slices.Equal(prob, p.loss.prob[i*s.Outputs:(i+1)*s.Outputs]) {
					t.Fatalf("%v %+v row %d: %v, the graph has %v", k, s, i, prob, p.loss.prob)
				}
			}
		}
	}
}

func TestSameBitsForAnyGOMAXPROCS(t *testing.T) {
	s := mlp.Shape{Inputs: 67, Hidden: []int{40, 20}, Outputs: 5, Activation: mlp.ReLU}
	run := func(procs int) []float32 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		opt := defaults(blas.Best())
		opt.Dropout, opt.Rand, opt.L2 = []float64{0.2, 0.2}, rand.NewPCG(9, 9), 1e-4
		params := mlp.Init(s, nil, rand.New(rand.NewPCG(8, 8)))
		tr, err := New(s, params, opt)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 40 {
			if _, _, err := tr.Step(testBatch(s, 30+i%3, uint64(i)), 1e-2); err != nil {
				t.Fatal(err)
			}
		}
		return params
	}
	one, two := run(1), run(2)
	if !slices.Equal(one, two) {
		t.Fatal("GOMAXPROCS 1 and 2 give different parameters")
	}
}

func TestBadBatches(t *testing.T) {
	s := mlp.Shape{Inputs: 2, Hidden: []int{3}, Outputs: 3, Activation: mlp.ReLU}
	nan := float32(math.NaN())
	good := func() Batch {
		return Batch{Rows: 2, X: []float32{1, 2, 3, 4}, Target: []float32{0, 2}, Weight: []float32{1, 1}}
	}
	for name, spoil := range map[string]func(b *Batch){
		"no rows":         func(b *Batch) { *b = Batch{} },
		"short X":         func(b *Batch) { b.X = b.X[:3] },
		"class too large": func(b *Batch) { b.Target[1] = 3 },
		"class −1":        func(b *Batch) { b.Target[1] = -1 },
		"class NaN":       func(b *Batch) { b.Target[1] = nan },
		"weight 0":        func(b *Batch) { b.Weight[0] = 0 },
		"weight NaN":      func(b *Batch) { b.Weight[0] = nan },
		"NaN in X":        func(b *Batch) { b.X[2] = nan },
		"Inf in X":        func(b *Batch) { b.X[2] = float32(math.Inf(1)) },
	} {
		params := mlp.Init(s, nil, rand.New(rand.NewPCG(1, 2)))
		before := slices.Clone(params)
		tr, err := New(s, params, defaults(blas.Best()))
		if err != nil {
			t.Fatal(err)
		}
		b := good()
		spoil(&b)
		if _, _, err := tr.Step(b, 0.1); err == nil {
			t.Errorf("%s: no error", name)
		} else if name == "NaN in X" && !errors.Is(err, ErrNotFinite) {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.Equal(params, before) {
			t.Errorf("%s: the parameters changed", name)
		}
	}
}

func TestBadOptions(t *testing.T) {
	s := mlp.Shape{Inputs: 2, Hidden: []int{2}, Outputs: 1, Activation: mlp.ReLU}
	p := make([]float32, s.Params())
	with := func(change func(o *Options)) func() (*Trainer, error) {
		return func() (*Trainer, error) {
			o := defaults(blas.Go)
			change(&o)
			return New(s, p, o)
		}
	}
	for name, f := range map[string]func() (*Trainer, error){
		"shape":          func() (*Trainer, error) { return New(mlp.Shape{}, p, defaults(blas.Go)) },
		"parameters":     func() (*Trainer, error) { return New(s, p[:2], defaults(blas.Go)) },
		"dropout 1":      with(func(o *Options) { o.Dropout = []float64{1} }),
		"dropout NaN":    with(func(o *Options) { o.Dropout = []float64{math.NaN()} }),
		"dropout layers": with(func(o *Options) { o.Dropout = []float64{0, 0} }),
		"unseeded masks": with(func(o *Options) { o.Dropout = []float64{0.5} }),
		"focal":          with(func(o *Options) { o.FocalGamma = -1 }),
		"optimiser":      with(func(o *Options) { o.Optimiser = "lbfgs" }),
	} {
		if _, err := f(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDropoutKeepsTheMean(t *testing.T) {
	m := make([]float32, 1e5)
	fillMask(m, 0.3, rand.NewPCG(1, 1))
	sum, zero := 0.0, 0
	for _, v := range m {
		sum += float64(v)
		if v == 0 {
			zero++
		}
	}
	if mean := sum / 1e5; math.Abs(mean-1) > 0.01 || math.Abs(float64(zero)/1e5-0.3) > 0.01 {
		t.Fatalf("mean %v, %d of 100000 dropped", mean, zero)
	}
}

// BenchmarkEpoch is an epoch of 24,160 rows of the 67→200→1 net on one
// thread, gated on a falling loss. .ci/bench-train runs it beside PyTorch and
// Keras, on the same rows from the same weights.
func BenchmarkEpoch(b *testing.B) {
	const rows, in = 24160, 67
	s := mlp.Shape{Inputs: in, Hidden: []int{200}, Outputs: 1, Activation: mlp.ReLU}
	n := numbers(1)
	start, x, target, weight := make([]float32, s.Params()), make([]float32, rows*in), make([]float32, rows), make([]float32, rows)
	n.fill(start, 0.125)
	n.fill(x, 2)
	for i := range target {
		weight[i] = 1
		if x[i*in]*x[i*in+1]+x[i*in+2] > 0 {
			target[i] = 1
		}
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, k := range blas.Available() {
		for _, size := range []int{32, 128, 512} {
			b.Run(fmt.Sprintf("%v/batch=%d", k, size), func(b *testing.B) {
				tr, err := New(s, slices.Clone(start), defaults(k))
				if err != nil {
					b.Fatal(err)
				}
				epoch := func() (loss float64) {
					for lo := 0; lo < rows; lo += size {
						hi := min(lo+size, rows)
						l, w, err := tr.Step(Batch{hi - lo, x[lo*in : hi*in], target[lo:hi], weight[lo:hi]}, 1e-3)
						if err != nil {
							b.Fatal(err)
						}
						loss += l * w
					}
					return loss / rows
				}
				first, last := epoch(), 0.0
				b.ReportAllocs()
				for b.Loop() {
					last = epoch()
				}
				b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
				b.ReportMetric(first, "first-loss")
				b.ReportMetric(last, "last-loss")
				if last >= first {
					b.Fatalf("the loss went from %v to %v", first, last)
				}
			})
		}
	}
}
