package train

import (
	"context"
	"fmt"
	"slices"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train/baseline"
)

// How a model and a dataset belong together.
const (
	OwnDataset     = "own"             // the model was trained on its training rows
	SharesCaptures = "shares captures" // captures of it were trained on, too: its figures are no news
	OtherDataset   = "other"
)

// CrossCell is one model, and the baselines of its own dataset where that is
// at hand, on one dataset.
type CrossCell struct {
	Model    string   `json:"model"`
	Dataset  string   `json:"dataset"`
	Relation string   `json:"relation"`
	Seen     bool     `json:"seen_in_training"`
	Rows     int      `json:"rows"`
	Attacks  int      `json:"attacks"`
	Results  []Result `json:"results"`
}

// Judges are a model and the baselines of the dataset that it was trained on,
// with their thresholds, ready to be judged on other datasets.
type Judges struct {
	target float64
	all    []namedScorer
}

type namedScorer struct {
	name, describe string
	scorer
	threshold Threshold
}

// NewJudges takes m, and with its own dataset, own, which is scaled by the
// model's pipeline, also the baselines, fitted on the training rows and with
// thresholds from the validation rows. own may be nil: the model alone.
func NewJudges(ctx context.Context, m *Model, own *Data, baselines []string) (*Judges, error) {
	j := &Judges{target: m.Threshold.Target}
	j.all = append(j.all, namedScorer{"mlp", m.Describe(), m, m.Threshold})
	if own == nil {
		return j, nil
	}
	if err := own.check(); err != nil {
		return nil, fmt.Errorf("baselines: %w", err)
	}
	if err := m.Accepts(own.X.Names, ""); err != nil {
		return nil, fmt.Errorf("baselines: %w", err)
	}
	valid, set := own.pack(features.Valid), own.baselineSet(own.pack(features.Train))
	for _, k := range baseline.Kinds() {
		if baselines != nil && !slices.Contains(baselines, k.Name) {
			continue
		}
		b, err := k.Fit(ctx, set)
		if err != nil {
			return nil, err
		}
		t, err := chooseThreshold(b, valid, j.target)
		if err != nil {
			return nil, fmt.Errorf("baseline %s: %w", k.Name, err)
		}
		j.all = append(j.all, namedScorer{k.Name, b.Describe(), b, t})
	}
	return j, nil
}

// Judge gives every detector's figures on all rows of d, which has the
// model's features, scaled as the model's, and classes of its own.
func (js *Judges) Judge(d *Data, c EvalConfig) ([]Result, error) {
	c = c.withDefaults()
	if err := d.check(); err != nil {
		return nil, err
	}
	every := make([]int32, d.X.Rows)
	for i := range every {
		every[i] = int32(i)
	}
	j := newJudge(d, d.packRows(every), c, js.target)
	var out []Result
	for _, s := range js.all {
		r, err := j.judge(s.name, s.describe, s.scorer, &s.threshold)
		if err != nil {
			return nil, err
		}
		out = append(out, *r)
	}
	return out, nil
}

// Describe says in one line what the model is.
func (m *Model) Describe() string {
	return fmt.Sprintf("multi-layer perceptron %d → %v → %d", m.Network.Inputs, m.Network.Hidden, m.Network.Outputs)
}
