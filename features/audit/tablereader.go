package audit

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/source"
)

// tableReader reads tables block by block.
type tableReader struct {
	in       *input
	at       map[string]int // column of the block
	opt      TableOptions
	classes  map[string]int32
	captures map[string]int32
	hosts    map[string]int32
	block    block
	row      int64
	text     []byte
}

func newTableReader(in *input, at map[string]int, opt TableOptions) *tableReader {
	return &tableReader{in: in, at: at, opt: opt, classes: map[string]int32{"benign": 0}, captures: map[string]int32{}, hosts: map[string]int32{}}
}

func (r *tableReader) read(ctx context.Context, t *table, visit func(*block) error) error {
	var columns []string
	for _, f := range t.schema {
		if _, audited := r.at[f.Name]; audited || f.Name == t.label || f.Name == "label" ||
			slices.Contains(captureNames, f.Name) || slices.Contains(timeNames, f.Name) {
			columns = append(columns, f.Name)
		}
	}
	f, err := source.OpenWith(t.path, source.Options{Columns: columns, Schema: t.schema})
	if err != nil {
		return err
	}
	defer f.Close()
	if t.index == 0 {
		r.row = 0
	}
	b := schema.FromFields(f.Schema())
	return source.Each(ctx, f, b, func() error {
		b.Finish()
		if err := r.fill(t, b); err != nil {
			return err
		}
		return visit(&r.block)
	})
}

// fill takes the rows of a batch that have a label.
func (r *tableReader) fill(t *table, b *schema.Batch) error {
	bl := &r.block
	bl.reset(len(r.in.columns))
	label, name := r.texts(b.Column(t.label)), func(int) string { return "" }
	if t.label == "label_class" {
		name = r.texts(b.Column("label"))
	}
	capture, host, start := r.captureOf(t, b), r.hostOf(b), r.timeOf(b)
	var rows []int
	for i := range b.Rows {
		class, labelled := r.class(label(i), name(i))
		c, h, at := capture(i), host(i), start(i)
		if !labelled {
			continue
		}
		rows = append(rows, i)
		part := features.Train
		if features.Mix(uint64(r.row)^0xa5)&1 == 1 {
			part = features.Test
		}
		r.row++
		bl.class, bl.capture, bl.part = append(bl.class, class), append(bl.capture, c), append(bl.part, part)
		bl.host = append(bl.host, h)
		bl.start, bl.end, bl.group = append(bl.start, at), append(bl.end, at), append(bl.group, 0)
	}
	bl.n = len(rows)
	for i, c := range r.in.columns {
		value := r.numbers(b.Column(c.name), c.text)
		for _, row := range rows {
			bl.values[i] = append(bl.values[i], value(row))
		}
	}
	return nil
}

// class gives the class of a label; an attack has the name that its label is,
// unless another column names it. A row without a label is none.
func (r *tableReader) class(label, name string) (class int32, labelled bool) {
	l := strings.ToLower(strings.TrimSpace(label))
	benign := benignNames
	if r.opt.Benign != nil {
		benign = r.opt.Benign
	}
	switch {
	case l == "" || l == "unknown":
		return 0, false
	case slices.Contains(benign, l) || slices.Contains(benign, label):
		return 0, true
	}
	if name != "" {
		label = name
	}
	c, known := r.classes[label]
	if !known {
		c = int32(len(r.in.classes))
		r.classes[label] = c
		r.in.classes = append(r.in.classes, label)
	}
	return c, true
}

// captureOf gives a row's recording: its table, and what the table says.
func (r *tableReader) captureOf(t *table, b *schema.Batch) func(row int) int32 {
	value := func(int) string { return "" }
	for _, n := range captureNames {
		if c := b.Column(n); c != nil {
			value = r.texts(c)
			break
		}
	}
	return func(row int) int32 {
		name := filepath.Base(t.path)
		if v := value(row); v != "" {
			name += " " + v
		}
		key := fmt.Sprint(t.index, " ", name)
		c, known := r.captures[key]
		if !known {
			c = int32(len(r.in.captures))
			r.captures[key] = c
			r.in.captures = append(r.in.captures, name)
		}
		return c
	}
}

// hostOf numbers the senders, the first 65,536 of them.
func (r *tableReader) hostOf(b *schema.Batch) func(row int) int32 {
	for _, n := range hostNames {
		c := b.Column(n)
		if c == nil {
			continue
		}
		value := r.texts(c)
		return func(row int) int32 {
			v := value(row)
			h, known := r.hosts[v]
			switch {
			case v == "" || !known && len(r.hosts) >= 1<<16:
				return -1
			case !known:
				h = int32(len(r.hosts))
				r.hosts[v] = h
			}
			return h
		}
	}
	return func(int) int32 { return -1 }
}

// timeOf gives a row's time; without a column for it, its number.
func (r *tableReader) timeOf(b *schema.Batch) func(row int) int64 {
	for _, n := range timeNames {
		if c := b.Column(n); c != nil && c.Field().Kind == schema.Int64 {
			cur := schema.Walk[int64](c)
			return func(row int) int64 {
				v, _ := cur.At(row)
				return v
			}
		}
	}
	return func(int) int64 { return r.row }
}

// texts reads a column as text; "" is null. Rows must ascend.
func (r *tableReader) texts(c schema.Column) func(row int) string {
	next := walk(c)
	return func(row int) string {
		i := next(row)
		if i < 0 {
			return ""
		}
		r.text = c.AppendText(r.text[:0], i)
		return string(r.text)
	}
}

// walk gives the index of a row's value, −1: it has none. Rows must ascend.
func walk(c schema.Column) func(row int) int {
	if c == nil {
		return func(int) int { return -1 }
	}
	p := c.Presence()
	at, seen := 0, 0
	return func(row int) int {
		for ; seen < row; seen++ {
			if p.Has(seen) {
				at++
			}
		}
		if !p.Has(row) {
			return -1
		}
		return at
	}
}

// numbers reads a column as numbers, NaN where there is none; a text as a
// hash of 24 bits, which float32 holds.
func (r *tableReader) numbers(c schema.Column, text bool) func(row int) float64 {
	next := walk(c)
	if c == nil {
		return func(int) float64 { return math.NaN() }
	}
	if text {
		h := fnv.New32a()
		return func(row int) float64 {
			i := next(row)
			if i < 0 {
				return math.NaN()
			}
			h.Reset()
			r.text = c.AppendText(r.text[:0], i)
			_, _ = h.Write(r.text) // a hash takes all
			return float64(h.Sum32() >> 8)
		}
	}
	number := numberAt(c)
	return func(row int) float64 {
		if i := next(row); i >= 0 {
			return number(i)
		}
		return math.NaN()
	}
}

func numberAt(c schema.Column) func(i int) float64 {
	switch v := c.Data().(type) {
	case []bool:
		return func(i int) float64 {
			if v[i] {
				return 1
			}
			return 0
		}
	case []uint8:
		return func(i int) float64 { return float64(v[i]) }
	case []uint16:
		return func(i int) float64 { return float64(v[i]) }
	case []uint32:
		return func(i int) float64 { return float64(v[i]) }
	case []int64:
		return func(i int) float64 { return float64(v[i]) }
	case []schema.Micros:
		return func(i int) float64 { return float64(v[i]) }
	case []float64:
		return func(i int) float64 { return v[i] }
	}
	return func(int) float64 { return math.NaN() }
}
