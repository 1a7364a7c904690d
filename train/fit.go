package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train/internal/blas"
	"github.com/pcapline/pcapline/train/internal/graph"
	"github.com/pcapline/pcapline/train/internal/mlp"
	"github.com/pcapline/pcapline/train/metrics"
)

// Epoch is one pass over the training rows.
type Epoch struct {
	Epoch     int     `json:"epoch"`         // from 1
	Rate      float64 `json:"learning_rate"` // of its last step
	TrainLoss float64 `json:"train_loss"`    // weighted mean over the epoch's steps, each before it was taken; without penalties
	Validation
}

// Validation is how the validation rows fare; undefined without them.
type Validation struct {
	ValidLoss metrics.Value `json:"valid_loss"` // unweighted mean of the cross-entropy
	ValidAP   metrics.Value `json:"valid_pr_auc"`
	ValidROC  metrics.Value `json:"valid_roc_auc"`
}

// History is the course of a training.
type History struct {
	Epochs  []Epoch `json:"epochs"`
	Best    int     `json:"best_epoch"` // whose weights the model has
	Monitor string  `json:"monitor"`    // what chose it: "pr_auc", "loss", or "none": the last one
	Stopped string  `json:"stopped"`    // "epochs": all were done; "patience"
}

// The streams of random numbers that the seed gives.
const (
	streamInit = iota + 1
	streamOrder
	streamDropout
)

// Fit trains on the training rows of d. The weights are those of the epoch
// that did best on the validation rows, by the configuration's monitor; if
// that is an area and the validation rows are all of one kind it is the loss
// instead, and without validation rows the last epoch counts. progress, which
// may be nil, is called after each epoch. Fit returns ctx's error when it is
// cancelled.
func Fit(ctx context.Context, d *Data, c Config, progress func(Epoch)) (*Model, *History, error) {
	return FitFrom(ctx, d, c, Checkpoints{}, progress)
}

// FitFrom is [Fit] that keeps checkpoints and continues from one. The model is
// the same, byte for byte, as without any stop.
func FitFrom(ctx context.Context, d *Data, c Config, keep Checkpoints, progress func(Epoch)) (*Model, *History, error) {
	f, err := newFitter(d, c)
	if err != nil {
		return nil, nil, fmt.Errorf("train: %w", err)
	}
	if err := keep.resume(f); err != nil {
		return nil, nil, fmt.Errorf("train: %w", err)
	}
	f.keep = keep
	if err := f.run(ctx, progress); err != nil {
		return nil, nil, fmt.Errorf("train: %w", err)
	}
	f.model.Manifest.History = f.history
	f.model.Reference = newReference(f.train, d.X.Cols())
	if f.model.Threshold, err = chooseThreshold(f.model, f.valid, f.config.TargetFPR); err != nil {
		return nil, nil, fmt.Errorf("train: %w", err)
	}
	return f.model, &f.history, nil
}

// fitter is the state of a training.
type fitter struct {
	config       Config
	model        *Model // its parameters are the ones being trained
	trainer      *graph.Trainer
	train, valid *part
	classWeight  []float32
	order        []int32
	source       *rand.PCG // of the order
	dropout      *rand.PCG
	keep         Checkpoints
	dataDigest   string // see digest
	batch        graph.Batch
	best         []float32
	history      History
}

