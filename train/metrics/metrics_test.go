package metrics

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

type golden struct {
	Scored []struct {
		Name                                        string
		Scores                                      []float32
		Attack                                      []bool
		ROCAUC                                      Value `json:"roc_auc"`
		AveragePrecision                            Value `json:"average_precision"`
		RecallAt5                                   Value `json:"recall_at_5"`
		Brier, Accuracy, Precision, Recall, F1, MCC Value
		BalancedAccuracy                            Value `json:"balanced_accuracy"`
		FPR, TPR, PPV                               []float64
		ECE                                         Value
		ProbTrue                                    []Value `json:"prob_true"`
		ProbPred                                    []Value `json:"prob_pred"`
	}
	Classified []struct {
		Name              string
		Classes           int
		Truth, Predicted  []int32
		Confusion         [][]int
		Accuracy, MCC     Value
		BalancedAccuracy  Value `json:"balanced_accuracy"`
		Precision, Recall []Value
		F1                []Value
	}
}

func load(t *testing.T) (g golden) {
	t.Helper()
	text, err := os.ReadFile("testdata/sklearn.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Scored) == 0 || len(g.Classified) == 0 {
		t.Fatal("no golden figures")
	}
	return g
}

func same(t *testing.T, what string, got, want Value) {
	t.Helper()
	if got.Defined() != want.Defined() || (want.Defined() && math.Abs(float64(got-want)) > 1e-9) {
		t.Errorf("%s = %v, scikit-learn has %v", what, got, want)
	}
}

func TestScoresAgainstScikitLearn(t *testing.T) {
	for _, g := range load(t).Scored {
		t.Run(g.Name, func(t *testing.T) {
			r, err := Rank(g.Scores, g.Attack)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "ROC AUC", r.ROCAUC(), g.ROCAUC)
			same(t, "average precision", r.AveragePrecision(), g.AveragePrecision)
			same(t, "recall at 5 %", r.RecallAt(0.05), g.RecallAt5)
			same(t, "Brier", Calibrate(g.Scores, g.Attack, 10).Brier, g.Brier)
			b := At(0.5, g.Scores, g.Attack)
			same(t, "accuracy", b.Accuracy, g.Accuracy)
			same(t, "balanced accuracy", b.BalancedAccuracy, g.BalancedAccuracy)
			same(t, "precision", b.Precision, g.Precision)
			same(t, "recall", b.Recall, g.Recall)
			same(t, "F1", b.F1, g.F1)
			same(t, "MCC", b.MCC, g.MCC)
			curve := r.Curve(1 << 20)
			if len(curve) != len(g.FPR) {
				t.Fatalf("%d points, scikit-learn has %d", len(curve), len(g.FPR))
			}
			for i, p := range curve {
				same(t, "FPR of a point", p.FPR, Value(g.FPR[i]))
				same(t, "recall of a point", p.Recall, Value(g.TPR[i]))
				same(t, "precision of a point", p.Precision, Value(g.PPV[i]))
			}
			calibration := Calibrate(g.Scores, g.Attack, 10)
			same(t, "ECE", calibration.ECE, g.ECE)
			bins := slices.DeleteFunc(calibration.Bins, func(b Bin) bool { return b.N == 0 })
			if len(bins) != len(g.ProbTrue) {
				t.Fatalf("%d bins with rows, scikit-learn has %d", len(bins), len(g.ProbTrue))
			}
			for i, b := range bins {
				same(t, "attack rate of a bin", b.Rate, g.ProbTrue[i])
				same(t, "mean score of a bin", b.Score, g.ProbPred[i])
			}
		})
	}
}

func TestClassesAgainstScikitLearn(t *testing.T) {
	for _, g := range load(t).Classified {
		t.Run(g.Name, func(t *testing.T) {
			names := []string{"a", "b", "c", "d", "e"}[:g.Classes]
			c, err := NewConfusion(names, g.Truth, g.Predicted)
			if err != nil {
				t.Fatal(err)
			}
			for i, row := range g.Confusion {
				if !slices.Equal(row, c.Count[i]) {
					t.Errorf("row %d is %v, scikit-learn has %v", i, c.Count[i], row)
				}
			}
			same(t, "accuracy", c.Accuracy(), g.Accuracy)
			same(t, "balanced accuracy", c.BalancedAccuracy(), g.BalancedAccuracy)
			same(t, "MCC", c.MCC(), g.MCC)
			for i, s := range c.PerClass() {
				same(t, "precision of "+s.Class, s.Precision, g.Precision[i])
				same(t, "recall of "+s.Class, s.Recall, g.Recall[i])
				same(t, "F1 of "+s.Class, s.F1, g.F1[i])
			}
		})
	}
}

