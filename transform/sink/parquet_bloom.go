package sink

import (
	"fmt"
	"math"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/parquet-go/parquet-go/bloom"
	"github.com/parquet-go/parquet-go/bloom/xxhash"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/pcapline/pcapline/transform/schema"
)

// bloomFilter gathers the values of a column chunk for its split-block bloom
// filter (parquet-format, BloomFilter.md). It lets a reader pass over row
// groups that do not have a value, where bounds cannot: of addresses, of names.
type bloomFilter struct {
	hashes []uint64
	text   []byte
}

// bloomBits is how many bits of the filter a distinct value takes at least:
// one in a hundred values that are not there seems to be.
const bloomBits = 10

// newBloomFilters makes a filter for each column that is named; nil for others.
func newBloomFilters(s schema.Schema, names []string) ([]*bloomFilter, error) {
	filters := make([]*bloomFilter, len(s))
	for _, n := range names {
		at := s.Index(n)
		if at < 0 {
			return nil, fmt.Errorf("parquet: bloom filter: the table has no column %q", n)
		}
		if s[at].List || s[at].Kind == schema.Bool {
			return nil, fmt.Errorf("parquet: bloom filter: column %s is %s, which gets none", n, s[at].Type())
		}
		filters[at] = new(bloomFilter)
	}
	return filters, nil
}

// add gathers the values of a batch, by the hashes of their plain encoding.
func (f *bloomFilter) add(data any) {
	switch v := data.(type) {
	case []uint8:
		addHashes(f, v, func(x uint8) uint64 { return xxhash.Sum64Uint32(uint32(x)) })
	case []uint16:
		addHashes(f, v, func(x uint16) uint64 { return xxhash.Sum64Uint32(uint32(x)) })
	case []uint32:
		addHashes(f, v, xxhash.Sum64Uint32)
	case []int64:
		addHashes(f, v, func(x int64) uint64 { return xxhash.Sum64Uint64(uint64(x)) })
	case []schema.Micros:
		addHashes(f, v, func(x schema.Micros) uint64 { return xxhash.Sum64Uint64(uint64(x)) })
	case []float64:
		addHashes(f, v, func(x float64) uint64 { return xxhash.Sum64Uint64(math.Float64bits(x)) })
	case []schema.IPv4:
		addHashes(f, v, func(x schema.IPv4) uint64 { return f.hash(ipv4Text(x, f.text[:0])) })
	case []schema.IPv6:
		addHashes(f, v, func(x schema.IPv6) uint64 { return f.hash(ipv6Text(x, f.text[:0])) })
	case []schema.MAC:
		addHashes(f, v, func(x schema.MAC) uint64 { return f.hash(x.AppendTo(f.text[:0])) })
	case []netip.Addr:
		addHashes(f, v, func(x netip.Addr) uint64 { return f.hash(appendValid(f.text[:0], schema.Text(x.AppendTo(nil)))) })
	case []schema.Text:
		for _, x := range v {
			f.hashes = append(f.hashes, f.hash(appendValid(f.text[:0], x)))
		}
	case []schema.Bytes:
		for _, x := range v {
			f.hashes = append(f.hashes, xxhash.Sum64(x))
		}
	}
}

// hash is that of text, whose memory is kept for the next one.
func (f *bloomFilter) hash(text []byte) uint64 {
	f.text = text
	return xxhash.Sum64(text)
}

// addHashes hashes values, but for one that repeats the one before.
func addHashes[T comparable](f *bloomFilter, v []T, hash func(T) uint64) {
	for i, x := range v {
		if i == 0 || x != v[i-1] {
			f.hashes = append(f.hashes, hash(x))
		}
	}
}

// append ends the chunk: it appends the filter behind its header. A chunk
// without values gets none.
func (f *bloomFilter) append(dst []byte) ([]byte, error) {
	slices.Sort(f.hashes)
	f.hashes = slices.Compact(f.hashes)
	if len(f.hashes) == 0 {
		return dst, nil
	}
	// Blocks in powers of two, which some readers insist on.
	blocks := 1 << bits.Len(uint(bloom.NumSplitBlocksOf(int64(len(f.hashes)), bloomBits)-1))
	filter := make(bloom.SplitBlockFilter, blocks)
	filter.InsertBulk(f.hashes)
	f.hashes = f.hashes[:0]
	header, err := thrift.Marshal(new(thrift.CompactProtocol), &format.BloomFilterHeader{
		NumBytes:    int32(len(filter.Bytes())),
		Algorithm:   format.BloomFilterAlgorithm{Value: new(format.SplitBlockAlgorithm)},
		Hash:        format.BloomFilterHash{Value: new(format.XxHash)},
		Compression: format.BloomFilterCompression{Value: new(format.BloomFilterUncompressed)},
	})
	if err != nil {
		return dst, fmt.Errorf("bloom filter: %w", err)
	}
	return append(append(dst, header...), filter.Bytes()...), nil
}
