package schema

// Under returns a column with the values of c that is described by f, which
// must be of the same type.
func Under(c Column, f *Field) Column { return &under{Column: c, field: f} }

type under struct {
	Column
	field *Field
}

func (u *under) Field() *Field { return u.field }

// OfColumns makes a batch of columns, which it shares. Rows must be set by the
// caller after each fill.
func OfColumns(columns ...Column) *Batch {
	b := &Batch{byName: make(map[string]int)}
	for _, c := range columns {
		b.add(c)
	}
	return b
}