func TestThreshold(t *testing.T) {
	scores := []float32{.9, .8, .8, .7, .6, .5, .4, .3}
	attack := []bool{true, true, false, true, false, false, true, false}
	r, err := Rank(scores, attack)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		fpr    float64
		recall Value
		want   float32
	}{{0, 0.25, .9}, {0.24, 0.25, .9}, {0.25, 0.75, .7}, {0.5, 0.75, .6}, {0.75, 1, .4}, {1, 1, .3}} {
		got, err := r.Threshold(c.fpr)
		if err != nil || got != c.want {
			t.Errorf("threshold at %v is %v (%v), want %v", c.fpr, got, err, c.want)
		}
		if r.RecallAt(c.fpr) != c.recall {
			t.Errorf("recall at %v is %v, want %v", c.fpr, r.RecallAt(c.fpr), c.recall)
		}
		if b := At(got, scores, attack); float64(b.FPR) > c.fpr || b.Recall != c.recall {
			t.Errorf("the threshold %v has recall %v at %v", got, b.Recall, b.FPR)
		}
	}
	// The highest score is benign: no threshold keeps the rate but one above it.
	r, err = Rank([]float32{1, 0.5}, []bool{false, true})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Threshold(0.1); err != nil || !(got > 1) {
		t.Errorf("threshold %v, %v; want one above 1", got, err)
	}
}

func TestUndefinedFigures(t *testing.T) {
	r, err := Rank([]float32{.1, .2}, []bool{true, true})
	if err != nil {
		t.Fatal(err)
	}
	if r.ROCAUC().Defined() || r.RecallAt(0.1).Defined() || r.AveragePrecision() != 1 {
		t.Error("figures of attacks alone")
	}
	if _, err := r.Threshold(0.1); err == nil {
		t.Error("a threshold without benign rows")
	}
	if r, err = Rank([]float32{.1}, []bool{false}); err != nil || r.AveragePrecision().Defined() {
		t.Error("average precision without attacks")
	}
	b, err := json.Marshal(At(0.5, []float32{.1}, []bool{false}))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil || m["recall"] != nil || m["fpr"] != 0.0 {
		t.Errorf("%s, %v", b, err)
	}
	for _, f := range []func() error{
		func() error { _, err := Rank(nil, nil); return err },
		func() error { _, err := Rank([]float32{1}, nil); return err },
		func() error { _, err := Rank([]float32{float32(math.NaN())}, []bool{true}); return err },
		func() error { _, err := NewConfusion([]string{"a"}, []int32{1}, []int32{0}); return err },
		func() error { _, err := NewConfusion([]string{"a"}, []int32{0}, nil); return err },
	} {
		if f() == nil {
			t.Error("bad input accepted")
		}
	}
}

// Figures of the closed form, to five places.
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		k, n      int
		low, high float64
	}{{0, 10, 0, 0.27753}, {10, 10, 0.72247, 1}, {8, 10, 0.49016, 0.94332}, {50, 100, 0.40383, 0.59617}} {
		got := Wilson(c.k, c.n)
		if math.Abs(float64(got.Low)-c.low) > 1e-5 || math.Abs(float64(got.High)-c.high) > 1e-5 {
			t.Errorf("Wilson(%d, %d) = %v, want [%v, %v]", c.k, c.n, got, c.low, c.high)
		}
	}
}

