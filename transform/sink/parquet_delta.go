package sink

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// Sizes of DELTA_BINARY_PACKED, the ones that every writer uses.
const (
	deltaBlock = 128
	deltaMini  = 32
	deltaMinis = deltaBlock / deltaMini
)

// appendDelta appends v in DELTA_BINARY_PACKED: the first value, then blocks
// of differences to the one before, each less the block's least difference
// and packed into as few bits as its miniblock's largest needs. Differences
// wrap around at the width of the type, as the format asks.
//
// parquet-go has this too, but lets the padding of the last block take part in
// the least difference, so that each page ends in a block of full width.
func appendDelta[S int32 | int64](dst []byte, v []S) []byte {
	dst = binary.AppendUvarint(dst, deltaBlock)
	dst = binary.AppendUvarint(dst, deltaMinis)
	dst = binary.AppendUvarint(dst, uint64(len(v)))
	dst = binary.AppendVarint(dst, int64(v[0]))
	var block [deltaBlock]S
	last := v[0]
	for v = v[1:]; len(v) > 0; {
		n := min(len(v), deltaBlock)
		least := v[0] - last
		for i, x := range v[:n] {
			d := x - last
			block[i], last = d, x
			least = min(least, d)
		}
		v = v[n:]
		dst = binary.AppendVarint(dst, int64(least))
		dst = appendDeltaBlock(dst, block[:n], least)
	}
	return dst
}

// appendDeltaBlock appends the widths and the miniblocks of a block. The last
// miniblock that has a value is padded, those after it have width 0.
func appendDeltaBlock[S int32 | int64](dst []byte, block []S, least S) []byte {
	mask := ^uint64(0)
	if unsafe.Sizeof(least) == 4 {
		mask >>= 32
	}
	var packed [deltaMini]uint64
	widths := len(dst)
	dst = append(dst, make([]byte, deltaMinis)...)
	for m := range deltaMinis {
		from := min(m*deltaMini, len(block))
		to := min(from+deltaMini, len(block))
		if from == to {
			break
		}
		all := uint64(0)
		packed = [deltaMini]uint64{}
		for i, d := range block[from:to] {
			u := uint64(d-least) & mask
			packed[i] = u
			all |= u
		}
		width := bits.Len64(all)
		dst[widths+m] = byte(width)
		dst = appendPacked(dst, &packed, width)
	}
	return dst
}

// appendPacked appends 32 numbers of the given width, the first in the lowest
// bits.
func appendPacked(dst []byte, v *[deltaMini]uint64, width int) []byte {
	acc, n := uint64(0), 0 // n < 64 bits wait in acc
	for _, x := range v {
		acc |= x << n
		if n += width; n >= 64 {
			dst = binary.LittleEndian.AppendUint64(dst, acc)
			n -= 64
			acc = 0
			if n > 0 {
				acc = x >> (width - n)
			}
		}
	}
	for ; n > 0; n -= 8 {
		dst = append(dst, byte(acc))
		acc >>= 8
	}
	return dst
}
