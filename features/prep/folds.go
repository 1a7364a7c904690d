package prep

import (
	"fmt"

	"github.com/pcapline/pcapline/features"
)

// CrossValidations are the ways to cut the rows that a training may see, those
// of the parts train and valid, into folds.
var CrossValidations = []string{"fold", "time"}

// Folds gives the parts of all rows in each fold of a cross-validation; test
// rows are purged in all of them. By "fold" they are those that the dataset
// was dealt out to (Prepare's split kfold), each of which but the test fold is
// the validation part once; n is then their number or 0. By "time" there are n
// of them, 0: 5, see [features.TemporalFolds]; the gap is that of the split.
func (d *Dataset) Folds(by string, n int) ([][]features.Part, error) {
	switch by {
	case "fold":
		return d.dealtFolds(n)
	case "time":
		if n == 0 {
			n = 5
		}
		return d.timeFolds(n)
	}
	return nil, fmt.Errorf("cross-validation by %q is none of %q", by, CrossValidations)
}

func (d *Dataset) dealtFolds(n int) ([][]features.Part, error) {
	if d.Fold == nil {
		return nil, fmt.Errorf("the dataset was not dealt out to folds: prepare --split kfold does it, by flow, host or capture")
	}
	spec := d.Meta.Split.Spec
	if n != 0 && n != spec.Folds-1 {
		return nil, fmt.Errorf("the dataset has %d folds beside that of the test rows, not %d", spec.Folds-1, n)
	}
	var out [][]features.Part
	for valid := range spec.Folds {
		if valid == spec.Fold {
			continue
		}
		parts := make([]features.Part, len(d.Fold))
		for i, f := range d.Fold {
			switch {
			case int(f) == spec.Fold:
				parts[i] = features.Purged
			case int(f) == valid:
				parts[i] = features.Valid
			}
		}
		out = append(out, parts)
	}
	return out, nil
}

func (d *Dataset) timeFolds(n int) ([][]features.Part, error) {
	if d.Meta.Split != nil && d.Meta.Split.Spec.ByHosts() {
		return nil, fmt.Errorf("the dataset keeps all rows of a host together, which no cut in time can do: prepare it by time, or cross-validate by its folds")
	}
	var rows []features.Position
	var at []int
	for i, p := range d.Parts {
		if p == features.Train || p == features.Valid {
			rows = append(rows, features.Position{Start: d.Start[i], End: d.End[i], Group: uint64(d.Group[i]), Capture: d.Capture[i], Class: d.Class[i]})
			at = append(at, i)
		}
	}
	gap := features.DefaultGap
	if d.Meta.Split != nil {
		gap = d.Meta.Split.Spec.Gap
	}
	folds, err := features.TemporalFolds(rows, len(d.Captures), n, gap)
	if err != nil {
		return nil, err
	}
	out := make([][]features.Part, len(folds))
	for f, parts := range folds {
		out[f] = make([]features.Part, len(d.Parts))
		for i := range out[f] {
			out[f][i] = features.Purged
		}
		for k, p := range parts {
			out[f][at[k]] = p
		}
	}
	return out, nil
}
