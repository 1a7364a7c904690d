package antinex

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
)

// Column is a column on its way: what its cells are, which decides how all of
// them look. The zero value has none.
type Column struct {
	name                        string
	ints, floats, bools, others int64 // cells by kind; the rows without any are the gaps
}

// Style is how pandas writes a column.
type Style uint8

const (
	empty   Style = iota // no row has a value
	integer              // every row has an integer
	decimal              // numbers; integers get a point, and gaps are empty
	object               // each cell as Python prints it
)

// Style is the column's in a table of so many rows.
func (c *Column) Style(rows int64) Style {
	switch full := c.ints+c.floats == rows; {
	case c.Empty():
		return empty
	case c.bools+c.others > 0:
		return object
	case full && c.floats == 0:
		return integer
	}
	return decimal
}

// Empty reports whether no cell had a value.
func (c *Column) Empty() bool { return c.ints+c.floats+c.bools+c.others == 0 }

// Count notes a cell.
func (c *Column) Count(k Kind) {
	switch k {
	case Null:
	case Int:
		c.ints++
	case Float:
		c.floats++
	case Bool:
		c.bools++
	default:
		c.others++
	}
}

// cell is a cell as it lies in the spool. A text is as it is printed.
type cell struct {
	kind   Kind
	number int64 // of Int and Bool; the bits of Float
	text   []byte
}

// appendCell writes a cell of the column with that number.
func appendCell(dst []byte, column int, v *Value) []byte {
	dst = binary.AppendUvarint(dst, uint64(column)+1)
	switch v.Kind {
	case Int, Bool:
		dst = append(dst, byte(v.Kind))
		return binary.AppendVarint(dst, v.Int)
	case Float:
		dst = append(dst, byte(Float))
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v.Float))
	case Text:
		dst = append(dst, byte(Text))
		dst = binary.AppendUvarint(dst, uint64(len(v.Text)))
		return append(dst, v.Text...)
	}
	text := v.appendText(nil)
	dst = append(dst, byte(Text))
	dst = binary.AppendUvarint(dst, uint64(len(text)))
	return append(dst, text...)
}

// appendRowEnd ends a row.
func appendRowEnd(dst []byte) []byte { return append(dst, 0) }

// rowReader is what a row is read from.
type rowReader interface {
	io.Reader
	io.ByteReader
}

// errSpool cannot happen unless the temporary file was changed.
var errSpool = errors.New("temporary file is damaged")

// readRow reads a row's cells into row, which has one for each column; cells
// that the row has not are Null.
func readRow(r rowReader, row []cell) error {
	for i := range row {
		row[i].kind = Null
	}
	for {
		n, err := binary.ReadUvarint(r)
		if err != nil || n == 0 {
			return err
		}
		if n > uint64(len(row)) {
			return errSpool
		}
		if err := readCell(r, &row[n-1]); err != nil {
			return err
		}
	}
}

func readCell(r rowReader, c *cell) error {
	kind, err := r.ReadByte()
	if err != nil {
		return err
	}
	c.kind = Kind(kind)
	switch c.kind {
	case Int, Bool:
		c.number, err = binary.ReadVarint(r)
		return err
	case Float:
		var b [8]byte
		_, err = io.ReadFull(r, b[:])
		c.number = int64(binary.LittleEndian.Uint64(b[:]))
		return err
	}
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return err
	}
	if uint64(cap(c.text)) < n {
		c.text = make([]byte, n)
	}
	c.text = c.text[:n]
	_, err = io.ReadFull(r, c.text)
	return err
}

// append writes a cell in its column's style.
func (c *cell) append(dst []byte, s Style) []byte {
	switch c.kind {
	case Null:
		return dst
	case Text:
		return AppendQuoted(dst, c.text)
	}
	v := Value{Kind: c.kind, Int: c.number, Float: math.Float64frombits(uint64(c.number))}
	return v.AppendCell(dst, s)
}

// AppendCell writes a value as a cell of CSV in its column's style.
func (v *Value) AppendCell(dst []byte, s Style) []byte {
	switch {
	case v.Kind == Text:
		return AppendQuoted(dst, []byte(v.Text))
	case v.Kind == Int && s == decimal:
		return appendFloat(dst, float64(v.Int))
	}
	return v.appendText(dst)
}

// AppendQuoted writes a cell of CSV, in quotes where it needs them.
func AppendQuoted(dst, cell []byte) []byte {
	quote := false
	for _, c := range cell {
		quote = quote || c == ',' || c == '"' || c == '\n' || c == '\r'
	}
	if !quote {
		return append(dst, cell...)
	}
	dst = append(dst, '"')
	for _, c := range cell {
		if c == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}
