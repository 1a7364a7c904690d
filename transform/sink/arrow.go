package sink

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"

	"github.com/pcapline/pcapline/transform/schema"
)

// arrowCompressions are those of the buffers of a record batch.
var arrowCompressions = []string{zstdName, "zstd:1", "zstd:3", "zstd:7", "zstd:11", "lz4", uncompressed}

// arrowSink writes record batches one behind another. The file format, which
// is Feather version 2 as well, adds a magic, and a footer that says where
// they are; the stream is what lies between.
type arrowSink struct {
	output
	schema      schema.Schema
	stream      bool
	compression string
	metadata    map[string]string

	begun  bool
	blocks []arrowBlock
	spare  buffers
}

// arrowBlock is where a record batch is in the file.
type arrowBlock struct {
	offset int64
	meta   int32 // length of the message, with its prefix and padding
	body   int64 // length of what comes behind it
}

func newArrowFile(w io.Writer, s schema.Schema, opt Options) (Sink, error) {
	return newArrow("arrow", w, s, opt)
}

func newArrowStream(w io.Writer, s schema.Schema, opt Options) (Sink, error) {
	a, err := newArrow("arrow-stream", w, s, opt)
	if err != nil {
		return nil, err
	}
	a.stream = true
	return a, nil
}

func newArrow(name string, w io.Writer, s schema.Schema, opt Options) (*arrowSink, error) {
	if err := refuseOptions(name, opt); err != nil {
		return nil, err
	}
	compression, err := chooseCompression(name, opt.Compression, arrowCompressions)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("%s: schema: %w", name, err)
	}
	a := &arrowSink{output: output{w: w}, schema: s, compression: compression, metadata: make(map[string]string)}
	maps.Copy(a.metadata, opt.Metadata)
	a.metadata[schema.MetadataKey] = string(text)
	return a, nil
}

func (s *arrowSink) NewEncoder() Encoder { return newArrowEncoder(s) }

// SetMetadata adds a pair to the schema in the footer, from which readers of
// files take the metadata. A stream ends without: its schema came first.
func (s *arrowSink) SetMetadata(key, value string) { s.metadata[key] = value }

func (s *arrowSink) Commit(p Piece) error {
	piece, ok := p.(*arrowPiece)
	if !ok {
		return fmt.Errorf("arrow: commit of a %T", p)
	}
	if err := s.begin(); err != nil {
		return err
	}
	for _, b := range piece.blocks {
		b.offset += s.offset
		s.blocks = append(s.blocks, b)
	}
	err := s.write(piece.body)
	if piece.body != nil {
		s.spare.put(piece.body)
		piece.body = nil
	}
	return err
}

func (s *arrowSink) Close() error {
	if err := s.begin(); err != nil {
		return err
	}
	out := append([]byte(nil), arrowEnd...)
	if !s.stream {
		footer := arrowFooter(s.schema, s.metadata, s.blocks)
		out = append(out, footer...)
		out = binary.LittleEndian.AppendUint32(out, uint32(len(footer)))
		out = append(out, arrowMagic...)
	}
	return s.write(out)
}

// The marks of the format (Arrow columnar format, "IPC streaming format" and
// "IPC file format").
const (
	arrowMagic    = "ARROW1"
	arrowPadding  = "\x00\x00" // from the magic to a multiple of eight
	arrowContinue = "\xff\xff\xff\xff"
	arrowEnd      = arrowContinue + "\x00\x00\x00\x00"
)

// begin writes what comes before the first record batch.
func (s *arrowSink) begin() error {
	if s.begun {
		return s.err
	}
	s.begun = true
	var out []byte
	if !s.stream {
		out = append(out, arrowMagic+arrowPadding...)
	}
	return s.write(appendArrowMessage(out, arrowSchemaMessage(s.schema, s.metadata)))
}

// appendArrowMessage frames the metadata of a message: a mark, its length and
// padding to a multiple of eight bytes.
func appendArrowMessage(dst, meta []byte) []byte {
	padded := (len(meta) + 7) &^ 7
	dst = append(dst, arrowContinue...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(padded))
	dst = append(dst, meta...)
	return append(dst, make([]byte, padded-len(meta))...)
}
