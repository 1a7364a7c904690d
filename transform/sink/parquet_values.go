package sink

import (
	"encoding/binary"
	"math"
	"math/bits"
	"net/netip"

	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/format"

	"github.com/pcapline/pcapline/transform/schema"
)

// values encodes the values of one column chunk page by page.
type values interface {
	// encode appends the page body of data[s.from:s.to], which is not empty.
	encode(dst []byte, data any, s span) ([]byte, format.Encoding, bounds)
	// dictionary returns the chunk's dictionary page and its entries.
	dictionary() (plain []byte, entries int)
	// reset begins the next chunk.
	reset()
}

func newValues(f *schema.Field) values {
	switch f.Kind {
	case schema.Bool:
		return new(boolValues)
	case schema.Uint8:
		return newIntValues[uint8](f, &directTable[uint8]{})
	case schema.Uint16:
		return newIntValues[uint16](f, &directTable[uint16]{})
	case schema.Uint32:
		return newIntValues[uint32](f, &hashTable[uint32]{})
	case schema.Int64:
		return newIntValues[int64](f, &hashTable[int64]{})
	case schema.Timestamp:
		return newIntValues[schema.Micros](f, &hashTable[schema.Micros]{})
	case schema.Float64:
		return &floatValues{ints: newIntValues[int64](f, &hashTable[int64]{})}
	case schema.IPv4Addr:
		return newAddrValues(f, &addrTable[schema.IPv4]{hash: ipv4Hash, text: ipv4Text})
	case schema.MACAddr:
		return newAddrValues(f, &addrTable[schema.MAC]{hash: macHash, text: schema.MAC.AppendTo})
	case schema.IPv6Addr:
		return newAddrValues(f, &addrTable[schema.IPv6]{hash: ipv6Hash, text: ipv6Text})
	case schema.IPAddr:
		return newAddrValues(f, &addrTable[netip.Addr]{hash: ipHash, text: ipText})
	case schema.String:
		return newTextValues(f, &textTable[schema.Text]{utf8: true}, appendValid)
	default:
		return newTextValues(f, &textTable[schema.Bytes]{}, appendBytes)
	}
}

// A dictionary stops growing at these sizes, and pages that would need more
// are written plain, as is the rest of the chunk.
const (
	maxEntries   = 1<<15 - 1
	maxDictBytes = 1 << 20
)

// coder is what the dictionaries of all types share.
type coder struct {
	storage schema.Storage
	off     bool // this chunk has given its dictionary up
	codes   []int32
	packed  []byte
}

// allowance is how many new entries a page of n values may add. A dictionary
// to which every fourth value is new is no smaller than the values.
func (c *coder) allowance(n, entries int) int {
	room := maxEntries - entries
	if c.storage == schema.Dictionary {
		return room
	}
	return min(room, max(256, n/4))
}

// appendCodes appends c.codes as a page body: the width in bits, then the
// hybrid of run-length and bit-packed codes.
func (c *coder) appendCodes(dst []byte, entries int) []byte {
	width := bits.Len(uint(entries - 1))
	enc := rle.Encoding{BitWidth: width}
	// The width is right by construction; that is all that can be wrong.
	c.packed, _ = enc.EncodeInt32(c.packed, c.codes)
	return append(append(dst, byte(width)), c.packed...)
}

// boolValues packs one bit a value.
type boolValues struct{ min, max [1]byte }

func (b *boolValues) encode(dst []byte, data any, s span) ([]byte, format.Encoding, bounds) {
	v := data.([]bool)[s.from:s.to]
	start := len(dst)
	dst = append(dst, make([]byte, (len(v)+7)/8)...)
	out, ones := dst[start:], 0
	for i, x := range v {
		if x {
			out[i>>3] |= 1 << (i & 7)
			ones++
		}
	}
	b.min[0], b.max[0] = 0, 0
	if ones == len(v) {
		b.min[0] = 1
	}
	if ones > 0 {
		b.max[0] = 1
	}
	return dst, format.Plain, bounds{b.min[:], b.max[:], true}
}

func (b *boolValues) dictionary() ([]byte, int) { return nil, 0 }
func (b *boolValues) reset()                    {}

// integer is the types that are stored as INT32 (the unsigned ones) or INT64.
type integer interface {
	uint8 | uint16 | uint32 | int64 | schema.Micros
}

// intTable is a dictionary of integers. It compares keys, never hashes alone.
type intTable[T integer] interface {
	// lookup sets codes[i] to the entry of v[i] and reports whether at most
	// allowed new entries did it.
	lookup(codes []int32, v []T, allowed int) bool
	entries() []T // in order of first appearance
	reset()
}

// intValues encodes integers by a dictionary, by differences, or plain.
type intValues[T integer] struct {
	coder
	wide     bool // INT64
	table    intTable[T]
	limits   [2][8]byte
	signed32 []int32
	signed64 []int64
	plain    []byte
	kept     int // entries that finished pages use
}

