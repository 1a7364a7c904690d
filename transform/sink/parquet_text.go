package sink

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go/format"

	"github.com/pcapline/pcapline/transform/schema"
)

// dictBytes is a dictionary page of byte arrays while it grows.
type dictBytes struct {
	plain []byte // 4 bytes of length and the bytes, for each entry
	ends  []int32
}

func (d *dictBytes) len() int { return len(d.ends) }

// entry returns the bytes of entry i.
func (d *dictBytes) entry(i int32) []byte {
	from := int32(0)
	if i > 0 {
		from = d.ends[i-1]
	}
	return d.plain[from+4 : d.ends[i]]
}

// begin begins an entry; its bytes are then appended to d.plain.
func (d *dictBytes) begin() { d.plain = append(d.plain, 0, 0, 0, 0) }

// end ends the entry.
func (d *dictBytes) end() {
	from := 0
	if n := len(d.ends); n > 0 {
		from = int(d.ends[n-1])
	}
	binary.LittleEndian.PutUint32(d.plain[from:], uint32(len(d.plain)-from-4))
	d.ends = append(d.ends, int32(len(d.plain)))
}

func (d *dictBytes) reset() { d.plain, d.ends = d.plain[:0], d.ends[:0] }

// byteTable is a dictionary of values that are stored as byte arrays.
type byteTable[T any] interface {
	// lookup is that of intTable; it also stops when the dictionary page
	// would be too large.
	lookup(codes []int32, v []T, allowed int) bool
	page() *dictBytes
	reset()
}

// textValues encodes byte arrays by a dictionary or plain.
type textValues[T any] struct {
	coder
	table  byteTable[T]
	format func(dst []byte, v T) []byte
	stamps []uint32 // by code: the last page that used it
	page   uint32
	kept   int
	scan   bool // bounds are wanted
}

func newTextValues[T any](f *schema.Field, t byteTable[T], text func([]byte, T) []byte) *textValues[T] {
	v := &textValues[T]{table: t, format: text, scan: f.Kind != schema.Binary}
	v.storage = f.Storage
	if f.Kind == schema.Binary && f.Storage != schema.Dictionary {
		v.storage = schema.Plain
	}
	return v
}

func newAddrValues[T comparable](f *schema.Field, t *addrTable[T]) *textValues[T] {
	return newTextValues(f, t, func(dst []byte, a T) []byte { return t.text(a, dst) })
}

func (e *textValues[T]) encode(dst []byte, data any, s span) ([]byte, format.Encoding, bounds) {
	v := data.([]T)[s.from:s.to]
	if e.storage != schema.Plain && !e.off {
		e.codes = grow(e.codes, len(v))
		d := e.table.page()
		if e.table.lookup(e.codes, v, e.allowance(len(v), d.len())) {
			e.kept = d.len()
			return e.appendCodes(dst, e.kept), format.RLEDictionary, e.codeBounds(d)
		}
		e.off = true
	}
	return e.plain(dst, v)
}

// codeBounds finds the bounds among the entries that the page uses.
func (e *textValues[T]) codeBounds(d *dictBytes) bounds {
	if !e.scan {
		return bounds{}
	}
	e.page++
	for len(e.stamps) < d.len() {
		e.stamps = append(e.stamps, 0)
	}
	var lo, hi []byte
	for _, c := range e.codes {
		if e.stamps[c] == e.page {
			continue
		}
		e.stamps[c] = e.page
		b := d.entry(c)
		if lo == nil || bytes.Compare(b, lo) < 0 {
			lo = b
		}
		if hi == nil || bytes.Compare(b, hi) > 0 {
			hi = b
		}
	}
	return bounds{lo, hi, true}
}

func (e *textValues[T]) plain(dst []byte, v []T) ([]byte, format.Encoding, bounds) {
	var lo, hi span
	for i, x := range v {
		start := len(dst)
		dst = e.format(append(dst, 0, 0, 0, 0), x)
		at := span{start + 4, len(dst)}
		binary.LittleEndian.PutUint32(dst[start:], uint32(at.to-at.from))
		if !e.scan {
			continue
		}
		if i == 0 || bytes.Compare(dst[at.from:at.to], dst[lo.from:lo.to]) < 0 {
			lo = at
		}
		if i == 0 || bytes.Compare(dst[at.from:at.to], dst[hi.from:hi.to]) > 0 {
			hi = at
		}
	}
	return dst, format.Plain, bounds{dst[lo.from:lo.to], dst[hi.from:hi.to], e.scan}
}

func (e *textValues[T]) dictionary() ([]byte, int) {
	d := e.table.page()
	if e.kept == 0 {
		return nil, 0
	}
	return d.plain[:d.ends[e.kept-1]], e.kept
}

func (e *textValues[T]) reset() {
	e.off, e.kept, e.page = false, 0, 0
	e.stamps = e.stamps[:0]
	e.table.reset()
}

// textTable is a dictionary of strings or bytes.
type textTable[T ~[]byte] struct {
	utf8  bool
	seed  maphash.Seed // decides where an entry is found, not which or in what order
	slots []textSlot
	dict  dictBytes
}

type textSlot struct {
	hash uint32
	code int32 // plus one, 0: free
}

func (t *textTable[T]) lookup(codes []int32, v []T, allowed int) bool {
	limit := t.dict.len() + allowed
	for i, x := range v {
		if i > 0 && bytes.Equal(x, v[i-1]) {
			codes[i] = codes[i-1]
			continue
		}
		code := t.code(x, limit)
		if code < 0 {
			return false
		}
		codes[i] = code
	}
	return true
}

// code returns the entry of x, which is added when it is new; -1 when it is
// new and there is no room.
func (t *textTable[T]) code(x []byte, limit int) int32 {
	if 2*t.dict.len() >= len(t.slots) {
		t.grow()
	}
	h := uint32(maphash.Bytes(t.seed, x))
	mask := uint32(len(t.slots) - 1)
	at := h & mask
	for ; t.slots[at].code != 0; at = (at + 1) & mask {
		if s := t.slots[at]; s.hash == h && bytes.Equal(t.dict.entry(s.code-1), x) {
			return s.code - 1
		}
	}
	if t.utf8 && !utf8.Valid(x) {
		return t.code(bytes.ToValidUTF8(x, replacement), limit)
	}
	if t.dict.len() >= limit || len(t.dict.plain)+len(x) > maxDictBytes {
		return -1
	}
	t.dict.begin()
	t.dict.plain = append(t.dict.plain, x...)
	t.dict.end()
	t.slots[at] = textSlot{h, int32(t.dict.len())}
	return int32(t.dict.len()) - 1
}

func (t *textTable[T]) grow() {
	if t.slots == nil {
		t.seed = maphash.MakeSeed()
	}
	old := t.slots
	t.slots = make([]textSlot, max(256, 2*len(old)))
	mask := uint32(len(t.slots) - 1)
	for _, s := range old {
		if s.code == 0 {
			continue
		}
		at := s.hash & mask
		for t.slots[at].code != 0 {
			at = (at + 1) & mask
		}
		t.slots[at] = s
	}
}

func (t *textTable[T]) page() *dictBytes { return &t.dict }

func (t *textTable[T]) reset() {
	clear(t.slots)
	t.dict.reset()
}

func appendValid(dst []byte, v schema.Text) []byte {
	if !utf8.Valid(v) {
		return append(dst, bytes.ToValidUTF8(v, replacement)...)
	}
	return append(dst, v...)
}

func appendBytes(dst []byte, v schema.Bytes) []byte { return append(dst, v...) }
