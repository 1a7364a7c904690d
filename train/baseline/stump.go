package baseline

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// Stump is one rule: a row is an attack when one column is above (or not
// above) a threshold. Of all columns and all thresholds between two training
// values it is the one of the highest balanced accuracy; ties go to the first
// column and the lowest threshold. A stump that is nearly perfect says that
// the dataset gives its labels away, not that detection is easy.
type Stump struct {
	Column    int     `json:"column"`
	Feature   string  `json:"feature"`
	Threshold float32 `json:"threshold"`
	Above     bool    `json:"above"` // attack when value > threshold, else when value ≤ threshold
	Balanced  float64 `json:"train_balanced_accuracy"`
}

func fitStump(_ context.Context, s Set) (Model, error) {
	m := BestStump(s)
	return &m, nil
}

// BestStump scans every column of s, which must be as [Kind.Fit] asks for.
func BestStump(s Set) Stump {
	best := make([]Stump, s.Cols)
	each(s.Cols, func(c int) { best[c] = s.stump(c) })
	return slices.MaxFunc(best, func(a, b Stump) int { return cmp.Compare(a.Balanced, b.Balanced) })
}

// ColumnAUC is the area under the ROC curve of each column alone, the better
// of both directions: 0.5 says nothing, 1 separates the classes.
func ColumnAUC(s Set) []float64 {
	out := make([]float64, s.Cols)
	each(s.Cols, func(c int) {
		var area, neg, pos float64
		for _, g := range s.groups(c) {
			area += g.neg * (pos + g.pos/2)
			neg += g.neg
			pos += g.pos
		}
		if pos > 0 && neg > 0 {
			out[c] = max(area/(pos*neg), 1-area/(pos*neg))
		}
	})
	return out
}

// group counts the training rows of one value of a column.
type group struct {
	value    float32
	pos, neg float64
}

// groups lists the values of column c in ascending order.
func (s Set) groups(c int) []group {
	gs := make([]group, len(s.Attack))
	for i, a := range s.Attack {
		gs[i].value = s.X[i*s.Cols+c]
		if a {
			gs[i].pos = 1
		} else {
			gs[i].neg = 1
		}
	}
	slices.SortFunc(gs, func(a, b group) int { return cmp.Compare(a.value, b.value) })
	n := 0
	for _, g := range gs[1:] {
		if g.value == gs[n].value {
			gs[n].pos += g.pos
			gs[n].neg += g.neg
		} else {
			n++
			gs[n] = g
		}
	}
	return gs[:n+1]
}

func (s Set) stump(c int) Stump {
	gs := s.groups(c)
	var pos, neg, posLow, negLow float64
	for _, g := range gs {
		pos += g.pos
		neg += g.neg
	}
	best := Stump{Column: c, Feature: s.Names[c], Threshold: gs[0].value, Above: true, Balanced: 0.5}
	for i, g := range gs[:len(gs)-1] {
		posLow += g.pos
		negLow += g.neg
		above := ((pos-posLow)/pos + negLow/neg) / 2 // recall and specificity of "value > t"
		for _, b := range [2]bool{true, false} {
			v := above
			if !b {
				v = 1 - above
			}
			if v > best.Balanced {
				best.Threshold, best.Above, best.Balanced = between(g.value, gs[i+1].value), b, v
			}
		}
	}
	return best
}

// between is a threshold that parts a from the next value b: their middle,
// unless rounding puts it at b.
func between(a, b float32) float32 {
	mid := float32((float64(a) + float64(b)) / 2)
	if mid >= b {
		return a
	}
	return mid
}

// Name is "stump".
func (m *Stump) Name() string { return "stump" }

// Describe gives the rule.
func (m *Stump) Describe() string {
	sign := "≤"
	if m.Above {
		sign = ">"
	}
	return fmt.Sprintf("attack when %s %s %g (balanced accuracy %.3f in training)", m.Feature, sign, m.Threshold, m.Balanced)
}

// Score is 1 for rows to which the rule applies, else 0.
func (m *Stump) Score(rows []float32, n int, out []float32) error {
	if n == 0 {
		return nil
	}
	cols := len(rows) / n
	if m.Column >= cols {
		return fmt.Errorf("rows of %d columns have no column %d", cols, m.Column)
	}
	if err := checkRows(rows, n, cols, out); err != nil {
		return err
	}
	for i := range n {
		out[i] = 0
		if (rows[i*cols+m.Column] > m.Threshold) == m.Above {
			out[i] = 1
		}
	}
	return nil
}
