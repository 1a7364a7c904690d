package train

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/pcapline/pcapline/features"
)

// Reference is what the training rows looked like, for a model at work to say
// whether the rows that it meets still do ([Drift]) and in what a row differs
// from benign ones ([Explainer]). Values are features as the network sees them.
type Reference struct {
	Rows    int               `json:"rows"`    // of the training part
	Columns []ReferenceColumn `json:"columns"` // one for each of Header.Columns
}

// ReferenceColumn is the distribution of one feature in training. Bin i holds
// the values above Edges[i-1] and up to Edges[i]; the last one all above.
type ReferenceColumn struct {
	Edges   []float32 `json:"edges"`   // ascending: the deciles, each once
	Shares  []float64 `json:"shares"`  // of the rows in each bin
	Typical float32   `json:"typical"` // median of the benign rows; of all, where none is benign
}

const (
	referenceBins   = 10
	referenceSample = 50_000 // rows, evenly spaced, that edges and medians are taken of
)

// newReference describes the n training rows of a model with the header h. It
// reads them twice.
func newReference(ctx context.Context, rows examples, n int, h Header) (*Reference, error) {
	cols, step := len(h.Columns), 1+(n-1)/referenceSample
	var sample []float32
	var class []int32
	at := 0
	err := rows.each(ctx, features.Train, func(x []float32, classes []int32) error {
		for i, c := range classes {
			if (at+i)%step == 0 {
				sample, class = append(sample, x[i*cols:(i+1)*cols]...), append(class, c)
			}
		}
		at += len(classes)
		return nil
	})
	if err != nil {
		return nil, err
	}
	r := &Reference{Rows: n, Columns: make([]ReferenceColumn, cols)}
	for j := range r.Columns {
		r.Columns[j].choose(sample, class, j, cols, int32(h.Benign))
	}
	err = rows.each(ctx, features.Train, func(x []float32, classes []int32) error {
		for i := range classes {
			for j := range r.Columns {
				c := &r.Columns[j]
				c.Shares[c.bin(x[i*cols+j])]++
			}
		}
		return nil
	})
	for _, c := range r.Columns {
		for k := range c.Shares {
			c.Shares[k] /= float64(n)
		}
	}
	return r, err
}

// choose sets the edges and the typical value by a sample of rows.
func (c *ReferenceColumn) choose(sample []float32, class []int32, column, cols int, benignClass int32) {
	all, benign := make([]float32, 0, len(class)), make([]float32, 0, len(class))
	for i, k := range class {
		v := sample[i*cols+column]
		all = append(all, v)
		if k == benignClass {
			benign = append(benign, v)
		}
	}
	slices.Sort(all)
	for k := 1; k <= referenceBins; k++ {
		if e := all[(len(all)*k+referenceBins-1)/referenceBins-1]; len(c.Edges) == 0 || e > c.Edges[len(c.Edges)-1] {
			c.Edges = append(c.Edges, e)
		}
	}
	if len(benign) == 0 {
		benign = all
	}
	slices.Sort(benign)
	c.Typical = benign[(len(benign)-1)/2]
	c.Shares = make([]float64, len(c.Edges)+1)
}

// bin is a walk: there are ten edges at most, and most values are low.
func (c *ReferenceColumn) bin(v float32) int {
	for i, e := range c.Edges {
		if v <= e {
			return i
		}
	}
	return len(c.Edges)
}

func (r *Reference) check(columns int) error {
	if len(r.Columns) != columns {
		return fmt.Errorf("reference of %d columns for %d", len(r.Columns), columns)
	}
	for i := range r.Columns {
		c := &r.Columns[i]
		if len(c.Edges) > referenceBins || len(c.Shares) != len(c.Edges)+1 || !slices.IsSorted(c.Edges) {
			return fmt.Errorf("reference of column %d: %d edges and %d shares", i, len(c.Edges), len(c.Shares))
		}
		for _, s := range c.Shares {
			if !(s >= 0 && s <= 1) {
				return fmt.Errorf("reference of column %d: share %v", i, s)
			}
		}
	}
	return nil
}

// Drift compares the rows that a model meets with those that it learned from,
// column by column, by the population stability index: Σ (p−q)·ln(p/q) over
// the bins, p the share now and q that of training. By the custom of credit
// scoring, below 0.1 nothing has changed, above 0.25 much has. Older rows count
// less: [DriftHalfLife] rows ago, half. It is for one goroutine.
//
// Source: Siddiqi, Credit Risk Scorecards, 2006; Yurdakul and Naranjo,
// Statistical properties of the population stability index, 2020.
type Drift struct {
	ref    *Reference
	counts [][]float64
	weight float64 // of the next row; grows, so that nothing has to shrink
	sum    float64
}

const (
	// DriftHalfLife is in rows.
	DriftHalfLife = 10_000
	// DriftRows is how many rows, weighted, must have come before the index
	// says something: about ten a bin would make 0.1 by chance.
	DriftRows = 500

	driftFloor = 1e-4 // least share of a bin: ln 0 is no figure
)

// NewDrift begins to compare with what m keeps of its training; nil where it
// keeps nothing, as models of before version 2 do.
func NewDrift(m *Model) *Drift {
	if m.Reference == nil {
		return nil
	}
	d := &Drift{ref: m.Reference, weight: 1}
	for i := range m.Reference.Columns {
		d.counts = append(d.counts, make([]float64, len(m.Reference.Columns[i].Shares)))
	}
	return d
}

// Add takes rows of features, row-major, as [Scorer.Features] gives them.
func (d *Drift) Add(x []float32) {
	cols := len(d.counts)
	for ; len(x) >= cols; x = x[cols:] {
		for j, v := range x[:cols] {
			d.counts[j][d.ref.Columns[j].bin(v)] += d.weight
		}
		d.sum += d.weight
		if d.weight *= math.Exp2(1.0 / DriftHalfLife); d.weight > 1e9 {
			d.rescale()
		}
	}
}

func (d *Drift) rescale() {
	for _, c := range d.counts {
		for i := range c {
			c[i] /= d.weight
		}
	}
	d.sum /= d.weight
	d.weight = 1
}

// PSI writes the index of each column to out, and says whether enough rows
// have come for it to mean something.
func (d *Drift) PSI(out []float64) bool {
	if d.sum < DriftRows*d.weight {
		return false
	}
	for j, counts := range d.counts {
		out[j] = 0
		for i, n := range counts {
			p, q := max(n/d.sum, driftFloor), max(d.ref.Columns[j].Shares[i], driftFloor)
			out[j] += (p - q) * math.Log(p/q)
		}
	}
	return true
}