func newIntValues[T integer](f *schema.Field, t intTable[T]) *intValues[T] {
	v := &intValues[T]{table: t}
	if v.storage = f.Storage; v.storage == schema.Delta && f.Kind == schema.Float64 {
		v.storage = schema.Auto // the format has differences of integers only
	}
	v.wide = parquetTypeOf(f.Kind).physical != format.Int32
	return v
}

func (e *intValues[T]) encode(dst []byte, data any, s span) ([]byte, format.Encoding, bounds) {
	v := data.([]T)[s.from:s.to]
	lo, hi := v[0], v[0]
	for _, x := range v {
		lo, hi = min(lo, x), max(hi, x)
	}
	b := bounds{e.one(&e.limits[0], lo), e.one(&e.limits[1], hi), true}
	out, enc := e.body(dst, v)
	return out, enc, b
}

func (e *intValues[T]) body(dst []byte, v []T) ([]byte, format.Encoding) {
	switch {
	case e.storage == schema.Delta:
		return e.delta(dst, v), format.DeltaBinaryPacked
	case e.storage == schema.Plain || e.off:
		return appendPlain(dst, v, e.wide), format.Plain
	}
	e.codes = grow(e.codes, len(v))
	if !e.table.lookup(e.codes, v, e.allowance(len(v), len(e.table.entries()))) {
		e.off = true
		return appendPlain(dst, v, e.wide), format.Plain
	}
	e.kept = len(e.table.entries())
	return e.appendCodes(dst, e.kept), format.RLEDictionary
}

func (e *intValues[T]) delta(dst []byte, v []T) []byte {
	if e.wide {
		e.signed64 = e.signed64[:0]
		for _, x := range v {
			e.signed64 = append(e.signed64, int64(x))
		}
		return appendDelta(dst, e.signed64)
	}
	e.signed32 = e.signed32[:0]
	for _, x := range v {
		e.signed32 = append(e.signed32, int32(x))
	}
	return appendDelta(dst, e.signed32)
}

func (e *intValues[T]) one(buf *[8]byte, v T) []byte {
	if e.wide {
		return binary.LittleEndian.AppendUint64(buf[:0], uint64(v))
	}
	return binary.LittleEndian.AppendUint32(buf[:0], uint32(v))
}

func (e *intValues[T]) dictionary() ([]byte, int) {
	e.plain = appendPlain(e.plain[:0], e.table.entries()[:e.kept], e.wide)
	return e.plain, e.kept
}

func (e *intValues[T]) reset() {
	e.off, e.kept = false, 0
	e.table.reset()
}

func appendPlain[T integer](dst []byte, v []T, wide bool) []byte {
	start := len(dst)
	if wide {
		dst = extend(dst, 8*len(v))
		out := dst[start:]
		for _, x := range v {
			binary.LittleEndian.PutUint64(out, uint64(x))
			out = out[8:]
		}
		return dst
	}
	dst = extend(dst, 4*len(v))
	out := dst[start:]
	for _, x := range v {
		binary.LittleEndian.PutUint32(out, uint32(x))
		out = out[4:]
	}
	return dst
}

// floatValues encodes doubles as the integers of their bits.
type floatValues struct {
	ints *intValues[int64]
	bits []int64
}

func (e *floatValues) encode(dst []byte, data any, s span) ([]byte, format.Encoding, bounds) {
	v := data.([]float64)[s.from:s.to]
	e.bits = e.bits[:0]
	lo, hi := v[0], v[0]
	for _, x := range v {
		e.bits = append(e.bits, int64(math.Float64bits(x)))
		lo, hi = min(lo, x), max(hi, x) // NaN if any is
	}
	ok := !math.IsNaN(lo)
	if lo == 0 {
		lo = math.Copysign(0, -1) // the format's rule: zeros of both signs are in the bounds
	}
	if hi == 0 {
		hi = math.Copysign(0, 1)
	}
	b := bounds{
		e.ints.one(&e.ints.limits[0], int64(math.Float64bits(lo))),
		e.ints.one(&e.ints.limits[1], int64(math.Float64bits(hi))), ok,
	}
	out, enc := e.ints.body(dst, e.bits)
	return out, enc, b
}

func (e *floatValues) dictionary() ([]byte, int) { return e.ints.dictionary() }
func (e *floatValues) reset()                    { e.ints.reset() }

// grow returns s with length n; what it holds is not kept.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4)
	}
	return s[:n]
}

// extend lengthens b by n bytes of any content.
func extend(b []byte, n int) []byte {
	if cap(b)-len(b) < n {
		b = append(make([]byte, 0, 2*cap(b)+n), b...)
	}
	return b[:len(b)+n]
}