func newFitter(d *Data, c Config) (*fitter, error) {
	c = c.WithDefaults()
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	if c.Target == "binary" {
		d = d.binary()
	}
	f := &fitter{config: c, train: d.pack(features.Train), valid: d.pack(features.Valid)}
	if err := d.checkTraining(f.train); err != nil {
		return nil, err
	}
	kernel, err := blas.ByName(c.Kernel)
	if err != nil {
		return nil, err
	}
	trainRows, validRows := countClasses(d, f.train), countClasses(d, f.valid)
	if f.classWeight, err = c.ClassWeights.of(d.Classes, trainRows); err != nil {
		return nil, err
	}
	outputs := len(d.Classes)
	if outputs == 2 {
		outputs = 1
	}
	shape, schemes := c.shape(d.X.Cols(), outputs)
	if err := shape.Check(); err != nil {
		return nil, err
	}
	params := mlp.Init(shape, schemes, rand.NewPCG(c.Seed, streamInit))
	f.dropout = rand.NewPCG(c.Seed, streamDropout)
	if f.trainer, err = graph.New(shape, params, c.options(kernel, f.dropout)); err != nil {
		return nil, err
	}
	f.model = newModel(Header{
		Format: modelFormat, Network: shape, Kernel: kernel.String(),
		Classes: d.Classes, Benign: d.Benign, Columns: d.X.Names,
		Manifest: Manifest{Config: c, Go: runtime.Version(), Arch: runtime.GOARCH, TrainRows: trainRows, ValidRows: validRows},
	}, params, kernel)
	f.order = make([]int32, f.train.n)
	for i := range f.order {
		f.order[i] = int32(i)
	}
	f.source = rand.NewPCG(c.Seed, streamOrder)
	size := min(c.Batch, f.train.n)
	f.batch = graph.Batch{X: make([]float32, size*shape.Inputs), Target: make([]float32, size), Weight: make([]float32, size)}
	f.history.Monitor, f.history.Stopped = f.monitor(), "epochs"
	return f, nil
}

// options are the trainer's.
func (c Config) options(kernel blas.Kernel, dropout rand.Source) graph.Options {
	return graph.Options{
		Kernel: kernel, Dropout: c.dropout(), Rand: dropout, FocalGamma: c.FocalGamma,
		Optimiser: graph.Optimiser(c.Optimiser), L2: c.L2, WeightDecay: c.WeightDecay,
		Beta1: c.Beta1, Beta2: c.Beta2, Rho: c.Rho, Epsilon: c.Epsilon, Momentum: c.Momentum, Nesterov: c.Nesterov,
	}
}

func countClasses(d *Data, p *part) []int {
	n := make([]int, len(d.Classes))
	for _, c := range p.class {
		n[c]++
	}
	return n
}

func (f *fitter) monitor() string {
	switch {
	case f.valid.n == 0:
		return "none"
	case f.valid.attacks == 0 || f.valid.attacks == f.valid.n:
		return "loss"
	}
	return f.config.Monitor
}

func (f *fitter) run(ctx context.Context, progress func(Epoch)) error {
	for e := len(f.history.Epochs); e < f.config.Epochs && !f.lostPatience(); e++ {
		ep, err := f.epoch(ctx, e)
		if err != nil {
			return err
		}
		f.history.Epochs = append(f.history.Epochs, ep)
		if f.improves(ep) {
			f.history.Best = ep.Epoch
			f.best = append(f.best[:0], f.model.params...)
		}
		if progress != nil {
			progress(ep)
		}
		if err := f.keep.save(f); err != nil {
			return err
		}
	}
	if f.lostPatience() {
		f.history.Stopped = "patience"
	}
	if f.best == nil || !blas.Best().Finite(f.best) { // the very last step may have done it
		return fmt.Errorf("the training diverged: no epoch had finite weights and validation; try a learning rate below %v", f.config.LearningRate)
	}
	copy(f.model.params, f.best)
	return nil
}

func (f *fitter) lostPatience() bool {
	return f.config.Patience > 0 && len(f.history.Epochs)-f.history.Best >= f.config.Patience
}

// improves reports whether an epoch is better than the best so far.
func (f *fitter) improves(ep Epoch) bool {
	cost := func(ep Epoch) float64 {
		switch f.history.Monitor {
		case "loss":
			return float64(ep.ValidLoss)
		case "pr_auc":
			return -float64(ep.ValidAP)
		case "roc_auc":
			return -float64(ep.ValidROC)
		}
		return -float64(ep.Epoch) // the last one counts
	}
	if f.history.Best == 0 {
		return cost(ep) < math.Inf(1)
	}
	delta := f.config.MinDelta
	if f.history.Monitor == "none" {
		delta = 0
	}
	return cost(ep) < cost(f.history.Epochs[f.history.Best-1])-delta
}

