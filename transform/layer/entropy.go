package layer

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// entropy computes Shannon entropies of byte strings without allocating.
type entropy struct {
	_      [0]uint64 // counts are also read eight bytes at a time
	counts [4][256]uint16
	table  *[entropyTable]float64 // n*log2(n) for small n
}

// entropyTable is how many n*log2(n) are kept; most payloads are shorter, so
// that no byte occurs more often.
const entropyTable = 2048

// manyBytes is the length from which four histograms cost less than a second
// look at each byte (measured: 1 ns a byte against 350 ns and 0.4 ns a byte).
const manyBytes = 400

// of returns the entropy of b in bits a byte. b must not be empty.
func (e *entropy) of(b []byte) float64 {
	if e.table == nil {
		e.table = new([entropyTable]float64)
		for n := 1; n < entropyTable; n++ {
			e.table[n] = nLog2n(n)
		}
	}
	if len(b) >= entropyTable {
		return entropyOfLong(b)
	}
	sum := 0.0
	if len(b) < manyBytes {
		sum = e.sumShort(b)
	} else {
		sum = e.sumLong(b)
	}
	n := float64(len(b))
	return max(math.Log2(n)-sum/n, 0)
}

// sumShort returns the sum of n*log2(n) over the bytes' counts, looking only
// at bytes that occur.
func (e *entropy) sumShort(b []byte) float64 {
	counts := &e.counts[0]
	for _, c := range b {
		counts[c]++
	}
	sum := 0.0
	for _, c := range b {
		if n := counts[c]; n > 0 {
			sum += e.table[n]
			counts[c] = 0
		}
	}
	return sum
}

// sumLong does the same with four histograms and four sums, so that neither a
// run of one byte nor an addition waits for the one before.
func (e *entropy) sumLong(b []byte) float64 {
	c := &e.counts
	for ; len(b) >= 8; b = b[8:] {
		w := binary.LittleEndian.Uint64(b)
		c[0][uint8(w)]++
		c[1][uint8(w>>8)]++
		c[2][uint8(w>>16)]++
		c[3][uint8(w>>24)]++
		c[0][uint8(w>>32)]++
		c[1][uint8(w>>40)]++
		c[2][uint8(w>>48)]++
		c[3][uint8(w>>56)]++
	}
	for _, v := range b {
		c[0][v]++
	}
	// Four counts are added at once: none is over 16 bits. Text leaves most at
	// zero, which adds nothing.
	words := (*[4][64]uint64)(unsafe.Pointer(c))
	var sums [4]float64
	for i := range words[0] {
		n := words[0][i] + words[1][i] + words[2][i] + words[3][i]
		if n == 0 {
			continue
		}
		sums[0] += e.table[n%entropyTable] // counts are less; this spares the check
		sums[1] += e.table[n>>16%entropyTable]
		sums[2] += e.table[n>>32%entropyTable]
		sums[3] += e.table[n>>48%entropyTable]
	}
	*c = [4][256]uint16{}
	return sums[0] + sums[1] + sums[2] + sums[3]
}

// entropyOfLong is for payloads longer than the table.
func entropyOfLong(b []byte) float64 {
	var counts [256]int
	for _, c := range b {
		counts[c]++
	}
	sum := 0.0
	for _, n := range counts {
		if n > 0 {
			sum += nLog2n(n)
		}
	}
	n := float64(len(b))
	return max(math.Log2(n)-sum/n, 0)
}

func nLog2n(n int) float64 { return float64(n) * math.Log2(float64(n)) }
