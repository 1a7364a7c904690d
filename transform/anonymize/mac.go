package anonymize

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
)

// Bits of a MAC address, as a number of 48 bits.
const (
	groupBit = 1 << 40
	localBit = 1 << 41
)

// MAC gives the pseudonym of a MAC address: a permutation of the addresses
// with the same group and local bits, or with keepOUI of those with the same
// OUI, if it is one.
func (p *Pseudonyms) MAC(a [6]byte) [6]byte {
	n := macNumber(a)
	e := &p.seenMAC[place(n)]
	if e.known && e.original == a {
		return e.pseudonym
	}
	out := a
	switch {
	case n>>24 == 0x3333ff: // IPv6's solicited-node groups have their last four bytes here
		out = p.solicitedNode(a)
	case keptMAC(n):
	default:
		// A pseudonym that is a kept address goes through again: so the others
		// are permuted among themselves.
		x := n
		for {
			if x = p.permuteMAC(x); !keptMAC(x) {
				break
			}
		}
		out = macBytes(x)
	}
	*e = cached[[6]byte]{a, out, true}
	return out
}

func (p *Pseudonyms) permuteMAC(n uint64) uint64 {
	if p.keepOUI && n&(groupBit|localBit) == 0 {
		oui := n &^ 0xffffff
		return oui | p.macs.apply(n&0xffffff, 12, oui)
	}
	kinds := n & (groupBit | localBit)
	low := n & (groupBit - 1)
	x := p.macs.apply(n>>42<<40|low, 23, kinds)
	return x>>40<<42 | kinds | x&(groupBit-1)
}

// solicitedNode gives the Ethernet group of the pseudonym of an IPv6
// solicited-node group, whose last 24 bits are a host's (RFC 4291 2.7.1).
func (p *Pseudonyms) solicitedNode(a [6]byte) [6]byte {
	group := [16]byte{0: 0xff, 1: 0x02, 11: 1, 12: 0xff, 13: a[3], 14: a[4], 15: a[5]}
	p.pan.apply(&group, 104, 128)
	copy(a[3:], group[13:])
	return a
}

// keptMAC reports whether an address names no interface: none, broadcast, and
// the groups of IPv4 (RFC 1112), IPv6 (RFC 2464), IEEE 802.1, PTP and Cisco.
func keptMAC(n uint64) bool {
	switch {
	case n == 0, n == 1<<48-1, n>>32 == 0x3333:
		return true
	}
	switch n >> 24 {
	case 0x01005e, 0x0180c2, 0x011b19, 0x01000c:
		return true
	}
	return false
}

func macNumber(a [6]byte) uint64 {
	return uint64(binary.BigEndian.Uint16(a[:]))<<32 | uint64(binary.BigEndian.Uint32(a[2:]))
}

func macBytes(n uint64) (a [6]byte) {
	binary.BigEndian.PutUint16(a[:], uint16(n>>32))
	binary.BigEndian.PutUint32(a[2:], uint32(n))
	return a
}

// permutation is a Feistel network over numbers of an even number of bits with
// AES as its round function, of ten rounds as in NIST SP 800-38G (FF1).
type permutation struct {
	block   cipher.Block
	in, out [aes.BlockSize]byte
}

// apply permutes the numbers of 2·half bits, for each tweak another way.
func (f *permutation) apply(n uint64, half int, tweak uint64) uint64 {
	mask := uint64(1)<<half - 1
	l, r := n>>half, n&mask
	binary.BigEndian.PutUint64(f.in[:], tweak)
	for round := range uint64(10) {
		binary.BigEndian.PutUint64(f.in[8:], round<<56|uint64(half)<<48|r)
		f.block.Encrypt(f.out[:], f.in[:])
		l, r = r, l^binary.BigEndian.Uint64(f.out[:])&mask
	}
	return l<<half | r
}
