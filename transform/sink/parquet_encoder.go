package sink

import (
	"fmt"
	"math"

	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/format"

	"github.com/pcapline/pcapline/transform/schema"
)

// pageBytes is the size at which a page of strings or bytes is ended within a
// batch: a page is decompressed at once by those who read it.
const pageBytes = 1 << 20

// parquetEncoder turns batches into a row group.
type parquetEncoder struct {
	sink        *parquetSink
	chunks      []*columnChunk
	compressors []*compressor  // of each column; columns share them
	bloom       []*bloomFilter // nil where the column gets none
	rows        int
	work        pageWork
}

// pageWork is the scratch memory for making a page, and the definition levels
// that the columns of a layer share.
type pageWork struct {
	compressor *compressor // of the column at hand
	large      *buffers
	body       []byte
	rep, def   []uint8
	repBytes   []byte
	defBytes   []byte
	shared     map[*schema.Presence]span // of levels, in this batch
	levels     []byte
}

type span struct{ from, to int }

func newParquetEncoder(s *parquetSink) *parquetEncoder {
	e := &parquetEncoder{sink: s}
	byName := make(map[string]*compressor)
	for _, f := range s.schema {
		name := forField(s.compression, f)
		if byName[name] == nil {
			byName[name] = newCompressor(name)
		}
		e.compressors = append(e.compressors, byName[name])
	}
	e.work.large = &s.large
	e.work.shared = make(map[*schema.Presence]span)
	for _, f := range s.schema {
		e.chunks = append(e.chunks, newColumnChunk(f))
	}
	e.bloom, _ = newBloomFilters(s.schema, s.bloom) // newParquet looked for what is wrong
	return e
}

func (e *parquetEncoder) Encode(b *schema.Batch) error {
	if err := checkBatch("parquet", e.sink.schema, b); err != nil {
		return err
	}
	if b.Rows == 0 {
		return nil
	}
	clear(e.work.shared)
	e.work.levels = e.work.levels[:0]
	for i, c := range b.Columns {
		e.work.compressor = e.compressors[i]
		if err := e.chunks[i].add(c, b.Rows, &e.work); err != nil {
			return fmt.Errorf("parquet: column %s: %w", c.Field().Name, err)
		}
		if f := e.bloom[i]; f != nil {
			f.add(c.Data())
		}
	}
	e.rows += b.Rows
	return nil
}

// Flush ends the row group. Its bytes belong to the piece until Commit.
func (e *parquetEncoder) Flush() (Piece, error) {
	g := &rowGroup{rows: e.rows}
	if e.rows == 0 {
		return g, nil
	}
	g.body = e.sink.small.get(pageBytes)
	for i, c := range e.chunks {
		e.work.compressor = e.compressors[i]
		m, dict, err := c.finish(&e.work)
		if err != nil {
			return nil, fmt.Errorf("parquet: column %s: %w", c.field.Name, err)
		}
		m.shift(int64(g.size))
		g.body = append(g.body, dict...)
		for _, blob := range c.blobs {
			g.blobs = append(g.blobs, largePage{len(g.body) + blob.at, blob.bytes})
		}
		g.body = append(g.body, c.body...)
		g.size += len(dict) + c.size
		g.columns = append(g.columns, m)
		g.metaBytes += m.bytes()
		c.reset()
	}
	e.rows = 0
	return g, e.addBloomFilters(g)
}

// addBloomFilters puts the filters behind the row group's columns.
func (e *parquetEncoder) addBloomFilters(g *rowGroup) error {
	for i, f := range e.bloom {
		if f == nil {
			continue
		}
		start := len(g.body)
		var err error
		if g.body, err = f.append(g.body); err != nil {
			return fmt.Errorf("parquet: column %s: %w", e.chunks[i].field.Name, err)
		}
		size := len(g.body) - start
		g.columns[i].meta.BloomFilterOffset, g.columns[i].meta.BloomFilterLength = int64(g.size), int32(size)
		g.size += size
	}
	return nil
}

