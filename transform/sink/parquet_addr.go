package sink

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"github.com/pcapline/pcapline/transform/schema"
)

// addrTable is a dictionary of addresses. It compares the addresses
// themselves; one is formatted once, when it is new.
type addrTable[T comparable] struct {
	hash  func(T) uint64
	text  func(T, []byte) []byte
	slots []int32 // code plus one, 0: free; a power of two of them
	shift int
	keys  []T
	dict  dictBytes
}

func (t *addrTable[T]) lookup(codes []int32, v []T, allowed int) bool {
	limit := len(t.keys) + allowed
	codes = codes[:len(v)]
	var last T
	lastCode := int32(-1)
	for i, x := range v {
		if lastCode < 0 || x != last {
			if last, lastCode = x, t.code(x, limit); lastCode < 0 {
				return false
			}
		}
		codes[i] = lastCode
	}
	return true
}

// code returns the entry of x, which is added when it is new; -1 when it is
// new and there is no room.
func (t *addrTable[T]) code(x T, limit int) int32 {
	if 2*len(t.keys) >= len(t.slots) {
		t.grow()
	}
	at := t.find(x)
	if t.slots[at] == 0 {
		if len(t.keys) >= limit || len(t.dict.plain) > maxDictBytes {
			return -1
		}
		t.keys = append(t.keys, x)
		t.slots[at] = int32(len(t.keys))
		t.dict.begin()
		t.dict.plain = t.text(x, t.dict.plain)
		t.dict.end()
	}
	return t.slots[at] - 1
}

// find returns the slot of x, or the free one where it belongs.
func (t *addrTable[T]) find(x T) int {
	mask := len(t.slots) - 1
	for at := int(t.hash(x) >> t.shift); ; at++ {
		at &= mask
		if c := t.slots[at]; c == 0 || t.keys[c-1] == x {
			return at
		}
	}
}

func (t *addrTable[T]) grow() {
	n := max(256, 2*len(t.slots))
	t.slots = make([]int32, n)
	t.shift = 64 - bits.Len(uint(n-1))
	for i, x := range t.keys {
		t.slots[t.find(x)] = int32(i + 1)
	}
}

func (t *addrTable[T]) page() *dictBytes { return &t.dict }

func (t *addrTable[T]) reset() {
	clear(t.slots)
	t.keys = t.keys[:0]
	t.dict.reset()
}

func ipv4Hash(a schema.IPv4) uint64 { return uint64(binary.LittleEndian.Uint32(a[:])) * fibonacci }

func ipv4Text(a schema.IPv4, dst []byte) []byte { return netip.AddrFrom4(a).AppendTo(dst) }

func macHash(a schema.MAC) uint64 {
	return (uint64(binary.LittleEndian.Uint16(a[:]))<<32 | uint64(binary.LittleEndian.Uint32(a[2:]))) * fibonacci
}

func ipv6Hash(a schema.IPv6) uint64 {
	hi, lo := binary.LittleEndian.Uint64(a[:]), binary.LittleEndian.Uint64(a[8:])
	return (bits.RotateLeft64(hi*fibonacci, 32) ^ lo) * fibonacci
}

func ipv6Text(a schema.IPv6, dst []byte) []byte { return netip.AddrFrom16(a).AppendTo(dst) }

func ipHash(a netip.Addr) uint64 { return ipv6Hash(a.As16()) }

func ipText(a netip.Addr, dst []byte) []byte { return a.AppendTo(dst) }
