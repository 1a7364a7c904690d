package sink

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"unsafe"

	flatbuffers "github.com/google/flatbuffers/go"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/pcapline/pcapline/transform/schema"
)

// arrowEncoder turns each batch into a record batch. A column whose rows all
// have a value is handed over as the memory that it is; of a sparse one the
// values are spread over its rows, and its presence becomes the validity.
type arrowEncoder struct {
	sink       *arrowSink
	compressor *arrowCompressor
	message    *flatbuffers.Builder
	piece      arrowPiece

	rows   int
	nodes  []arrowNode
	places []arrowPlace
	body   []byte
	valid  map[*schema.Presence][]byte // validity of the batch's presences, which layers share
	bits   []byte                      // memory for it
	spread []uint64                    // a column's values, one for each row
	ends   []int32                     // offsets of texts and lists
	text   []byte
}

// arrowNode is a column or a list's elements: how many, and how many nulls.
type arrowNode struct{ length, nulls int64 }

// arrowPlace is where a buffer is in a record batch's body.
type arrowPlace struct{ offset, length int64 }

// arrowPiece is some record batches, each a message and its body.
type arrowPiece struct {
	rows   int
	body   []byte
	blocks []arrowBlock // with offsets from the piece's start
}

func (p *arrowPiece) Rows() int  { return p.rows }
func (p *arrowPiece) Bytes() int { return len(p.body) + 24*len(p.blocks) }

func newArrowEncoder(s *arrowSink) *arrowEncoder {
	return &arrowEncoder{
		sink: s, compressor: newArrowCompressor(s.compression),
		message: flatbuffers.NewBuilder(1 << 10), valid: make(map[*schema.Presence][]byte),
	}
}

func (e *arrowEncoder) Encode(b *schema.Batch) error {
	if err := checkBatch("arrow", e.sink.schema, b); err != nil {
		return err
	}
	if b.Rows == 0 {
		return nil
	}
	e.rows = b.Rows
	e.nodes, e.places, e.body, e.bits = e.nodes[:0], e.places[:0], e.body[:0], e.bits[:0]
	clear(e.valid)
	for _, c := range b.Columns {
		if err := e.column(c); err != nil {
			return fmt.Errorf("arrow: column %s: %w", c.Field().Name, err)
		}
	}
	meta := arrowBatch(e.message, b.Rows, e.nodes, e.places, e.compressor.codec, int64(len(e.body)))
	if e.piece.body == nil {
		e.piece.body = e.sink.spare.get(pageBytes)
	}
	start := len(e.piece.body)
	e.piece.body = appendArrowMessage(e.piece.body, meta)
	block := arrowBlock{int64(start), int32(len(e.piece.body) - start), int64(len(e.body))}
	e.piece.body = append(e.piece.body, e.body...)
	e.piece.blocks = append(e.piece.blocks, block)
	e.piece.rows += b.Rows
	return nil
}

func (e *arrowEncoder) Flush() (Piece, error) {
	p := e.piece
	e.piece = arrowPiece{}
	return &p, nil
}

// column appends a column's node and buffers.
func (e *arrowEncoder) column(c schema.Column) error {
	p := c.Presence()
	var def []uint8 // nil: every row has a value
	nulls := 0
	if p != nil && p.Count < e.rows {
		def, nulls = p.Def, e.rows-p.Count
	}
	e.node(e.rows, nulls)
	if def == nil && nulls == 0 {
		e.buffer(nil)
	} else {
		e.buffer(e.validity(p))
	}
	if c.Offsets() == nil {
		return e.values(c.Data(), e.rows, c.Len(), def)
	}
	offsets := c.Offsets()
	e.ends = append(e.ends[:0], 0)
	list := 0
	for row := range e.rows {
		if p.Has(row) {
			list++
		}
		e.ends = append(e.ends, offsets[list])
	}
	e.buffer(asBytes(e.ends))
	elements := int(offsets[list])
	e.node(elements, 0)
	e.buffer(nil)
	return e.values(c.Data(), elements, elements, nil)
}

func (e *arrowEncoder) node(length, nulls int) {
	e.nodes = append(e.nodes, arrowNode{int64(length), int64(nulls)})
}

// buffer appends a buffer to the body.
func (e *arrowEncoder) buffer(b []byte) {
	start := len(e.body)
	e.body = e.compressor.append(e.body, b)
	e.places = append(e.places, arrowPlace{int64(start), int64(len(e.body) - start)})
	for len(e.body)%8 != 0 {
		e.body = append(e.body, 0)
	}
}

// validity is the bitmap of a presence, the first row in the lowest bit.
func (e *arrowEncoder) validity(p *schema.Presence) []byte {
	if bits, ok := e.valid[p]; ok {
		return bits
	}
	start := len(e.bits)
	e.bits = append(e.bits, make([]byte, (e.rows+7)/8)...)
	bits := e.bits[start:]
	def := p.Def
	for i := range len(def) / 8 {
		// Eight bytes of 0 or 1 become the eight bits of the top byte.
		bits[i] = byte(binary.LittleEndian.Uint64(def[8*i:]) * 0x0102040810204080 >> 56)
	}
	for i := len(def) &^ 7; i < len(def); i++ {
		bits[i/8] |= def[i] << (i % 8)
	}
	e.valid[p] = bits
	return bits
}

