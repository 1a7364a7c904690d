package sink

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pcapline/pcapline/transform/schema"
)

func newJSONL(w io.Writer, s schema.Schema, opt Options) (Sink, error) {
	if err := refuseOptions("jsonl", opt); err != nil {
		return nil, err
	}
	layout, err := newJSONLayout(s)
	if err != nil {
		return nil, err
	}
	return newTextSink("jsonl", w, s, opt, nil, func() lines { return &jsonLines{layout: layout} })
}

// jsonMember is a member of a row's object: a column, or an object of the
// columns of one layer.
type jsonMember struct {
	key     []byte // "name": with the quotes and the colon
	column  int    // in the schema; -1: an object
	members []jsonMember
}

// newJSONLayout says how the columns are nested. A column whose name begins
// with that of its layer is a member of the layer's object, without that
// beginning: ip_src of layer ip is .ip.src, as Wireshark calls it. Every other
// column stands beside the layers under its own name. A column that is named
// as its layer keeps its name inside it.
func newJSONLayout(s schema.Schema) ([]jsonMember, error) {
	var top []jsonMember
	objects := make(map[string]int) // index in top
	taken := make(map[string]string)
	for i, f := range s {
		layer, key := jsonPath(f)
		if by, ok := taken[layer+"\x00"+key]; ok {
			return nil, fmt.Errorf("jsonl: columns %s and %s have one place in a row's object", by, f.Name)
		}
		taken[layer+"\x00"+key] = f.Name
		m := jsonMember{key: jsonKey(key), column: i}
		if layer == "" {
			top = append(top, m)
			continue
		}
		at, ok := objects[layer]
		if !ok {
			at = len(top)
			objects[layer] = at
			top = append(top, jsonMember{key: jsonKey(layer), column: -1})
			if by, ok := taken["\x00"+layer]; ok {
				return nil, fmt.Errorf("jsonl: column %s and layer %s have one place in a row's object", by, layer)
			}
			taken["\x00"+layer] = f.Name
		}
		top[at].members = append(top[at].members, m)
	}
	return top, nil
}

// jsonPath is the object that a field's column is in, "" for the row's own,
// and its key there.
func jsonPath(f *schema.Field) (layer, key string) {
	if f.Layer == "" {
		return "", f.Name
	}
	if f.Name == f.Layer {
		return f.Layer, f.Name
	}
	if key, ok := strings.CutPrefix(f.Name, f.Layer+"_"); ok {
		return f.Layer, key
	}
	return "", f.Name
}

func jsonKey(name string) []byte { return append(appendJSONString(nil, []byte(name)), ':') }

// jsonLines writes a row as a JSON object. Members end in a comma, and the
// last one's becomes the brace.
type jsonLines struct {
	layout  []jsonMember
	columns []jsonColumn
}

// jsonColumn is a column on its way through a batch's rows.
type jsonColumn struct {
	value   func(dst []byte, i int) []byte
	offsets []int32 // of a list
	def     []uint8
	every   bool // a value in every row
	none    bool // in no row
	next    int  // index of the next value
}

func (l *jsonLines) appendRows(out []byte, b *schema.Batch) []byte {
	l.bind(b)
	for row := range b.Rows {
		out = append(out, '{')
		empty := true
		for i := range l.layout {
			m := &l.layout[i]
			before := len(out)
			if m.column >= 0 {
				out = l.appendMember(out, m, row)
			} else {
				out = l.appendObject(out, m, row)
			}
			empty = empty && len(out) == before
		}
		if empty {
			out = append(out, ',')
		}
		out[len(out)-1] = '}'
		out = append(out, '\n')
	}
	return out
}

// appendObject appends a layer, unless the row has nothing of it.
func (l *jsonLines) appendObject(out []byte, m *jsonMember, row int) []byte {
	start := len(out)
	out = append(append(out, m.key...), '{')
	open := len(out)
	for i := range m.members {
		out = l.appendMember(out, &m.members[i], row)
	}
	if len(out) == open {
		return out[:start]
	}
	out[len(out)-1] = '}'
	return append(out, ',')
}

