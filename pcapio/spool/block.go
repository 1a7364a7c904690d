package spool

import (
	"encoding/binary"

	"github.com/pcapline/pcapline/pcapio"
)

// The queue holds enhanced packet blocks of pcapio.AppendPacket, one behind
// another. The goroutine that writes looks at their fixed fields only.

var le = binary.LittleEndian

func blockLen(b []byte) int   { return int(le.Uint32(b[4:])) }
func blockIface(b []byte) int { return int(le.Uint32(b[8:])) }
func blockTime(b []byte) int64 {
	return int64(uint64(le.Uint32(b[12:]))<<32 | uint64(le.Uint32(b[16:])))
}

// wholeBlocks is the length of those blocks of b that lie in its first n bytes.
func wholeBlocks(b []byte, n int) int {
	pos := 0
	for pos < n && pos+blockLen(b[pos:]) <= n {
		pos += blockLen(b[pos:])
	}
	return pos
}

// appendWithLoss appends packet block b with the option epb_dropcount.
func appendWithLoss(dst, b []byte, lost int64) []byte {
	const (
		fixed     = 28
		dropCount = 4
	)
	start := len(dst)
	data := fixed + (int(le.Uint32(b[20:]))+3)&^3
	end := len(b) - 4 // of the options
	if end > data {
		end -= 4 // the end of options
	}
	dst = append(dst, b[:end]...)
	dst = le.AppendUint16(dst, dropCount)
	dst = le.AppendUint16(dst, 8)
	dst = le.AppendUint64(dst, uint64(lost))
	dst = le.AppendUint32(dst, 0)
	total := uint32(len(dst) - start + 4)
	le.PutUint32(dst[start+4:], total)
	return le.AppendUint32(dst, total)
}

// header is the beginning of every segment.
func header(s pcapio.Section, ifaces []pcapio.Interface) []byte {
	b := pcapio.AppendSection(nil, s, "")
	for i := range ifaces {
		b = pcapio.AppendInterface(b, &ifaces[i])
	}
	return b
}
