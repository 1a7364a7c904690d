package layer

import "math"

// entropy computes Shannon entropies of byte strings without allocating.
type entropy struct {
	counts [4][256]uint16
	table  []float64 // n*log2(n) for small n
}

// entropyTable is how many n*log2(n) are kept: most bytes occur less often
// than this in a packet.
const entropyTable = 2048

// of returns the entropy of b in bits a byte. b must not be empty.
func (e *entropy) of(b []byte) float64 {
	if e.table == nil {
		e.table = make([]float64, entropyTable)
		for n := 1; n < entropyTable; n++ {
			e.table[n] = nLog2n(n)
		}
	}
	if len(b) > math.MaxUint16 {
		return entropyOfLong(b)
	}
	sum := 0.0
	if len(b) < 64 {
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

// sumLong does the same with four histograms, so that runs of one byte do not
// wait for the counter before.
func (e *entropy) sumLong(b []byte) float64 {
	c := &e.counts
	i := 0
	for ; i+4 <= len(b); i += 4 {
		c[0][b[i]]++
		c[1][b[i+1]]++
		c[2][b[i+2]]++
		c[3][b[i+3]]++
	}
	for ; i < len(b); i++ {
		c[0][b[i]]++
	}
	sum := 0.0
	for v := range 256 {
		n := int(c[0][v]) + int(c[1][v]) + int(c[2][v]) + int(c[3][v])
		if n < entropyTable {
			sum += e.table[n]
		} else {
			sum += nLog2n(n)
		}
	}
	*c = [4][256]uint16{}
	return sum
}

// entropyOfLong is for payloads that no 16-bit counter can hold.
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
