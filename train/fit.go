package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"

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
	streamSearch
)

// ErrDiverged is wrapped by the error of a training whose loss or weights were
// no longer finite numbers.
var ErrDiverged = errors.New("the training diverged")

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
	return f.fit(ctx, keep, progress)
}

// FitStream is [FitFrom] on data that do not fit into memory; Fit's network
// sees the rows in another order, so that the models differ. Of the random
// numbers' sources, kernels and processors the same holds.
func FitStream(ctx context.Context, s *Stream, c Config, keep Checkpoints, progress func(Epoch)) (*Model, *History, error) {
	f, err := newStreamFitter(ctx, s, c)
	if err != nil {
		return nil, nil, fmt.Errorf("train: %w", err)
	}
	return f.fit(ctx, keep, progress)
}

func (f *fitter) fit(ctx context.Context, keep Checkpoints, progress func(Epoch)) (*Model, *History, error) {
	if err := keep.resume(ctx, f); err != nil {
		return nil, nil, fmt.Errorf("train: %w", err)
	}
	f.keep = keep
	if err := f.run(ctx, progress); err != nil {
		return nil, nil, fmt.Errorf("train: %w", err)
	}
	f.model.Manifest.History = f.history
	_, err := f.validate(ctx)
	if err == nil {
		f.model.Reference, err = newReference(ctx, f.rows, f.train.rows, f.model.Header)
	}
	if err == nil {
		f.model.Threshold, err = thresholdOf(f.scores, f.config.TargetFPR)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("train: %w", err)
	}
	return f.model, &f.history, nil
}

// fitter is the state of a training.
type fitter struct {
	config       Config
	model        *Model // its parameters are the ones being trained
	trainer      *graph.Trainer
	rows         examples
	train, valid *summary
	scores       *metrics.Tally // of the validation rows, as they were judged last
	classWeight  []float32
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
	rows := newPacked(d)
	f := &fitter{config: c, rows: rows, train: d.summarise(rows.train), valid: d.summarise(rows.valid)}
	if err := f.train.checkTraining(d.X.Names, d.Benign, d.KeepConstant); err != nil {
		return nil, err
	}
	return f, f.build(Header{Classes: d.Classes, Benign: d.Benign, Columns: d.X.Names})
}

func newStreamFitter(ctx context.Context, s *Stream, c Config) (*fitter, error) {
	c = c.WithDefaults()
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	rows := newStreamed(s, c)
	f := &fitter{config: c, rows: rows}
	var err error
	if f.train, f.valid, err = rows.summaries(ctx); err != nil {
		return nil, err
	}
	if err := f.train.checkTraining(s.Names, rows.benign, false); err != nil {
		return nil, err
	}
	return f, f.build(Header{
		Classes: rows.classes, Benign: rows.benign, Columns: s.Names,
		Manifest: Manifest{ShuffleBuffer: rows.buffer.limit},
	})
}

// build makes the network and what trains it. h says what it is for.
func (f *fitter) build(h Header) (err error) {
	c := f.config
	kernel, err := blas.ByName(c.Kernel)
	if err != nil {
		return err
	}
	if f.classWeight, err = c.ClassWeights.of(h.Classes, f.train.classes); err != nil {
		return err
	}
	outputs := len(h.Classes)
	if outputs == 2 {
		outputs = 1
	}
	shape, schemes := c.shape(len(h.Columns), outputs)
	if err := shape.Check(); err != nil {
		return err
	}
	params := mlp.Init(shape, schemes, rand.NewPCG(c.Seed, streamInit))
	f.dropout = rand.NewPCG(c.Seed, streamDropout)
	if f.trainer, err = graph.New(shape, params, c.options(kernel, f.dropout)); err != nil {
		return err
	}
	h.Format, h.Network, h.Kernel = modelFormat, shape, kernel.String()
	m := &h.Manifest
	m.Config, m.Go, m.Arch, m.TrainRows, m.ValidRows = c, runtime.Version(), runtime.GOARCH, f.train.classes, f.valid.classes
	if kernel == blas.OpenBLAS {
		m.Library = blas.Library()
	}
	f.model = newModel(h, params, kernel)
	f.source = rand.NewPCG(c.Seed, streamOrder)
	f.scores = metrics.NewTally(f.valid.rows)
	size := min(c.Batch, f.train.rows)
	f.batch = graph.Batch{X: make([]float32, 0, size*shape.Inputs), Target: make([]float32, 0, size), Weight: make([]float32, 0, size)}
	f.history.Monitor, f.history.Stopped = f.monitor(), "epochs"
	return nil
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
	case f.valid.rows == 0:
		return "none"
	case f.valid.classes[f.model.Benign] == 0 || f.valid.classes[f.model.Benign] == f.valid.rows:
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
		if err := f.keep.save(ctx, f); err != nil {
			return err
		}
	}
	if f.lostPatience() {
		f.history.Stopped = "patience"
	}
	if f.best == nil {
		return fmt.Errorf("%w: no epoch had finite weights and validation; try a learning rate below %v", ErrDiverged, f.config.LearningRate)
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
	var order rand.Source
	if !f.config.NoShuffle {
		order = f.source
	}
	steps := (f.train.rows + f.config.Batch - 1) / f.config.Batch
	var loss, weight, rate float64
	done := 0
	step := func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		rate = f.config.rate(e, done, steps)
		done++
		l, w, err := f.trainer.Step(f.batch, rate)
		if errors.Is(err, graph.ErrNotFinite) {
			err = fmt.Errorf("%w: %w; try a learning rate below %v", err, ErrDiverged, rate)
		}
		if err != nil {
			return fmt.Errorf("step %d: %w", done, err)
		}
		loss += l * w
		weight += w
		f.empty()
		return nil
	}
	f.empty()
	err := f.rows.epoch(ctx, order, func(x []float32, class int32) error {
		if f.add(x, class); f.batch.Rows < f.config.Batch {
			return nil
		}
		return step()
	})
	if err == nil && f.batch.Rows > 0 {
		err = step()
	}
	if err == nil && !blas.Best().Finite(f.model.params) { // by its last step
		err = fmt.Errorf("%w; try a learning rate below %v", ErrDiverged, rate)
	}
	ep := Epoch{Epoch: e + 1, Rate: rate, TrainLoss: loss / weight}
	if err == nil {
		ep.Validation, err = f.validate(ctx)
	}
	if err != nil {
		return Epoch{}, fmt.Errorf("epoch %d: %w", e+1, err)
	}
	return ep, nil
}

