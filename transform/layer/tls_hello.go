package layer

import "github.com/pcapline/pcapline/transform/schema"

// Extensions (IANA, TLS ExtensionType Values).
const (
	extServerName = 0
	extGroups     = 10
	extPoints     = 11
	extSignatures = 13
	extALPN       = 16
	extVersions   = 43
)

// hello is what fingerprints are made of. Its slices are reused.
type hello struct {
	version    uint16 // legacy
	best       uint16 // highest offered, or chosen
	ciphers    []uint16
	extensions []uint16
	groups     []uint16
	points     []uint8
	signatures []uint16
	versions   []uint16
	alpn       []schema.Text
	first      []byte // of the protocols of ALPN, as sent
	hasSNI     bool
}

func (h *hello) reset() {
	*h = hello{
		ciphers: h.ciphers[:0], extensions: h.extensions[:0], groups: h.groups[:0],
		points: h.points[:0], signatures: h.signatures[:0], versions: h.versions[:0], alpn: h.alpn[:0],
	}
}

// isGREASE reports whether a value is reserved for clients to keep servers
// tolerant (RFC 8701): 0x0a0a, 0x1a1a … 0xfafa.
func isGREASE(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

// decodeClientHello takes a ClientHello, whole or the front of one.
func (t *TLS) decodeClientHello(d *Decoder, c cursor, whole bool) {
	h := &t.hello
	h.reset()
	if !t.decodeHelloStart(d, &c, whole) {
		return
	}
	ciphers := c.vector16()
	h.ciphers = appendUint16s(h.ciphers, ciphers)
	if c.short {
		d.noteEnd(whole)
		return
	}
	t.Ciphers.Set(d.Row, bounded(h.ciphers, maxTLSList)...)
	t.CipherCount.Set(d.Row, uint16(len(h.ciphers)))
	c.vector8() // compression methods
	if !t.decodeExtensions(d, &c, whole, (*TLS).clientExtension) || len(ciphers)%2 != 0 {
		d.noteEnd(whole)
		return
	}
	h.best = h.version
	if len(h.versions) > 0 {
		h.best = 0
		for _, v := range h.versions {
			if !isGREASE(v) {
				h.best = max(h.best, v)
			}
		}
	}
	t.Version.Set(d.Row, h.best)
	t.JA3.Set(d.Row, d.Text(t.print.ja3(h)))
	t.JA4.Set(d.Row, d.Text(t.print.ja4(h, d.bareTLS)))
	t.tell(d, t.SNI.Has(d.Row))
}

// decodeServerHello takes a ServerHello, whole or the front of one.
func (t *TLS) decodeServerHello(d *Decoder, c cursor, whole bool) {
	h := &t.hello
	h.reset()
	if !t.decodeHelloStart(d, &c, whole) {
		return
	}
	cipher := c.u16()
	if c.short {
		d.noteEnd(whole)
		return
	}
	t.Cipher.Set(d.Row, uint16(cipher))
	h.ciphers = append(h.ciphers, uint16(cipher))
	c.u8() // compression method
	if !t.decodeExtensions(d, &c, whole, (*TLS).serverExtension) {
		d.noteEnd(whole)
		return
	}
	h.best = h.version
	if len(h.versions) > 0 {
		h.best = h.versions[0]
	}
	t.Version.Set(d.Row, h.best)
	t.JA3S.Set(d.Row, d.Text(t.print.ja3s(h)))
	t.tell(d, false)
}

// decodeHelloStart takes what both hellos begin with.
func (t *TLS) decodeHelloStart(d *Decoder, c *cursor, whole bool) (ok bool) {
	version := uint16(c.u16())
	if !c.short {
		t.hello.version = version
		t.LegacyVersion.Set(d.Row, version)
	}
	c.take(32) // random
	session := c.vector8()
	if c.short {
		d.noteEnd(whole)
		return false
	}
	t.SessionIDLen.Set(d.Row, uint8(len(session)))
	return true
}

// decodeExtensions hands each extension to take, which reports whether it is
// well formed, and fills the columns that both hellos have. It reports whether
// all were there. A hello may end before its extensions.
func (t *TLS) decodeExtensions(d *Decoder, c *cursor, whole bool, take func(t *TLS, d *Decoder, typ uint16, b []byte) bool) (ok bool) {
	if c.short {
		return false
	}
	if len(c.b) == 0 {
		return whole
	}
	n := c.u16()
	ok = !c.short && n <= len(c.b)
	if n < len(c.b) {
		c.b = c.b[:n]
	}
	for len(c.b) > 0 && !c.short {
		typ := uint16(c.u16())
		value := c.vector16()
		if c.short {
			break
		}
		t.hello.extensions = append(t.hello.extensions, typ)
		if !take(t, d, typ, value) {
			d.Note("malformed extension")
			ok = false
		}
	}
	t.Extensions.Set(d.Row, bounded(t.hello.extensions, maxTLSList)...)
	return ok && !c.short
}

// clientExtension fills the columns of one extension of a ClientHello. Of one
// that comes twice the first counts.
func (t *TLS) clientExtension(d *Decoder, typ uint16, b []byte) bool {
	h, c := &t.hello, cursor{b: b}
	switch typ {
	case extServerName:
		h.hasSNI = true
		return t.decodeServerName(d, c)
	case extALPN:
		return t.decodeALPN(d, c)
	case extGroups:
		return setUint16s(d, &t.Groups, &h.groups, c.vector16())
	case extSignatures:
		return setUint16s(d, &t.Signatures, &h.signatures, c.vector16())
	case extVersions:
		return setUint16s(d, &t.Versions, &h.versions, c.vector8())
	case extPoints:
		return t.decodePoints(d, c)
	}
	return true
}

// serverExtension is clientExtension for a ServerHello.
func (t *TLS) serverExtension(d *Decoder, typ uint16, b []byte) bool {
	h, c := &t.hello, cursor{b: b}
	switch typ {
	case extALPN:
		return t.decodeALPN(d, c)
	case extVersions:
		return setUint16s(d, &t.Versions, &h.versions, c.take(2))
	case extPoints:
		return t.decodePoints(d, c)
	}
	return true
}

// decodeServerName takes the first name of a list of server names.
func (t *TLS) decodeServerName(d *Decoder, c cursor) bool {
	const hostName = 0
	names := cursor{b: c.vector16()}
	for len(names.b) > 0 && !names.short {
		typ, name := names.u8(), names.vector16()
		if !names.short && typ == hostName && !t.SNI.Has(d.Row) {
			t.SNI.Set(d.Row, d.Printable(name))
		}
	}
	return !c.short && !names.short
}

// decodeALPN takes a list of protocols.
func (t *TLS) decodeALPN(d *Decoder, c cursor) bool {
	h := &t.hello
	names := cursor{b: c.vector16()}
	if c.short || t.ALPN.Has(d.Row) {
		return !c.short
	}
	for len(names.b) > 0 && !names.short {
		name := names.vector8()
		if names.short {
			break
		}
		if len(h.alpn) == 0 {
			h.first = name
		}
		if len(h.alpn) < maxTLSRecords {
			h.alpn = append(h.alpn, d.Item(name))
		}
	}
	t.ALPN.Set(d.Row, h.alpn...)
	return !names.short
}

func (t *TLS) decodePoints(d *Decoder, c cursor) bool {
	points := c.vector8()
	if !c.short && !t.PointFormats.Has(d.Row) {
		t.hello.points = append(t.hello.points, points...)
		t.PointFormats.Set(d.Row, points...)
	}
	return !c.short
}

// setUint16s fills a list, and its column, from a vector, which is nil where
// it did not fit.
func setUint16s(d *Decoder, column *schema.List[uint16], list *[]uint16, v []byte) bool {
	if v == nil || len(v)%2 != 0 {
		return false
	}
	if !column.Has(d.Row) {
		*list = appendUint16s(*list, v)
		column.Set(d.Row, bounded(*list, maxTLSList)...)
	}
	return true
}

func appendUint16s(dst []uint16, b []byte) []uint16 {
	for ; len(b) >= 2; b = b[2:] {
		dst = append(dst, be.Uint16(b))
	}
	return dst
}

// bounded is the first n elements of a list.
func bounded[T any](list []T, n int) []T { return list[:min(len(list), n)] }
