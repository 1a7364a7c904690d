package antinex

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Message is what the original's capture tools send for a packet, and what its
// processor adds.
type Message struct {
	Created  string  // when the packet was taken, "2018-01-29 13:36:35"
	Source   string  // the sensor
	ID       string  // by the processor: a UUID; "" in a message on its way
	Received string  // by the processor: when the message came
	Layers   []Layer // each name once
}

// timeLayout is how the original writes times. It takes them from the local
// clock; here they are the packet's, in UTC.
const timeLayout = "2006-01-02 15:04:05"

// Time writes a time in nanoseconds since 1970 as messages have it.
func Time(ns int64) string { return time.Unix(0, ns).UTC().Format(timeLayout) }

// appendJSON writes a message as Python's json.dumps does with sorted keys,
// at the given depth, with step for each.
func (m *Message) appendJSON(dst []byte, depth int, step string) []byte {
	layers := slices.Clone(m.Layers)
	slices.SortFunc(layers, func(a, b Layer) int { return strings.Compare(a.Name, b.Name) })
	data := Value{Kind: Map}
	for i := range layers {
		data.Fields = append(data.Fields, Field{layers[i].Name, Value{Kind: Map, Fields: layers[i].Fields}})
	}
	v := Value{Kind: Map, Fields: []Field{{"created", textValue(m.Created)}, {"data", data}}}
	if m.ID != "" {
		v.Fields = append(v.Fields, Field{"id", textValue(m.ID)}, Field{"received", textValue(m.Received)})
	}
	v.Fields = append(v.Fields, Field{"source", textValue(m.Source)})
	return v.appendJSON(dst, depth, step)
}

// appendJSON writes a value as Python's json.dumps does.
func (v *Value) appendJSON(dst []byte, depth int, step string) []byte {
	switch v.Kind {
	case Null:
		return append(dst, "null"...)
	case Int:
		return strconv.AppendInt(dst, v.Int, 10)
	case Float:
		return appendFloat(dst, v.Float)
	case Bool:
		return strconv.AppendBool(dst, v.Int != 0)
	case Text:
		return appendJSONText(dst, v.Text)
	case List:
		if len(v.List) == 0 {
			return append(dst, "[]"...)
		}
		dst = append(dst, '[')
		for i := range v.List {
			dst = appendBreak(dst, i, depth+1, step)
			dst = v.List[i].appendJSON(dst, depth+1, step)
		}
		return append(appendBreak(dst, 0, depth, step), ']')
	}
	if len(v.Fields) == 0 {
		return append(dst, "{}"...)
	}
	dst = append(dst, '{')
	for i := range v.Fields {
		dst = appendBreak(dst, i, depth+1, step)
		dst = append(appendJSONText(dst, v.Fields[i].Name), ": "...)
		dst = v.Fields[i].Value.appendJSON(dst, depth+1, step)
	}
	return append(appendBreak(dst, 0, depth, step), '}')
}

// appendBreak ends the line before item i at a depth.
func appendBreak(dst []byte, i, depth int, step string) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	dst = append(dst, '\n')
	for range depth {
		dst = append(dst, step...)
	}
	return dst
}

// appendJSONText writes a text in ASCII, as Python does by default.
func appendJSONText(dst []byte, s string) []byte {
	const digits = "0123456789abcdef"
	unit := func(u uint32) {
		dst = append(dst, '\\', 'u', digits[u>>12&15], digits[u>>8&15], digits[u>>4&15], digits[u&15])
	}
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r >= ' ' && r < utf8.RuneSelf:
			dst = append(dst, byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r == '\b':
			dst = append(dst, `\b`...)
		case r == '\f':
			dst = append(dst, `\f`...)
		case r < 0x10000:
			unit(uint32(r))
		default:
			r -= 0x10000
			unit(0xd800 + uint32(r>>10))
			unit(0xdc00 + uint32(r&0x3ff))
		}
	}
	return append(dst, '"')
}

// JSON writes a value as Python's json.dumps does with sorted keys and step for
// each depth of indentation.
func (v *Value) JSON(step string) []byte { return v.appendJSON(nil, 0, step) }
