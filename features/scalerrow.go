package features

import "math"

// RowScaler applies a scaling row by row. It holds the scaling in a form that
// is quick to search, and may be used by many goroutines.
type RowScaler struct {
	columns []ColumnScaling
	knots   []*[maxKnots]int32 // of each column, as ordered gives them, filled up; nil without knots
}

// Compile prepares the scaling for many calls of [RowScaler.Row].
func (s *Scaling) Compile() *RowScaler {
	r := &RowScaler{columns: s.Columns, knots: make([]*[maxKnots]int32, len(s.Columns))}
	for i := range s.Columns {
		if s.Columns[i].Knots == nil {
			continue
		}
		k := new([maxKnots]int32)
		for j := range k {
			k[j] = math.MaxInt32
			if j < len(s.Columns[i].Knots) {
				k[j] = ordered(s.Columns[i].Knots[j])
			}
		}
		r.knots[i] = k
	}
	return r
}

// Row scales a row in place; it has the scaling's columns.
func (r *RowScaler) Row(row []float32) {
	for i, v := range row {
		c := &r.columns[i]
		if k := r.knots[i]; k != nil {
			row[i] = interpolate(k, c.Knots, c.Values, v)
			continue
		}
		if c.Log {
			v = signedLog(v)
		}
		row[i] = min(max((v-c.Shift)*c.Scale, c.Lo), c.Hi)
	}
}

// ordered maps numbers to integers in the same order (but −0 below 0).
func ordered(v float32) int32 {
	b := int32(math.Float32bits(v))
	return b ^ b>>31&math.MaxInt32
}

// interpolate takes the straight line between the knots around v. keys are
// those of at.
func interpolate(keys *[maxKnots]int32, at, to []float32, v float32) float32 {
	last := len(at) - 1
	if !(v > at[0]) {
		return to[0]
	}
	if v >= at[last] {
		return to[last]
	}
	i := locate(keys, ordered(v+0)) // −0 + 0 is 0
	return to[i] + (to[i+1]-to[i])*((v-at[i])/(at[i+1]-at[i]))
}

// locate gives the last key at or below v. It does not branch: at a key above
// v the difference is negative, and its sign clears the step. A search that
// branches is mispredicted at every other step and took 1.5 times as long.
func locate(k *[maxKnots]int32, v int32) int {
	w, i := int64(v), 0
	for step := maxKnots / 2; step > 0; step >>= 1 {
		i += step &^ int((w-int64(k[(i+step)&(maxKnots-1)]))>>63)
	}
	return i
}