func (l *jsonLines) appendMember(out []byte, m *jsonMember, row int) []byte {
	c := &l.columns[m.column]
	if c.none || !c.every && (row >= len(c.def) || c.def[row] == 0) {
		return out
	}
	out = append(out, m.key...)
	i := c.next
	c.next++
	if c.offsets == nil {
		return append(c.value(out, i), ',')
	}
	out = append(out, '[')
	for at := c.offsets[i]; at < c.offsets[i+1]; at++ {
		if at > c.offsets[i] {
			out = append(out, ',')
		}
		out = c.value(out, int(at))
	}
	return append(out, ']', ',')
}

// bind sets each column to its first row.
func (l *jsonLines) bind(b *schema.Batch) {
	l.columns = l.columns[:0]
	for _, c := range b.Columns {
		col := jsonColumn{value: jsonValues(c.Data()), offsets: c.Offsets(), none: c.Len() == 0}
		if p := c.Presence(); p != nil {
			col.def = p.Def
		} else {
			col.every = true
		}
		l.columns = append(l.columns, col)
	}
}

// jsonValues returns what appends value i of a column's data: numbers as they
// are, exact; times in RFC 3339; bytes in hexadecimal.
func jsonValues(data any) func(dst []byte, i int) []byte {
	switch v := data.(type) {
	case []bool:
		return func(dst []byte, i int) []byte { return strconv.AppendBool(dst, v[i]) }
	case []uint8:
		return func(dst []byte, i int) []byte { return strconv.AppendUint(dst, uint64(v[i]), 10) }
	case []uint16:
		return func(dst []byte, i int) []byte { return strconv.AppendUint(dst, uint64(v[i]), 10) }
	case []uint32:
		return func(dst []byte, i int) []byte { return strconv.AppendUint(dst, uint64(v[i]), 10) }
	case []int64:
		return func(dst []byte, i int) []byte { return strconv.AppendInt(dst, v[i], 10) }
	case []float64:
		return func(dst []byte, i int) []byte { return appendJSONFloat(dst, v[i]) }
	case []schema.Text:
		return func(dst []byte, i int) []byte { return appendJSONString(dst, v[i]) }
	case []netip.Addr:
		return func(dst []byte, i int) []byte {
			var text [64]byte // a zone can be anything
			return appendJSONString(dst, v[i].AppendTo(text[:0]))
		}
	case []schema.Micros:
		return func(dst []byte, i int) []byte { return append(v[i].AppendTo(append(dst, '"')), '"') }
	case []schema.IPv4:
		return func(dst []byte, i int) []byte { return append(ipv4Text(v[i], append(dst, '"')), '"') }
	case []schema.IPv6:
		return func(dst []byte, i int) []byte { return append(ipv6Text(v[i], append(dst, '"')), '"') }
	case []schema.MAC:
		return func(dst []byte, i int) []byte { return append(v[i].AppendTo(append(dst, '"')), '"') }
	case []schema.Bytes:
		return func(dst []byte, i int) []byte { return append(hex.AppendEncode(append(dst, '"'), v[i]), '"') }
	}
	panic(fmt.Sprintf("sink: no JSON for %T", data)) // a kind that was forgotten here
}

// appendJSONFloat appends a number, or the string that stands for what JSON
// has no number for, as protocol buffers' JSON mapping has it.
func appendJSONFloat(dst []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}

// appendJSONString appends a string as RFC 8259 has it, with U+FFFD for what
// is not UTF-8.
func appendJSONString(dst, s []byte) []byte {
	ascii := true
	for _, c := range s {
		ascii = ascii && c < utf8.RuneSelf
	}
	if !ascii && !utf8.Valid(s) {
		s = bytes.ToValidUTF8(s, replacement)
	}
	dst = append(dst, '"')
	from := 0
	for i, c := range s {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			const digits = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return append(append(dst, s[from:]...), '"')
}
