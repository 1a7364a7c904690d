package sink

import (
	"github.com/parquet-go/parquet-go/format"

	"github.com/pcapline/pcapline/transform/schema"
)

// columnChunk collects the data pages of one column in the current row group.
type columnChunk struct {
	field  *schema.Field
	values values
	stats  chunkStats

	body   []byte      // finished data pages
	blobs  []largePage // inserted into body
	size   int         // of both
	pages  []pageMeta
	rows   int       // in finished pages
	levels int       // values including nulls, in finished pages
	dict   bool      // the last page with values uses the dictionary
	absent int       // rows without a value that are not yet in a page
	hollow []uint8   // or, with empty lists among them, their definition levels
	raw    int       // size of the pages if they were not compressed
	used   [10]int32 // data pages by encoding
}

func newColumnChunk(f *schema.Field) *columnChunk {
	return &columnChunk{field: f, values: newValues(f), stats: chunkStats{compare: comparatorOf(f.Kind)}}
}

// add appends a batch's rows of the column.
func (c *columnChunk) add(col schema.Column, rows int, w *pageWork) error {
	p := col.Presence()
	if p != nil && p.Count == 0 {
		c.wait(rows, nil)
		return nil
	}
	if c.field.List {
		return c.addLists(col, rows, w)
	}
	return c.addFlat(col, rows, w)
}

// addFlat writes the rows as one page, or as several when they hold more than
// pageBytes of strings or bytes.
func (c *columnChunk) addFlat(col schema.Column, rows int, w *pageWork) error {
	p := col.Presence()
	data := col.Data()
	size := sizer(data)
	if size == nil {
		return c.flatPage(data, p, span{0, rows}, span{0, col.Len()}, rows, w)
	}
	from, firstRow, value, bytes := 0, 0, 0, 0
	for row := range rows {
		if !p.Has(row) {
			continue
		}
		n := size(value)
		if bytes > 0 && bytes+n > pageBytes {
			if err := c.flatPage(data, p, span{firstRow, row}, span{from, value}, rows, w); err != nil {
				return err
			}
			from, firstRow, bytes = value, row, 0
		}
		bytes += n
		value++
	}
	return c.flatPage(data, p, span{firstRow, rows}, span{from, value}, rows, w)
}

// sizer returns a function that gives the size of a value, of kinds whose
// values can be large; nil of others.
func sizer(data any) func(i int) int {
	switch v := data.(type) {
	case []schema.Text:
		return func(i int) int { return 4 + len(v[i]) }
	case []schema.Bytes:
		return func(i int) int { return 4 + len(v[i]) }
	}
	return nil
}

// flatPage writes one page: rows of the batch, whose values are vals of data.
func (c *columnChunk) flatPage(data any, p *schema.Presence, rows, vals span, batch int, w *pageWork) error {
	h := pageHeader{values: rows.to - rows.from, rows: rows.to - rows.from}
	h.nulls = h.rows - (vals.to - vals.from)
	var def []byte
	if c.field.Nullable {
		var err error
		if def, err = w.presence(p, rows.from, rows.to, batch); err != nil {
			return err
		}
	}
	return c.page(h, nil, def, data, vals, w)
}

// addLists writes the rows of a list column as one page.
func (c *columnChunk) addLists(col schema.Column, rows int, w *pageWork) error {
	p, offsets := col.Presence(), col.Offsets()
	w.rep, w.def = w.rep[:0], w.def[:0]
	list := 0
	for row := range rows {
		switch {
		case !p.Has(row):
			w.rep, w.def = append(w.rep, 0), append(w.def, 0)
		case offsets[list] == offsets[list+1]:
			w.rep, w.def = append(w.rep, 0), append(w.def, 1)
			list++
		default:
			w.rep, w.def = append(w.rep, 0), append(w.def, 2)
			for range offsets[list+1] - offsets[list] - 1 {
				w.rep, w.def = append(w.rep, 1), append(w.def, 2)
			}
			list++
		}
	}
	if offsets[0] == offsets[list] { // not one element
		c.wait(rows, w.def)
		return nil
	}
	var scratch []byte
	var err error
	if w.repBytes, scratch, err = rleLevels(w.repBytes[:0], nil, w.rep, 1); err != nil {
		return err
	}
	if w.defBytes, _, err = rleLevels(w.defBytes[:0], scratch, w.def, 2); err != nil {
		return err
	}
	vals := span{int(offsets[0]), int(offsets[list])}
	h := pageHeader{values: len(w.def), rows: rows, nulls: len(w.def) - (vals.to - vals.from)}
	return c.page(h, w.repBytes, w.defBytes, col.Data(), vals, w)
}

// wait keeps rows without a value, or with empty lists by their definition
// levels, for a page to come, so that a layer that no packet of many batches
// has is one page of a few bytes.
func (c *columnChunk) wait(rows int, levels []uint8) {
	if levels == nil && len(c.hollow) == 0 {
		c.absent += rows
		return
	}
	c.hollow = append(c.hollow, make([]uint8, c.absent)...)
	c.absent = 0
	if levels == nil {
		levels = make([]uint8, rows)
	}
	c.hollow = append(c.hollow, levels...)
}

