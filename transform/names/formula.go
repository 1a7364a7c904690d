package names

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/pcapline/pcapline/transform/schema"
)

// A formula makes a column's value of the values in a row of the flows table.
// One of same, each, whole, number and write is set.
type formula struct {
	text   string                // what it is, for the reference
	from   []string              // the columns it reads
	same   bool                  // the value of the only column as it is
	each   func(float64) float64 // of each element of the only column, which is a list
	whole  func(r *row) (int64, bool)
	number func(r *row) (float64, bool)
	write  func(dst []byte, r *row) ([]byte, bool)
}

// row gives the values of one row of the columns that a formula reads, by
// their position in formula.from.
type row struct {
	at      int
	columns []cells
}

// cells read one column; those that do not fit its type are nil.
type cells struct {
	whole func(row int) (int64, bool)
	float func(row int) (float64, bool)
	addr  func(row int) (netip.Addr, bool)
	text  func(row int) (schema.Text, bool)
	mac   func(row int) (schema.MAC, bool)
}

func (r *row) whole(i int) (int64, bool)         { return r.columns[i].whole(r.at) }
func (r *row) float(i int) (float64, bool)       { return r.columns[i].float(r.at) }
func (r *row) addr(i int) (netip.Addr, bool)     { return r.columns[i].addr(r.at) }
func (r *row) text(i int) (schema.Text, bool)    { return r.columns[i].text(r.at) }
func (r *row) mac(i int) (v schema.MAC, ok bool) { return r.columns[i].mac(r.at) }

// cellsOf reads a column of a batch.
func cellsOf(c schema.Column) (out cells) {
	switch c.Data().(type) {
	case []uint8:
		out.whole = wholeCells[uint8](c)
	case []uint16:
		out.whole = wholeCells[uint16](c)
	case []uint32:
		out.whole = wholeCells[uint32](c)
	case []int64:
		out.whole = wholeCells[int64](c)
	case []schema.Micros:
		out.whole = wholeCells[schema.Micros](c)
	case []float64:
		cur := schema.Walk[float64](c)
		out.float = cur.At
	case []netip.Addr:
		cur := schema.Walk[netip.Addr](c)
		out.addr = cur.At
	case []schema.Text:
		cur := schema.Walk[schema.Text](c)
		out.text = cur.At
	case []schema.MAC:
		cur := schema.Walk[schema.MAC](c)
		out.mac = cur.At
	}
	if whole := out.whole; whole != nil {
		out.float = func(row int) (float64, bool) { v, ok := whole(row); return float64(v), ok }
	}
	return out
}

func wholeCells[T interface {
	schema.Value
	uint8 | uint16 | uint32 | int64 | schema.Micros
}](c schema.Column) func(row int) (int64, bool) {
	cur := schema.Walk[T](c)
	return func(row int) (int64, bool) { v, ok := cur.At(row); return int64(v), ok }
}

// sentence says in the reference what the formula is.
func (f *formula) sentence() string {
	if len(f.from) == 0 {
		return f.text + "."
	}
	return "From " + f.text + "."
}

// same is a column as it is.
func same(column string) formula { return formula{text: column, from: []string{column}, same: true} }

// absent is no value at all: the flows table does not keep what the column
// would be made of.
func absent(why string) formula {
	return formula{text: "Not kept: " + why, number: func(*row) (float64, bool) { return 0, false }}
}

// scaled is a number in another unit.
func scaled(column string, factor float64) formula {
	return formula{
		text: fmt.Sprintf("%s × %.0f", column, factor), from: []string{column},
		number: func(r *row) (float64, bool) { v, ok := r.float(0); return v * factor, ok },
	}
}

// each is a list with every element changed.
func each(column, text string, change func(float64) float64) formula {
	return formula{text: text, from: []string{column}, each: change}
}

// sum adds columns; those without a value count as nothing, all of them
// without a value are none.
func sum(columns ...string) formula {
	return formula{
		text: strings.Join(columns, " + "), from: columns,
		number: func(r *row) (total float64, any bool) {
			for i := range columns {
				if v, ok := r.float(i); ok {
					total, any = total+v, true
				}
			}
			return total, any
		},
	}
}

// ratio divides a column by another; by 0 there is no value.
func ratio(column, by string) formula {
	return formula{
		text: column + " / " + by, from: []string{column, by},
		number: func(r *row) (float64, bool) {
			v, ok := r.float(0)
			d, has := r.float(1)
			if !ok || !has || d == 0 {
				return 0, false
			}
			return v / d, true
		},
	}
}

// squared is a column times itself.
func squared(column string) formula {
	return formula{
		text: column + "²", from: []string{column},
		number: func(r *row) (float64, bool) { v, ok := r.float(0); return v * v, ok },
	}
}
