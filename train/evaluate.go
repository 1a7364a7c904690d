package train

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train/baseline"
	"github.com/pcapline/pcapline/train/metrics"
)

// EvalConfig says how to judge. The zero value has the defaults named.
type EvalConfig struct {
	Part        features.Part // the rows to judge on; the zero value, training rows, means the test rows
	OnTraining  bool          // judge on the training rows; the report says so
	Baselines   []string      // of baseline.Kinds by name; nil: all; empty: none
	BaseRates   []float64     // shares of attacks in operation; nil: 1 %, 0.1 %, 0.01 %
	RowsPerDay  float64       // in operation; 0: 1,000,000
	Resamples   int           // of the bootstrap; 0: 200
	Seed        uint64        // of the bootstrap
	CurvePoints int           // at most about so many a curve; 0: 200
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
	return c
}

// Report puts a model and the baselines side by side on the same rows.
type Report struct {
	Part           string   `json:"part"`
	SeenInTraining bool     `json:"seen_in_training"` // the figures say nothing of new traffic
	Rows           int      `json:"rows"`
	Attacks        int      `json:"attacks"`
	Classes        []string `json:"classes"`
	Benign         int      `json:"benign"`
	Unseen         []string `json:"unseen_classes"` // classes of these rows that no training row has
	TargetFPR      float64  `json:"target_fpr"`

	Results []Result `json:"results"` // the model first, then the baselines from the simplest on

	// PerClass and Confusion are of the model's choice of a class, not of a threshold.
	PerClass         []metrics.ClassScore `json:"per_class"`
	Confusion        *metrics.Confusion   `json:"confusion"`
	ClassAccuracy    metrics.Value        `json:"class_accuracy"`
	ClassBalanced    metrics.Value        `json:"class_balanced_accuracy"`
	ClassMacroF1     metrics.Value        `json:"class_macro_f1"`
	ClassCorrelation metrics.Value        `json:"class_mcc"`

	ColumnAUC []ColumnAUC `json:"column_auc"` // of single columns on the training rows, the highest first
}

// Result is one detector's figures.
type Result struct {
	Name      string    `json:"name"`
	Describe  string    `json:"description"`
	Threshold Threshold `json:"threshold"`

	ROCAUC         metrics.Value    `json:"roc_auc"`
	ROCAUCInterval metrics.Interval `json:"roc_auc_interval"`
	PRAUC          metrics.Value    `json:"pr_auc"`
	PRAUCInterval  metrics.Interval `json:"pr_auc_interval"`
	// RecallAtFPR and its mean over attack classes take the threshold from
	// these very rows, so as to compare detectors at one false-positive rate;
	// in operation the threshold is the one above.
	RecallAtFPR      metrics.Value `json:"recall_at_target_fpr"`
	MacroRecallAtFPR metrics.Value `json:"macro_recall_at_target_fpr"`

	AtThreshold metrics.Binary      `json:"at_threshold"`
	MacroRecall metrics.Value       `json:"macro_recall"` // mean over attack classes, at the threshold
	Detections  []metrics.Detection `json:"detections"`   // by class, at the threshold
	Captures    []CaptureResult     `json:"captures"`
	Curve       []metrics.Point     `json:"curve"`
	Calibration metrics.Calibration `json:"calibration"`
	Operation   []metrics.Operation `json:"operation"`
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
	j := &judge{data: d, part: p, valid: d.pack(features.Valid), config: c, target: m.Threshold.Target}
	r := &Report{
		Part: c.Part.String(), SeenInTraining: c.Part == features.Train, Rows: p.n, Attacks: p.attacks,
		Classes: d.Classes, Benign: d.Benign, TargetFPR: m.Threshold.Target,
	}
	for i, n := range countClasses(d, p) {
		if n > 0 && m.trainedOn(d)[i] == 0 {
			r.Unseen = append(r.Unseen, d.Classes[i])
		}
	}
	if err := j.seenBy(m).classes(m, r); err != nil {
		return nil, err
	}
	describe := fmt.Sprintf("multi-layer perceptron %d → %v → %d", m.Network.Inputs, m.Network.Hidden, m.Network.Outputs)
	result, err := j.judge("mlp", describe, m, &m.Threshold)
	if err != nil {
		return nil, err
	}
	r.Results = append(r.Results, *result)
	return r, j.baselines(ctx, r)
}

// judge holds what all detectors are judged on.
type judge struct {
	data        *Data
	part, valid *part
	config      EvalConfig
	target      float64
}

