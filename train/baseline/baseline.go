// Package baseline holds the simple models that a neural network must beat
// before it is worth its trouble: the majority class, one rule on one column,
// logistic regression, and gradient-boosted trees, which on tables often win.
//
// All of them tell attacks from benign rows and give scores, so that the same
// metrics run on them. They learn from training rows alone and are
// deterministic: the same rows give the same scores for any number of
// processors.
package baseline

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// Set is the rows to learn from: X is len(Attack)×Cols, row-major and finite.
type Set struct {
	X      []float32
	Cols   int
	Names  []string // of the columns; for descriptions
	Attack []bool
}

// Model is a fitted baseline.
type Model interface {
	Name() string
	Describe() string // what was learned, in one line
	// Score writes a score for each of n rows to out; higher is more like an
	// attack. It is safe for concurrent use.
	Score(rows []float32, n int, out []float32) error
}

// Kinds lists the baselines in order, from the simplest on.
func Kinds() []Kind {
	return []Kind{
		{"majority", fitMajority},
		{"stump", fitStump},
		{"logistic", fitLogistic},
		{"boosted_trees", fitBoost},
	}
}

// Kind is a baseline that can be fitted.
type Kind struct {
	Name string
	fit  func(context.Context, Set) (Model, error)
}

// Fit learns from s.
func (k Kind) Fit(ctx context.Context, s Set) (Model, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("baseline %s: %w", k.Name, err)
	}
	m, err := k.fit(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("baseline %s: %w", k.Name, err)
	}
	return m, nil
}

func (s Set) check() error {
	switch {
	case len(s.Attack) == 0:
		return errors.New("no rows to learn from")
	case s.Cols < 1 || len(s.Names) != s.Cols:
		return fmt.Errorf("%d columns with %d names", s.Cols, len(s.Names))
	case len(s.X) != len(s.Attack)*s.Cols:
		return fmt.Errorf("%d values are not %d rows of %d columns", len(s.X), len(s.Attack), s.Cols)
	}
	if n := s.attacks(); n == 0 || n == len(s.Attack) {
		return errors.New("the training rows are all of one kind: nothing to tell apart")
	}
	return nil
}

func (s Set) attacks() int {
	n := 0
	for _, a := range s.Attack {
		if a {
			n++
		}
	}
	return n
}

func checkRows(rows []float32, n, cols int, out []float32) error {
	if len(rows) != n*cols || len(out) < n {
		return fmt.Errorf("%d values are not %d rows of %d columns, or %d places are too few", len(rows), n, cols, len(out))
	}
	return nil
}

// each calls f for every index below n from as many goroutines as there are
// processors. Results must go to places of their own.
func each(n int, f func(i int)) {
	var wg sync.WaitGroup
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
			f(i - 1)
		}
	}
	for range min(n, runtime.GOMAXPROCS(0)) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}

// majority calls every row what most training rows are.
type majority struct{ rate float64 }

func fitMajority(_ context.Context, s Set) (Model, error) {
	return majority{float64(s.attacks()) / float64(len(s.Attack))}, nil
}

func (m majority) Name() string { return "majority" }

func (m majority) Describe() string {
	class := "benign"
	if m.rate > 0.5 {
		class = "attack"
	}
	return fmt.Sprintf("always %s (%.1f %% of the training rows are attacks)", class, 100*m.rate)
}

func (m majority) Score(_ []float32, n int, out []float32) error {
	if len(out) < n {
		return fmt.Errorf("%d places for %d scores", len(out), n)
	}
	score := float32(0)
	if m.rate > 0.5 {
		score = 1
	}
	for i := range out[:n] {
		out[i] = score
	}
	return nil
}
