package train

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/features"
)

// spread is moons with times, captures and conversations of ten rows.
func spread(n int) *Data {
	d := moons(n, 3, 12)
	d.Captures = d.Captures[:0]
	for i := range n {
		d.Start = append(d.Start, int64(i)*1e9)
		d.Conversation = append(d.Conversation, int32(i/10))
		d.Capture[i] = int32(i / 8 % 12)
	}
	for i := range 12 {
		d.Captures = append(d.Captures, string(rune('a'+i))+".pcap")
	}
	return d
}

func TestIntervalsDrawWholeUnits(t *testing.T) {
	d := spread(1600)
	m, _ := mustFit(t, d, quick())
	judge := func(unit string) *Report {
		r, err := Evaluate(context.Background(), m, d, EvalConfig{Unit: unit, Baselines: []string{}, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for unit, want := range map[string]Resampling{
		"":             {"capture", 12},
		"capture":      {"capture", 12},
		"conversation": {"conversation", 160},
		"row":          {"row", 400},
	} {
		if got := judge(unit).Resampling; got != want && unit != "conversation" || got.Unit != want.Unit {
			t.Errorf("%q: %+v, want %+v", unit, got, want)
		}
	}
	d.Captures, d.Capture = d.Captures[:1], make([]int32, len(d.Capture))
	if got := judge("").Resampling.Unit; got != "conversation" {
		t.Errorf("one capture: drawn by %s", got)
	}
	d.Conversation = nil
	r := judge("")
	if r.Resampling.Unit != "row" {
		t.Errorf("drawn by %s", r.Resampling.Unit)
	}
	res := r.Results[0]
	if i := res.Intervals.PRAUC; !(i.Low <= res.PRAUC && res.PRAUC <= i.High) {
		t.Errorf("PR-AUC %v in %v", res.PRAUC, i)
	}
	n := 0
	for _, s := range res.OverTime {
		n += s.Benign + s.Attacks
		if s.End < s.Start {
			t.Errorf("%+v", s)
		}
	}
	if n != r.Rows || len(res.OverTime) != 20 {
		t.Errorf("%d of %d rows in %d slots", n, r.Rows, len(res.OverTime))
	}
}

// A baseline that wins is said to win.
func TestConclusions(t *testing.T) {
	d := spread(1600)
	c := quick()
	m, _ := mustFit(t, d, c)
	r, err := Evaluate(context.Background(), m, d, EvalConfig{Unit: "row"})
	if err != nil {
		t.Fatal(err)
	}
	if said := strings.Join(r.Conclusions(), "\n"); !strings.Contains(said, "By PR-AUC the network beats majority") {
		t.Error(said)
	}
	c.Epochs, c.LearningRate = 1, 1e-9 // learns nothing
	m, _ = mustFit(t, d, c)
	r, err = Evaluate(context.Background(), m, d, EvalConfig{Unit: "row"})
	if err != nil {
		t.Fatal(err)
	}
	if said := strings.Join(r.Conclusions(), "\n"); !strings.Contains(said, "By PR-AUC boosted_trees beats the network") || !strings.Contains(said, "Use it instead") {
		t.Error(said)
	}
	if text, err := json.Marshal(r); err != nil || !strings.Contains(string(text), `"verdict":"behind"`) {
		t.Error("no verdict in the JSON", err)
	}
}

func TestImportance(t *testing.T) {
	d := spread(1600)
	m, _ := mustFit(t, d, quick())
	before := slices.Clone(d.X.Data)
	importance := func(sources []string) *Importance {
		d.Sources = sources
		r, err := Evaluate(context.Background(), m, d, EvalConfig{Importance: 3, Sample: 300, Baselines: []string{}})
		if err != nil {
			t.Fatal(err)
		}
		return r.Importance
	}
	i := importance(nil)
	if i.Part != "valid" || i.Rows != 300 || len(i.Columns) != 3 {
		t.Fatalf("%+v", i)
	}
	last := i.Columns[2]
	if last.Column != "noise" || math.Abs(float64(last.PRAUCDrop)) > 0.01 || i.Columns[0].PRAUCDrop < 0.1 || i.Columns[0].LossRise < 0.1 {
		t.Errorf("%+v", i.Columns)
	}
	if again := importance(nil); !slices.Equal(again.Columns, i.Columns) {
		t.Error("one seed, two importances")
	}
	joint := importance([]string{"place", "place", "noise"})
	if joint.Columns[0].Column != "place" || joint.Columns[0].Features != 2 || joint.Columns[0].PRAUCDrop <= i.Columns[0].PRAUCDrop {
		t.Errorf("shuffled together: %+v", joint.Columns)
	}
	if !slices.Equal(before, d.X.Data) {
		t.Error("the dataset was changed")
	}
}

// What is left out must have no say in what is learned.
func TestLeaveOneClassOut(t *testing.T) {
	d := spread(1200)
	c := quick()
	c.Epochs = 15
	var done []string
	l, err := LeaveOneClassOut(context.Background(), d, features.Standard, c, EvalConfig{Baselines: []string{"majority", "stump"}}, func(u UnseenClass) { done = append(done, u.Class) })
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(done, []string{"flood", "scan"}) || len(l.Classes) != 2 || len(l.Mean) != 3 || len(l.Skipped) != 0 {
		t.Fatalf("%v, %+v", done, l)
	}
	rows := 0
	for _, class := range d.Class {
		if class == 2 {
			rows++
		}
	}
	scan := l.Classes[1]
	if scan.Class != "scan" || scan.Rows != rows || len(scan.Results) != 3 || scan.Results[0].Name != "mlp" {
		t.Fatalf("%+v of %d rows", scan, rows)
	}
	want := (l.Classes[0].Results[0].Recall + l.Classes[1].Results[0].Recall) / 2
	if math.Abs(float64(l.Mean[0].Recall-want)) > 1e-12 {
		t.Errorf("mean %v, want %v", l.Mean[0].Recall, want)
	}
	// Where the rows of the class lie changes nothing of what is learned: the
	// false alarms, which depend on the model alone, stay the same.
	for i, class := range d.Class {
		if class == 2 {
			copy(d.X.Row(i), []float32{50, 50, 50})
		}
	}
	again, err := LeaveOneClassOut(context.Background(), d, features.Standard, c, EvalConfig{Baselines: []string{}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Classes[1].Results[0].FPR; got != scan.Results[0].FPR {
		t.Errorf("the rows of the class had a say: %v false alarms, %v before", got, scan.Results[0].FPR)
	}
	if _, err := LeaveOneClassOut(context.Background(), moons(400, 2, 1), features.None, c, EvalConfig{}, nil); err == nil {
		t.Error("the only attack class was left out")
	}
}
