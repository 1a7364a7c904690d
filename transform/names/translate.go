package names

import (
	"fmt"
	"math"

	"github.com/pcapline/pcapline/transform/schema"
)

// Translator makes batches of a dialect's columns of batches of the flows
// table. It is for one goroutine.
type Translator struct {
	batch   *schema.Batch
	columns []*Column // those of the batch
	scratch []byte
}

// New makes a translator from tables with the columns of native.
func New(d *Dialect, native schema.Schema) (*Translator, error) {
	s, err := d.Schema(native)
	if err != nil {
		return nil, err
	}
	t := &Translator{batch: schema.FromFields(s)}
	for i := range d.Columns {
		if t.batch.Column(d.Columns[i].Name) != nil {
			t.columns = append(t.columns, &d.Columns[i])
		}
	}
	return t, nil
}

// Batch holds what Translate made last.
func (t *Translator) Batch() *schema.Batch { return t.batch }

// Translate fills the batch with the rows of src, which is finished and has
// the columns that New was given. Text is borrowed from src.
func (t *Translator) Translate(src *schema.Batch) {
	t.batch.Reset()
	for i, c := range t.columns {
		to := t.batch.Columns[i]
		if c.Value.same {
			copyColumn(to, src.Column(c.Value.from[0]), src.Rows)
			continue
		}
		if change := c.Value.each; change != nil {
			changeLists(to, src.Column(c.Value.from[0]), src.Rows, change)
			continue
		}
		r := row{columns: make([]cells, len(c.Value.from))}
		for j, name := range c.Value.from {
			r.columns[j] = cellsOf(src.Column(name))
		}
		for r.at = range src.Rows {
			t.store(to, c, &r)
		}
	}
	t.batch.Rows = src.Rows
	t.batch.Finish()
}

// copyColumn copies the values of all rows; where there is none and the
// dialect has no null, the zero value stands.
func copyColumn(to, from schema.Column, rows int) {
	next := 0
	for row := range rows {
		if from.Presence().Has(row) {
			schema.Copy(to, row, from, next)
			next++
		} else if !to.Field().Nullable {
			appendZero(to)
		}
	}
}

// changeLists copies lists of numbers, with a change to each element.
func changeLists(to, from schema.Column, rows int, change func(float64) float64) {
	next, offsets := 0, from.Offsets()
	for row := range rows {
		if !from.Presence().Has(row) {
			continue
		}
		lo, hi := offsets[next], offsets[next+1]
		next++
		switch to := to.(type) {
		case *schema.List[int64]:
			to.Set(row, changed[int64](from.Data().([]int64)[lo:hi], change)...)
		case *schema.List[float64]:
			to.Set(row, changed[float64](from.Data().([]float64)[lo:hi], change)...)
		}
	}
}

func changed[T int64 | float64](list []T, change func(float64) float64) []T {
	out := make([]T, len(list))
	for i, v := range list {
		out[i] = T(change(float64(v)))
	}
	return out
}

func appendZero(to schema.Column) {
	switch c := to.(type) {
	case *schema.Values[uint8]:
		c.Append(0)
	case *schema.Values[uint16]:
		c.Append(0)
	case *schema.Values[uint32]:
		c.Append(0)
	case *schema.Values[int64]:
		c.Append(0)
	case *schema.Values[float64]:
		c.Append(0)
	default:
		panic(fmt.Sprintf("names: no zero for column %s of type %s", to.Field().Name, to.Field().Type()))
	}
}

// store puts a formula's value into a column of the kind that the dialect wants.
func (t *Translator) store(to schema.Column, c *Column, r *row) {
	switch c.Kind {
	case schema.String:
		text, ok := c.Value.write(t.scratch[:0], r)
		t.scratch = text[:0]
		put(to, c, r, t.batch.Text(text), ok)
	case schema.Float64:
		v, ok := c.Value.number(r)
		put(to, c, r, v, ok)
	case schema.Int64:
		v, ok := c.Value.integer(r)
		put(to, c, r, v, ok)
	case schema.Bool:
		v, ok := c.Value.integer(r)
		put(to, c, r, v != 0, ok)
	default:
		panic(fmt.Sprintf("names: no formula gives %s as %s", c.Name, c.Kind))
	}
}

// put gives a row its value, or what the dialect has where there is none.
func put[T schema.Value](to schema.Column, c *Column, r *row, v T, ok bool) {
	if !ok {
		if c.Missing != zero {
			return
		}
		var none T
		v = none
	}
	switch to := to.(type) {
	case *schema.Optional[T]:
		to.Set(r.at, v)
	case *schema.Values[T]:
		to.Append(v)
	}
}

// integer is the value of a formula for whole numbers, or that of one for
// numbers, rounded.
func (f *formula) integer(r *row) (int64, bool) {
	if f.whole != nil {
		return f.whole(r)
	}
	v, ok := f.number(r)
	return int64(math.Round(v)), ok
}