func (f *fitter) epoch(ctx context.Context, e int) (Epoch, error) {
	if !f.config.NoShuffle {
		metrics.Shuffle(f.source, f.order)
	}
	steps := (f.train.n + f.config.Batch - 1) / f.config.Batch
	var loss, weight, rate float64
	for lo := 0; lo < f.train.n; lo += f.config.Batch {
		if err := ctx.Err(); err != nil {
			return Epoch{}, err
		}
		f.fill(f.order[lo:min(lo+f.config.Batch, f.train.n)])
		rate = f.config.rate(e, lo/f.config.Batch, steps)
		l, w, err := f.trainer.Step(f.batch, rate)
		if errors.Is(err, graph.ErrNotFinite) {
			err = fmt.Errorf("%w: the training diverged; try a learning rate below %v", err, rate)
		}
		if err != nil {
			return Epoch{}, fmt.Errorf("epoch %d, step %d: %w", e+1, lo/f.config.Batch+1, err)
		}
		loss += l * w
		weight += w
	}
	ep := Epoch{Epoch: e + 1, Rate: rate, TrainLoss: loss / weight}
	var err error
	if ep.Validation, err = f.model.validate(f.valid); err != nil {
		return Epoch{}, fmt.Errorf("epoch %d: validation: %w", e+1, err)
	}
	return ep, nil
}

// fill gathers rows into the batch.
func (f *fitter) fill(rows []int32) {
	cols, n := f.model.Network.Inputs, len(rows)
	b := &f.batch
	b.Rows, b.X, b.Target, b.Weight = n, b.X[:n*cols], b.Target[:n], b.Weight[:n]
	for i, r := range rows {
		copy(b.X[i*cols:(i+1)*cols], f.train.x[int(r)*cols:])
		class := f.train.class[r]
		b.Weight[i] = f.classWeight[class]
		b.Target[i] = float32(class)
		if f.model.Network.Outputs == 1 {
			b.Target[i] = 0
			if f.train.attack[r] {
				b.Target[i] = 1
			}
		}
	}
}

// validate judges a part.
func (m *Model) validate(p *part) (Validation, error) {
	v := Validation{metrics.Undefined(), metrics.Undefined(), metrics.Undefined()}
	if p.n == 0 {
		return v, nil
	}
	losses, scores := make([]float32, p.n), make([]float32, p.n)
	in := m.Network.Inputs
	err := inParallel(p.n, func(lo, hi int) error {
		return m.forward(p.x[lo*in:hi*in], hi-lo, func(at int, z []float32) {
			at += lo
			for i := range len(z) / m.Network.Outputs {
				losses[at+i] = float32(m.rowLoss(z[i*m.Network.Outputs:(i+1)*m.Network.Outputs], p.class[at+i]))
			}
			m.attackScores(z, scores[at:])
		})
	})
	if err != nil {
		return v, err
	}
	sum := 0.0
	for _, l := range losses {
		sum += float64(l)
	}
	r, err := metrics.Rank(scores, p.attack)
	if err != nil {
		return v, err
	}
	return Validation{metrics.Value(sum / float64(p.n)), r.AveragePrecision(), r.ROCAUC()}, nil
}

// rowLoss is the cross-entropy of one row's logits.
func (m *Model) rowLoss(z []float32, class int32) float64 {
	if len(z) > 1 {
		return mlp.LogSumExp(z) - float64(z[class])
	}
	v := float64(z[0])
	if int(class) == m.Benign {
		v = -v
	}
	return math.Max(-v, 0) + math.Log1p(math.Exp(-math.Abs(v)))
}

// chooseThreshold takes the lowest threshold that keeps the benign validation
// rows within the target.
func chooseThreshold(s scorer, valid *part, target float64) (Threshold, error) {
	t := Threshold{Value: 0.5, Target: target, Part: "none"}
	if valid.n == valid.attacks {
		return t, nil
	}
	scores, err := scoreAll(s, valid.x, valid.n)
	if err != nil {
		return t, err
	}
	r, err := metrics.Rank(scores, valid.attack)
	if err != nil {
		return t, err
	}
	t.Part = features.Valid.String()
	t.Value, err = r.Threshold(target)
	return t, err
}

// scorer is a model or a baseline.
type scorer interface {
	Score(rows []float32, n int, out []float32) error
}

func scoreAll(s scorer, x []float32, n int) ([]float32, error) {
	out := make([]float32, n)
	if n == 0 {
		return out, nil
	}
	cols := len(x) / n
	return out, inParallel(n, func(lo, hi int) error {
		return s.Score(x[lo*cols:hi*cols], hi-lo, out[lo:hi])
	})
}