func TestBootstrap(t *testing.T) {
	src := rand.New(rand.NewPCG(1, 1))
	const n = 2000
	scores, attack := make([]float32, n), make([]bool, n)
	for i := range scores {
		attack[i] = src.IntN(4) == 0
		scores[i] = float32(src.NormFloat64())
		if attack[i] {
			scores[i]++
		}
	}
	r, err := Rank(scores, attack)
	if err != nil {
		t.Fatal(err)
	}
	class := make([]int32, n)
	for i, a := range attack {
		if a {
			class[i] = 1
		}
	}
	j := Judged{Ranking: r, Class: class, Classes: 2, Threshold: 0.5, FPR: 0.1}
	samples := j.Resample(Resampler{Seed: 1}, 300)
	if !slices.Equal(samples, j.Resample(Resampler{Seed: 1}, 300)) {
		t.Error("one seed, two intervals")
	}
	roc := Interval95(samples, func(s Sample) Value { return s.ROCAUC })
	// Hanley and McNeil (1982) give a standard error of 0.0125 here.
	width := float64(roc.High - roc.Low)
	if width < 0.035 || width > 0.062 {
		t.Errorf("ROC AUC %v in %v", r.ROCAUC(), roc)
	}
	at := At(0.5, scores, attack)
	for name, f := range map[string]struct {
		figure func(Sample) Value
		value  Value
	}{
		"roc":       {func(s Sample) Value { return s.ROCAUC }, r.ROCAUC()},
		"ap":        {func(s Sample) Value { return s.PRAUC }, r.AveragePrecision()},
		"recall at": {func(s Sample) Value { return s.RecallAt }, r.RecallAt(0.1)},
		"macro at":  {func(s Sample) Value { return s.MacroRecallAt }, r.RecallAt(0.1)},
		"recall":    {func(s Sample) Value { return s.Recall }, at.Recall},
		"macro":     {func(s Sample) Value { return s.MacroRecall }, at.Recall},
		"fpr":       {func(s Sample) Value { return s.FPR }, at.FPR},
		"precision": {func(s Sample) Value { return s.Precision }, at.Precision},
		"balanced":  {func(s Sample) Value { return s.Balanced }, at.BalancedAccuracy},
		"mcc":       {func(s Sample) Value { return s.MCC }, at.MCC},
	} {
		if i := Interval95(samples, f.figure); !(i.Low < f.value && f.value < i.High) || i.High-i.Low > 0.2 {
			t.Errorf("%s: %v in %v", name, f.value, i)
		}
	}
	if d := Difference95(samples, samples, func(s Sample) Value { return s.PRAUC }); d != (Interval{0, 0}) {
		t.Errorf("a detector differs from itself by %v", d)
	}
}

// Rows that come in copies know no more than one of each: intervals by group
// are as wide as those of the single rows, intervals by row are too narrow.
func TestBootstrapByGroup(t *testing.T) {
	src := rand.New(rand.NewPCG(2, 2))
	const n, copies = 300, 9
	width := func(times int, group bool) float64 {
		src := rand.New(rand.NewPCG(src.Uint64(), 2))
		var scores []float32
		var attack []bool
		j := Judged{Classes: 2, Threshold: 0.5, FPR: 0.1}
		var s Resampler
		for i := range n {
			a := i%3 == 0
			v := float32(src.NormFloat64())
			if a {
				v++
			}
			for range times {
				scores, attack = append(scores, v), append(attack, a)
				j.Class = append(j.Class, map[bool]int32{true: 1}[a])
				s.Group = append(s.Group, int32(i))
			}
		}
		if !group {
			s.Group = nil
		}
		var err error
		if j.Ranking, err = Rank(scores, attack); err != nil {
			t.Fatal(err)
		}
		i := Interval95(j.Resample(s, 300), func(s Sample) Value { return s.ROCAUC })
		return float64(i.High - i.Low)
	}
	single, byGroup, byRow := width(1, false), width(copies, true), width(copies, false)
	if byGroup < 0.8*single || byGroup > 1.25*single || byRow > 0.5*single {
		t.Errorf("widths: %v of single rows, %v by group, %v by row", single, byGroup, byRow)
	}
}

func TestPoisson(t *testing.T) {
	src := rand.NewPCG(3, 3)
	sum, sq := 0.0, 0.0
	const draws = 100000
	for range draws {
		v := poisson(src)
		sum += v
		sq += v * v
	}
	mean := sum / draws
	if variance := sq/draws - mean*mean; math.Abs(mean-1) > 0.02 || math.Abs(variance-1) > 0.04 {
		t.Errorf("mean %v, variance %v", mean, variance)
	}
}

func TestTimeline(t *testing.T) {
	start := []int64{50, 10, 20, 20, 20, 40}
	scores := []float32{.9, .1, .9, .1, .9, .2}
	attack := []bool{true, false, true, true, false, false}
	got := Timeline(start, 0.5, scores, attack, 3)
	want := []Slot{
		{Start: 10, End: 20, Benign: 2, FalseAlerts: 1, Attacks: 2, Detected: 1, Recall: 0.5, FPR: 0.5},
		{Start: 40, End: 50, Benign: 1, Attacks: 1, Detected: 1, Recall: 1, FPR: 0},
	}
	g, _ := json.Marshal(got)
	w, _ := json.Marshal(want)
	if all := Timeline(start, 0.5, scores, attack, 1); len(all) != 1 || all[0].Attacks != 3 || all[0].Benign != 3 {
		t.Errorf("one slot: %+v", all)
	}
	if string(g) != string(w) {
		t.Errorf("got  %s\nwant %s", g, w)
	}
}

