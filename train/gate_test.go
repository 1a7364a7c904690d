package train

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train/metrics"
)

// majorityShare is a dataset of 6·n rows in which one row in six is an attack
// and no feature says which: all that can be learned is the majority's share.
func majorityShare(n int) *Data {
	r := rand.New(rand.NewPCG(9, 9))
	d := &Data{X: features.NewMatrix(6*n, []string{"a", "b"}), Class: make([]int32, 6*n), Part: make([]features.Part, 6*n), Classes: []string{"benign", "attack"}}
	for i := range d.Class {
		copy(d.X.Row(i), []float32{r.Float32(), r.Float32()})
		if i%6 == 5 {
			d.Class[i] = 1
		}
		d.Part[i] = []features.Part{features.Train, features.Train, features.Valid, features.Test}[i/6%4]
	}
	return d
}

// The accuracy of 83.33 % that AntiNex's keras-dnn shows is the share of its
// majority class. A model that learned nothing has it here, too, and must not
// pass.
func TestDefaultGateRefusesTheMajority(t *testing.T) {
	d := majorityShare(400)
	m, _ := mustFit(t, d, Config{Hidden: []int{8, 6}, Epochs: 3, TargetFPR: 1e-9})
	r, err := Evaluate(context.Background(), m, d, EvalConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if got := float64(r.ClassAccuracy); got < 0.8333 || got > 0.8334 {
		t.Fatalf("the accuracy is %v, so this is not the original's run", got)
	}
	gate, err := ParseGate("default", DefaultGate)
	if err != nil {
		t.Fatal(err)
	}
	v := gate.Judge(r)
	if v.Passed {
		t.Fatal("the majority passes")
	}
	var failed []string
	for _, c := range v.Failed() {
		failed = append(failed, c.What)
	}
	for _, want := range []string{"balanced_accuracy", "mcc", "balanced_accuracy, better than majority by"} {
		if !slices.Contains(failed, want) {
			t.Errorf("%s is not among what failed: %q", want, failed)
		}
	}
	var b strings.Builder
	v.WriteText(&b)
	if !strings.Contains(b.String(), "FAILED") || !strings.Contains(b.String(), "balanced_accuracy") {
		t.Error(b.String())
	}
}

func TestGate(t *testing.T) {
	d := moons(1600, 3, 12)
	m, _ := mustFit(t, d, quick())
	r, err := Evaluate(context.Background(), m, d, EvalConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for text, failed := range map[string][]string{
		string(DefaultGate):                                                        nil,
		`{"minimum": {"pr_auc_low": 0}}`:                                           nil,
		"rows: {benign: 1000000}":                                                  {"benign rows"},
		"minimum: {class_accuracy: 1.5, roc_auc: 0.5}":                             {"class_accuracy"},
		"maximum: {fpr: -1, brier: 1}":                                             {"fpr"},
		"margin: {majority: {mcc: 0.5, ece: 9}, boosted_trees: {pr_auc: -1}}":      {"ece, better than majority by"},
		"recall: {scan: 2, \"*\": 0.1}":                                            {"recall of scan"},
		"recall: {scan: 0.1, \"*\": 2}":                                            {"recall of flood"},
		"recall: {worm: 0}":                                                        {"recall of worm"},
		"minimum: {precision: 0.1}\nmaximum: {balanced_accuracy: 0.2, recall: .1}": {"balanced_accuracy", "recall"},
	} {
		g, err := ParseGate("g", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		v := g.Judge(r)
		var got []string
		for _, c := range v.Failed() {
			got = append(got, c.What)
		}
		if !slices.Equal(got, failed) || v.Passed != (failed == nil) {
			t.Errorf("%s: failed %q, want %q", text, got, failed)
		}
	}
	// Without the baseline there is no margin over it; on training rows there is no pass.
	bare := *r
	bare.Results = r.Results[:1]
	g, _ := ParseGate("g", []byte("margin: {majority: {mcc: -1}}"))
	if g.Judge(&bare).Passed {
		t.Error("a margin over nothing passes")
	}
	bare = *r
	bare.SeenInTraining = true
	if g.Judge(&bare).Passed {
		t.Error("training rows pass")
	}
	bare = *r
	bare.Results = slices.Clone(r.Results)
	bare.Results[0].PRAUC = metrics.Undefined()
	g, _ = ParseGate("g", []byte("minimum: {pr_auc: 0}"))
	if g.Judge(&bare).Passed {
		t.Error("an undefined figure passes")
	}
}

func TestGateErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "g: there must be one document",
		"minimum: {}":                            "g: nothing is asked for",
		"minimum:\n  acuracy: 1":                 `g:2: unknown figure "acuracy" in minimum`,
		"rows: {benign: 1}\nmin: {mcc: 1}":       `g:2: unknown key "min"`,
		"margin:\n  majority:\n    class_mcc: 1": `g:3: unknown figure "class_mcc" in margin`,
		"margin:\n  svm: {mcc: 1}":               `g:2: unknown baseline "svm"`,
		"minimum:\n  mcc: high":                  "g:2: mcc: a number is wanted",
		"minimum:\n  mcc: [1]":                   "g:2: mcc: a number is wanted",
		"minimum: 3":                             "g:1: keys with values are wanted",
		"minimum:\n  mcc: 1\n  mcc: 2":           "g:3: ",
		"minimum: {mcc: .nan}":                   "g:1: mcc: a number is wanted",
		"rows: {mcc: 1}":                         `g:1: unknown figure "mcc" in rows`,
		"{":                                      "g:1: ",
		"- a":                                    "g:1: keys with values",
	} {
		_, err := ParseGate("g", []byte(text))
		var ge *GateError
		if err == nil || !errors.As(err, &ge) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
