package layer

import (
	"encoding/binary"
	"math/bits"

	"github.com/pcapline/pcapline/transform/schema"
)

// Values of the columns *_checksum_status. Those that Wireshark knows have its
// numbers (*.checksum.status); its 2, unverified, is null.
const (
	checksumBad     uint8 = 0
	checksumGood    uint8 = 1
	checksumAbsent  uint8 = 3 // 0 in the packet: the sender made none, or left it to the network card
	checksumPartial uint8 = 5 // the sum of the pseudo-header only: the rest was left to the network card
)

// ipPayload is what checksums need to know of the IP packet around them.
type ipPayload struct {
	alone    bool   // it is not a fragment of one
	whole    bool   // nor was it cut: not by the capture, nor by an IP length beyond the packet's end
	src, dst uint32 // the addresses' sums, folded to 16 bits
}

// beginIP notes what the pseudo-header has of an IP packet: the addresses, 4 or
// 16 bytes each.
func (d *Decoder) beginIP(src, dst []byte, alone, uncut bool) {
	if d.skip.Checksums {
		return
	}
	d.ip = ipPayload{alone: alone, whole: alone && uncut, src: uint32(onesSum(src)), dst: uint32(onesSum(dst))}
}

// unverifiable says that no checksum above the IP packet can be verified.
func (ip *ipPayload) unverifiable() { ip.alone, ip.whole = false, false }

// noPseudoHeader stands for the protocol number of checksums that cover their
// message alone.
const noPseudoHeader = 0

// setChecksum judges the Internet checksum of msg, which ends where the
// innermost IP packet does, and sets the column unless the checksum cannot be
// verified. stored is the checksum in
// msg, proto the number in the pseudo-header (RFC 9293, 3.1; RFC 8200, 8.1).
func (d *Decoder) setChecksum(column *schema.Optional[uint8], proto uint8, msg []byte, stored uint16) {
	if d.ip.whole {
		column.Set(d.Row, d.ip.judge(proto, msg, stored))
	}
}

func (ip *ipPayload) judge(proto uint8, msg []byte, stored uint16) uint8 {
	var addresses, length uint32
	if proto != noPseudoHeader {
		addresses = ip.src + ip.dst + uint32(proto)
		length = uint32(len(msg))>>16 + uint32(len(msg))&0xffff
	}
	switch {
	case fold(uint32(onesSum(msg))+addresses+length) == 0xffff:
		return checksumGood
	case stored == 0:
		return checksumAbsent
	case proto == noPseudoHeader:
		return checksumBad
	case stored == fold(addresses+length), // Linux
		stored == fold(addresses): // Windows, which leaves the length to the card where that cuts segments
		return checksumPartial
	}
	return checksumBad
}

// OnesSum returns the ones' complement sum of b's 16-bit words, of which
// Internet checksums are made (RFC 1071).
func OnesSum(b []byte) uint16 { return onesSum(b) }

// onesSum returns the ones' complement sum of b's 16-bit words (RFC 1071), an
// odd last byte being the upper half of one. Words are added eight bytes at a
// time in the machine's order, which the sum does not depend on but for the
// order of its own bytes.
func onesSum(b []byte) uint16 {
	var sum, carry uint64
	for len(b) >= 64 {
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(b), carry)
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(b[8:]), carry)
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(b[16:]), carry)
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(b[24:]), carry)
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(b[32:]), carry)
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(b[40:]), carry)
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(b[48:]), carry)
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(b[56:]), carry)
		b = b[64:]
	}
	for len(b) >= 8 {
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(b), carry)
		b = b[8:]
	}
	if len(b) > 0 {
		var last uint64
		for i, v := range b {
			last |= uint64(v) << (8 * i)
		}
		sum, carry = bits.Add64(sum, last, carry)
	}
	sum, carry = bits.Add64(sum, 0, carry)
	sum += carry
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>32 + sum&0xffffffff
	return bits.ReverseBytes16(fold(uint32(sum)))
}

// fold adds a sum's carries to its lower 16 bits.
func fold(sum uint32) uint16 {
	sum = sum>>16 + sum&0xffff
	return uint16(sum>>16 + sum)
}