// page writes a page that has values, behind the rows without one that wait.
func (c *columnChunk) page(h pageHeader, rep, def []byte, data any, vals span, w *pageWork) error {
	var b bounds
	w.body, h.encoding, b = c.values.encode(w.body[:0], data, vals)
	if err := fits(len(w.body)); err != nil {
		return err
	}
	c.dict = h.encoding == format.RLEDictionary
	if err := c.flushWaiting(w); err != nil {
		return err
	}
	c.write(h, rep, def, w.body, b, w)
	return nil
}

// flushWaiting writes the rows that wait. Between pages that use the
// dictionary theirs does too, by name: Spark 4.3 fails on lists where a plain
// page is followed by one with codes.
func (c *columnChunk) flushWaiting(w *pageWork) error {
	rows := c.absent + len(c.hollow)
	if rows == 0 {
		return nil
	}
	h := pageHeader{values: rows, rows: rows, nulls: rows}
	var none [1]byte // no codes, of no bits each
	values := none[:0]
	if c.dict {
		h.encoding, values = format.RLEDictionary, none[:]
	}
	var repBytes, defBytes [8]byte
	rep, def := repBytes[:0], appendRun(defBytes[:0], rows, 0)
	if c.field.List {
		rep = appendRun(rep, rows, 0)
	}
	if len(c.hollow) > 0 {
		var err error
		if def, _, err = rleLevels(nil, nil, c.hollow, 2); err != nil {
			return err
		}
	}
	c.absent, c.hollow = 0, c.hollow[:0]
	c.write(h, rep, def, values, bounds{}, w)
	return nil
}

// write appends a page whose values are encoded.
func (c *columnChunk) write(h pageHeader, rep, def, values []byte, b bounds, w *pageWork) {
	stored := h.compressValues(rep, def, values, w.compressor)
	start, before := c.size, len(c.body)
	c.body = h.append(c.body)
	c.body = append(c.body, rep...)
	c.body = append(c.body, def...)
	if len(stored) < largeValues {
		c.body = append(c.body, stored...)
		c.size += len(c.body) - before
	} else {
		c.blobs = append(c.blobs, largePage{len(c.body), w.give(h.uncompressed)})
		c.size += len(c.body) - before + len(stored)
	}
	size := c.size - start
	c.raw += size - h.stored + h.raw
	c.pages = append(c.pages, pageMeta{offset: int64(start), size: int32(size), firstRow: int32(c.rows)})
	c.used[h.encoding]++
	c.stats.add(b, h.values, h.nulls)
	c.rows += h.rows
	c.levels += h.values
}

// finish ends the chunk and describes it, with offsets from its own start. It
// is the dictionary page that is returned, valid until the next one is made,
// and c.body behind it.
func (c *columnChunk) finish(w *pageWork) (m chunkMeta, dict []byte, err error) {
	if err := c.flushWaiting(w); err != nil {
		return m, nil, err
	}
	m.pages = c.pages
	m.meta = format.ColumnMetaData{
		Type:         parquetTypeOf(c.field.Kind).physical,
		PathInSchema: columnPath(c.field),
		Codec:        w.compressor.codec,
		NumValues:    int64(c.levels),
	}
	if c.used[format.RLEDictionary] > 0 {
		plain, n := c.values.dictionary()
		h := pageHeader{dictionary: true, values: n}
		w.body = appendDictionaryPage(w.body[:0], &h, plain, w.compressor)
		dict = w.body
		m.dictionary = true
		c.raw += len(dict) - h.stored + h.raw
		m.meta.EncodingStats = append(m.meta.EncodingStats,
			format.PageEncodingStats{PageType: format.DictionaryPage, Encoding: format.Plain, Count: 1})
	}
	m.meta.DataPageOffset = int64(len(dict))
	for i := range m.pages {
		m.pages[i].offset += int64(len(dict))
	}
	m.meta.TotalCompressedSize = int64(len(dict) + c.size)
	m.meta.TotalUncompressedSize = int64(c.raw)
	c.encodings(&m.meta)
	m.meta.Statistics = c.stats.statistics()
	m.index, err = c.stats.columnIndex()
	return m, dict, err
}

// encodings lists the encodings of the chunk's pages, in a fixed order.
func (c *columnChunk) encodings(m *format.ColumnMetaData) {
	m.Encoding = append(m.Encoding, format.RLE) // of levels
	if c.used[format.RLEDictionary] > 0 || c.used[format.Plain] > 0 {
		m.Encoding = append(m.Encoding, format.Plain)
	}
	for enc, n := range c.used {
		if n == 0 {
			continue
		}
		e := format.Encoding(enc)
		if e != format.Plain {
			m.Encoding = append(m.Encoding, e)
		}
		m.EncodingStats = append(m.EncodingStats,
			format.PageEncodingStats{PageType: format.DataPageV2, Encoding: e, Count: n})
	}
}

// reset begins the next row group. Nothing that the next one's bytes depend
// on is kept.
func (c *columnChunk) reset() {
	c.values.reset()
	c.stats.reset()
	c.body, c.blobs, c.size = c.body[:0], c.blobs[:0], 0
	c.pages = nil // the piece's
	c.rows, c.levels, c.raw, c.dict = 0, 0, 0, false
	c.used = [len(c.used)]int32{}
}
