package sink

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/pcapline/pcapline/transform/schema"
)

// statBytes is the length from which strings in statistics are shortened.
const statBytes = 64

// bounds are the least and the greatest value of a page, in plain encoding
// without a length. They are valid until the next page.
type bounds struct {
	min, max []byte
	ok       bool // false: there are none that readers could rely on
}

// chunkStats collects the statistics of a column chunk and its pages.
type chunkStats struct {
	compare   comparator // nil: the kind has no bounds
	unbounded bool       // some page has no bounds, so neither has the chunk
	least     []byte
	greatest  []byte
	nulls     int64
	index     format.ColumnIndex
	arena     []byte // of the index's bounds
}

// add adds a page of n values, nulls of which are null.
func (s *chunkStats) add(b bounds, n, nulls int) {
	s.nulls += int64(nulls)
	empty := n == nulls
	s.index.NullPages = append(s.index.NullPages, empty)
	s.index.NullCounts = append(s.index.NullCounts, int64(nulls))
	var lo, hi []byte
	switch {
	case empty:
	case !b.ok || s.compare == nil:
		s.unbounded = true
	default:
		lo, hi = s.keep(shortenMin(b.min)), s.keep(shortenMax(b.max))
		if s.least == nil || s.compare(lo, s.least) < 0 {
			s.least = lo
		}
		if s.greatest == nil || s.compare(hi, s.greatest) > 0 {
			s.greatest = hi
		}
	}
	s.index.MinValues = append(s.index.MinValues, lo)
	s.index.MaxValues = append(s.index.MaxValues, hi)
}

// keep copies b; it never returns nil.
func (s *chunkStats) keep(b []byte) []byte {
	if s.arena == nil || len(s.arena)+len(b) > cap(s.arena) {
		s.arena = make([]byte, 0, max(512, len(b)))
	}
	start := len(s.arena)
	s.arena = append(s.arena, b...)
	return s.arena[start:len(s.arena):len(s.arena)]
}

func (s *chunkStats) statistics() format.Statistics {
	st := format.Statistics{NullCount: s.nulls}
	if !s.unbounded {
		st.MinValue, st.MaxValue = s.least, s.greatest
	}
	return st
}

// columnIndex returns the encoded column index, nil when a page lacks bounds.
func (s *chunkStats) columnIndex() ([]byte, error) {
	if s.unbounded {
		return nil, nil
	}
	s.index.BoundaryOrder = s.order()
	b, err := thrift.Marshal(new(thrift.CompactProtocol), &s.index)
	if err != nil {
		return nil, fmt.Errorf("column index: %w", err)
	}
	return b, nil
}

// order says whether the pages' bounds ascend, which lets readers search them.
func (s *chunkStats) order() format.BoundaryOrder {
	if s.compare == nil {
		return format.Unordered
	}
	last := -1
	for i, null := range s.index.NullPages {
		if null {
			continue
		}
		if last >= 0 && (s.compare(s.index.MinValues[last], s.index.MinValues[i]) > 0 ||
			s.compare(s.index.MaxValues[last], s.index.MaxValues[i]) > 0) {
			return format.Unordered
		}
		last = i
	}
	return format.Ascending
}

func (s *chunkStats) reset() {
	// What was handed out stays with the piece.
	*s = chunkStats{compare: s.compare, index: s.index}
	s.index.NullPages = s.index.NullPages[:0]
	s.index.NullCounts = s.index.NullCounts[:0]
	s.index.MinValues = s.index.MinValues[:0]
	s.index.MaxValues = s.index.MaxValues[:0]
}

// comparator orders values in plain encoding.
type comparator func(a, b []byte) int

// comparatorOf returns the order of a kind in Parquet, nil when it gets no
// bounds: those of a payload tell nothing.
func comparatorOf(k schema.Kind) comparator {
	switch k {
	case schema.Bool:
		return bytes.Compare
	case schema.Uint8, schema.Uint16, schema.Uint32:
		return func(a, b []byte) int {
			return cmp.Compare(binary.LittleEndian.Uint32(a), binary.LittleEndian.Uint32(b))
		}
	case schema.Int64, schema.Timestamp:
		return func(a, b []byte) int {
			return cmp.Compare(int64(binary.LittleEndian.Uint64(a)), int64(binary.LittleEndian.Uint64(b)))
		}
	case schema.Float64:
		return func(a, b []byte) int {
			return cmp.Compare(math.Float64frombits(binary.LittleEndian.Uint64(a)), math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
	case schema.Binary:
		return nil
	}
	return bytes.Compare
}

// shortenMin returns a string of at most statBytes that is not above b.
// Numbers are shorter than that anyway.
func shortenMin(b []byte) []byte {
	if len(b) <= statBytes {
		return b
	}
	n := statBytes
	for n > 0 && !utf8.RuneStart(b[n]) {
		n--
	}
	return b[:n]
}

// shortenMax returns a string of about statBytes that is not below b: the
// beginning of b with its last character replaced by the next one.
func shortenMax(b []byte) []byte {
	if len(b) <= statBytes {
		return b
	}
	head := shortenMin(b)
	for len(head) > 0 {
		r, n := utf8.DecodeLastRune(head)
		head = head[:len(head)-n]
		if r++; r >= 0xD800 && r < 0xE000 {
			r = 0xE000
		}
		if r <= utf8.MaxRune {
			return utf8.AppendRune(head[:len(head):len(head)], r)
		}
	}
	return b // nothing but the last character there is
}
