package transform

import (
	"github.com/pcapline/pcapline/transform/names"
	"github.com/pcapline/pcapline/transform/schema"
)

// view is what a table writes of a batch: the chosen columns, under the names
// that were asked for. It is for one goroutine.
type view struct {
	translator *names.Translator // nil: the columns' own names
	chosen     *schema.Batch
}

// newView makes a view of batches with the columns of b.
func newView(o Output, b *schema.Batch) (*view, error) {
	v := &view{}
	d, err := names.ByName(o.Names)
	if err != nil {
		return nil, err
	}
	if d != nil {
		if v.translator, err = names.New(d, b.Schema()); err != nil {
			return nil, err
		}
		b = v.translator.Batch()
	}
	columns := o.Columns
	if columns == nil {
		columns = b.Schema().Names()
	}
	v.chosen, err = b.Select(columns)
	return v, err
}

// of gives what is to be written of a finished batch, which is the one that
// the view was made of, or, with names, any with its columns.
func (v *view) of(b *schema.Batch) *schema.Batch {
	if v.translator != nil {
		v.translator.Translate(b)
	}
	v.chosen.Rows = b.Rows
	return v.chosen
}
