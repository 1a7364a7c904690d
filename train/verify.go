package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train/internal/blas"
	"github.com/pcapline/pcapline/train/metrics"
)

// Proof is one thing that a verification looked at.
type Proof struct {
	What   string `json:"what"`
	Holds  bool   `json:"holds"`
	Detail string `json:"detail"` // what was found
}

// Rescore scores the validation rows of d, which is scaled as in training,
// and compares what training wrote down: loss and areas in the epoch whose
// weights the model has, and the threshold. All must be the same to the bit.
func (m *Model) Rescore(d *Data) ([]Proof, error) {
	if m.ScoringKernel() != m.Kernel {
		return nil, fmt.Errorf("the model was trained with the kernel %s, which this CPU or program does not have: other bits say nothing", m.Kernel)
	}
	if lib := m.Manifest.Library; lib != "" && lib != blas.Library() {
		return nil, fmt.Errorf("the model was trained with the library %s, here is %s: other bits say nothing", lib, blas.Library())
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	if !m.tells(d) {
		return nil, fmt.Errorf("the dataset's classes %q are not the model's %q", d.Classes, m.Classes)
	}
	if err := m.Accepts(d.X.Names, ""); err != nil {
		return nil, err
	}
	if len(m.Classes) != len(d.Classes) {
		d = d.binary()
	}
	var out []Proof
	for part, want := range map[features.Part][]int{features.Train: m.Manifest.TrainRows, features.Valid: m.Manifest.ValidRows} {
		got := countClasses(d, d.pack(part))
		out = append(out, Proof{part.String() + " rows by class", slices.Equal(got, want), fmt.Sprint(got)})
	}
	slices.SortFunc(out, func(a, b Proof) int { return bytes.Compare([]byte(a.What), []byte(b.What)) })
	h := m.Manifest.History
	if h.Best < 1 || h.Best > len(h.Epochs) {
		return nil, errors.New("the model does not say in which epoch it had its weights")
	}
	valid := d.pack(features.Valid)
	scores := metrics.NewTally(valid.n)
	v, err := m.validate(scores, valid.n, valid.each)
	if err != nil {
		return nil, err
	}
	got, _ := json.Marshal(v) // undefined figures are equal, too
	want, _ := json.Marshal(h.Epochs[h.Best-1].Validation)
	out = append(out, Proof{"scores of the validation rows", bytes.Equal(got, want), fmt.Sprintf("epoch %d: %s", h.Best, got)})
	t, err := thresholdOf(scores, m.Threshold.Target)
	if err != nil {
		return nil, err
	}
	return append(out, Proof{"threshold", t == m.Threshold, fmt.Sprintf("%v, chosen on %s rows", t.Value, t.Part)}), nil
}

// SameFigures compares a report read back with one made anew by its
// configuration. What the evaluation alone does not give, the gate's verdict
// and the classes left out, is not compared. detail names the first part that
// differs.
func SameFigures(old, anew *Report) (same bool, detail string) {
	a, b := *old, *anew
	a.Gate, b.Gate, a.LeaveOneOut, b.LeaveOneOut = nil, nil, nil, nil
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	if errX != nil || errY != nil {
		return false, fmt.Sprint(errors.Join(errX, errY))
	}
	if bytes.Equal(x, y) {
		return true, fmt.Sprintf("%d figures' bytes", len(x))
	}
	var left, right map[string]json.RawMessage
	if json.Unmarshal(x, &left) != nil || json.Unmarshal(y, &right) != nil {
		return false, "they are no objects"
	}
	var differ []string
	for key := range right {
		if !bytes.Equal(left[key], right[key]) {
			differ = append(differ, key)
		}
	}
	slices.Sort(differ)
	return false, fmt.Sprintf("they differ in %q", differ)
}

// SameModel compares a model's file with that of one trained anew. detail
// names what differs.
func SameModel(file []byte, m, anew *Model) (same bool, detail string, err error) {
	again, err := anew.Encode()
	if err != nil {
		return false, "", err
	}
	if bytes.Equal(file, again) {
		return true, fmt.Sprintf("all %d bytes", len(file)), nil
	}
	differ := 0
	for i := range min(len(m.params), len(anew.params)) {
		if m.params[i] != anew.params[i] {
			differ++
		}
	}
	a, b := m.Header, anew.Header
	switch {
	case len(m.params) != len(anew.params):
		return false, fmt.Sprintf("%d weights in place of %d", len(anew.params), len(m.params)), nil
	case differ > 0:
		return false, fmt.Sprintf("%d of %d weights differ", differ, len(m.params)), nil
	case a.Manifest.Tool != b.Manifest.Tool || a.Manifest.Go != b.Manifest.Go || a.Manifest.Arch != b.Manifest.Arch:
		return false, fmt.Sprintf("the weights are the same; made by %s, %s, %s in place of %s, %s, %s",
			b.Manifest.Tool, b.Manifest.Go, b.Manifest.Arch, a.Manifest.Tool, a.Manifest.Go, a.Manifest.Arch), nil
	}
	return false, "the weights are the same, the header differs", nil
}
