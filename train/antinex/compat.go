package antinex

import (
	"math/rand/v2"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train/metrics"
)

// CompatWarning says what figures of a model trained as AntiNex does it are worth.
const CompatWarning = "compat antinex-v1: the scaler has seen the test rows, equal rows are on both sides of the split, " +
	"live rows are scaled by themselves: figures say little of new traffic"

// prepareAsOriginal follows antinex-utils: the scaler learns from all rows,
// the label's values are scaled with them, constant columns stay, and rows
// are dealt out one by one, to training and test only, so that the last epoch
// counts and the threshold is a half. The shuffle is not numpy's, whose
// generator is not ours; that of the same seed gives other rows.
func (res *Result) prepareAsOriginal(t *table, r *Request) (*features.Scaling, error) {
	res.Warnings = append(res.Warnings, CompatWarning)
	res.Data.KeepConstant = true
	order := make([]int32, t.x.Rows)
	metrics.Shuffle(rand.NewPCG(r.Seed, 0), order)
	test := max(1, int(float64(t.x.Rows)*r.TestSize+0.999999)) // scikit-learn rounds up
	res.Data.Part = make([]features.Part, t.x.Rows)
	for _, row := range order[:test] {
		res.Data.Part[row] = features.Test
	}
	res.Values = res.meaning.values
	if !r.ApplyScaler {
		return identity(t.x.Names), nil
	}
	res.Values = scaleLabels(res.meaning.values, r)
	return rangeScaling(t.x, r), nil
}

// identity is no scaling.
func identity(names []string) *features.Scaling {
	s := &features.Scaling{Version: features.ScalingVersion, Method: features.None}
	for _, n := range names {
		s.Columns = append(s.Columns, features.ColumnScaling{Name: n, Scale: 1, Lo: -maxFloat, Hi: maxFloat})
	}
	return s
}

const maxFloat = 3.4028234663852886e38

// rangeScaling maps the range that all rows of x have to the request's;
// constant columns become its lower end.
func rangeScaling(x *features.Matrix, r *Request) *features.Scaling {
	s := identity(x.Names)
	s.Method = features.MinMax
	for c := range s.Columns {
		lo, hi := x.Row(0)[c], x.Row(0)[c]
		for i := range x.Rows {
			lo, hi = min(lo, x.Row(i)[c]), max(hi, x.Row(i)[c])
		}
		k := &s.Columns[c]
		k.Lo, k.Hi = float32(r.MinScaler), float32(r.MaxScaler)
		if lo == hi {
			k.Shift, k.Scale, k.Hi = lo, 0, k.Lo
			continue
		}
		scale := (r.MaxScaler - r.MinScaler) / (float64(hi) - float64(lo))
		k.Scale, k.Shift = float32(scale), float32(float64(lo)-r.MinScaler/scale)
	}
	return s
}

// scaleLabels is the range's lower end for the lowest value, its upper end
// for the highest.
func scaleLabels(values []float64, r *Request) []float64 {
	lo, hi := values[0], values[0]
	for _, v := range values {
		lo, hi = min(lo, v), max(hi, v)
	}
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = r.MinScaler
		if hi > lo {
			out[i] += (v - lo) / (hi - lo) * (r.MaxScaler - r.MinScaler)
		}
	}
	return out
}
