package sink

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"unicode/utf8"

	"github.com/pcapline/pcapline/transform/schema"
)

// zeekTypes are the types of conn.log's fields that do not follow from the
// kind of a column: Zeek counts without a sign, has ports of their own, names
// protocols by an enum.
var zeekTypes = map[string]string{
	"id.orig_p": "port", "id.resp_p": "port", "proto": "enum", "tunnel_parents": "set[string]",
	"orig_bytes": "count", "resp_bytes": "count", "missed_bytes": "count",
	"orig_pkts": "count", "orig_ip_bytes": "count", "resp_pkts": "count", "resp_ip_bytes": "count",
}

// zeekType gives the type of a field as Zeek's logs name it. Seconds are
// intervals; MAC addresses and bytes, for which Zeek has no type, are strings.
func zeekType(f *schema.Field) string {
	if t, ok := zeekTypes[f.Name]; ok {
		return t
	}
	t := "string"
	switch f.Kind {
	case schema.Bool:
		t = "bool"
	case schema.Uint8, schema.Uint16, schema.Uint32:
		t = "count"
	case schema.Int64:
		t = "int"
	case schema.Float64:
		t = "double"
		if f.Unit == "s" {
			t = "interval"
		}
	case schema.Timestamp:
		t = "time"
	case schema.IPv4Addr, schema.IPv6Addr, schema.IPAddr:
		t = "addr"
	}
	if f.List {
		t = "vector[" + t + "]"
	}
	return t
}

// newZeek writes Zeek's logs in their tab-separated form.
func newZeek(w io.Writer, s schema.Schema, opt Options) (Sink, error) {
	if err := refuseOptions("zeek", opt); err != nil {
		return nil, err
	}
	path := opt.Log
	if path == "" {
		path = "pcapline"
	}
	fields, types := []byte("#fields"), []byte("#types")
	for _, f := range s {
		fields = zeekText(append(fields, '\t'), []byte(f.Name), true)
		types = append(append(types, '\t'), zeekType(f)...)
	}
	header := fmt.Appendf(nil, "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t%s\n%s\n%s\n", path, fields, types)
	return newTextSink("zeek", w, s, opt, header, func() lines { return &zeekLines{schema: s} })
}

// zeekLines writes a row as a line of a log.
type zeekLines struct {
	schema  schema.Schema
	columns []zeekColumn
}

// zeekColumn is a column on its way through a batch's rows.
type zeekColumn struct {
	column   schema.Column
	data     any
	offsets  []int32 // nil but for lists
	interval bool
	next     int // index of the next value
}

func (l *zeekLines) appendRows(out []byte, b *schema.Batch) []byte {
	l.columns = l.columns[:0]
	for i, c := range b.Columns {
		l.columns = append(l.columns, zeekColumn{
			column: c, data: c.Data(), offsets: c.Offsets(), interval: zeekType(l.schema[i]) == "interval",
		})
	}
	for row := range b.Rows {
		for i := range l.columns {
			if i > 0 {
				out = append(out, '\t')
			}
			out = l.columns[i].append(out, row)
		}
		out = append(out, '\n')
	}
	return out
}

// append writes a row's value: "-" for none, "(empty)" for an empty list.
func (c *zeekColumn) append(dst []byte, row int) []byte {
	if !c.column.Presence().Has(row) {
		return append(dst, '-')
	}
	i := c.next
	c.next++
	if c.offsets == nil {
		return c.value(dst, i, false)
	}
	from, to := int(c.offsets[i]), int(c.offsets[i+1])
	if from == to {
		return append(dst, "(empty)"...)
	}
	for j := from; j < to; j++ {
		if j > from {
			dst = append(dst, ',')
		}
		dst = c.value(dst, j, true)
	}
	return dst
}

// value writes value i; a comma within a list is escaped.
func (c *zeekColumn) value(dst []byte, i int, list bool) []byte {
	switch d := c.data.(type) {
	case []bool:
		return append(dst, "FT"[b2i(d[i])])
	case []float64:
		if c.interval {
			return strconv.AppendFloat(dst, d[i], 'f', 6, 64)
		}
		return strconv.AppendFloat(dst, d[i], 'g', -1, 64)
	case []schema.Micros:
		return appendEpoch(dst, int64(d[i]))
	case []schema.Text:
		return zeekText(dst, d[i], list)
	case []netip.Addr:
		return zeekText(dst, d[i].AppendTo(nil), list)
	case []schema.IPv4:
		return netip.AddrFrom4(d[i]).AppendTo(dst)
	case []schema.IPv6:
		return netip.AddrFrom16(d[i]).AppendTo(dst)
	case []schema.MAC:
		return d[i].AppendTo(dst)
	case []schema.Bytes:
		return fmt.Appendf(dst, "%x", []byte(d[i]))
	case []uint8:
		return strconv.AppendUint(dst, uint64(d[i]), 10)
	case []uint16:
		return strconv.AppendUint(dst, uint64(d[i]), 10)
	case []uint32:
		return strconv.AppendUint(dst, uint64(d[i]), 10)
	case []int64:
		return strconv.AppendInt(dst, d[i], 10)
	}
	panic(fmt.Sprintf("zeek: column %s of %T", c.column.Field().Name, c.data))
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// appendEpoch writes a time as seconds since 1970 with six decimals.
func appendEpoch(dst []byte, us int64) []byte {
	n := uint64(us)
	if us < 0 {
		dst, n = append(dst, '-'), -n
	}
	dst = append(strconv.AppendUint(dst, n/1e6, 10), '.')
	for unit := uint64(1e5); unit > 0; unit /= 10 {
		dst = append(dst, '0'+byte(n/unit%10))
	}
	return dst
}

// zeekText writes a string. Control characters, backslashes, in a list commas,
// and the first character of what would be read as no value are written as
// \xHH.
func zeekText(dst, text []byte, list bool) []byte {
	const digits = "0123456789abcdef"
	if len(text) == 0 {
		return append(dst, "(empty)"...)
	}
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, replacement)
	}
	reserved := string(text) == "-" || string(text) == "(empty)"
	for i, c := range text {
		if c < ' ' || c == 0x7f || c == '\\' || list && c == ',' || reserved && i == 0 {
			dst = append(dst, '\\', 'x', digits[c>>4], digits[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}
