package layer

import (
	"encoding/binary"
	"math/bits"
)

// hashedFront and hashedBack are how many bytes of a packet's front and end
// are hashed: the headers with their identification, numbers and checksums,
// and what most tells payloads apart. A whole packet would cost as much as
// the rest of decoding.
const hashedFront, hashedBack = 96, 32

// noteHash gives the digest a hash of the n bytes of a network packet that
// begins with b. Only the outermost packet's counts.
func (d *Decoder) noteHash(b []byte, n int) {
	if d.Digest.Hash == 0 && !d.skip.Hash {
		d.Digest.Hash = packetHash(b[:min(n, len(b))])
	}
}

// packetHash gives a hash of an IP packet in the upper 56 bits and its TTL or
// hop limit in the lower 8. A router changes no more than the TTL and, of
// IPv4, the header checksum, so the hash leaves these out. It is the same on
// every machine. Two packets of different bytes get the same hash by chance
// once in 2^56.
func packetHash(b []byte) uint64 {
	if len(b) < 20 {
		return 0
	}
	var front [24]byte // the words with what is left out
	copy(front[:], b)
	var ttl uint8
	switch b[0] >> 4 {
	case 4:
		ttl = b[8]
		front[8], front[10], front[11] = 0, 0, 0
	case 6:
		ttl = b[7]
		front[7] = 0
	}
	h := uint64(len(b))
	h = hashWords(h, front[:min(len(b), len(front))])
	h = hashWords(h, b[min(len(b), len(front)):min(len(b), hashedFront)])
	h = hashWords(h, b[max(len(b)-hashedBack, min(len(b), hashedFront)):])
	return h&^0xff | uint64(ttl)
}

// hashWords folds bytes into h, eight at a time: a multiplication whose two
// halves are mixed spreads each bit over all.
func hashWords(h uint64, b []byte) uint64 {
	for ; len(b) >= 8; b = b[8:] {
		h = mix(h, binary.LittleEndian.Uint64(b))
	}
	if len(b) > 0 {
		var last [8]byte
		copy(last[:], b)
		h = mix(h, binary.LittleEndian.Uint64(last[:]))
	}
	return h
}

func mix(h, w uint64) uint64 {
	// Odd numbers with about as many ones as zeros: the fractions of the
	// square roots of 2 and 3.
	hi, lo := bits.Mul64(h^0x6a09e667f3bcc909, w^0xbb67ae8584caa73b)
	return hi ^ lo ^ bits.RotateLeft64(h, 29)
}
