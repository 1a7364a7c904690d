package transform

import (
	"fmt"

	"github.com/pcapline/pcapline/transform/antinex"
	"github.com/pcapline/pcapline/transform/schema"
)

// Native is the dialect of the packets table's own column names.
const Native = "native"

// MetaDialect is the key of a table's metadata that names its dialect, where
// that is another than [Native].
const MetaDialect = "pcapline.dialect"

// view is what is written of a batch with the columns of b, in the output's
// dialect. It is nil, and the batch b itself, for the native one.
func (o Output) view(b *schema.Batch) (*antinex.View, *schema.Batch, error) {
	switch o.Dialect {
	case "", Native:
		return nil, b, nil
	case antinex.Dialect:
		v := antinex.NewView(b)
		return v, v.Batch(), nil
	}
	return nil, nil, fmt.Errorf("no dialect %q of a table", o.Dialect)
}
