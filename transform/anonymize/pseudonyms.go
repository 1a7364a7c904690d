package anonymize

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"net/netip"
)

// cacheSize is how many addresses of a kind are remembered, a power of two.
// Addresses that fall on the same place replace each other, so memory is
// bounded under a flood of them.
const cacheSize = 1 << 13

// Pseudonyms gives pseudonyms under a key. It belongs to one goroutine; those
// of one key and the same options agree.
type Pseudonyms struct {
	keepOUI bool
	plain   bool
	pan     *cryptoPAn
	macs    permutation
	fill    cipher.Block // makes bytes of a hash
	hash    hash.Hash    // keyed
	sum     [sha256.Size]byte
	block   [aes.BlockSize]byte

	seen4   []cached[[4]byte]
	seen6   []cached[[16]byte]
	seenMAC []cached[[6]byte]
}

type cached[T comparable] struct {
	original, pseudonym T
	known               bool
}

// NewPseudonyms makes the pseudonyms of opt.Key; of the other options those
// count that are about addresses.
func NewPseudonyms(opt *Options) *Pseudonyms {
	block := func(purpose string) cipher.Block {
		b, err := aes.NewCipher(opt.Key.derive(purpose, aes.BlockSize))
		if err != nil {
			panic(err) // the length is right
		}
		return b
	}
	return &Pseudonyms{
		keepOUI: opt.KeepOUI, plain: opt.Plain,
		pan:  newCryptoPAn(opt.Key.secret), // the whole key, so that the published vectors hold
		macs: permutation{block: block("mac")}, fill: block("fill"),
		hash:    hmac.New(sha256.New, opt.Key.derive("names", sha256.Size)),
		seen4:   make([]cached[[4]byte], cacheSize),
		seen6:   make([]cached[[16]byte], cacheSize),
		seenMAC: make([]cached[[6]byte], cacheSize),
	}
}

// place is where a number is remembered: its upper bits after a multiplication
// depend on all of it (Knuth, The Art of Computer Programming 3, 6.4).
func place(n uint64) int { return int(n * 0x9e3779b97f4a7c15 >> (64 - 13)) }

// IPv4 gives an address's pseudonym.
func (p *Pseudonyms) IPv4(a [4]byte) [4]byte {
	e := &p.seen4[place(uint64(binary.BigEndian.Uint32(a[:])))]
	if e.known && e.original == a {
		return e.pseudonym
	}
	var wide [16]byte
	copy(wide[:], a[:])
	keep := 0
	if !p.plain {
		keep = keptBits(&wide, special4)
	}
	p.pan.apply(&wide, keep, 32)
	*e = cached[[4]byte]{a, [4]byte(wide[:4]), true}
	return e.pseudonym
}

// IPv6 gives an address's pseudonym. An IPv4-mapped address has that of its
// IPv4 address.
func (p *Pseudonyms) IPv6(a [16]byte) [16]byte {
	if !p.plain && mapped.Contains(netip.AddrFrom16(a)) {
		v4 := p.IPv4([4]byte(a[12:]))
		copy(a[12:], v4[:])
		return a
	}
	e := &p.seen6[place(binary.BigEndian.Uint64(a[:])^binary.BigEndian.Uint64(a[8:])*31)]
	if e.known && e.original == a {
		return e.pseudonym
	}
	e.original, e.known = a, true
	keep := 0
	if !p.plain {
		keep = keptBits(&a, special6)
	}
	p.pan.apply(&a, keep, 128)
	e.pseudonym = a
	return a
}

// Addr gives an address's pseudonym, of its family. The zone, the name of an
// interface, is left out.
func (p *Pseudonyms) Addr(a netip.Addr) netip.Addr {
	switch {
	case !a.IsValid():
		return a
	case a.Is4():
		return netip.AddrFrom4(p.IPv4(a.As4()))
	}
	return netip.AddrFrom16(p.IPv6(a.As16()))
}

// tag hashes data under the key, apart from data of other purposes. The
// result is valid until the next call.
func (p *Pseudonyms) tag(purpose byte, data []byte) *[sha256.Size]byte {
	p.hash.Reset()
	p.block[0] = purpose
	p.hash.Write(p.block[:1])
	p.hash.Write(data)
	p.hash.Sum(p.sum[:0])
	return &p.sum
}

// Purposes of tag.
const (
	tagName = iota
	tagText
	tagBytes
	tagNumber
)

// Bytes fills dst, which must not overlap data, with bytes that follow from
// data: as many of equal data are equal. They are AES in counter mode from a
// keyed hash on.
func (p *Pseudonyms) Bytes(dst, data []byte) {
	sum := p.tag(tagBytes, data)
	at, count := binary.BigEndian.Uint64(sum[8:]), uint64(0)
	for len(dst) > 0 {
		copy(p.block[:8], sum[:8])
		binary.BigEndian.PutUint64(p.block[8:], at+count)
		p.fill.Encrypt(p.block[:], p.block[:])
		dst = dst[copy(dst, p.block[:]):]
		count++
	}
}

// Number gives a number's pseudonym, of 64 bits.
func (p *Pseudonyms) Number(n int64) int64 {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	return int64(binary.BigEndian.Uint64(p.tag(tagNumber, b[:])[:]))
}
