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

// LeaveOneOut says how detectors do on attacks that they were never shown.
type LeaveOneOut struct {
	TargetFPR float64       `json:"target_fpr"`
	Part      string        `json:"benign_part"` // whose benign rows the false alarms and the ranking are taken from
	Classes   []UnseenClass `json:"classes"`
	Mean      []UnseenMean  `json:"mean"`    // over the classes, by detector
	Skipped   []string      `json:"skipped"` // classes without which there is nothing to train, or that have no rows
}

// UnseenClass is an attack class that was taken out of training and validation.
type UnseenClass struct {
	Class   string         `json:"class"`
	Rows    int            `json:"rows"` // all that the dataset has of it, none of which was learned from
	Results []UnseenResult `json:"results"`
}

// UnseenResult is a detector trained without the class. Its threshold was
// chosen on the validation rows.
type UnseenResult struct {
	Name        string           `json:"name"`
	Recall      metrics.Value    `json:"recall"` // at the threshold
	Interval    metrics.Interval `json:"interval"`
	FPR         metrics.Value    `json:"fpr"`     // at the threshold
	ROCAUC      metrics.Value    `json:"roc_auc"` // of the class against the benign rows
	PRAUC       metrics.Value    `json:"pr_auc"`
	RecallAtFPR metrics.Value    `json:"recall_at_target_fpr"`
}

// UnseenMean is the mean over the classes, each counting the same.
type UnseenMean struct {
	Name        string        `json:"name"`
	Recall      metrics.Value `json:"recall"`
	FPR         metrics.Value `json:"fpr"`
	ROCAUC      metrics.Value `json:"roc_auc"`
	RecallAtFPR metrics.Value `json:"recall_at_target_fpr"`
}

// LeaveOneClassOut trains a network and the baselines anew for each attack
// class, without any row of it, and judges them on all rows of that class and
// the benign rows of a part. d is not scaled: a scaling is fitted each time,
// by the given method, on the training rows that are left. How columns became
// features was decided with the class among the rows; no label went into it.
// done, which may be nil, is called after each class.
func LeaveOneClassOut(ctx context.Context, d *Data, scale features.Method, fit Config, c EvalConfig, done func(UnseenClass)) (*LeaveOneOut, error) {
	c = c.withDefaults()
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("leave one class out: %w", err)
	}
	out := &LeaveOneOut{TargetFPR: fit.WithDefaults().TargetFPR, Part: c.Part.String(), Skipped: []string{}}
	for class, name := range d.Classes {
		if class == d.Benign {
			continue
		}
		without, rows := d.without(class, c.Part)
		if attacks, _ := without.trains(); len(rows) == 0 || attacks == 0 {
			out.Skipped = append(out.Skipped, name)
			continue
		}
		u, err := leaveOut(ctx, without, rows, scale, fit, c)
		if err != nil {
			return nil, fmt.Errorf("leave out %s: %w", name, err)
		}
		u.Class = name
		out.Classes = append(out.Classes, *u)
		if done != nil {
			done(*u)
		}
	}
	if len(out.Classes) == 0 {
		return nil, errors.New("leave one class out: there must be two attack classes with training rows")
	}
	out.mean()
	return out, nil
}

// without takes a class out of the parts that are learned from, and gives the
// rows to judge on: all of the class, and the benign ones of the part.
func (d *Data) without(class int, part features.Part) (*Data, []int32) {
	out := *d
	out.Part = slices.Clone(d.Part)
	var judged []int32
	found := false
	for i, c := range d.Class {
		switch {
		case d.Part[i] == features.Purged:
		case int(c) == class:
			out.Part[i], found = features.Purged, true
			judged = append(judged, int32(i))
		case int(c) == d.Benign && d.Part[i] == part:
			judged = append(judged, int32(i))
		}
	}
	if !found {
		return &out, nil
	}
	return &out, judged
}

// trains counts the training rows.
func (d *Data) trains() (attacks, benign int) {
	for i, p := range d.Part {
		switch {
		case p != features.Train:
		case int(d.Class[i]) == d.Benign:
			benign++
		default:
			attacks++
		}
	}
	return attacks, benign
}

// leaveOut trains on d and judges on rows of it.
func leaveOut(ctx context.Context, d *Data, rows []int32, scale features.Method, fit Config, c EvalConfig) (*UnseenClass, error) {
	d, err := d.rescaled(scale)
	if err != nil {
		return nil, err
	}
	m, _, err := Fit(ctx, d, fit, nil)
	if err != nil {
		return nil, err
	}
	p := d.packRows(rows)
	u := &UnseenClass{Rows: p.attacks}
	target := m.Threshold.Target
	if err := u.add("mlp", m, m.Threshold, p, target); err != nil {
		return nil, err
	}
	valid, set := d.pack(features.Valid), d.baselineSet(d.pack(features.Train))
	for _, k := range baseline.Kinds() {
		if c.Baselines != nil && !slices.Contains(c.Baselines, k.Name) {
			continue
		}
		b, err := k.Fit(ctx, set)
		if err != nil {
			return nil, err
		}
		t, err := chooseThreshold(b, valid, target)
		if err != nil {
			return nil, err
		}
		if err := u.add(k.Name, b, t, p, target); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// rescaled is d scaled by its training rows, without the columns that are
// constant there.
func (d *Data) rescaled(scale features.Method) (*Data, error) {
	set := d.summarise(d.pack(features.Train))
	var keep []int
	var constant *ConstantError
	if err := set.checkTraining(d.X.Names, d.Benign, d.KeepConstant); errors.As(err, &constant) {
		for i, name := range d.X.Names {
			if !slices.Contains(constant.Columns, name) {
				keep = append(keep, i)
			}
		}
	} else if err != nil {
		return nil, err
	} else {
		for i := range d.X.Names {
			keep = append(keep, i)
		}
	}
	out := *d
	names := make([]string, len(keep))
	for k, i := range keep {
		names[k] = d.X.Names[i]
	}
	out.Sources = nil
	out.X = features.NewMatrix(d.X.Rows, names)
	for r := range d.X.Rows {
		from, to := d.X.Row(r), out.X.Row(r)
		for k, i := range keep {
			to[k] = from[i]
		}
	}
	scaling, err := features.Scaler{Method: scale}.Fit(out.X, features.Training(out.Part))
	if err != nil {
		return nil, err
	}
	return &out, scaling.Apply(out.X)
}

func (u *UnseenClass) add(name string, s scorer, t Threshold, p *part, target float64) error {
	scores, err := scoreAll(s, p.x, p.n)
	if err != nil {
		return err
	}
	rank, err := metrics.Rank(scores, p.attack)
	if err != nil {
		return err
	}
	at := metrics.At(t.Value, scores, p.attack)
	u.Results = append(u.Results, UnseenResult{
		Name: name, Recall: at.Recall, Interval: at.RecallInterval, FPR: at.FPR,
		ROCAUC: rank.ROCAUC(), PRAUC: rank.AveragePrecision(), RecallAtFPR: rank.RecallAt(target),
	})
	return nil
}

func (l *LeaveOneOut) mean() {
	for i, first := range l.Classes[0].Results {
		m := UnseenMean{Name: first.Name}
		n := metrics.Value(len(l.Classes))
		for _, u := range l.Classes {
			r := u.Results[i]
			m.Recall += r.Recall / n
			m.FPR += r.FPR / n
			m.ROCAUC += r.ROCAUC / n
			m.RecallAtFPR += r.RecallAtFPR / n
		}
		l.Mean = append(l.Mean, m)
	}
}
