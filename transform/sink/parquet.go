package sink

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"

	"github.com/pcapline/pcapline/transform/schema"
)

const parquetMagic = "PAR1"

// parquetSink writes row groups one behind another and keeps what the footer
// says of them.
type parquetSink struct {
	output
	schema      schema.Schema
	compression string
	bloom       []string
	metadata    map[string]string

	rows   int64
	groups []*rowGroup // without their bytes
	small  buffers     // of committed row groups
	large  buffers     // of their large pages
}

func newParquet(w io.Writer, s schema.Schema, opt Options) (Sink, error) {
	if err := refuseOptions("parquet", opt, "Bloom"); err != nil {
		return nil, err
	}
	compression, err := chooseCompression("parquet", opt.Compression, parquetCompressions)
	if err != nil {
		return nil, err
	}
	if len(s) == 0 {
		return nil, fmt.Errorf("parquet: a table needs a column")
	}
	names := make(map[string]bool, len(s))
	for _, f := range s {
		if names[f.Name] {
			return nil, fmt.Errorf("parquet: column %q twice", f.Name)
		}
		names[f.Name] = true
	}
	if _, err := newBloomFilters(s, opt.Bloom); err != nil {
		return nil, err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("parquet: schema: %w", err)
	}
	p := &parquetSink{output: output{w: w}, schema: s, compression: compression, bloom: opt.Bloom, metadata: make(map[string]string)}
	maps.Copy(p.metadata, opt.Metadata)
	p.metadata[schema.MetadataKey] = string(text)
	return p, nil
}

func (s *parquetSink) NewEncoder() Encoder { return newParquetEncoder(s) }

func (s *parquetSink) SetMetadata(key, value string) { s.metadata[key] = value }

func (s *parquetSink) Commit(p Piece) error {
	group, ok := p.(*rowGroup)
	if !ok {
		return fmt.Errorf("parquet: commit of a %T", p)
	}
	if group.rows == 0 {
		return nil
	}
	if len(s.groups) == math.MaxInt16 {
		return fmt.Errorf("parquet: more than %d row groups", math.MaxInt16)
	}
	if err := s.begin(); err != nil {
		return err
	}
	group.offset = s.offset
	if err := group.each(s.write); err != nil {
		return err
	}
	s.rows += int64(group.rows)
	s.groups = append(s.groups, group)
	s.small.put(group.body)
	for _, blob := range group.blobs {
		s.large.put(blob.bytes)
	}
	group.body, group.blobs = nil, nil
	return nil
}

func (s *parquetSink) Close() error {
	if err := s.begin(); err != nil {
		return err
	}
	footer, err := s.footer()
	if err != nil {
		return err
	}
	return s.write(footer)
}

func (s *parquetSink) begin() error {
	if s.offset > 0 || s.err != nil {
		return s.err
	}
	return s.write([]byte(parquetMagic))
}