func (j *judge) baselines(ctx context.Context, r *Report) error {
	c := j.config
	for _, name := range c.Baselines {
		if !slices.ContainsFunc(baseline.Kinds(), func(k baseline.Kind) bool { return k.Name == name }) {
			return fmt.Errorf("unknown baseline %q", name)
		}
	}
	if c.Baselines != nil && len(c.Baselines) == 0 {
		return nil
	}
	train := j.data.pack(features.Train)
	if train.n == 0 {
		return errors.New("the dataset has no training rows to fit the baselines on")
	}
	set := j.data.baselineSet(train)
	for _, k := range baseline.Kinds() {
		if c.Baselines != nil && !slices.Contains(c.Baselines, k.Name) {
			continue
		}
		b, err := k.Fit(ctx, set)
		if err != nil {
			return err
		}
		result, err := j.judge(k.Name, b.Describe(), b, nil)
		if err != nil {
			return fmt.Errorf("baseline %s: %w", k.Name, err)
		}
		r.Results = append(r.Results, *result)
	}
	for i, auc := range baseline.ColumnAUC(set) {
		r.ColumnAUC = append(r.ColumnAUC, ColumnAUC{j.data.X.Names[i], auc})
	}
	slices.SortStableFunc(r.ColumnAUC, func(a, b ColumnAUC) int {
		switch {
		case a.AUC > b.AUC:
			return -1
		case a.AUC < b.AUC:
			return 1
		}
		return 0
	})
	return nil
}

// classes fills in what the model says about each row's class.
func (j *judge) classes(m *Model, r *Report) error {
	p, cols, k := j.part, j.data.X.Cols(), len(m.Classes)
	predicted := make([]int32, p.n)
	err := inParallel(p.n, func(lo, hi int) error {
		prob := make([]float32, (hi-lo)*k)
		if err := m.Probabilities(p.x[lo*cols:hi*cols], hi-lo, prob); err != nil {
			return err
		}
		for i := range hi - lo {
			row := prob[i*k : (i+1)*k]
			for c, v := range row {
				if v > row[predicted[lo+i]] {
					predicted[lo+i] = int32(c)
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.Confusion, err = metrics.NewConfusion(m.Classes, p.class, predicted)
	if err != nil {
		return err
	}
	c := r.Confusion
	r.PerClass = c.PerClass()
	r.ClassAccuracy, r.ClassBalanced, r.ClassMacroF1, r.ClassCorrelation = c.Accuracy(), c.BalancedAccuracy(), c.MacroF1(), c.MCC()
	return nil
}

// judge computes one detector's figures. Without a threshold it is chosen on
// the validation rows.
func (j *judge) judge(name, describe string, s scorer, t *Threshold) (*Result, error) {
	p, d, c := j.part, j.data, j.config
	if t == nil {
		chosen, err := chooseThreshold(s, j.valid, j.target)
		if err != nil {
			return nil, err
		}
		t = &chosen
	}
	scores, err := scoreAll(s, p.x, p.n)
	if err != nil {
		return nil, err
	}
	rank, err := metrics.Rank(scores, p.attack)
	if err != nil {
		return nil, err
	}
	r := &Result{
		Name: name, Describe: describe, Threshold: *t,
		ROCAUC: rank.ROCAUC(), PRAUC: rank.AveragePrecision(), RecallAtFPR: rank.RecallAt(j.target),
		MacroRecallAtFPR: metrics.Undefined(),
		AtThreshold:      metrics.At(t.Value, scores, p.attack),
		Detections:       metrics.Detections(d.Classes, p.class, t.Value, scores),
		Curve:            rank.Curve(c.CurvePoints),
		Calibration:      metrics.Calibrate(scores, p.attack, 10),
	}
	r.ROCAUCInterval, r.PRAUCInterval = rank.Bootstrap(c.Seed, c.Resamples)
	r.MacroRecall = metrics.MacroRecall(r.Detections, d.Benign)
	if own, err := rank.Threshold(j.target); err == nil {
		r.MacroRecallAtFPR = metrics.MacroRecall(metrics.Detections(d.Classes, p.class, own, scores), d.Benign)
	}
	r.Captures = j.captures(t.Value, scores)
	for _, rate := range c.BaseRates {
		r.Operation = append(r.Operation, metrics.Operate(r.AtThreshold.Recall, r.AtThreshold.FPR, rate, c.RowsPerDay))
	}
	return r, nil
}

// captures counts alerts by capture, for those that have rows.
func (j *judge) captures(threshold float32, scores []float32) []CaptureResult {
	if j.part.capture == nil {
		return nil
	}
	all := make([]CaptureResult, len(j.data.Captures))
	for i, at := range j.part.capture {
		r, called := &all[at], scores[i] >= threshold
		switch {
		case j.part.attack[i]:
			r.Attacks++
			if called {
				r.Detected++
			}
		default:
			r.Benign++
			if called {
				r.FalseAlerts++
			}
		}
	}
	var out []CaptureResult
	for i, r := range all {
		if r.Benign+r.Attacks > 0 {
			r.Capture, r.Recall, r.FPR = j.data.Captures[i], metrics.Ratio(r.Detected, r.Attacks), metrics.Ratio(r.FalseAlerts, r.Benign)
			out = append(out, r)
		}
	}
	return out
}