func (f *fitter) empty() {
	b := &f.batch
	b.Rows, b.X, b.Target, b.Weight = 0, b.X[:0], b.Target[:0], b.Weight[:0]
}

// add puts a row into the batch.
func (f *fitter) add(x []float32, class int32) {
	target := float32(class)
	if f.model.Network.Outputs == 1 {
		target = 1
		if int(class) == f.model.Benign {
			target = 0
		}
	}
	b := &f.batch
	b.Rows, b.X, b.Target, b.Weight = b.Rows+1, append(b.X, x...), append(b.Target, target), append(b.Weight, f.classWeight[class])
}

// validate judges the network as it is by the validation rows.
func (f *fitter) validate(ctx context.Context) (v Validation, err error) {
	f.scores.Reset()
	v, err = f.model.validate(f.scores, f.valid.rows, func(visit func(x []float32, class []int32) error) error {
		return f.rows.each(ctx, features.Valid, visit)
	})
	if err != nil {
		err = fmt.Errorf("validation: %w", err)
	}
	return v, err
}

// validate judges rows, which each gives some at a time, and adds their scores
// to the tally.
func (m *Model) validate(tally *metrics.Tally, rows int, each func(visit func(x []float32, class []int32) error) error) (Validation, error) {
	v := Validation{metrics.Undefined(), metrics.Undefined(), metrics.Undefined()}
	if rows == 0 {
		return v, nil
	}
	sum, in := 0.0, m.Network.Inputs
	var losses, scores []float32
	err := each(func(x []float32, class []int32) error {
		n := len(class)
		losses, scores = slices.Grow(losses[:0], n)[:n], slices.Grow(scores[:0], n)[:n]
		err := inParallel(n, func(lo, hi int) error {
			return m.forward(x[lo*in:hi*in], hi-lo, func(at int, z []float32) {
				at += lo
				for i := range len(z) / m.Network.Outputs {
					losses[at+i] = float32(m.rowLoss(z[i*m.Network.Outputs:(i+1)*m.Network.Outputs], class[at+i]))
				}
				m.attackScores(z, scores[at:])
			})
		})
		if err != nil {
			return err
		}
		for _, l := range losses {
			sum += float64(l)
		}
		return tally.Add(scores, func(i int) bool { return int(class[i]) != m.Benign })
	})
	if err != nil {
		return v, err
	}
	ap, roc := tally.Areas()
	return Validation{metrics.Value(sum / float64(rows)), ap, roc}, nil
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

// thresholdOf takes the lowest threshold that keeps the benign validation rows
// within the target.
func thresholdOf(scores *metrics.Tally, target float64) (t Threshold, err error) {
	t = Threshold{Value: 0.5, Target: target, Part: "none"}
	if scores.Benign() == 0 {
		return t, nil
	}
	t.Part = features.Valid.String()
	t.Value, err = scores.Threshold(target)
	return t, err
}

// chooseThreshold is thresholdOf for a scorer, whose scores may be any numbers.
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
