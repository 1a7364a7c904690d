package layer

import (
	"unicode"
	"unicode/utf8"

	"github.com/pcapline/pcapline/transform/schema"
)

// Printable gives bytes that should be text as valid UTF-8: backslashes and
// what does not print or is no UTF-8 are written \DDD, a byte in decimal, as
// names are (RFC 4343, 2.1). Text that needs no escape is not copied.
func (d *Decoder) Printable(b []byte) schema.Text { return d.escaped(b, '\\') }

// Item is Printable for an element of a list. Lists are joined by semicolons
// in CSV, so these are escaped as well.
func (d *Decoder) Item(b []byte) schema.Text { return d.escaped(b, ';') }

func (d *Decoder) escaped(b []byte, also byte) schema.Text {
	if isPlain(b, also) {
		return schema.Text(b)
	}
	d.escape = d.escape[:0]
	for s := b; len(s) > 0; {
		r, size := utf8.DecodeRune(s)
		if r == '\\' || r == rune(also) || r == utf8.RuneError && size == 1 || !unicode.IsPrint(r) {
			for _, c := range s[:size] {
				d.escape = appendEscaped(d.escape, c)
			}
		} else {
			d.escape = append(d.escape, s[:size]...)
		}
		s = s[size:]
	}
	if len(d.escape) == len(b) {
		return schema.Text(b)
	}
	return d.Text(d.escape)
}

// isPlain reports whether b is printable ASCII without what is escaped.
func isPlain(b []byte, also byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' || c == '\\' || c == also {
			return false
		}
	}
	return true
}

// appendEscaped writes a byte as \DDD.
func appendEscaped(dst []byte, c byte) []byte {
	return append(dst, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
}
