package train

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train/metrics"
)

func candidates(t *testing.T, text string, base Config) ([]string, []Config) {
	t.Helper()
	s, err := ParseSearchSpace([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	params, configs, err := s.Candidates(base)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range params {
		names = append(names, p.String())
	}
	return names, configs
}

func TestGrid(t *testing.T) {
	base := quick()
	names, configs := candidates(t, "space:\n  learning_rate: [1e-4, 0.01]\n  hidden: [[8], []]\n  optimizer: [sgd]\n", base)
	want := []string{
		`hidden=[8] learning_rate=0.0001 optimizer="sgd"`, `hidden=[8] learning_rate=0.01 optimizer="sgd"`,
		`hidden=[] learning_rate=0.0001 optimizer="sgd"`, `hidden=[] learning_rate=0.01 optimizer="sgd"`,
	}
	if !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
	for i, c := range configs {
		if c.Epochs != base.Epochs || c.Optimiser != "sgd" || c.LearningRate != []float64{1e-4, 0.01}[i%2] || len(c.Hidden) != 1-i/2 {
			t.Errorf("candidate %d: %+v", i, c)
		}
	}
	// Hidden and layers exclude each other, so one that is searched takes the place of the other.
	_, configs = candidates(t, `{"space": {"layers": [[{"units": 5}, {"units": 4, "activation": "tanh"}]]}}`, base)
	if c := configs[0]; c.Hidden != nil || len(c.Layers) != 2 {
		t.Errorf("%+v", c)
	}
}

func TestRandomSearch(t *testing.T) {
	const text = "space: {learning_rate: {loguniform: [1e-4, 1e-1]}, dropout: {uniform: [0, 0.5]}, batch: {randint: [32, 35]}, init: [auto, he_normal]}\nn_iter: 300\nseed: %d\n"
	names, configs := candidates(t, fmt.Sprintf(text, 3), quick())
	again, _ := candidates(t, fmt.Sprintf(text, 3), quick())
	other, _ := candidates(t, fmt.Sprintf(text, 4), quick())
	if len(names) != 300 || !slices.Equal(names, again) || slices.Equal(names, other) {
		t.Errorf("%d draws, or they do not follow the seed", len(names))
	}
	batches, below := map[int]int{}, 0
	for _, c := range configs {
		if c.LearningRate < 1e-4 || c.LearningRate > 1e-1 || c.Dropout < 0 || c.Dropout > 0.5 {
			t.Fatalf("%+v", c)
		}
		batches[c.Batch]++
		if c.LearningRate < math.Pow(10, -2.5) {
			below++
		}
	}
	if len(batches) != 3 || batches[32] < 60 || batches[33] < 60 || batches[34] < 60 || below < 110 || below > 190 {
		t.Errorf("batches %v, %d of 300 rates below the geometric middle", batches, below)
	}
	few, _ := candidates(t, "space: {batch: [32, 64], dropout: [0, 0.1]}\nn_iter: 10\n", quick())
	if slices.Sort(few); len(few) != 4 || len(slices.Compact(few)) != 4 {
		t.Errorf("of four candidates: %q", few)
	}
}

func TestBadSearchSpaces(t *testing.T) {
	for text, want := range map[string]string{
		"space: {}":                           "no key",
		"spaces: {batch: [1]}":                "unknown field",
		"- 1":                                 "search space",
		"":                                    "one document",
		"space: {batch: []}":                  "batch: neither a list",
		"space: {batch: 3}":                   "batch: neither a list",
		"space: {seed: [1, 2]}":               "seed is not searched",
		"space: {bach: [1]}":                  `unknown field "bach"`,
		"space: {batch: [0]}":                 "batch=0: training configuration: batch is 0",
		"space: {dropout: {uniform: [0, 1]}}": "n_iter says how many",
		"space: {dropout: {uniform: [1, 0]}}\nn_iter: 2": "the lower one first",
		"space: {dropout: {uniform: [a, 0]}}\nn_iter: 2": "two numbers",
		"space: {dropout: {normal: [0, 1]}}\nn_iter: 2":  "none of uniform",
		"space: {l2: {loguniform: [0, 1]}}\nn_iter: 2":   "above zero",
		"space: {batch: {randint: [0.5, 9]}}\nn_iter: 2": "whole numbers",
		"space: {batch: [1]}\nn_iter: -2":                "n_iter is -2",
		"space: {epochs: [1,2,3,4,5,6,7,8,9,10,11], batch: [1,2,3,4,5,6,7,8,9,10], warmup_epochs: [0,1,2,3,4,5,6,7,8,9], step_epochs: [1,2,3,4,5,6,7,8,9,10]}": "more than 10000",
	} {
		s, err := ParseSearchSpace([]byte(text))
		if err == nil {
			_, _, err = s.Candidates(quick())
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want %q, got %v", text, want, err)
		}
	}
}

func searchOptions(folds [][]features.Part) SearchOptions {
	good, bad, worse := quick(), quick(), quick()
	good.Epochs, bad.Epochs, worse.Epochs = 12, 1, 12
	worse.Optimiser, worse.LearningRate = "sgd", 900
	return SearchOptions{
		Params:  []Params{{"epochs": json.RawMessage("1")}, {"epochs": json.RawMessage("12")}, {"learning_rate": json.RawMessage("900")}},
		Configs: []Config{bad, good, worse}, Folds: folds, Seeds: []uint64{5, 6, 7}, Scale: features.Standard,
	}
}

// foldsOf deals rows out to folds; test rows are in none.
func foldsOf(d *Data, n int) (out [][]features.Part) {
	for f := range n {
		parts := make([]features.Part, len(d.Part))
		for i, p := range d.Part {
			switch {
			case p == features.Test:
				parts[i] = features.Purged
			case i/4%n == f:
				parts[i] = features.Valid
			}
		}
		out = append(out, parts)
	}
	return out
}

func mustSearch(t *testing.T, d *Data, o SearchOptions) *Search {
	t.Helper()
	s, err := RunSearch(context.Background(), d, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSearchFindsTheBetter(t *testing.T) {
	d := moons(600, 3, 3)
	done := 0
	o := searchOptions(foldsOf(d, 3))
	o.Done = func(trained, of int) {
		if done++; trained != done || of != 27 {
			t.Errorf("%d trainings of %d, want %d of 27", trained, of, done)
		}
	}
	s := mustSearch(t, d, o)
	if s.Best != 1 || s.Folds != 3 || done != 27 {
		t.Errorf("best %d, %d folds, %d trainings", s.Best, s.Folds, done)
	}
	if r := []int{s.Candidates[0].Rank, s.Candidates[1].Rank, s.Candidates[2].Rank}; !slices.Equal(r, []int{2, 1, 3}) {
		t.Errorf("ranks %v", r)
	}
	if c := s.Candidates[2]; c.PRAUC.Mean.Defined() || !strings.Contains(c.Trials[0].Failed, "diverged") || c.Trials[0].Epoch != 0 {
		t.Errorf("a rate of 900: %+v", c.Trials[0])
	}
	c := s.Candidates[1]
	if len(c.Trials) != 9 || c.Trials[4].Fold != 1 || c.Trials[4].Seed != 6 {
		t.Fatalf("%+v", c.Trials)
	}
	var values []float64
	for _, trial := range c.Trials {
		values = append(values, float64(trial.ValidAP))
	}
	mean, sd := 0.0, 0.0
	for _, v := range values {
		mean += v / 9
	}
	for _, v := range values {
		sd += (v - mean) * (v - mean) / 8
	}
	half := 2.306004135204167 * math.Sqrt(sd) / 3 // t of 8 degrees of freedom, 97.5 %
	near := func(what string, got metrics.Value, want float64) {
		if math.Abs(float64(got)-want) > 1e-9 {
			t.Errorf("%s %v, want %v", what, got, want)
		}
	}
	near("mean", c.PRAUC.Mean, mean)
	near("standard deviation", c.PRAUC.SD, math.Sqrt(sd))
	near("low end", c.PRAUC.Interval.Low, mean-half)
	near("high end", c.PRAUC.Interval.High, min(1, mean+half))
}

// A trial is the training that Fit does on the fold, and test rows have no say.
func TestTrialsAreTrainings(t *testing.T) {
	d := moons(400, 2, 4)
	o := searchOptions(nil)
	s := mustSearch(t, d, o)
	scaled, err := d.rescaled(o.Scale)
	if err != nil {
		t.Fatal(err)
	}
	c := o.Configs[1]
	c.Seed = 6
	_, h := mustFit(t, scaled, c)
	if got, want := s.Candidates[1].Trials[1], h.Epochs[h.Best-1]; got.Validation != want.Validation || got.Epoch != want.Epoch {
		t.Errorf("%+v, want %+v", got, want)
	}
	for i, p := range d.Part {
		if p == features.Test {
			copy(d.X.Row(i), []float32{100, -100, 50})
			d.Class[i] = 1
		}
	}
	if again := mustSearch(t, d, o); !reflect.DeepEqual(textOf(t, again), textOf(t, s)) {
		t.Error("test rows changed the comparison")
	}
}

func textOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSearchIsTheSameForAnyGOMAXPROCS(t *testing.T) {
	d := moons(300, 3, 3)
	var texts [2]string
	for i := range texts {
		procs := runtime.GOMAXPROCS(1 + 3*i)
		texts[i] = textOf(t, mustSearch(t, d, searchOptions(foldsOf(d, 2))))
		runtime.GOMAXPROCS(procs)
	}
	if texts[0] != texts[1] {
		t.Error("GOMAXPROCS 1 and 4 give different comparisons")
	}
}

func TestFoldsThatCompareNothing(t *testing.T) {
	d := moons(300, 2, 3)
	folds := foldsOf(d, 2)
	for i, p := range folds[0] {
		if p == features.Valid && d.Class[i] == 1 {
			folds[0][i] = features.Purged
		}
	}
	s := mustSearch(t, d, searchOptions(folds))
	if s.Folds != 1 || len(s.Skipped) != 1 || s.Skipped[0].Fold != 0 || s.Candidates[0].Trials[0].Fold != 1 {
		t.Errorf("%+v", s.Skipped)
	}
	if _, err := RunSearch(context.Background(), d, searchOptions(folds[:1])); err == nil || !strings.Contains(err.Error(), "no fold can be used; of the first, its valid rows") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := RunSearch(ctx, d, searchOptions(nil)); err == nil {
		t.Error("a search that was cancelled has a result")
	}
}
