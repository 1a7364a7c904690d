package baseline

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/train/metrics"
)

// rows draws rows whose class is given by rule, with some noise, over values
// with many ties in one column and a constant one.
func rows(n int, seed uint64, rule func(x []float32) bool) Set {
	r := rand.New(rand.NewPCG(seed, 1))
	s := Set{Cols: 4, Names: []string{"a", "b", "coarse", "constant"}}
	for range n {
		x := []float32{float32(r.NormFloat64()), float32(10 * r.Float64()), float32(r.IntN(4)), 7}
		s.X = append(s.X, x...)
		s.Attack = append(s.Attack, rule(x) != (r.IntN(50) == 0))
	}
	return s
}

func fit(t *testing.T, name string, s Set) Model {
	t.Helper()
	for _, k := range Kinds() {
		if k.Name == name {
			m, err := k.Fit(context.Background(), s)
			if err != nil {
				t.Fatal(err)
			}
			if m.Name() != name || m.Describe() == "" {
				t.Errorf("%q calls itself %q, %q", name, m.Name(), m.Describe())
			}
			return m
		}
	}
	t.Fatalf("no baseline %q", name)
	return nil
}

func score(t *testing.T, m Model, s Set) []float32 {
	t.Helper()
	out := make([]float32, len(s.Attack))
	if err := m.Score(s.X, len(s.Attack), out); err != nil {
		t.Fatal(err)
	}
	return out
}

func auc(t *testing.T, m Model, s Set) float64 {
	t.Helper()
	r, err := metrics.Rank(score(t, m, s), s.Attack)
	if err != nil {
		t.Fatal(err)
	}
	return float64(r.ROCAUC())
}

func linear(x []float32) bool { return x[0]+0.3*x[1]-1.5 > 0 }
func xor(x []float32) bool    { return (x[0] > 0) != (x[1] > 5) }

// What each baseline can and cannot learn.
func TestWhatTheyLearn(t *testing.T) {
	for _, c := range []struct {
		model    string
		rule     func([]float32) bool
		min, max float64
	}{
		{"majority", linear, 0.5, 0.5},
		{"stump", linear, 0.65, 0.85},
		{"logistic", linear, 0.96, 1},
		{"boosted_trees", linear, 0.95, 1},
		{"logistic", xor, 0.3, 0.6},
		{"boosted_trees", xor, 0.96, 1},
		{"stump", func(x []float32) bool { return x[2] == 3 }, 0.94, 1},
	} {
		m := fit(t, c.model, rows(4000, 1, c.rule))
		if got := auc(t, m, rows(4000, 2, c.rule)); got < c.min || got > c.max {
			t.Errorf("%s: ROC AUC %.3f, want %v to %v", c.model, got, c.min, c.max)
		}
	}
}

// The stump must be the best of all thresholds, found here one by one.
func TestStumpIsExact(t *testing.T) {
	for seed := range uint64(20) {
		s := rows(60, seed, linear)
		pos := float64(s.attacks())
		neg := float64(len(s.Attack)) - pos
		best := 0.0
		for c := range s.Cols {
			for i := range s.Attack {
				var tp, tn float64
				for k, a := range s.Attack {
					if above := s.X[k*s.Cols+c] > s.X[i*s.Cols+c]; a && above {
						tp++
					} else if !a && !above {
						tn++
					}
				}
				v := (tp/pos + tn/neg) / 2
				best = max(best, v, 1-v)
			}
		}
		got := BestStump(s)
		if math.Abs(got.Balanced-best) > 1e-12 {
			t.Fatalf("seed %d: %+v, the best has %v", seed, got, best)
		}
		b := metrics.At(0.5, score(t, &got, s), s.Attack)
		if math.Abs(float64(b.BalancedAccuracy)-best) > 1e-12 {
			t.Fatalf("seed %d: %+v scores %v", seed, got, b.BalancedAccuracy)
		}
	}
}

func TestColumnAUC(t *testing.T) {
	s := Set{Cols: 3, Names: []string{"up", "down", "same"}, Attack: []bool{false, true, false, true},
		X: []float32{1, 9, 5, 2, 8, 5, 1.5, 8.5, 5, 3, 1, 5}}
	if got := ColumnAUC(s); got[0] != 1 || got[1] != 1 || got[2] != 0.5 {
		t.Errorf("%v", got)
	}
}

