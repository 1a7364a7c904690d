package baseline

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/pcapline/pcapline/features"
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
		auc := s.spread(c).AUC()
		out[c] = max(auc, 1-auc)
	})
	return out
}

// spread counts the values of column c.
func (s Set) spread(c int) features.Spread {
	return features.SpreadOf(len(s.Attack), func(i int) float32 { return s.X[i*s.Cols+c] }, func(i int) bool { return s.Attack[i] })
}

func (s Set) stump(c int) Stump {
	rule := s.spread(c).BestRule()
	return Stump{Column: c, Feature: s.Names[c], Threshold: rule.Threshold, Above: rule.Above, Balanced: rule.Balanced}
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