func TestOperate(t *testing.T) {
	o := Operate(0.9, 0.01, 0.001, 1e6)
	if math.Abs(float64(o.AlertsPerDay)-10890) > 1e-6 || math.Abs(float64(o.FalseAlertsPerDay)-9990) > 1e-6 || math.Abs(float64(o.Precision)-900.0/10890) > 1e-12 {
		t.Errorf("%+v", o)
	}
	if o := Operate(0, 0, 0.1, 1); o.Precision.Defined() {
		t.Error("a precision without alerts")
	}
}

func TestDetections(t *testing.T) {
	ds := Detections([]string{"benign", "scan", "flood", "none"}, []int32{0, 0, 1, 1, 2}, 0.5, []float32{.1, .6, .5, .4, .9})
	if ds[0].Detected != 1 || ds[1].Recall != 0.5 || ds[2].Recall != 1 || ds[3].Recall.Defined() {
		t.Errorf("%+v", ds)
	}
	if m := MacroRecall(ds, 0); m != 0.75 {
		t.Errorf("macro recall %v", m)
	}
}

func TestCurveIsThinned(t *testing.T) {
	src := rand.New(rand.NewPCG(1, 1))
	const n = 10000
	scores, attack := make([]float32, n), make([]bool, n)
	for i := range scores {
		scores[i], attack[i] = src.Float32(), src.IntN(2) == 0
	}
	r, _ := Rank(scores, attack)
	curve := r.Curve(50)
	if len(curve) > 110 || len(curve) < 40 {
		t.Errorf("%d points", len(curve))
	}
	if last := curve[len(curve)-1]; last.Recall != 1 || last.FPR != 1 {
		t.Errorf("the curve ends at %+v", last)
	}
}

func TestShuffleIsAPermutation(t *testing.T) {
	a, b := make([]int32, 1000), make([]int32, 1000)
	Shuffle(rand.NewPCG(1, 2), a)
	Shuffle(rand.NewPCG(1, 2), b)
	if !slices.Equal(a, b) {
		t.Error("one seed, two orders")
	}
	if slices.IsSorted(a) {
		t.Error("not shuffled")
	}
	slices.Sort(a)
	for i, v := range a {
		if int(v) != i {
			t.Fatal("not a permutation")
		}
	}
}

// A tally gives the bits that the ranking gives, also of ties and of scores at
// the ends.
func TestTallyIsTheRanking(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, c := range []struct{ rows, levels int }{{1, 1}, {2, 1}, {50, 4}, {500, 1 << 20}, {3000, 100}} {
		scores, attack := make([]float32, c.rows), make([]bool, c.rows)
		tally := NewTally(c.rows)
		for i := range scores {
			scores[i] = float32(r.IntN(c.levels+1)) / float32(c.levels)
			attack[i] = r.IntN(3) == 0
		}
		for lo := 0; lo < c.rows; lo += 7 {
			if err := tally.Add(scores[lo:min(lo+7, c.rows)], func(i int) bool { return attack[lo+i] }); err != nil {
				t.Fatal(err)
			}
		}
		rank, err := Rank(scores, attack)
		if err != nil {
			t.Fatal(err)
		}
		ap, auc := tally.Areas()
		for what, v := range map[string][2]Value{"average precision": {ap, rank.AveragePrecision()}, "ROC AUC": {auc, rank.ROCAUC()}} {
			if v[0] != v[1] && (v[0].Defined() || v[1].Defined()) {
				t.Errorf("%d rows: %s %v, the ranking has %v", c.rows, what, v[0], v[1])
			}
		}
		for _, fpr := range []float64{0, 0.01, 0.3, 1} {
			got, err := tally.Threshold(fpr)
			want, wantErr := rank.Threshold(fpr)
			if got != want || (err == nil) != (wantErr == nil) {
				t.Errorf("%d rows, false-positive rate %v: threshold %v, %v; the ranking has %v, %v", c.rows, fpr, got, err, want, wantErr)
			}
		}
	}
	nan := float32(math.NaN())
	for _, s := range []float32{nan, -0.1, 1.5} {
		if err := NewTally(1).Add([]float32{s}, func(int) bool { return true }); err == nil {
			t.Errorf("a score of %v was taken", s)
		}
	}
}
