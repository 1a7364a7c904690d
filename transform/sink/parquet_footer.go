package sink

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// footer returns what comes behind the last row group: the column indexes,
// the offset indexes, the file's metadata, its length and the magic.
func (s *parquetSink) footer() ([]byte, error) {
	meta := format.FileMetaData{
		Version:   2,
		Schema:    schemaElements(s.schema),
		NumRows:   s.rows,
		RowGroups: make([]format.RowGroup, len(s.groups)),
		CreatedBy: "pcapline",
	}
	for range s.schema {
		meta.ColumnOrders = append(meta.ColumnOrders, format.ColumnOrder{Value: &format.TypeDefinedOrder{}})
	}
	for _, k := range slices.Sorted(maps.Keys(s.metadata)) {
		meta.KeyValueMetadata = append(meta.KeyValueMetadata, format.KeyValue{Key: k, Value: s.metadata[k]})
	}
	for i, g := range s.groups {
		g.describe(&meta.RowGroups[i], i)
	}
	out, err := s.appendIndexes(nil, &meta)
	if err != nil {
		return nil, err
	}
	text, err := thrift.Marshal(new(thrift.CompactProtocol), &meta)
	if err != nil {
		return nil, fmt.Errorf("parquet: footer: %w", err)
	}
	out = append(out, text...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(text)))
	return append(out, parquetMagic...), nil
}

// describe gives the row group's chunks their places in the file.
func (g *rowGroup) describe(rg *format.RowGroup, ordinal int) {
	rg.NumRows = int64(g.rows)
	rg.FileOffset = g.offset
	rg.Ordinal = int16(ordinal)
	for i := range g.columns {
		m := g.columns[i].meta
		m.DataPageOffset += g.offset
		if g.columns[i].dictionary {
			m.DictionaryPageOffset += g.offset
		}
		if m.BloomFilterLength > 0 {
			m.BloomFilterOffset += g.offset
		} else {
			m.BloomFilterOffset = 0 // no value, no filter
		}
		rg.TotalByteSize += m.TotalUncompressedSize
		rg.TotalCompressedSize += m.TotalCompressedSize
		rg.Columns = append(rg.Columns, format.ColumnChunk{MetaData: m})
	}
}

// appendIndexes appends all column indexes and all offset indexes and notes
// where they are.
func (s *parquetSink) appendIndexes(out []byte, meta *format.FileMetaData) ([]byte, error) {
	for i, g := range s.groups {
		for j := range g.columns {
			index := g.columns[j].index
			if index == nil {
				continue
			}
			chunk := &meta.RowGroups[i].Columns[j]
			chunk.ColumnIndexOffset = s.offset + int64(len(out))
			chunk.ColumnIndexLength = int32(len(index))
			out = append(out, index...)
		}
	}
	var index format.OffsetIndex
	for i, g := range s.groups {
		for j := range g.columns {
			index.PageLocations = index.PageLocations[:0]
			for _, p := range g.columns[j].pages {
				index.PageLocations = append(index.PageLocations, format.PageLocation{
					Offset: g.offset + p.offset, CompressedPageSize: p.size, FirstRowIndex: int64(p.firstRow),
				})
			}
			text, err := thrift.Marshal(new(thrift.CompactProtocol), &index)
			if err != nil {
				return nil, fmt.Errorf("parquet: offset index: %w", err)
			}
			chunk := &meta.RowGroups[i].Columns[j]
			chunk.OffsetIndexOffset = s.offset + int64(len(out))
			chunk.OffsetIndexLength = int32(len(text))
			out = append(out, text...)
		}
	}
	return out, nil
}
