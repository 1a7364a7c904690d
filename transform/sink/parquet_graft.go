package sink

import (
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/pcapline/pcapline/transform/schema"
)

// Grown is a Parquet file that this package wrote, whose row groups are taken
// over into another as they are, alone or with columns added: nothing is
// decoded or compressed anew, so it costs what copying costs.
//
//	g, err := sink.OpenGrown(file, size, target)
//	for i := range g.Groups() {
//		piece, err := g.Piece(i, added) // added: nil, or the missing columns' row group
//		err = out.Commit(piece)         // out has the columns of target
//	}
type Grown struct {
	r      io.ReaderAt
	file   *parquet.File
	place  []int // of each column of the target: its chunk in the file, or ^its place among the added
	target schema.Schema
}

// OpenGrown reads a file's footer and indexes. target is the columns of the
// table to be written; those that the file lacks are to be added, in target's
// order. A column of the file that target lacks is an error.
func OpenGrown(r io.ReaderAt, size int64, target schema.Schema) (*Grown, error) {
	f, err := parquet.OpenFile(r, size, parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	g := &Grown{r: r, file: f, target: target}
	has := make(map[string]int)
	for i, e := range f.Schema().Fields() {
		has[e.Name()] = i
	}
	added := 0
	for _, c := range target {
		if i, ok := has[c.Name]; ok {
			g.place = append(g.place, i)
			delete(has, c.Name)
			continue
		}
		g.place = append(g.place, ^added)
		added++
	}
	for name := range has {
		return nil, fmt.Errorf("parquet: the table to be written has no column %s", name)
	}
	return g, g.check()
}

// check verifies what Piece relies on.
func (g *Grown) check() error {
	meta := g.file.Metadata()
	columns := len(meta.ColumnOrders)
	for i, rg := range meta.RowGroups {
		if len(rg.Columns) != columns || rg.NumRows > 1<<31-1 {
			return fmt.Errorf("parquet: row group %d is none that pcapline writes", i)
		}
	}
	if n := len(meta.RowGroups) * columns; len(g.file.OffsetIndexes()) != n || meta.CreatedBy != "pcapline" {
		return fmt.Errorf("parquet: the file was written by %q, not by pcapline", meta.CreatedBy)
	}
	return nil
}

// Groups gives the number of row groups.
func (g *Grown) Groups() int { return len(g.file.Metadata().RowGroups) }

// Rows gives the rows of a row group.
func (g *Grown) Rows(i int) int { return int(g.file.Metadata().RowGroups[i].NumRows) }

// Metadata gives the file's key-value metadata.
func (g *Grown) Metadata() map[string]string {
	m := make(map[string]string)
	for _, kv := range g.file.Metadata().KeyValueMetadata {
		m[kv.Key] = kv.Value
	}
	return m
}

// Missing lists the columns that a piece must be given.
func (g *Grown) Missing() schema.Schema {
	var s schema.Schema
	for i, at := range g.place {
		if at < 0 {
			s = append(s, g.target[i])
		}
	}
	return s
}

// Piece gives a row group, with the columns of added, which an encoder of a
// table with the missing columns made of the same rows.
func (g *Grown) Piece(i int, added Piece) (Piece, error) {
	own, err := g.group(i)
	if err != nil {
		return nil, err
	}
	more, _ := added.(*rowGroup)
	if more == nil {
		more = &rowGroup{rows: own.rows}
	}
	if more.rows != own.rows || len(more.columns) != len(g.Missing()) {
		return nil, fmt.Errorf("parquet: row group %d has %d rows, the columns to be added have %d", i, own.rows, more.rows)
	}
	out := &rowGroup{rows: own.rows, body: own.body, size: own.size, metaBytes: own.metaBytes + more.metaBytes}
	for j := range more.columns {
		more.columns[j].shift(int64(own.size))
	}
	for _, blob := range more.blobs {
		out.blobs = append(out.blobs, largePage{len(own.body) + blob.at, blob.bytes})
	}
	out.body = append(out.body, more.body...)
	out.size += more.size
	for _, at := range g.place {
		if at >= 0 {
			out.columns = append(out.columns, own.columns[at])
		} else {
			out.columns = append(out.columns, more.columns[^at])
		}
	}
	return out, nil
}

// group reads a row group as an encoder would have made it.
func (g *Grown) group(i int) (*rowGroup, error) {
	rg := &g.file.Metadata().RowGroups[i]
	out := &rowGroup{rows: int(rg.NumRows)}
	start, end := rg.FileOffset, rg.FileOffset
	for j := range rg.Columns {
		m, err := g.chunk(i, j, start)
		if err != nil {
			return nil, err
		}
		out.columns = append(out.columns, m)
		out.metaBytes += m.bytes()
		end = max(end, start+m.end())
	}
	if start < 0 || end < start || end > g.file.Size() {
		return nil, fmt.Errorf("parquet: row group %d lies outside of the file", i)
	}
	out.body = make([]byte, end-start, end-start+pageBytes)
	if _, err := g.r.ReadAt(out.body, start); err != nil {
		return nil, fmt.Errorf("parquet: row group %d: %w", i, err)
	}
	out.size = len(out.body)
	return out, nil
}

// chunk is what the footer and the indexes say of a column chunk, with offsets
// from start.
func (g *Grown) chunk(group, column int, start int64) (m chunkMeta, err error) {
	rg := &g.file.Metadata().RowGroups[group]
	c := &rg.Columns[column]
	m.meta = c.MetaData
	m.meta.Encoding = slices.Clone(m.meta.Encoding)
	m.meta.DataPageOffset -= start
	if m.dictionary = m.meta.DictionaryPageOffset > 0; m.dictionary {
		m.meta.DictionaryPageOffset -= start
	}
	if m.meta.BloomFilterLength > 0 {
		m.meta.BloomFilterOffset -= start
	}
	for _, p := range g.file.OffsetIndexes()[group*len(rg.Columns)+column].PageLocations {
		m.pages = append(m.pages, pageMeta{offset: p.Offset - start, size: p.CompressedPageSize, firstRow: int32(p.FirstRowIndex)})
	}
	if n := c.ColumnIndexLength; n > 0 && c.ColumnIndexOffset > 0 && c.ColumnIndexOffset+int64(n) <= g.file.Size() {
		m.index = make([]byte, n)
		if _, err = g.r.ReadAt(m.index, c.ColumnIndexOffset); err != nil {
			return m, fmt.Errorf("parquet: column index of %v: %w", m.meta.PathInSchema, err)
		}
	}
	return m, nil
}

// end is where the chunk and its bloom filter end.
func (m *chunkMeta) end() int64 {
	at := m.meta.DataPageOffset
	if m.dictionary {
		at = min(at, m.meta.DictionaryPageOffset)
	}
	at += m.meta.TotalCompressedSize
	if n := m.meta.BloomFilterLength; n > 0 {
		at = max(at, m.meta.BloomFilterOffset+int64(n))
	}
	return at
}