// Minimum found by L-BFGS of a function whose minimum is known.
func TestLBFGS(t *testing.T) {
	x := make([]float64, 6)
	f := func(x, grad []float64) float64 {
		v := 0.0
		for i := range x {
			d, c := x[i]-float64(i), math.Pow(10, float64(i%4))
			v += c * d * d / 2
			grad[i] = c * d
		}
		return v
	}
	if err := lbfgs(context.Background(), x, f, 100, 1e-9); err != nil {
		t.Fatal(err)
	}
	for i, v := range x {
		if math.Abs(v-float64(i)) > 1e-6 {
			t.Errorf("x[%d] = %v", i, v)
		}
	}
}

func TestSameForAnyGOMAXPROCS(t *testing.T) {
	train, test := rows(3000, 1, xor), rows(500, 2, xor)
	for _, k := range Kinds() {
		var got [2][]float32
		for i := range got {
			procs := runtime.GOMAXPROCS(i + 1)
			got[i] = score(t, fit(t, k.Name, train), test)
			runtime.GOMAXPROCS(procs)
		}
		if !slices.Equal(got[0], got[1]) {
			t.Errorf("%s: GOMAXPROCS 1 and 2 give different scores", k.Name)
		}
	}
}

func TestBins(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	s := Set{Cols: 1, Names: []string{"x"}}
	for i := range 20000 {
		s.X = append(s.X, float32(r.NormFloat64()))
		s.Attack = append(s.Attack, i%2 == 0)
	}
	b := newBins(s)
	if n := len(b.upper[0]); n < 200 || n > maxBins-1 || !slices.IsSorted(b.upper[0]) {
		t.Fatalf("%d thresholds", n)
	}
	count := make([]int, 256)
	for _, v := range b.bin {
		count[v]++
	}
	for i := range b.upper[0] {
		if count[i] < 40 || count[i] > 160 {
			t.Errorf("bin %d has %d of 20000 rows", i, count[i])
		}
	}
}

func TestErrors(t *testing.T) {
	good := rows(50, 1, linear)
	oneKind := good
	oneKind.Attack = make([]bool, 50)
	short := good
	short.X = short.X[:10]
	for _, k := range Kinds() {
		for name, s := range map[string]Set{"no rows": {Cols: 1, Names: []string{"a"}}, "one kind": oneKind, "short": short} {
			if _, err := k.Fit(context.Background(), s); err == nil || !strings.Contains(err.Error(), k.Name) {
				t.Errorf("%s, %s: %v", k.Name, name, err)
			}
		}
		m := fit(t, k.Name, good)
		if err := m.Score(good.X, 50, make([]float32, 49)); err == nil {
			t.Errorf("%s: scores without a place", k.Name)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, k := range Kinds()[2:] {
		if _, err := k.Fit(ctx, good); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: cancelled: %v", k.Name, err)
		}
	}
}

func BenchmarkBoostFit(b *testing.B) {
	s := rows(20000, 1, xor)
	for b.Loop() {
		if _, err := fitBoost(context.Background(), s); err != nil {
			b.Fatal(err)
		}
	}
}

// Each leaf must hold the Newton step of the rows that fall into it, which
// are found here by walking the tree.
func TestLeavesHoldNewtonSteps(t *testing.T) {
	s := rows(3000, 4, xor)
	b := newBins(s)
	n := len(s.Attack)
	g := &grower{bins: b, grad: make([]float32, n), hess: make([]float32, n), rows: make([]int32, n), spare: make([]int32, n), gains: make([]float64, s.Cols)}
	r := rand.New(rand.NewPCG(5, 5))
	for i := range n {
		g.grad[i], g.hess[i] = float32(r.NormFloat64()+float64(s.X[i*4])), 0.1+r.Float32()
	}
	raw := make([]float64, n)
	tr := g.grow(raw)
	type leafSums struct {
		grad, hess float64
		n          int
	}
	sums := map[float64]*leafSums{}
	for i := range n {
		v := tr.value(s.X[i*4 : i*4+4])
		if v != raw[i] {
			t.Fatalf("row %d: the tree says %v, growing it added %v", i, v, raw[i])
		}
		if sums[v] == nil {
			sums[v] = &leafSums{}
		}
		sums[v].grad += float64(g.grad[i])
		sums[v].hess += float64(g.hess[i])
		sums[v].n++
	}
	if len(sums) != boostLeaves {
		t.Errorf("%d leaves", len(sums))
	}
	for v, l := range sums {
		if want := -boostRate * l.grad / l.hess; math.Abs(v-want) > 1e-6 || l.n < boostMinLeaf {
			t.Errorf("a leaf of %d rows has %v, want %v", l.n, v, want)
		}
	}
}
