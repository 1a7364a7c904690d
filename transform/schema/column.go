package schema

import (
	"fmt"
	"net/netip"
	"slices"
)

// Presence says which rows of a batch have a value.
type Presence struct {
	Def   []uint8 // 1 or 0 for each row so far; rows past its end have none
	Count int     // how many are 1
	own   []uint8 // Def's memory while Def is zeros that all share
	zero  bool    // it is
}

// Mark notes that row has a value. Rows must be marked in ascending order, each at most
// once; those passed over have none.
func (p *Presence) Mark(row int) {
	if p.zero { // finished, and filled further
		p.Def, p.own, p.zero = p.own, nil, false
	}
	p.pad(row)
	p.Def = append(p.Def, 1)
	p.Count++
}

// Has reports whether row has a value.
func (p *Presence) Has(row int) bool {
	return p == nil || (row < len(p.Def) && p.Def[row] == 1)
}

func (p *Presence) pad(rows int) {
	if n := rows - len(p.Def); n > 0 {
		old := len(p.Def)
		p.Def = slices.Grow(p.Def, n)[:rows]
		clear(p.Def[old:])
	}
}

// finish completes Def up to rows. Most columns of the packets table have no
// value in most batches: they share their zeros.
func (p *Presence) finish(rows int) {
	if p.Count > 0 {
		p.pad(rows)
		return
	}
	if !p.zero {
		p.own, p.zero = p.Def[:0], true
	}
	p.Def = zeros(rows)
}

func (p *Presence) reset() {
	if p.zero {
		p.Def, p.own, p.zero = p.own, nil, false
	}
	p.Def, p.Count = p.Def[:0], 0
}

// manyZeros is for batches of the usual size; nobody writes to it.
var manyZeros [64 << 10]uint8

func zeros(n int) []uint8 {
	if n > len(manyZeros) {
		return make([]uint8, n)
	}
	return manyZeros[:n:n]
}

// Layer is embedded in a struct of columns and holds what they share. Its tag
// has the layer's name, title and source; `every:"row"` says that no row is
// without it, so that its columns are not nullable.
type Layer struct {
	presence Presence
	every    bool
}

// Mark notes that row has this layer; the caller then appends one value to
// each of the layer's columns of type [Values].
func (l *Layer) Mark(row int) {
	if !l.every {
		l.presence.Mark(row)
	}
}

// Has reports whether row has this layer, among the rows marked so far.
func (l *Layer) Has(row int) bool { return l.every || l.presence.Has(row) }

// Presence returns which rows have the layer; nil means all.
func (l *Layer) Presence() *Presence {
	if l.every {
		return nil
	}
	return &l.presence
}

func (l *Layer) self() *Layer { return l }

// Column is one column of a batch, as sinks and readers see it.
type Column interface {
	// Field describes the column.
	Field() *Field
	// Presence says which rows have a value; nil means all.
	Presence() *Presence
	// Data is the values, []T with T the kind's Go type, one for each row
	// present; of a list column the elements of all lists one after another.
	Data() any
	// Offsets is nil but for list columns: list i is the elements from
	// Offsets()[i] up to Offsets()[i+1].
	Offsets() []int32
	// Len is the number of values, which are lists in a list column.
	Len() int
	// AppendText appends value i (not row i) as text to dst.
	AppendText(dst []byte, i int) []byte
	// ParseText appends the value that text stands for, as AppendText wrote it.
	ParseText(text []byte) error
	// CopyFrom appends value i of a column of the same type.
	CopyFrom(c Column, i int)

	bind(f *Field, p *Presence)
	kind() Kind
	list() bool
	nullable() bool // by itself, whatever its layer is
	mark(row int)
	reset()
	finish(rows int)
}

// Values is a column with a value in every row that has its layer.
type Values[T Value] struct {
	V        []T
	field    *Field
	presence *Presence // the layer's; nil: every row
}

// Append adds the value of the row that the layer was last marked for.
func (c *Values[T]) Append(v T) { c.V = append(c.V, v) }

func (c *Values[T]) Field() *Field              { return c.field }
func (c *Values[T]) Presence() *Presence        { return c.presence }
func (c *Values[T]) Data() any                  { return c.V }
func (c *Values[T]) Offsets() []int32           { return nil }
func (c *Values[T]) Len() int                   { return len(c.V) }
func (c *Values[T]) bind(f *Field, p *Presence) { c.field, c.presence = f, p }
func (c *Values[T]) reset()                     { c.V = c.V[:0] }
func (c *Values[T]) finish(int)                 {}
func (c *Values[T]) kind() Kind                 { return kindOf[T]() }
func (c *Values[T]) list() bool                 { return false }
func (c *Values[T]) nullable() bool             { return false }
func (c *Values[T]) mark(int)                   {}

// CopyFrom appends value i of from, which must hold the same type.
func (c *Values[T]) CopyFrom(from Column, i int) { c.V = append(c.V, from.Data().([]T)[i]) }