// values appends the buffers of n values of data, spread over rows where def
// is not nil.
func (e *arrowEncoder) values(data any, rows, n int, def []uint8) error {
	switch v := data.(type) {
	case []bool:
		e.buffer(e.packed(v, rows, def))
	case []uint8:
		e.buffer(spreadOver(e, v[:n], rows, def))
	case []uint16:
		e.buffer(spreadOver(e, v[:n], rows, def))
	case []uint32:
		e.buffer(spreadOver(e, v[:n], rows, def))
	case []int64:
		e.buffer(spreadOver(e, v[:n], rows, def))
	case []float64:
		e.buffer(spreadOver(e, v[:n], rows, def))
	case []schema.Micros:
		e.buffer(spreadOver(e, v[:n], rows, def))
	case []schema.IPv4:
		return texts(e, v[:n], def, func(dst []byte, a schema.IPv4) []byte { return ipv4Text(a, dst) })
	case []schema.IPv6:
		return texts(e, v[:n], def, func(dst []byte, a schema.IPv6) []byte { return ipv6Text(a, dst) })
	case []schema.MAC:
		return texts(e, v[:n], def, func(dst []byte, a schema.MAC) []byte { return a.AppendTo(dst) })
	case []netip.Addr:
		return texts(e, v[:n], def, func(dst []byte, a netip.Addr) []byte { return a.AppendTo(dst) })
	case []schema.Text:
		return texts(e, v[:n], def, appendValid)
	case []schema.Bytes:
		return texts(e, v[:n], def, func(dst []byte, b schema.Bytes) []byte { return append(dst, b...) })
	default:
		return fmt.Errorf("no Arrow for %T", data)
	}
	return nil
}

// packed is booleans as bits.
func (e *arrowEncoder) packed(v []bool, rows int, def []uint8) []byte {
	bits := asBytes(e.room(rows/64 + 1))[:(rows+7)/8]
	clear(bits)
	next := 0
	for row := range rows {
		if def != nil && (row >= len(def) || def[row] == 0) {
			continue
		}
		if v[next] {
			bits[row/8] |= 1 << (row % 8)
		}
		next++
	}
	return bits
}

// room is memory for a column's values.
func (e *arrowEncoder) room(words int) []uint64 {
	e.spread = grow(e.spread, words)
	return e.spread
}

// spreadOver is the memory of values of a fixed width, one for each row, with
// zeros where there is none.
func spreadOver[T any](e *arrowEncoder, v []T, rows int, def []uint8) []byte {
	if def == nil {
		return asBytes(v)
	}
	var zero T
	size := int(unsafe.Sizeof(zero))
	words := e.room(rows*size/8 + 1)
	out := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(words))), rows)
	clear(out)
	next := 0
	for row, d := range def {
		if d != 0 {
			out[row] = v[next]
			next++
		}
	}
	return asBytes(out)
}

// texts appends the offsets and the bytes of values of any length.
func texts[T any](e *arrowEncoder, v []T, def []uint8, text func([]byte, T) []byte) error {
	e.text = e.text[:0]
	e.ends = append(e.ends[:0], 0)
	if def == nil {
		for _, x := range v {
			e.text = text(e.text, x)
			e.ends = append(e.ends, int32(len(e.text)))
		}
	} else {
		next := 0
		for row := range e.rows {
			if row < len(def) && def[row] != 0 {
				e.text = text(e.text, v[next])
				next++
			}
			e.ends = append(e.ends, int32(len(e.text)))
		}
	}
	if len(e.text) > math.MaxInt32 {
		return fmt.Errorf("%d bytes in a batch: the format's offsets end at 2 GiB; make smaller batches", len(e.text))
	}
	e.buffer(asBytes(e.ends))
	e.buffer(e.text)
	return nil
}

// asBytes is the memory of v, in the machine's byte order, which the schema names.
func asBytes[T any](v []T) []byte {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(zero)))
}

// arrowCodec is how buffers are compressed, by the numbers of Message.fbs.
type arrowCodec int8

const (
	arrowPlain arrowCodec = iota - 1
	arrowLZ4
	arrowZstd
)

// arrowCompressor compresses the buffers of one encoder. Its output depends on
// its input alone.
type arrowCompressor struct {
	codec arrowCodec
	zstd  *zstd.Encoder
	lz4   *lz4.Writer
	out   bytes.Buffer
}

func newArrowCompressor(compression string) *arrowCompressor {
	switch codecOf(compression) {
	case zstdName:
		return &arrowCompressor{codec: arrowZstd, zstd: newZstd(compression, zstd.SpeedFastest, false)}
	case "lz4":
		w := lz4.NewWriter(nil)
		// Options that cannot be wrong.
		_ = w.Apply(lz4.ChecksumOption(false), lz4.BlockSizeOption(lz4.Block64Kb))
		return &arrowCompressor{codec: arrowLZ4, lz4: w}
	}
	return &arrowCompressor{codec: arrowPlain}
}

// append appends a buffer: where buffers are compressed its length comes
// first, or -1 before one that is stored as it is.
func (c *arrowCompressor) append(dst, b []byte) []byte {
	if c.codec == arrowPlain || len(b) == 0 {
		return append(dst, b...)
	}
	start := len(dst)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(b)))
	if len(b) >= worthCompressing {
		if c.codec == arrowZstd {
			dst = c.zstd.EncodeAll(b, dst)
		} else {
			dst = append(dst, c.frame(b)...)
		}
		if len(dst)-start-8 < len(b) {
			return dst
		}
	}
	dst = binary.LittleEndian.AppendUint64(dst[:start], math.MaxUint64)
	return append(dst, b...)
}

// frame is b as an LZ4 frame, valid until the next call.
func (c *arrowCompressor) frame(b []byte) []byte {
	c.out.Reset()
	c.lz4.Reset(&c.out)
	// Writing to memory does not fail.
	_, _ = c.lz4.Write(b)
	_ = c.lz4.Close()
	return c.out.Bytes()
}
