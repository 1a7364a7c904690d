package layer

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
)

// fingerprints makes the fingerprints of hellos in buffers of its own. What
// it returns is valid until the next call.
type fingerprints struct {
	text   []byte
	out    []byte
	sorted []uint16
}

// ja3 gives the JA3 fingerprint of a ClientHello: the MD5 of
// version,ciphers,extensions,groups,points in decimal, lists joined by
// dashes, without GREASE.
func (p *fingerprints) ja3(h *hello) []byte {
	p.text = strconv.AppendUint(p.text[:0], uint64(h.version), 10)
	p.decimals(h.ciphers)
	p.decimals(h.extensions)
	p.decimals(h.groups)
	p.text = append(p.text, ',')
	for i, v := range h.points {
		if i > 0 {
			p.text = append(p.text, '-')
		}
		p.text = strconv.AppendUint(p.text, uint64(v), 10)
	}
	return p.md5()
}

// ja3s gives the JA3S fingerprint of a ServerHello: the MD5 of
// version,cipher,extensions.
func (p *fingerprints) ja3s(h *hello) []byte {
	p.text = strconv.AppendUint(p.text[:0], uint64(h.version), 10)
	p.decimals(h.ciphers)
	p.decimals(h.extensions)
	return p.md5()
}

// decimals writes a comma and the list in decimal.
func (p *fingerprints) decimals(list []uint16) {
	p.text = append(p.text, ',')
	start := len(p.text)
	for _, v := range list {
		if isGREASE(v) {
			continue
		}
		if len(p.text) > start {
			p.text = append(p.text, '-')
		}
		p.text = strconv.AppendUint(p.text, uint64(v), 10)
	}
}

// md5 gives the hash of the text in hexadecimal. It names, and secures nothing.
func (p *fingerprints) md5() []byte {
	sum := md5.Sum(p.text)
	p.out = hex.AppendEncode(p.out[:0], sum[:])
	return p.out
}

// ja4 gives the JA4 fingerprint of a ClientHello as FoxIO's definition of JA4
// (TLS client) says: t13d1516h2_8daaf6152771_02713d6af862.
func (p *fingerprints) ja4(h *hello, quic bool) []byte {
	var head [10]byte
	head[0], head[3] = 't', 'i'
	if quic {
		head[0] = 'q'
	}
	copy(head[1:], ja4Version(h.best))
	if h.hasSNI {
		head[3] = 'd'
	}
	putCount(head[4:], h.ciphers)
	putCount(head[6:], h.extensions)
	head[8], head[9] = ja4ALPN(h.first)

	p.out = append(p.out[:0], head[:]...)
	p.text = p.text[:0]
	p.sort(h.ciphers, func(uint16) bool { return false })
	p.hexadecimals(p.sorted)
	p.sha256()
	p.text = p.text[:0]
	p.sort(h.extensions, func(v uint16) bool { return v == extServerName || v == extALPN })
	p.hexadecimals(p.sorted)
	if len(p.sorted) > 0 && len(h.signatures) > 0 {
		p.text = append(p.text, '_')
		p.hexadecimals(h.signatures)
	}
	p.sha256()
	return p.out
}

// sort keeps the list without GREASE and what is left out, in order.
func (p *fingerprints) sort(list []uint16, leftOut func(v uint16) bool) {
	p.sorted = p.sorted[:0]
	for _, v := range list {
		if !isGREASE(v) && !leftOut(v) {
			p.sorted = append(p.sorted, v)
		}
	}
	slices.Sort(p.sorted)
}

// hexadecimals writes a list as four digits each, joined by commas.
func (p *fingerprints) hexadecimals(list []uint16) {
	start := len(p.text)
	for _, v := range list {
		if isGREASE(v) {
			continue
		}
		if len(p.text) > start {
			p.text = append(p.text, ',')
		}
		p.text = hex.AppendEncode(p.text, []byte{byte(v >> 8), byte(v)})
	}
}

// sha256 writes the part of the fingerprint that stands for the text: twelve
// digits of its hash, zeros for no text.
func (p *fingerprints) sha256() {
	p.out = append(p.out, '_')
	if len(p.text) == 0 {
		p.out = append(p.out, "000000000000"...)
		return
	}
	sum := sha256.Sum256(p.text)
	p.out = hex.AppendEncode(p.out, sum[:6])
}

func ja4Version(v uint16) string {
	switch v {
	case 0x0304:
		return "13"
	case 0x0303:
		return "12"
	case 0x0302:
		return "11"
	case 0x0301:
		return "10"
	case 0x0300:
		return "s3"
	}
	return "00"
}

// putCount writes how many values there are without GREASE, at most 99.
func putCount(dst []byte, list []uint16) {
	n := 0
	for _, v := range list {
		if !isGREASE(v) {
			n++
		}
	}
	n = min(n, 99)
	dst[0], dst[1] = '0'+byte(n/10), '0'+byte(n%10)
}

// ja4ALPN gives the first and the last character of a protocol's name, or of
// its hexadecimal form where one of them is no letter or digit.
func ja4ALPN(name []byte) (first, last byte) {
	const digits = "0123456789abcdef"
	if len(name) == 0 {
		return '0', '0'
	}
	first, last = name[0], name[len(name)-1]
	if !isAlphanumeric(first) || !isAlphanumeric(last) {
		return digits[first>>4], digits[last&15]
	}
	return first, last
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
