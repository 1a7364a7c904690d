package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train/metrics"
)

// SearchOptions say how candidates are compared.
type SearchOptions struct {
	Params  []Params          // of the candidates; see [SearchSpace.Candidates]
	Configs []Config          // of the same candidates
	Folds   [][]features.Part // of a cross-validation, the part of each row; nil: one, the data's own parts
	Seeds   []uint64          // each candidate is trained with each of them
	Scale   features.Method   // fitted anew on the training rows of each fold

	// Done, which may be nil, is called after each of the trainings, by one
	// goroutine at a time.
	Done func(trained, of int)
}

// Search is how candidates fared on validation rows. These rows stopped each
// training and chose its epoch, too, so that the figures compare candidates;
// what the best one is worth in operation, the test rows tell. Test rows have
// no part in it.
type Search struct {
	Monitor    string        `json:"monitor"` // what candidates are ranked by
	Folds      int           `json:"folds"`   // that were used
	Skipped    []SkippedFold `json:"skipped_folds"`
	Seeds      []uint64      `json:"seeds"`
	Candidates []Candidate   `json:"candidates"` // in the order of the grid or the draws
	Best       int           `json:"best"`       // index of the first candidate of rank 1
}

// SkippedFold is a fold on which nothing can be compared.
type SkippedFold struct {
	Fold   int    `json:"fold"` // from 0
	Reason string `json:"reason"`
}

// Candidate is one configuration.
type Candidate struct {
	Params Params  `json:"params"`
	Config Config  `json:"config"`
	Rank   int     `json:"rank"` // from 1; equal ones share it
	PRAUC  Spread  `json:"valid_pr_auc"`
	ROCAUC Spread  `json:"valid_roc_auc"`
	Loss   Spread  `json:"valid_loss"`
	Trials []Trial `json:"trials"` // fold by fold, in each seed by seed
}

// Trial is one training of a candidate.
type Trial struct {
	Fold   int    `json:"fold"` // from 0
	Seed   uint64 `json:"seed"`
	Epoch  int    `json:"epoch"`            // the best one; 0: it failed
	Failed string `json:"failed,omitempty"` // why: the training diverged
	Validation
}

// Spread sums the trials of a candidate up; undefined when one failed. The
// interval of 95 % is Student's for the mean of independent trials, cut where
// no value can be: areas are within 0 and 1, a loss is not negative. Trials on
// several folds share training rows, so that it is then too narrow, by an
// amount that cannot be told from them (Bengio and Grandvalet 2004).
type Spread struct {
	Mean     metrics.Value    `json:"mean"`
	SD       metrics.Value    `json:"sd"` // of a sample: divided by n − 1; undefined for one trial
	Interval metrics.Interval `json:"interval"`
}

// RunSearch trains every candidate on the training rows of every fold with
// every seed and ranks them by the mean of what their configuration monitors.
// d is not scaled. The result is the same for any number of processors, which
// train side by side.
func RunSearch(ctx context.Context, d *Data, o SearchOptions) (*Search, error) {
	s, err := runSearch(ctx, d, o)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	return s, nil
}

