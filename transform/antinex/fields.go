package antinex

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"

	"github.com/pcapline/pcapline/transform/schema"
)

// form is how a header field lies in the packet and shows in the message.
type form uint8

const (
	number form = iota // size bytes, big endian
	little             // size bytes, little endian
	bits               // size bits; neighbours add up to bytes
	mac
	ip4
	ip6
	fixed   // size bytes, or what is left of them, in hexadecimal
	rest    // all that is left, in hexadecimal
	phantom // no bytes, always 1
)

// field declares one field of a header.
type field struct {
	name string
	form form
	size int
	when func(h *header) bool // nil: always; else null where it says no
}

// fieldValue is a field as read.
type fieldValue struct {
	field *field
	null  bool
	n     uint64
	b     []byte
}

// header is a layer as it was read, before conversion.
type header struct {
	layer  *layer
	values []fieldValue
	more   []Field // of the message, for fields that have a text of their own
	fields []Field // of the message, all
	stop   bool    // the conversion ends in this header, with nothing but its defaults
	err    error
}

// errHeader says that a header cannot be read: it becomes payload.
var errHeader = errors.New("header cannot be read")

// get returns the number in the named field and whether the field is there.
func (h *header) get(name string) (uint64, bool) {
	for i := range h.values {
		if h.values[i].field.name == name {
			return h.values[i].n, !h.values[i].null
		}
	}
	return 0, false
}

// is reports whether the named field has the value n. A field that the packet
// was too short for has its default, which none of those asked for here has.
func (h *header) is(name string, n uint64) bool {
	v, ok := h.get(name)
	return ok && v == n
}

// read takes the layer's fields off the front of b. It ends where b does: a
// header may be cut at any field, not within one.
func (h *header) read(b []byte) []byte {
	fields, bit := h.layer.fields, 0
	for i := range fields {
		if len(b) == 0 {
			break
		}
		f := &fields[i]
		v := fieldValue{field: f}
		if f.when != nil && !f.when(h) {
			v.null = true
		} else {
			b, bit = h.readField(&v, b, bit)
			if h.err != nil {
				return nil
			}
		}
		h.values = append(h.values, v)
	}
	return b
}

// readField takes one field; bit is how many bits of b[0] are taken already.
func (h *header) readField(v *fieldValue, b []byte, bit int) ([]byte, int) {
	n := v.field.size
	switch v.field.form {
	case bits:
		return h.readBits(v, b, bit)
	case rest:
		v.b = b
		return nil, 0
	case fixed:
		n = min(n, len(b))
		v.b = b[:n]
		return b[n:], 0
	case phantom:
		v.n = 1
		return b, 0
	case mac:
		n = 6
	case ip4:
		n = 4
	case ip6:
		n = 16
	}
	if len(b) < n {
		h.err = errHeader
		return nil, 0
	}
	v.b = b[:n]
	switch v.field.form {
	case number:
		for _, c := range v.b {
			v.n = v.n<<8 | uint64(c)
		}
	case little:
		v.n = uint64(binary.LittleEndian.Uint32(v.b))
	}
	return b[n:], 0
}

func (h *header) readBits(v *fieldValue, b []byte, bit int) ([]byte, int) {
	end := bit + v.field.size
	if len(b) < (end+7)/8 {
		h.err = errHeader
		return nil, 0
	}
	for i := bit; i < end; i++ {
		v.n = v.n<<1 | uint64(b[i/8]>>(7-i%8)&1)
	}
	return b[end/8:], end % 8
}

// message converts a header to what the message has of it.
func (h *header) message() Layer {
	if h.stop {
		return Layer{h.layer.name, h.layer.defaults}
	}
	// The name that a special field is written under: that of the ordinary
	// field before it, at first that of the last default.
	slot := "default_" + h.layer.fields[len(h.layer.fields)-1].name
	for i := range h.values {
		v := &h.values[i]
		name := v.field.name
		switch name {
		case "proto", "flags", "ack", "id", "window", "dataofs", "frag", "reserved", "ttl", "chksum":
			if v.truthy() {
				h.fields = set(h.fields, slot, v.value())
			}
		case "urgptr":
			if v.truthy() {
				h.fields = set(h.fields, "fields_urgptr", v.value())
			}
		case "arcount": // of a DNS message; not zero it had stopped
		default:
			slot = name
			if v.field.form == fixed || v.field.form == rest {
				name = "hex_field_" + name
			}
			h.fields = set(h.fields, name, v.value())
		}
	}
	for _, f := range h.more {
		h.fields = set(h.fields, f.Name, f.Value)
	}
	return Layer{h.layer.name, h.fields}
}

func (v *fieldValue) truthy() bool {
	return !v.null && (v.n != 0 || v.field.form >= mac)
}

func (v *fieldValue) value() Value {
	switch {
	case v.null:
		return Value{}
	case v.field.form == mac:
		return textValue(string(schema.MAC(v.b).AppendTo(nil)))
	case v.field.form == ip4:
		return textValue(netip.AddrFrom4([4]byte(v.b)).String())
	case v.field.form == ip6:
		return textValue(ip6Text([16]byte(v.b)))
	case v.field.form == fixed || v.field.form == rest:
		return textValue(hex.EncodeToString(v.b))
	}
	return intValue(int64(v.n))
}

// ip6Text writes an address as the C library does: Go has no dotted form of
// IPv4-compatible addresses.
func ip6Text(a [16]byte) string {
	if slices.Equal(a[:12], make([]byte, 12)) && (a[12] != 0 || a[13] != 0) {
		return "::" + netip.AddrFrom4([4]byte(a[12:])).String()
	}
	return netip.AddrFrom16(a).String()
}

// head and tail are Python's s[:n] and s[n:], where a negative n counts from
// the end and one beyond it is the end.
func head(s []byte, n int) []byte { return s[:index(s, n)] }
func tail(s []byte, n int) []byte { return s[index(s, n):] }

func index(s []byte, n int) int {
	if n < 0 {
		n += len(s)
	}
	return min(max(n, 0), len(s))
}
