package train

import (
	"context"
	"fmt"
	"slices"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train/baseline"
	"github.com/pcapline/pcapline/train/metrics"
)

// EvalConfig says how to judge. The zero value has the defaults named.
type EvalConfig struct {
	Part        features.Part `json:"part"`           // the rows to judge on; the zero value, training rows, means the test rows
	OnTraining  bool          `json:"on_training"`    // judge on the training rows; the report says so
	Baselines   []string      `json:"baselines"`      // of baseline.Kinds by name; nil: all; empty: none
	BaseRates   []float64     `json:"base_rates"`     // shares of attacks in operation; nil: 1 %, 0.1 %, 0.01 %
	RowsPerDay  float64       `json:"rows_per_day"`   // in operation; 0: 1,000,000
	Resamples   int           `json:"resamples"`      // of the bootstrap; 0: 200
	Unit        string        `json:"unit,omitempty"` // what the bootstrap draws whole: one of [Units]; "": by the rule there
	Seed        uint64        `json:"seed"`           // of everything drawn
	CurvePoints int           `json:"curve_points"`   // at most about so many a curve; 0: 200
	Slots       int           `json:"slots"`          // of the figures over time; 0: 20
	Importance  int           `json:"importance"`     // shuffles of each column for the permutation importance; 0: none
	Sample      int           `json:"sample"`         // rows that the importance is measured on; 0: 5,000
}

// Units are what the bootstrap can draw whole. By default it is captures
// where ten or more have rows (fewer make no interval), else conversations
// where rows have any, else rows.
var Units = []string{"capture", "conversation", "row"}

// fixedRates are the false-positive rates at which recall is always given.
var fixedRates = []float64{0.0001, 0.001, 0.01, 0.05}

// Check reports a value that cannot be meant.
func (c EvalConfig) Check() error {
	for _, name := range c.Baselines {
		if !slices.ContainsFunc(baseline.Kinds(), func(k baseline.Kind) bool { return k.Name == name }) {
			return fmt.Errorf("unknown baseline %q", name)
		}
	}
	for _, rate := range c.BaseRates {
		if !(rate > 0 && rate < 1) {
			return fmt.Errorf("a base rate of %v is not between 0 and 1", rate)
		}
	}
	if c.Unit != "" && !slices.Contains(Units, c.Unit) {
		return fmt.Errorf("resampling unit %q is none of %q", c.Unit, Units)
	}
	if !(c.RowsPerDay >= 0) {
		return fmt.Errorf("%v rows a day", c.RowsPerDay)
	}
	return nil
}

func (c EvalConfig) withDefaults() EvalConfig {
	switch {
	case c.OnTraining:
		c.Part = features.Train
	case c.Part == features.Train:
		c.Part = features.Test
	}
	if c.BaseRates == nil {
		c.BaseRates = []float64{0.01, 0.001, 0.0001}
	}
	set(&c.RowsPerDay, 1e6)
	set(&c.Resamples, 200)
	set(&c.CurvePoints, 200)
	set(&c.Slots, 20)
	set(&c.Sample, 5000)
	return c
}

// Report puts a model and the baselines side by side on the same rows.
type Report struct {
	Config         EvalConfig `json:"config"`       // with its defaults: the same one gives the same report
	Model          string     `json:"model_sha256"` // of the model's file
	Part           string     `json:"part"`
	SeenInTraining bool       `json:"seen_in_training"` // the figures say nothing of new traffic
	Rows           int        `json:"rows"`
	Attacks        int        `json:"attacks"`
	Classes        []string   `json:"classes"`
	Benign         int        `json:"benign"`
	Unseen         []string   `json:"unseen_classes"` // classes of these rows that no training row has
	TargetFPR      float64    `json:"target_fpr"`

	Results []Result `json:"results"` // the model first, then the baselines from the simplest on

	// PerClass and Confusion are of the model's choice of a class, not of a threshold.
	PerClass         []metrics.ClassScore `json:"per_class"`
	Confusion        *metrics.Confusion   `json:"confusion"`
	ClassAccuracy    metrics.Value        `json:"class_accuracy"`
	ClassBalanced    metrics.Value        `json:"class_balanced_accuracy"`
	ClassMacroF1     metrics.Value        `json:"class_macro_f1"`
	ClassCorrelation metrics.Value        `json:"class_mcc"`

	ColumnAUC []ColumnAUC `json:"column_auc"` // of single columns on the training rows, the highest first

	Resampling  Resampling   `json:"resampling"`
	Comparisons []Comparison `json:"comparisons"` // of the model with each baseline
	Importance  *Importance  `json:"permutation_importance,omitempty"`
	LeaveOneOut *LeaveOneOut `json:"leave_one_class_out,omitempty"` // set by the caller, see [LeaveOneClassOut]
	Gate        *Verdict     `json:"gate,omitempty"`                // set by the caller, see [Gate.Judge]
}

// Resampling says what the intervals of [Intervals] were drawn from.
type Resampling struct {
	Unit  string `json:"unit"`  // one of [Units]
	Units int    `json:"units"` // how many there are
}