func runSearch(ctx context.Context, d *Data, o SearchOptions) (*Search, error) {
	if len(o.Configs) == 0 || len(o.Params) != len(o.Configs) || len(o.Seeds) == 0 {
		return nil, fmt.Errorf("%d candidates with %d configurations and %d seeds", len(o.Params), len(o.Configs), len(o.Seeds))
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	if o.Folds == nil {
		o.Folds = [][]features.Part{d.Part}
	}
	s := &Search{Monitor: o.Configs[0].WithDefaults().Monitor, Skipped: []SkippedFold{}, Seeds: o.Seeds}
	for i, c := range o.Configs {
		s.Candidates = append(s.Candidates, Candidate{Params: o.Params[i], Config: c.WithDefaults()})
	}
	for f, parts := range o.Folds {
		fold := *d
		fold.Part = parts
		reason, err := s.fold(ctx, f, &fold, &o)
		if err != nil {
			return nil, err
		}
		if reason != "" {
			s.Skipped = append(s.Skipped, SkippedFold{f, reason})
			continue
		}
		s.Folds++
	}
	if s.Folds == 0 {
		return nil, fmt.Errorf("no fold can be used; of the first, %s", s.Skipped[0].Reason)
	}
	s.rank()
	return s, nil
}

// fold trains all candidates on one fold, unless there is a reason not to.
func (s *Search) fold(ctx context.Context, f int, d *Data, o *SearchOptions) (reason string, err error) {
	for _, p := range []features.Part{features.Train, features.Valid} {
		if sum := d.summarise(d.pack(p)); sum.classes[d.Benign] == 0 || sum.classes[d.Benign] == sum.rows {
			return fmt.Sprintf("its %s rows are not both benign ones and attacks", p), nil
		}
	}
	if d, err = d.rescaled(o.Scale); err != nil {
		return "", fmt.Errorf("fold %d: %w", f, err)
	}
	trials := make([]Trial, len(s.Candidates)*len(o.Seeds))
	var done sync.Mutex
	trained := s.Folds * len(trials)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range trials {
		g.Go(func() error {
			c := s.Candidates[i/len(o.Seeds)].Config
			c.Seed = o.Seeds[i%len(o.Seeds)]
			t, err := try(ctx, d, c)
			if err != nil {
				return fmt.Errorf("fold %d, %s, seed %d: %w", f, s.Candidates[i/len(o.Seeds)].Params, c.Seed, err)
			}
			t.Fold = f
			trials[i] = t
			done.Lock()
			defer done.Unlock()
			if trained++; o.Done != nil {
				o.Done(trained, len(o.Folds)*len(trials))
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return "", err
	}
	for i, t := range trials {
		c := &s.Candidates[i/len(o.Seeds)]
		c.Trials = append(c.Trials, t)
	}
	return "", nil
}

// try trains once. A training that diverged is a result.
func try(ctx context.Context, d *Data, c Config) (Trial, error) {
	t := Trial{Seed: c.Seed, Validation: Validation{metrics.Undefined(), metrics.Undefined(), metrics.Undefined()}}
	_, h, err := Fit(ctx, d, c, nil)
	if errors.Is(err, ErrDiverged) {
		t.Failed = err.Error()
		return t, nil
	}
	if err != nil {
		return t, err
	}
	t.Epoch, t.Validation = h.Best, h.Epochs[h.Best-1].Validation
	return t, nil
}

// rank sums up and compares.
func (s *Search) rank() {
	cost := make([]float64, len(s.Candidates))
	for i := range s.Candidates {
		c := &s.Candidates[i]
		c.PRAUC = spreadOf(c.Trials, 1, func(t *Trial) metrics.Value { return t.ValidAP })
		c.ROCAUC = spreadOf(c.Trials, 1, func(t *Trial) metrics.Value { return t.ValidROC })
		c.Loss = spreadOf(c.Trials, math.Inf(1), func(t *Trial) metrics.Value { return t.ValidLoss })
		switch s.Monitor {
		case "loss":
			cost[i] = float64(c.Loss.Mean)
		case "roc_auc":
			cost[i] = -float64(c.ROCAUC.Mean)
		default:
			cost[i] = -float64(c.PRAUC.Mean)
		}
		if math.IsNaN(cost[i]) {
			cost[i] = math.Inf(1)
		}
	}
	sorted := slices.Clone(cost)
	slices.Sort(sorted)
	for i := range s.Candidates {
		at, _ := slices.BinarySearch(sorted, cost[i])
		s.Candidates[i].Rank = at + 1
	}
	s.Best = slices.Index(cost, sorted[0])
}

// spreadOf sums one figure up, which is between 0 and most.
func spreadOf(trials []Trial, most float64, figure func(*Trial) metrics.Value) Spread {
	n := float64(len(trials))
	u := metrics.Undefined()
	sum, squares := 0.0, 0.0
	for i := range trials {
		sum += float64(figure(&trials[i]))
	}
	mean := sum / n
	s := Spread{metrics.Value(mean), u, metrics.Interval{Low: u, High: u}}
	if len(trials) < 2 || math.IsNaN(mean) {
		return s
	}
	for i := range trials {
		d := float64(figure(&trials[i])) - mean
		squares += float64(d * d)
	}
	sd := math.Sqrt(squares / (n - 1))
	half := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(0.975) * sd / math.Sqrt(n)
	s.SD, s.Interval = metrics.Value(sd), metrics.Interval{Low: metrics.Value(max(0, mean-half)), High: metrics.Value(min(most, mean+half))}
	return s
}
