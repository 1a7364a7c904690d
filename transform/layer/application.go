package layer

import (
	"unicode/utf8"

	"github.com/pcapline/pcapline/transform/flow"
)

// maxAppText bounds the bytes of a text that a digest keeps of a packet.
const maxAppText = 1024

// What a digest says of packets of which only the protocol is known. They are
// shared and read only, so that such packets cost nothing.
var (
	appDNS    = &flow.App{Name: "dns"}
	appDHCP   = &flow.App{Name: "dhcp"}
	appDHCPv6 = &flow.App{Name: "dhcpv6"}
	appNTP    = &flow.App{Name: "ntp"}
	appSSH    = &flow.App{Name: "ssh"}
	appTLS    = &flow.App{Name: "tls"}
)

// name tells the flow no more than the protocol.
func (d *Decoder) name(app *flow.App) {
	if d.Digest.App == nil {
		d.Digest.App = app
	}
}

// app gives an App of the packet's own, for protocols to fill, made when first
// asked for; callers ask first whether anybody wants it (Decoder.flows).
func (d *Decoder) app(name string) *flow.App {
	if d.ownApp == nil {
		d.ownApp = &flow.App{Name: name}
		d.Digest.App = d.ownApp
	}
	return d.ownApp
}

// appText copies a text for a digest, at most maxAppText bytes of it.
func appText(text []byte) string {
	if len(text) > maxAppText {
		n := maxAppText
		for n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n]
	}
	return string(text)
}

// last is the value that a column was last given.
func last[T any](values []T) T { return values[len(values)-1] }

// whole reports whether a datagram's message is all in this packet; else the
// rest is in later fragments, and not to find it is no error.
func (d *Decoder) whole() bool { return !d.Digest.Fragment }

// noteEnd records that a message ends before it should: where it was all in
// the packet, or the capture cut it. A message that goes on in a later segment
// or fragment is no error.
func (d *Decoder) noteEnd(whole bool) {
	if whole || d.missing > 0 {
		d.NoteShort()
	}
}

// cursor reads a message's fields front to back. Behind the first that does
// not fit all are empty, and short is set.
type cursor struct {
	b     []byte
	short bool
}

// take gives the next n bytes; nil where they do not fit.
func (c *cursor) take(n int) []byte {
	if n > len(c.b) || c.short {
		c.short = true
		return nil
	}
	v := c.b[:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) u8() int {
	if v := c.take(1); v != nil {
		return int(v[0])
	}
	return 0
}

func (c *cursor) u16() int {
	if v := c.take(2); v != nil {
		return int(be.Uint16(v))
	}
	return 0
}

func (c *cursor) u32() int {
	if v := c.take(4); v != nil {
		return int(be.Uint32(v))
	}
	return 0
}

// The vectors of TLS and the strings of SSH: their length is before them.
func (c *cursor) vector8() []byte  { return c.take(c.u8()) }
func (c *cursor) vector16() []byte { return c.take(c.u16()) }
func (c *cursor) vector32() []byte { return c.take(c.u32()) }

// varint reads an integer of RFC 9000, section 16.
func (c *cursor) varint() uint64 {
	if c.short || len(c.b) == 0 {
		c.short = true
		return 0
	}
	v := c.take(1 << (c.b[0] >> 6))
	if v == nil {
		return 0
	}
	n := uint64(v[0] & 0x3f)
	for _, x := range v[1:] {
		n = n<<8 | uint64(x)
	}
	return n
}

// sized takes the n bytes that a variable-length integer announced.
func (c *cursor) sized(n uint64) []byte {
	if n > uint64(len(c.b)) {
		c.short = true
		return nil
	}
	return c.take(int(n))
}
