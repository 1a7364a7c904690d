package sink

import (
	"math/bits"
)

// directTable finds the code of a small integer by indexing.
type directTable[T uint8 | uint16] struct {
	code []uint16 // by value: the entry's number plus one, 0: none
	list []T
}

func (t *directTable[T]) lookup(codes []int32, v []T, allowed int) bool {
	if t.code == nil {
		t.code = make([]uint16, int(^T(0))+1)
	}
	table, limit := t.code, len(t.list)+allowed
	codes = codes[:len(v)]
	for i, x := range v {
		c := table[x]
		if c == 0 {
			if len(t.list) >= limit {
				return false
			}
			t.list = append(t.list, x)
			c = uint16(len(t.list))
			table[x] = c
		}
		codes[i] = int32(c) - 1
	}
	return true
}

func (t *directTable[T]) entries() []T { return t.list }

func (t *directTable[T]) reset() {
	for _, x := range t.list {
		t.code[x] = 0
	}
	t.list = t.list[:0]
}

// hashTable finds the code of an integer by open addressing.
type hashTable[T integer] struct {
	slots []int32 // code plus one, 0: free; a power of two of them
	shift int
	list  []T
}

// fibonacci spreads keys by multiplication with 2^64 / golden ratio (Knuth,
// The Art of Computer Programming, vol. 3, 6.4).
const fibonacci = 0x9E3779B97F4A7C15

func (t *hashTable[T]) lookup(codes []int32, v []T, allowed int) bool {
	limit := len(t.list) + allowed
	codes = codes[:len(v)]
	var last T
	lastCode := int32(-1)
	for i, x := range v {
		if x == last && lastCode >= 0 {
			codes[i] = lastCode
			continue
		}
		if 2*len(t.list) >= len(t.slots) {
			t.grow()
		}
		at, found := t.find(x)
		if !found {
			if len(t.list) >= limit {
				return false
			}
			t.list = append(t.list, x)
			t.slots[at] = int32(len(t.list))
		}
		last, lastCode = x, t.slots[at]-1
		codes[i] = lastCode
	}
	return true
}

// find returns the slot of x, or the one where it belongs.
func (t *hashTable[T]) find(x T) (at int, found bool) {
	mask := len(t.slots) - 1
	for at = int(uint64(x) * fibonacci >> t.shift); ; at++ {
		at &= mask
		c := t.slots[at]
		if c == 0 {
			return at, false
		}
		if t.list[c-1] == x {
			return at, true
		}
	}
}

func (t *hashTable[T]) grow() {
	n := max(256, 2*len(t.slots))
	t.slots = make([]int32, n)
	t.shift = 64 - bits.Len(uint(n-1))
	for i, x := range t.list {
		at, _ := t.find(x)
		t.slots[at] = int32(i + 1)
	}
}

func (t *hashTable[T]) entries() []T { return t.list }

func (t *hashTable[T]) reset() {
	clear(t.slots)
	t.list = t.list[:0]
}
