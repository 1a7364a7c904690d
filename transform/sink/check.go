package sink

import (
	"fmt"

	"github.com/pcapline/pcapline/transform/schema"
)

// replacement stands for bytes that are no UTF-8, one for each run of them.
var replacement = []byte("\uFFFD")

// checkBatch reports what keeps a batch from being written to a table of
// schema s: other columns, or columns that do not have one value for each row
// present.
func checkBatch(format string, s schema.Schema, b *schema.Batch) error {
	if len(b.Columns) != len(s) {
		return fmt.Errorf("%s: batch has %d columns, the table %d", format, len(b.Columns), len(s))
	}
	for i, c := range b.Columns {
		f := c.Field()
		if f.Name != s[i].Name || f.Kind != s[i].Kind || f.List != s[i].List {
			return fmt.Errorf("%s: column %d of the batch is %s %s, of the table %s %s",
				format, i, f.Name, f.Type(), s[i].Name, s[i].Type())
		}
		want := b.Rows
		if p := c.Presence(); p != nil {
			if want = p.Count; len(p.Def) > b.Rows {
				return fmt.Errorf("%s: column %s marks %d rows of %d", format, f.Name, len(p.Def), b.Rows)
			}
			if !s[i].Nullable && want < b.Rows {
				return fmt.Errorf("%s: column %s is not nullable and lacks a value in %d rows", format, f.Name, b.Rows-want)
			}
		}
		if c.Len() != want {
			return fmt.Errorf("%s: column %s has %d values for %d rows", format, f.Name, c.Len(), want)
		}
	}
	return nil
}
