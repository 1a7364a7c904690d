package train

import (
	"fmt"
	"math"

	"github.com/pcapline/pcapline/train/metrics"
)

// Comparison is the model's lead over a baseline in one figure.
type Comparison struct {
	Baseline string           `json:"baseline"`
	Figure   string           `json:"figure"`
	Lead     metrics.Value    `json:"lead"` // the model's figure less the baseline's
	Interval metrics.Interval `json:"interval"`
	// Verdict is "ahead" or "behind" where the interval, over paired
	// resamples, leaves 0 out, else "undecided".
	Verdict string `json:"verdict"`
}

// compared are the figures by which detectors are compared: both over all
// thresholds or at one false-positive rate, so that no threshold decides.
var compared = []struct {
	name   string
	whole  func(*Result) metrics.Value
	sample func(metrics.Sample) metrics.Value
}{
	{"pr_auc", func(r *Result) metrics.Value { return r.PRAUC }, samplePRAUC},
	{"macro_recall_at_target_fpr", func(r *Result) metrics.Value { return r.MacroRecallAtFPR }, sampleMacroAt},
}

func samplePRAUC(s metrics.Sample) metrics.Value   { return s.PRAUC }
func sampleMacroAt(s metrics.Sample) metrics.Value { return s.MacroRecallAt }

// compare fills in the comparisons of the first result with the others.
func (r *Report) compare() {
	model := &r.Results[0]
	for i := range r.Results[1:] {
		b := &r.Results[i+1]
		for _, f := range compared {
			c := Comparison{Baseline: b.Name, Figure: f.name, Lead: f.whole(model) - f.whole(b), Verdict: "undecided"}
			c.Interval = metrics.Difference95(model.samples, b.samples, f.sample)
			switch {
			case c.Interval.Low > 0 && c.Lead > 0:
				c.Verdict = "ahead"
			case c.Interval.High < 0 && c.Lead < 0:
				c.Verdict = "behind"
			}
			r.Comparisons = append(r.Comparisons, c)
		}
	}
}

// figureNames are how people call the figures of a comparison.
var figureNames = map[string]string{"pr_auc": "PR-AUC", "macro_recall_at_target_fpr": "mean recall over the attack classes"}

// Conclusions says in sentences where a baseline does as well as the model or
// better, and where the model is ahead.
func (r *Report) Conclusions() []string {
	var out []string
	for _, c := range r.Comparisons {
		name := figureNames[c.Figure]
		if c.Figure != "pr_auc" {
			name += fmt.Sprintf(" at %g %% false alarms", 100*r.TargetFPR)
		}
		figures := fmt.Sprintf("%+.4f (95 %%: %+.4f to %+.4f)", float64(c.Lead), float64(c.Interval.Low), float64(c.Interval.High))
		equal := math.Abs(float64(c.Lead)) < 5e-5 && c.Verdict == "undecided"
		switch {
		case equal:
			out = append(out, fmt.Sprintf("By %s the network and %s are equal to four places.", name, c.Baseline))
		case !c.Lead.Defined() || !c.Interval.Low.Defined():
			out = append(out, fmt.Sprintf("By %s nothing can be said of the network and %s: these rows do not determine it.", name, c.Baseline))
		case c.Verdict == "ahead":
			out = append(out, fmt.Sprintf("By %s the network beats %s: %s.", name, c.Baseline, figures))
		case c.Verdict == "behind":
			out = append(out, fmt.Sprintf("By %s %s beats the network: %s. Use it instead.", name, c.Baseline, figures))
		case c.Lead < 0:
			out = append(out, fmt.Sprintf("By %s %s is ahead of the network, within chance: %s.", name, c.Baseline, figures))
		default:
			out = append(out, fmt.Sprintf("By %s the network does not show itself better than %s: %s.", name, c.Baseline, figures))
		}
	}
	return out
}