// rowGroup is a finished row group; offsets in it count from its own start.
type rowGroup struct {
	rows      int
	body      []byte      // all but the large pages
	blobs     []largePage // inserted into body
	size      int         // of both
	columns   []chunkMeta
	metaBytes int
	offset    int64 // in the file, once committed
}

// largePage is the values of a page that are kept where they were made,
// instead of being copied behind those before.
type largePage struct {
	at    int // they come before this byte of the body
	bytes []byte
}

// largeValues is the size from which a page's values are kept so.
const largeValues = 128 << 10

// each calls write with the row group's bytes in order.
func (g *rowGroup) each(write func([]byte) error) error {
	at := 0
	for _, blob := range g.blobs {
		if err := write(g.body[at:blob.at]); err != nil {
			return err
		}
		if err := write(blob.bytes); err != nil {
			return err
		}
		at = blob.at
	}
	return write(g.body[at:])
}

func (g *rowGroup) Rows() int  { return g.rows }
func (g *rowGroup) Bytes() int { return g.size + g.metaBytes }

// rleLevels appends the run-length form of levels.
func rleLevels(dst, scratch []byte, levels []uint8, width int) (out, newScratch []byte, err error) {
	enc := rle.Encoding{BitWidth: width}
	scratch, err = enc.EncodeLevels(scratch, levels)
	return append(dst, scratch...), scratch, err
}

// give returns the page's values, as they are or compressed, for the caller to
// keep, and takes another buffer for the next page's.
func (w *pageWork) give(uncompressed bool) []byte {
	from := &w.compressor.buf
	if uncompressed {
		from = &w.body
	}
	b := *from
	*from = w.large.get(pageBytes + pageBytes/8)
	return b
}

// presence returns the encoded definition levels of rows from to to of p; nil
// says that every row has a value.
func (w *pageWork) presence(p *schema.Presence, from, to, rows int) ([]byte, error) {
	if p == nil || p.Count == rows {
		w.defBytes = appendRun(w.defBytes[:0], to-from, 1)
		return w.defBytes, nil
	}
	whole := from == 0 && to == rows
	if s, ok := w.shared[p]; ok && whole {
		return w.levels[s.from:s.to], nil
	}
	def := p.Def
	if len(def) < rows { // not finished: the rest has no value
		w.def = append(w.def[:0], def...)
		for len(w.def) < rows {
			w.def = append(w.def, 0)
		}
		def = w.def
	}
	start := len(w.levels)
	var err error
	w.levels, w.defBytes, err = rleLevels(w.levels, w.defBytes, def[from:to], 1)
	if err == nil && whole {
		w.shared[p] = span{start, len(w.levels)}
	}
	return w.levels[start:], err
}

// appendRun appends a run of n levels below 256.
func appendRun(dst []byte, n int, level uint8) []byte {
	for u := uint64(n) << 1; ; u >>= 7 {
		if u < 0x80 {
			return append(dst, byte(u), level)
		}
		dst = append(dst, byte(u)|0x80)
	}
}

// chunkMeta is what the footer and the indexes say of a column chunk; offsets
// count from the start of the row group.
type chunkMeta struct {
	meta       format.ColumnMetaData
	dictionary bool // it begins with a dictionary page
	pages      []pageMeta
	index      []byte // encoded column index, nil: none
}

// shift moves the chunk by n bytes.
func (m *chunkMeta) shift(n int64) {
	m.meta.DataPageOffset += n
	if m.dictionary {
		m.meta.DictionaryPageOffset += n
	}
	for i := range m.pages {
		m.pages[i].offset += n
	}
}

func (m *chunkMeta) bytes() int { return 400 + 20*len(m.pages) + len(m.index) }

type pageMeta struct {
	offset   int64
	size     int32
	firstRow int32
}

// fits reports whether n fits the 32-bit sizes of the format.
func fits(n int) error {
	if n > math.MaxInt32 {
		return fmt.Errorf("a page of %d bytes: the format ends at 2 GiB; make smaller batches", n)
	}
	return nil
}
