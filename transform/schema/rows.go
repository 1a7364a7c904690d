package schema

import "fmt"

// CopyRows gives an empty, unbound column the values of the rows of from, a
// column of its type in a finished batch of rows, as rows 0, 1, 2 …: of those
// that keep wants, or of all where it is nil. Texts and bytes alias those of from.
func CopyRows(to, from Column, rows int, keep func(row int) bool) {
	to.copyRows(from, rows, keep)
}

func (c *Values[T]) copyRows(from Column, rows int, keep func(int) bool) {
	values := from.Data().([]T)
	if keep == nil {
		c.V = append(c.V, values...)
		return
	}
	for row := range rows {
		if keep(row) {
			c.V = append(c.V, values[row])
		}
	}
}

func (c *Optional[T]) copyRows(from Column, rows int, keep func(int) bool) {
	cursor, to := Walk[T](from), 0
	for row := range rows {
		v, ok := cursor.At(row)
		if keep != nil && !keep(row) {
			continue
		}
		if ok {
			c.Set(to, v)
		}
		to++
	}
}

func (c *List[T]) copyRows(from Column, rows int, keep func(int) bool) {
	present, values, offsets := from.Presence(), from.Data().([]T), from.Offsets()
	at, to := 0, 0
	for row := range rows {
		has, wanted := present.Has(row), keep == nil || keep(row)
		if has && wanted {
			c.Set(to, values[offsets[at]:offsets[at+1]]...)
		}
		if has {
			at++
		}
		if wanted {
			to++
		}
	}
}

// Dense gives the values of the named column of b, one for each row.
func Dense[T Value](b *Batch, name string) ([]T, error) {
	c := b.Column(name)
	if c == nil {
		return nil, fmt.Errorf("there is no column %s", name)
	}
	v, ok := c.Data().([]T)
	if !ok || len(v) != b.Rows {
		return nil, fmt.Errorf("column %s is of type %s, or has nulls", name, c.Field().Type())
	}
	return v, nil
}

// Integers reads a column of whole numbers of any width row by row, in
// ascending order; nil for a column of anything else.
func Integers(c Column) func(row int) (v int64, ok bool) {
	switch c.Data().(type) {
	case []uint8:
		return widen[uint8](c)
	case []uint16:
		return widen[uint16](c)
	case []uint32:
		return widen[uint32](c)
	case []int64:
		return widen[int64](c)
	}
	return nil
}

func widen[T interface {
	Value
	uint8 | uint16 | uint32 | int64
}](c Column) func(row int) (int64, bool) {
	cur := Walk[T](c)
	return func(row int) (int64, bool) {
		v, ok := cur.At(row)
		return int64(v), ok
	}
}
