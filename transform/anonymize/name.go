package anonymize

import (
	"bytes"
	"encoding/base32"
	"net/netip"
	"strconv"
)

// nameBytes are the bytes of the keyed hash that a name's pseudonym shows: 16
// characters, and two of a million names are the same once in 2^40.
const nameBytes = 10

var nameCode = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Text appends the pseudonym of a text as a whole; nothing for an empty one.
func (p *Pseudonyms) Text(dst, text []byte) []byte { return p.token(dst, tagText, text) }

func (p *Pseudonyms) token(dst []byte, purpose byte, text []byte) []byte {
	if len(text) == 0 {
		return dst
	}
	return nameCode.AppendEncode(dst, p.tag(purpose, text)[:nameBytes])
}

// Host appends the pseudonym of a host: of an address the address's, of a
// domain name label by label, so that names of a domain stay so, whatever
// their case; a port behind it stays. Dots that are escaped (\.) are part of a
// label, as package layer writes them.
func (p *Pseudonyms) Host(dst, host []byte) []byte {
	if out, ok := p.address(dst, host); ok {
		return out
	}
	name := host
	var port []byte
	if i := bytes.LastIndexByte(host, ':'); i >= 0 {
		if _, err := strconv.ParseUint(string(host[i+1:]), 10, 16); err == nil {
			name, port = host[:i], host[i:]
		}
	}
	if n := len(name); n > 1 && name[0] == '[' && name[n-1] == ']' {
		if out, ok := p.address(append(dst, '['), name[1:n-1]); ok {
			return append(append(out, ']'), port...)
		}
	}
	if out, ok := p.address(dst, name); ok {
		return append(out, port...)
	}
	for {
		i := labelEnd(name)
		dst = p.token(dst, tagName, bytes.ToLower(name[:i]))
		if i == len(name) {
			return append(dst, port...)
		}
		dst = append(dst, '.')
		name = name[i+1:]
	}
}

// labelEnd finds the first dot that is not escaped.
func labelEnd(name []byte) int {
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '\\':
			i++
		case '.':
			return i
		}
	}
	return len(name)
}

// address appends the pseudonym of an IP or MAC address in its usual notation,
// if text is one.
func (p *Pseudonyms) address(dst, text []byte) ([]byte, bool) {
	if len(text) < 2 || len(text) > 64 {
		return dst, false
	}
	if a, err := netip.ParseAddr(string(text)); err == nil {
		return p.Addr(a).AppendTo(dst), true
	}
	if mac, separator, ok := parseMAC(text); ok {
		for i, b := range p.MAC(mac) {
			if i > 0 {
				dst = append(dst, separator)
			}
			const digits = "0123456789abcdef"
			dst = append(dst, digits[b>>4], digits[b&15])
		}
		return dst, true
	}
	return dst, false
}

// parseMAC reads six bytes of two digits with colons or hyphens between them.
func parseMAC(text []byte) (a [6]byte, separator byte, ok bool) {
	if len(text) != 17 || text[2] != ':' && text[2] != '-' {
		return a, 0, false
	}
	for i := range a {
		if i > 0 && text[3*i-1] != text[2] {
			return a, 0, false
		}
		b, err := strconv.ParseUint(string(text[3*i:3*i+2]), 16, 8)
		if err != nil {
			return a, 0, false
		}
		a[i] = byte(b)
	}
	return a, text[2], true
}
