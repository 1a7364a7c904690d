package antinex

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// The names of TCP options, by kind.
var tcpOptionNames = map[byte]string{
	0: "EOL", 1: "NOP", 2: "MSS", 3: "WScale", 4: "SAckOK", 5: "SAck", 8: "Timestamp", 14: "AltChkSum", 15: "AltChkSumOpt", 25: "Mood",
}

// tcpOption is an option as kamene reads it: of the length that its kind has
// it is one number or several; of another it is bytes.
type tcpOption struct {
	kind    byte
	numbers []int64
	bytes   []byte // nil for numbers, and for EOL and NOP
}

// tcpOptions puts the options into the message. It fails where the last one
// has no length, which makes the whole header unreadable.
func (h *header) tcpOptions(b []byte) bool {
	var options []tcpOption
	for len(b) > 0 {
		kind := b[0]
		if kind <= 1 {
			options = append(options, tcpOption{kind: kind})
			if kind == 0 {
				break
			}
			b = b[1:]
			continue
		}
		if len(b) < 2 {
			return false
		}
		n := max(int(b[1]), 2)
		options = append(options, readTCPOption(kind, b[2:min(max(n, 2), len(b))]))
		b = tail(b, n)
	}
	if len(options) > 0 {
		h.more = append(h.more, Field{"fields_options", tcpOptionsValue(options)})
	}
	return true
}

func readTCPOption(kind byte, v []byte) tcpOption {
	o := tcpOption{kind: kind, bytes: v}
	switch {
	case kind == 2 && len(v) == 2:
		o.numbers = []int64{int64(be.Uint16(v))}
	case kind == 3 && len(v) == 1:
		o.numbers = []int64{int64(v[0])}
	case kind == 5 && len(v)%4 == 0 && len(v) > 0, kind == 8 && len(v) == 8:
		for ; len(v) > 0; v = v[4:] {
			o.numbers = append(o.numbers, int64(be.Uint32(v)))
		}
	case kind == 14 && len(v) == 3:
		o.numbers = []int64{int64(v[0]), int64(be.Uint16(v[1:]))}
	case kind == 25 && len(v) == 1:
		o.bytes = []byte{}
	}
	if o.numbers != nil {
		o.bytes = nil
	}
	return o
}

// tcpOptionsValue is what the message has of the options: of each name the
// last, of a timestamp the first of its two numbers.
func tcpOptionsValue(options []tcpOption) Value {
	m := Value{Kind: Map}
	for i := range options {
		o := &options[i]
		name, known := tcpOptionNames[o.kind]
		switch {
		case !known:
		case o.kind == 4 && !utf8.Valid(o.bytes):
			if o == last(options, 4) {
				return textValue(tcpOptionsRepr(options))
			}
		case o.kind == 8:
			if v, ok := o.first(); ok {
				m.Fields = set(m.Fields, name, intValue(v))
			} else {
				m.Fields = remove(m.Fields, name)
			}
		default:
			m.Fields = set(m.Fields, name, o.value())
		}
	}
	return m
}

func last(options []tcpOption, kind byte) *tcpOption {
	for i := len(options) - 1; i >= 0; i-- {
		if options[i].kind == kind {
			return &options[i]
		}
	}
	return nil
}

func remove(fields []Field, name string) []Field {
	for i := range fields {
		if fields[i].Name == name {
			return append(fields[:i], fields[i+1:]...)
		}
	}
	return fields
}

// first is the first number of the option or its first byte; an option without
// any has none.
func (o *tcpOption) first() (int64, bool) {
	if len(o.numbers) > 0 {
		return o.numbers[0], true
	}
	if len(o.bytes) > 0 {
		return int64(o.bytes[0]), true
	}
	return 0, false
}

// value is the option's value in the message. Bytes, which JSON has no place
// for, are text where they are UTF-8 and else hexadecimal.
func (o *tcpOption) value() Value {
	switch {
	case len(o.numbers) == 1:
		return intValue(o.numbers[0])
	case o.numbers != nil:
		v := Value{Kind: List}
		for _, n := range o.numbers {
			v.List = append(v.List, intValue(n))
		}
		return v
	case o.bytes == nil:
		return Value{}
	case utf8.Valid(o.bytes):
		return textValue(string(o.bytes))
	}
	return textValue(hex.EncodeToString(o.bytes))
}

// tcpOptionsRepr writes the options as Python prints a list of pairs, which is
// what the message has of them when they cannot be converted.
func tcpOptionsRepr(options []tcpOption) string {
	out := []byte{'['}
	for i := range options {
		o := &options[i]
		if i > 0 {
			out = append(out, ", "...)
		}
		if name, known := tcpOptionNames[o.kind]; known {
			out = fmt.Appendf(out, "('%s', ", name)
		} else {
			out = fmt.Appendf(out, "(%d, ", o.kind)
		}
		switch {
		case len(o.numbers) == 1:
			out = strconv.AppendInt(out, o.numbers[0], 10)
		case o.numbers != nil:
			for j, n := range o.numbers {
				out = append(out, map[bool]string{true: "(", false: ", "}[j == 0]...)
				out = strconv.AppendInt(out, n, 10)
			}
			out = append(out, ')')
		case o.bytes == nil:
			out = append(out, "None"...)
		default:
			out = appendBytesRepr(out, o.bytes)
		}
		out = append(out, ')')
	}
	return string(append(out, ']'))
}
