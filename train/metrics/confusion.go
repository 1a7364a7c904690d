package metrics

import (
	"fmt"
	"math"
)

// Confusion counts rows by true class (rows) and predicted class (columns).
type Confusion struct {
	Classes []string `json:"classes"`
	Count   [][]int  `json:"count"`
}

// NewConfusion counts; truth and predicted index classes.
func NewConfusion(classes []string, truth, predicted []int32) (*Confusion, error) {
	if len(truth) != len(predicted) {
		return nil, fmt.Errorf("%d predictions for %d rows", len(predicted), len(truth))
	}
	c := &Confusion{Classes: classes, Count: make([][]int, len(classes))}
	for i := range c.Count {
		c.Count[i] = make([]int, len(classes))
	}
	for i, t := range truth {
		p := predicted[i]
		if t < 0 || int(t) >= len(classes) || p < 0 || int(p) >= len(classes) {
			return nil, fmt.Errorf("row %d: class %d predicted as %d, of %d classes", i, t, p, len(classes))
		}
		c.Count[t][p]++
	}
	return c, nil
}

// ClassScore is how well one class is told from the others.
type ClassScore struct {
	Class     string `json:"class"`
	N         int    `json:"n"`         // rows of the class
	Predicted int    `json:"predicted"` // rows taken for it
	Precision Value  `json:"precision"`
	Recall    Value  `json:"recall"`
	F1        Value  `json:"f1"`
}

// PerClass scores each class against the rest.
func (c *Confusion) PerClass() []ClassScore {
	out := make([]ClassScore, len(c.Classes))
	for i, name := range c.Classes {
		row, col := c.margins(i)
		hit := c.Count[i][i]
		out[i] = ClassScore{
			Class: name, N: row, Predicted: col,
			Precision: Ratio(hit, col), Recall: Ratio(hit, row), F1: Ratio(2*hit, row+col),
		}
	}
	return out
}

// margins are the rows of class i and the rows predicted as it.
func (c *Confusion) margins(i int) (row, col int) {
	for j := range c.Classes {
		row += c.Count[i][j]
		col += c.Count[j][i]
	}
	return row, col
}

func (c *Confusion) totals() (n, hits int) {
	for i, row := range c.Count {
		for _, v := range row {
			n += v
		}
		hits += c.Count[i][i]
	}
	return n, hits
}

// Accuracy is the share of rows predicted right.
func (c *Confusion) Accuracy() Value {
	n, hits := c.totals()
	return Ratio(hits, n)
}

// BalancedAccuracy is the mean recall of the classes that have rows.
func (c *Confusion) BalancedAccuracy() Value {
	var recalls []Value
	for _, s := range c.PerClass() {
		recalls = append(recalls, s.Recall)
	}
	return mean(recalls)
}

// MacroF1 is the mean F1 of the classes that have rows or predictions.
func (c *Confusion) MacroF1() Value {
	var f []Value
	for _, s := range c.PerClass() {
		f = append(f, s.F1)
	}
	return mean(f)
}

// MCC is Matthews' correlation coefficient, for several classes as Gorodkin
// (2004) has it; 0 when all rows are of one class or predicted as one.
func (c *Confusion) MCC() Value {
	n, hits := c.totals()
	if n == 0 {
		return Undefined()
	}
	var both, rows2, cols2 float64
	for i := range c.Classes {
		row, col := c.margins(i)
		both += float64(row) * float64(col)
		rows2 += float64(row) * float64(row)
		cols2 += float64(col) * float64(col)
	}
	s := float64(n) * float64(n)
	d := math.Sqrt(s-rows2) * math.Sqrt(s-cols2)
	if d == 0 {
		return 0
	}
	return Value((float64(hits)*float64(n) - both) / d)
}
