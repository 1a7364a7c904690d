package antinex

import (
	"slices"
	"strings"

	"github.com/pcapline/pcapline/transform/schema"
)

// The dialects' names.
const (
	Dialect = "antinex"    // AntiNex's column names, true values
	V1      = "antinex-v1" // AntiNex's values, byte for byte
)

// View is the packets table as AntiNex names it, with true values: the columns
// that declare an AntiNex name, under that name, and some that are made of
// others. It has idx first and the others in ASCII order. Columns that never
// held anything in AntiNex's tables are not in it. It belongs to one goroutine.
type View struct {
	batch   *schema.Batch
	derived derived
	made    *schema.Batch // of derived
	numbers []int64       // of the rows
}

// derived are the columns whose values are not those of a column of ours.
type derived struct {
	schema.Layer `name:"antinex" title:"AntiNex" source:"network-pipeline 1.2" every:"row"`

	Idx        schema.Values[int64]         `name:"idx" antinex:"idx" role:"provenance" store:"delta" doc:"Number of the packet among all that the run read, from 0: the row's number unless packets were filtered."`
	HdrLen     schema.Optional[uint8]       `name:"ip_ihl" antinex:"ip_ihl" store:"dict" source:"RFC 791" doc:"Header length in words of four bytes."`
	SAck       schema.List[uint32]          `name:"tcp_fields_options.SAck" antinex:"tcp_fields_options.SAck" role:"identity" source:"RFC 2018" doc:"Left and right edge of each block received out of order."`
	LabelValue schema.Optional[int64]       `name:"label_value" antinex:"label_value" role:"label" doc:"1 attack, 0 benign; null where no rule covers the row."`
	LabelName  schema.Optional[schema.Text] `name:"label_name" antinex:"label_name" role:"label" store:"dict" doc:"attack or not_attack; null where no rule covers the row."`
}

// NewView makes a view of batches with the columns of native.
func NewView(native *schema.Batch) *View {
	v := &View{}
	v.made = schema.Of(&v.derived)
	byName := map[string]schema.Column{"idx": v.made.Column("idx")}
	made := func(from string, names ...string) {
		for _, name := range names {
			if native.Column(from) != nil {
				byName[name] = v.made.Column(name)
			}
		}
	}
	made("ip_hdr_len", "ip_ihl")
	made("tcp_sack_left", "tcp_fields_options.SAck")
	made("label_class", "label_value", "label_name")
	for _, c := range native.Columns {
		f := c.Field()
		if _, taken := byName[f.AntiNex]; f.AntiNex == "" || taken {
			continue // of inner and outer headers the outer
		}
		named := *f
		named.Name = f.AntiNex
		byName[f.AntiNex] = schema.Under(c, &named)
	}
	v.batch = schema.OfColumns(inOrder(byName)...)
	return v
}

func inOrder(byName map[string]schema.Column) (columns []schema.Column) {
	for _, c := range byName {
		columns = append(columns, c)
	}
	slices.SortFunc(columns, func(a, b schema.Column) int {
		switch x, y := a.Field().Name, b.Field().Name; {
		case x == "idx":
			return -1
		case y == "idx":
			return 1
		default:
			return strings.Compare(x, y)
		}
	})
	return columns
}

// Batch holds the view's columns.
func (v *View) Batch() *schema.Batch { return v.batch }

// Number gives the next row its idx.
func (v *View) Number(n int64) { v.numbers = append(v.numbers, n) }

// Translate makes the view of the rows of native, which is finished, has the columns
// that NewView was given, and rows that were numbered since the last call.
func (v *View) Translate(native *schema.Batch) {
	v.made.Reset()
	v.derived.Idx.V = append(v.derived.Idx.V, v.numbers...)
	v.numbers = v.numbers[:0]
	length := schema.Walk[uint8](native.Column("ip_hdr_len"))
	class := schema.Walk[schema.Text](native.Column("label_class"))
	for row := range native.Rows {
		if n, ok := length.At(row); ok {
			v.derived.HdrLen.Set(row, n/4)
		}
		switch c, _ := class.At(row); string(c) {
		case "attack":
			v.derived.LabelValue.Set(row, 1)
			v.derived.LabelName.Set(row, schema.Text("attack"))
		case "benign":
			v.derived.LabelValue.Set(row, 0)
			v.derived.LabelName.Set(row, schema.Text("not_attack"))
		}
	}
	v.fillSAck(native)
	v.made.Rows, v.batch.Rows = native.Rows, native.Rows
	v.made.Finish()
}

func (v *View) fillSAck(native *schema.Batch) {
	left, right := native.Column("tcp_sack_left"), native.Column("tcp_sack_right")
	if left == nil || right == nil {
		return
	}
	l, r, ends := left.Data().([]uint32), right.Data().([]uint32), left.Offsets()
	var edges []uint32
	next := 0
	for row := range native.Rows {
		if !left.Presence().Has(row) {
			continue
		}
		edges = edges[:0]
		for i := ends[next]; i < ends[next+1]; i++ {
			edges = append(edges, l[i], r[i])
		}
		v.derived.SAck.Set(row, edges...)
		next++
	}
}
