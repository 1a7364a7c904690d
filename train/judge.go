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

// judge holds what all detectors are judged on.
type judge struct {
	data        *Data
	part, valid *part
	config      EvalConfig
	target      float64
	resampling  Resampling
	sampler     metrics.Resampler
}

func newJudge(d *Data, p *part, c EvalConfig, target float64) *judge {
	j := &judge{data: d, part: p, valid: d.pack(features.Valid), config: c, target: target}
	group, units := p.capture, distinct(p.capture)
	unit := c.Unit
	switch {
	case unit == "" && units >= 10:
		unit = Units[0]
	case unit == "" && p.talk != nil:
		unit = Units[1]
	case unit == "":
		unit = Units[2]
	}
	if unit == Units[1] {
		group, units = p.talk, distinct(p.talk)
	}
	if unit == Units[2] || group == nil {
		unit, group, units = Units[2], nil, p.n
	}
	j.resampling = Resampling{Unit: unit, Units: units}
	j.sampler = metrics.Resampler{Seed: c.Seed, Group: group}
	return j
}

func distinct(of []int32) int {
	seen := make(map[int32]bool)
	for _, v := range of {
		seen[v] = true
	}
	return len(seen)
}

func (j *judge) baselines(ctx context.Context, r *Report) error {
	c := j.config
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
		MacroRecallAtFPR: j.macroRecallAt(rank, scores, j.target),
		AtThreshold:      metrics.At(t.Value, scores, p.attack),
		Detections:       metrics.Detections(d.Classes, p.class, t.Value, scores),
		Curve:            rank.Curve(c.CurvePoints),
		Calibration:      metrics.Calibrate(scores, p.attack, 10),
		Captures:         j.captures(t.Value, scores),
	}
	r.MacroRecall = metrics.MacroRecall(r.Detections, d.Benign)
	for _, rate := range fixedRates {
		r.RecallAt = append(r.RecallAt, RateRecall{rate, rank.RecallAt(rate), j.macroRecallAt(rank, scores, rate)})
	}
	if p.start != nil {
		r.OverTime = metrics.Timeline(p.start, t.Value, scores, p.attack, c.Slots)
	}
	for _, rate := range c.BaseRates {
		r.Operation = append(r.Operation, metrics.Operate(r.AtThreshold.Recall, r.AtThreshold.FPR, rate, c.RowsPerDay))
	}
	judged := metrics.Judged{Ranking: rank, Class: p.class, Classes: len(d.Classes), Benign: d.Benign, Threshold: t.Value, FPR: j.target}
	r.samples = judged.Resample(j.sampler, c.Resamples)
	r.Intervals = intervals(r.samples)
	return r, nil
}

// macroRecallAt is the mean recall of the attack classes at the threshold
// that these rows give for a false-positive rate.
func (j *judge) macroRecallAt(rank *metrics.Ranking, scores []float32, rate float64) metrics.Value {
	own, err := rank.Threshold(rate)
	if err != nil {
		return metrics.Undefined()
	}
	return metrics.MacroRecall(metrics.Detections(j.data.Classes, j.part.class, own, scores), j.data.Benign)
}

func intervals(s []metrics.Sample) Intervals {
	of := func(figure func(metrics.Sample) metrics.Value) metrics.Interval { return metrics.Interval95(s, figure) }
	return Intervals{
		ROCAUC:           of(func(s metrics.Sample) metrics.Value { return s.ROCAUC }),
		PRAUC:            of(samplePRAUC),
		RecallAtFPR:      of(func(s metrics.Sample) metrics.Value { return s.RecallAt }),
		MacroRecallAtFPR: of(sampleMacroAt),
		Recall:           of(func(s metrics.Sample) metrics.Value { return s.Recall }),
		FPR:              of(func(s metrics.Sample) metrics.Value { return s.FPR }),
		Precision:        of(func(s metrics.Sample) metrics.Value { return s.Precision }),
		BalancedAccuracy: of(func(s metrics.Sample) metrics.Value { return s.Balanced }),
		MCC:              of(func(s metrics.Sample) metrics.Value { return s.MCC }),
		MacroRecall:      of(func(s metrics.Sample) metrics.Value { return s.MacroRecall }),
	}
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