// Optional is a column that may lack a value though its layer is present.
type Optional[T Value] struct {
	Values[T]
	own Presence
}

// Set gives row its value. Rows must come in ascending order.
func (c *Optional[T]) Set(row int, v T) {
	c.own.Mark(row)
	c.V = append(c.V, v)
}

// Has reports whether row has a value.
func (c *Optional[T]) Has(row int) bool { return c.own.Has(row) }

func (c *Optional[T]) Presence() *Presence        { return &c.own }
func (c *Optional[T]) bind(f *Field, _ *Presence) { c.field, c.presence = f, &c.own }
func (c *Optional[T]) reset()                     { c.Values.reset(); c.own.reset() }
func (c *Optional[T]) finish(rows int)            { c.own.finish(rows) }
func (c *Optional[T]) nullable() bool             { return true }
func (c *Optional[T]) mark(row int)               { c.own.Mark(row) }

// List is a column of lists, each row's of any length, or with none.
type List[T Value] struct {
	Optional[T]
	offsets []int32
}

// Set gives row its list, which is copied; an empty list is a value.
func (c *List[T]) Set(row int, list ...T) {
	c.own.Mark(row)
	c.V = append(c.V, list...)
	c.close()
}

// close ends the list that was last begun at the end of V.
func (c *List[T]) close() {
	if len(c.offsets) == 0 {
		c.offsets = append(c.offsets, 0)
	}
	c.offsets = append(c.offsets, int32(len(c.V)))
}

func (c *List[T]) Len() int { return max(len(c.offsets)-1, 0) }

func (c *List[T]) Offsets() []int32 {
	if len(c.offsets) == 0 {
		c.offsets = append(c.offsets, 0)
	}
	return c.offsets
}

func (c *List[T]) list() bool { return true }

func (c *List[T]) reset() { c.Optional.reset(); c.offsets = c.offsets[:0] }

// CopyFrom appends list i of from, which must hold the same type.
func (c *List[T]) CopyFrom(from Column, i int) {
	o := from.Offsets()
	c.V = append(c.V, from.Data().([]T)[o[i]:o[i+1]]...)
	c.close()
}

// NewColumn makes an unbound column for a field read from a file. It is
// filled with [SetText] and [Copy], which keep its presence.
func NewColumn(f *Field) Column {
	switch f.Kind {
	case Bool:
		return newColumn[bool](f)
	case Uint8:
		return newColumn[uint8](f)
	case Uint16:
		return newColumn[uint16](f)
	case Uint32:
		return newColumn[uint32](f)
	case Int64:
		return newColumn[int64](f)
	case Float64:
		return newColumn[float64](f)
	case Timestamp:
		return newColumn[Micros](f)
	case IPv4Addr:
		return newColumn[IPv4](f)
	case IPv6Addr:
		return newColumn[IPv6](f)
	case MACAddr:
		return newColumn[MAC](f)
	case IPAddr:
		return newColumn[netip.Addr](f)
	case String:
		return newColumn[Text](f)
	case Binary:
		return newColumn[Bytes](f)
	}
	panic(fmt.Sprintf("schema: no column for kind %d", f.Kind))
}

func newColumn[T Value](f *Field) Column {
	var c Column
	switch {
	case f.List:
		c = new(List[T])
	case f.Nullable:
		c = new(Optional[T])
	default:
		c = new(Values[T])
	}
	c.bind(f, nil)
	return c
}

// SetText gives row of an unbound column the value that text stands for.
func SetText(c Column, row int, text []byte) error {
	if err := c.ParseText(text); err != nil {
		return err
	}
	c.mark(row)
	return nil
}

// Copy gives row of an unbound column the value i of a column of its type.
func Copy(to Column, row int, from Column, i int) {
	to.CopyFrom(from, i)
	to.mark(row)
}

// Cursor reads a column row by row, in ascending order: the sparse form's
// counterpart of indexing.
type Cursor[T Value] struct {
	values  []T
	def     []uint8
	sparse  bool
	row, at int
}

// Walk gives a cursor over c, whose values must be of type T; of a nil column
// no row has a value.
func Walk[T Value](c Column) Cursor[T] {
	if c == nil {
		return Cursor[T]{sparse: true}
	}
	cur := Cursor[T]{values: c.Data().([]T)}
	if p := c.Presence(); p != nil {
		cur.def, cur.sparse = p.Def, true
	}
	return cur
}

// At returns the value of row and whether there is one. Rows must not descend.
func (c *Cursor[T]) At(row int) (v T, ok bool) {
	if !c.sparse {
		return c.values[row], true
	}
	for ; c.row < row && c.row < len(c.def); c.row++ {
		c.at += int(c.def[c.row])
	}
	if row >= len(c.def) || c.def[row] == 0 {
		return v, false
	}
	return c.values[c.at], true
}
