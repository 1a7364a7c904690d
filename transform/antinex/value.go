package antinex

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Kind is what a [Value] is.
type Kind uint8

// The kinds of JSON, with integers apart from other numbers, as Python has them.
const (
	Null Kind = iota
	Int
	Float
	Bool
	Text
	List
	Map
)

// Value is a value in a message.
type Value struct {
	Kind   Kind
	Int    int64   // of Int, and 0 or 1 of Bool
	Float  float64 // of Float
	Text   string  // of Text
	List   []Value // of List
	Fields []Field // of Map, in ASCII order of the names, each once
}

// Field is a named value.
type Field struct {
	Name  string
	Value Value
}

// Layer is one layer of a message.
type Layer struct {
	Name   string
	Fields []Field // in ASCII order of the names, each once
}

func intValue(n int64) Value   { return Value{Kind: Int, Int: n} }
func textValue(s string) Value { return Value{Kind: Text, Text: s} }

// Get returns the named value of a map, and whether there is one.
func (v *Value) Get(name string) (*Value, bool) {
	for i := range v.Fields {
		if v.Fields[i].Name == name {
			return &v.Fields[i].Value, true
		}
	}
	return nil, false
}

// set gives the named field a value, in order.
func set(fields []Field, name string, v Value) []Field {
	i, found := slices.BinarySearchFunc(fields, name, func(f Field, n string) int { return strings.Compare(f.Name, n) })
	if found {
		fields[i].Value = v
		return fields
	}
	return slices.Insert(fields, i, Field{name, v})
}

// appendText writes a value as Python's str does and pandas in a column of
// objects: null and the empty text are nothing, lists have brackets.
func (v *Value) appendText(dst []byte) []byte {
	switch v.Kind {
	case Null:
		return dst
	case Text:
		return append(dst, v.Text...)
	}
	return v.appendRepr(dst)
}

// appendRepr writes a value as Python's repr does.
func (v *Value) appendRepr(dst []byte) []byte {
	switch v.Kind {
	case Null:
		return append(dst, "None"...)
	case Int:
		return strconv.AppendInt(dst, v.Int, 10)
	case Float:
		return appendFloat(dst, v.Float)
	case Bool:
		if v.Int == 0 {
			return append(dst, "False"...)
		}
		return append(dst, "True"...)
	case Text:
		return appendTextRepr(dst, v.Text)
	case List:
		dst = append(dst, '[')
		for i := range v.List {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = v.List[i].appendRepr(dst)
		}
		return append(dst, ']')
	}
	dst = append(dst, '{')
	for i := range v.Fields {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(appendTextRepr(dst, v.Fields[i].Name), ": "...)
		dst = v.Fields[i].Value.appendRepr(dst)
	}
	return append(dst, '}')
}

// appendFloat writes the shortest text that reads back as f, as Python does:
// with a point, with an exponent only for very large and very small numbers.
func appendFloat(dst []byte, f float64) []byte {
	switch abs := math.Abs(f); {
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case math.IsInf(f, 0):
		if f < 0 {
			dst = append(dst, '-')
		}
		return append(dst, "inf"...)
	case abs != 0 && (abs < 1e-4 || abs >= 1e16):
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if bytes.IndexByte(dst[start:], '.') < 0 {
		dst = append(dst, ".0"...)
	}
	return dst
}

// appendTextRepr writes a text with quotes, as Python does.
func appendTextRepr(dst []byte, s string) []byte {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	dst = append(dst, quote)
	for _, r := range s {
		switch {
		case r == rune(quote) || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r < ' ' || r == 0x7f:
			dst = append(dst, `\x`...)
			dst = append(dst, "0123456789abcdef"[r>>4], "0123456789abcdef"[r&15])
		default:
			dst = append(dst, string(r)...)
		}
	}
	return append(dst, quote)
}

// appendBytesRepr writes bytes as Python does: b'GET \x00'.
func appendBytesRepr(dst, b []byte) []byte {
	quote := byte('\'')
	if bytes.IndexByte(b, '\'') >= 0 && bytes.IndexByte(b, '"') < 0 {
		quote = '"'
	}
	dst = append(dst, 'b', quote)
	for _, c := range b {
		switch {
		case c == quote || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c < ' ' || c >= 0x7f:
			dst = append(dst, '\\', 'x', "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, quote)
}
