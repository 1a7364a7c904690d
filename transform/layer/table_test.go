package layer

import (
	"testing"

	"github.com/pcapline/pcapline/transform/schema"
)

// checkRows fails unless every column agrees with its presence.
func checkRows(t testing.TB, tab *Table, rows int) {
	t.Helper()
	b := tab.Batch()
	if b.Rows != rows {
		t.Fatalf("%d rows for %d packets", b.Rows, rows)
	}
	b.Finish()
	for _, c := range b.Columns {
		want := rows
		if p := c.Presence(); p != nil {
			if len(p.Def) != rows {
				t.Fatalf("%s: %d definition levels for %d rows", c.Field().Name, len(p.Def), rows)
			}
			want = 0
			for _, def := range p.Def {
				want += int(def)
			}
			if p.Count != want {
				t.Fatalf("%s: count %d for %d marked rows", c.Field().Name, p.Count, want)
			}
		}
		if c.Len() != want {
			t.Fatalf("%s: %d values for %d rows that have one", c.Field().Name, c.Len(), want)
		}
	}
}

func TestColumnsAreDeclared(t *testing.T) {
	for _, f := range NewTable(Options{}).Batch().Schema() {
		switch f.Role {
		case schema.Feature, schema.Identity, schema.Time, schema.Provenance, schema.Payload:
		default:
			t.Errorf("%s: role %q", f.Name, f.Role)
		}
		if f.Source == "" {
			t.Errorf("%s: no source", f.Name)
		}
	}
}