// Result is one detector's figures.
type Result struct {
	Name      string    `json:"name"`
	Describe  string    `json:"description"`
	Threshold Threshold `json:"threshold"`

	ROCAUC metrics.Value `json:"roc_auc"`
	PRAUC  metrics.Value `json:"pr_auc"`
	// RecallAtFPR and its mean over attack classes take the threshold from
	// these very rows, so as to compare detectors at one false-positive rate;
	// in operation the threshold is the one above.
	RecallAtFPR      metrics.Value `json:"recall_at_target_fpr"`
	MacroRecallAtFPR metrics.Value `json:"macro_recall_at_target_fpr"`
	RecallAt         []RateRecall  `json:"recall_at_fpr"` // the same at fixed rates

	AtThreshold metrics.Binary      `json:"at_threshold"`
	MacroRecall metrics.Value       `json:"macro_recall"` // mean over attack classes, at the threshold
	Detections  []metrics.Detection `json:"detections"`   // by class, at the threshold
	Captures    []CaptureResult     `json:"captures"`
	OverTime    []metrics.Slot      `json:"over_time"` // at the threshold; null where rows have no time
	Curve       []metrics.Point     `json:"curve"`
	Calibration metrics.Calibration `json:"calibration"`
	Operation   []metrics.Operation `json:"operation"`
	Intervals   Intervals           `json:"intervals"`

	samples []metrics.Sample // paired with those of the other detectors
}

// RateRecall is what is found at a false-positive rate.
type RateRecall struct {
	FPR         float64       `json:"fpr"`
	Recall      metrics.Value `json:"recall"`
	MacroRecall metrics.Value `json:"macro_recall"`
}

// Intervals are bootstrap intervals of 95 %, see [Resampling].
type Intervals struct {
	ROCAUC           metrics.Interval `json:"roc_auc"`
	PRAUC            metrics.Interval `json:"pr_auc"`
	RecallAtFPR      metrics.Interval `json:"recall_at_target_fpr"`
	MacroRecallAtFPR metrics.Interval `json:"macro_recall_at_target_fpr"`
	Recall           metrics.Interval `json:"recall"`
	FPR              metrics.Interval `json:"fpr"`
	Precision        metrics.Interval `json:"precision"`
	BalancedAccuracy metrics.Interval `json:"balanced_accuracy"`
	MCC              metrics.Interval `json:"mcc"`
	MacroRecall      metrics.Interval `json:"macro_recall"`
}

// CaptureResult is one capture's rows at the threshold.
type CaptureResult struct {
	Capture     string        `json:"capture"`
	Benign      int           `json:"benign"`
	FalseAlerts int           `json:"false_alerts"`
	Attacks     int           `json:"attacks"`
	Detected    int           `json:"detected"`
	Recall      metrics.Value `json:"recall"`
	FPR         metrics.Value `json:"fpr"`
}

// ColumnAUC is how well one column alone parts attacks from benign rows: a
// value near 1 suggests that the dataset gives its labels away.
type ColumnAUC struct {
	Column string  `json:"column"`
	AUC    float64 `json:"roc_auc"`
}

// Evaluate judges m on a part of d, beside baselines that are fitted on the
// training rows of d. Thresholds are chosen on the validation rows. The model
// must have been trained on d's columns and classes, or on them as benign rows
// and attacks.
func Evaluate(ctx context.Context, m *Model, d *Data, c EvalConfig) (*Report, error) {
	r, err := evaluate(ctx, m, d, c.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	return r, nil
}

func evaluate(ctx context.Context, m *Model, d *Data, c EvalConfig) (*Report, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	if err := m.Accepts(d.X.Names, ""); err != nil {
		return nil, err
	}
	if !m.tells(d) {
		return nil, fmt.Errorf("the dataset's classes %q are not the model's %q", d.Classes, m.Classes)
	}
	p := d.pack(c.Part)
	if p.n == 0 {
		return nil, fmt.Errorf("the dataset has no %s rows", c.Part)
	}
	digest, err := m.Digest()
	if err != nil {
		return nil, err
	}
	j := newJudge(d, p, c, m.Threshold.Target)
	r := &Report{
		Config: c, Model: digest, Part: c.Part.String(), SeenInTraining: c.Part == features.Train, Rows: p.n, Attacks: p.attacks,
		Classes: d.Classes, Benign: d.Benign, TargetFPR: m.Threshold.Target, Resampling: j.resampling,
	}
	for i, n := range countClasses(d, p) {
		if n > 0 && m.trainedOn(d)[i] == 0 {
			r.Unseen = append(r.Unseen, d.Classes[i])
		}
	}
	if err := j.seenBy(m).classes(m, r); err != nil {
		return nil, err
	}
	result, err := j.judge("mlp", m.Describe(), m, &m.Threshold)
	if err != nil {
		return nil, err
	}
	r.Results = append(r.Results, *result)
	if err := j.baselines(ctx, r); err != nil {
		return nil, err
	}
	r.compare()
	if c.Importance > 0 {
		r.Importance, err = permutationImportance(ctx, m, d, c)
	}
	return r, err
}
