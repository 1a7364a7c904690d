package anonymize

import (
	"hash/crc32"

	"github.com/pcapline/pcapline/transform/layer"
)

// sums are of bytes of the packet and of its copy, each folded to 16 bits.
type sums struct{ before, after uint32 }

func (r *rewriter) sums(at, n int) sums {
	return sums{uint32(layer.OnesSum(r.in[at : at+n])), uint32(layer.OnesSum(r.out[at : at+n]))}
}

// pseudo is a pseudo-header: the addresses that a transport checksum covers
// and the protocol number. The zero value is none.
type pseudo struct {
	src, dst sums
	proto    uint32
}

// update changes the Internet checksum at sum, which covers the bytes from at
// to end, by as much as the copy of these bytes and of the addresses differs
// (RFC 1624, eqn. 3). The checksum itself has been kept.
func (r *rewriter) update(sum, at, end int, p pseudo) {
	stored := be.Uint16(r.in[sum:])
	all := r.sums(at, end-at)
	addresses := sums{p.src.before + p.dst.before, p.src.after + p.dst.after}
	before, after := fold(all.before+addresses.before), fold(all.after+addresses.after)
	length := uint32(0)
	if p.proto != 0 {
		length = fold(uint32(end-at)) + p.proto
	}
	good := fold(before+length) == 0xffff
	switch {
	case stored == 0 && !good: // made by nobody, or left to the card
		return
	case !good && p.proto != 0 && r.partial(uint32(stored), addresses.before, length, p.proto):
		be.PutUint16(r.out[sum:], uint16(fold(uint32(stored)+(fold(addresses.before)^0xffff)+addresses.after)))
		return
	}
	changed := uint16(fold(uint32(stored^0xffff)+(before^0xffff)+after)) ^ 0xffff
	// 0 and 0xffff are the same number, but 0 says that there is no checksum:
	// of UDP always, of others where it is not the sum.
	if changed == 0 && (!good || p.proto == protoUDP) {
		changed = 0xffff
	}
	be.PutUint16(r.out[sum:], changed)
}

// partial reports whether a checksum is the sum of the pseudo-header, which
// the card was to complete: with the length (Linux) or without (Windows).
func (r *rewriter) partial(stored, addresses, length, proto uint32) bool {
	return stored == fold(addresses+length) || stored == fold(addresses+proto)
}

// fold adds a sum's carries to its lower 16 bits.
func fold(n uint32) uint32 {
	n = n>>16 + n&0xffff
	return n>>16 + n&0xffff
}

// frameCheck changes the CRC-32 of four bytes behind the bytes from at to end
// (Ethernet and 802.11), by as much as the copy differs: CRCs of messages of one
// length differ by the CRC of their difference.
func (r *rewriter) frameCheck(at, end int) {
	crc := crc32.ChecksumIEEE(r.in[at:end]) ^ crc32.ChecksumIEEE(r.out[at:end])
	le.PutUint32(r.out[end:], le.Uint32(r.in[end:])^crc)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// crc32c does the same for the checksum of an SCTP packet at sum, which is kept
// and covers the packet with zeros in its place (RFC 9260 6.8). A checksum of
// 0 was left to the card.
func (r *rewriter) crc32c(sum, at, end int) {
	stored := le.Uint32(r.in[sum:])
	if stored == 0 {
		return
	}
	// The checksums that both have by now cancel each other out.
	crc := crc32.Checksum(r.in[at:end], castagnoli) ^ crc32.Checksum(r.out[at:end], castagnoli)
	le.PutUint32(r.out[sum:], stored^crc)
}
