package train

import (
	"context"
	"math/rand/v2"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train/metrics"
)

// examples are the rows that a training learns from and is judged by: in
// memory, or read anew in each epoch.
type examples interface {
	// epoch gives each training row once, in an order drawn from the source;
	// nil: in their own order.
	epoch(ctx context.Context, order rand.Source, take func(x []float32, class int32) error) error
	// each gives the rows of a part in their own order, many at a time.
	each(ctx context.Context, p features.Part, visit func(x []float32, class []int32) error) error
}

// packed is examples in memory.
type packed struct {
	train, valid *part
	order        []int32
}

func newPacked(d *Data) *packed {
	p := &packed{train: d.pack(features.Train), valid: d.pack(features.Valid)}
	p.order = ascending(p.train.n)
	return p
}

func ascending(n int) []int32 {
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	return order
}

func (p *packed) epoch(ctx context.Context, order rand.Source, take func(x []float32, class int32) error) error {
	if order != nil {
		metrics.Shuffle(order, p.order)
	}
	cols := len(p.train.x) / max(1, p.train.n)
	for _, r := range p.order {
		if err := take(p.train.x[int(r)*cols:(int(r)+1)*cols], p.train.class[r]); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (p *packed) each(ctx context.Context, which features.Part, visit func(x []float32, class []int32) error) error {
	rows := p.train
	if which == features.Valid {
		rows = p.valid
	}
	if rows.n == 0 {
		return ctx.Err()
	}
	return visit(rows.x, rows.class)
}

// summary is what is known of the rows of a part before a training.
type summary struct {
	rows    int
	classes []int     // rows of each class
	first   []float32 // row
	varies  []bool    // columns that have another value in a later row
}

func newSummary(classes, cols int) *summary {
	return &summary{classes: make([]int, classes), varies: make([]bool, cols)}
}

func (s *summary) add(x []float32, class []int32) {
	cols := len(s.varies)
	if s.rows == 0 && len(class) > 0 {
		s.first = append(s.first, x[:cols]...)
	}
	for i, c := range class {
		s.classes[c]++
		for j, v := range x[i*cols : (i+1)*cols] {
			if v != s.first[j] {
				s.varies[j] = true
			}
		}
	}
	s.rows += len(class)
}

func (d *Data) summarise(p *part) *summary {
	s := newSummary(len(d.Classes), d.X.Cols())
	s.add(p.x, p.class)
	return s
}
