package transform

import (
	"github.com/pcapline/pcapline/transform/antinex"
	"github.com/pcapline/pcapline/transform/names"
	"github.com/pcapline/pcapline/transform/schema"
)

// view is what a table writes of a batch: the chosen columns, under the names
// that were asked for. It is for one goroutine.
type view struct {
	translated translation                // nil: the columns' own names
	numbered   interface{ Number(int64) } // of a dialect that numbers rows; else nil
	chosen     *schema.Batch
}

// translation makes the columns of a dialect from ours.
type translation interface {
	Batch() *schema.Batch
	Translate(*schema.Batch)
}

// newView makes a view of batches with the columns of b.
func newView(o Output, b *schema.Batch) (*view, error) {
	v := new(view)
	var err error
	if v.translated, err = translate(o.Names, b); err != nil {
		return nil, err
	}
	v.numbered, _ = v.translated.(interface{ Number(int64) })
	if v.translated != nil {
		b = v.translated.Batch()
	}
	columns := o.Columns
	if columns == nil {
		columns = b.Schema().Names()
	}
	v.chosen, err = b.Select(columns)
	return v, err
}

// translate gives the translation of batches with the columns of b; nil for
// their own names.
func translate(dialect string, b *schema.Batch) (translation, error) {
	if dialect == antinex.Dialect {
		return antinex.NewView(b), nil
	}
	d, err := names.ByName(dialect)
	if err != nil || d == nil {
		return nil, err
	}
	return names.New(d, b.Schema())
}

// number tells a dialect that numbers rows which packet of the run comes next.
func (v *view) number(n int64) {
	if v.numbered != nil {
		v.numbered.Number(n)
	}
}

// of gives what is to be written of a finished batch, which is the one that
// the view was made of, or, with names, any with its columns.
func (v *view) of(b *schema.Batch) *schema.Batch {
	if v.translated != nil {
		v.translated.Translate(b)
	}
	v.chosen.Rows = b.Rows
	return v.chosen
}
