package sink

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/pcapline/pcapline/transform/schema"
)

// textCompressions are those of the formats of lines. A compressed table is
// one gzip member or zstd frame after another, each a piece, which every
// decompressor takes for one stream.
var textCompressions = []string{uncompressed, gzipName, "gzip:1", "gzip:9", zstdName, "zstd:1", "zstd:3", "zstd:7", "zstd:11"}

// endings are what a compressed file's name ends in, behind the format's.
var endings = []struct{ ending, codec string }{{".gz", gzipName}, {".zst", zstdName}}

// lines makes the lines of a batch, for one goroutine.
type lines interface {
	// appendRows appends a line for each row of b, which is finished and has
	// the table's columns.
	appendRows(dst []byte, b *schema.Batch) []byte
}

// textSink writes a header, if there is one, and lines.
type textSink struct {
	output
	name        string
	schema      schema.Schema
	compression string
	header      []byte // until it is written
	newLines    func() lines
	spare       buffers
}

func newTextSink(name string, w io.Writer, s schema.Schema, opt Options, header []byte, newLines func() lines) (*textSink, error) {
	compression, err := chooseCompression(name, opt.Compression, textCompressions)
	if err != nil {
		return nil, err
	}
	t := &textSink{output: output{w: w}, name: name, schema: s, compression: compression, header: header, newLines: newLines}
	if c := newTextCompressor(compression); c != nil && len(header) > 0 {
		t.header = c.whole(header)
	}
	return t, nil
}

func (s *textSink) NewEncoder() Encoder {
	return &textEncoder{sink: s, lines: s.newLines(), compressor: newTextCompressor(s.compression)}
}

func (s *textSink) SetMetadata(string, string) {}

func (s *textSink) Commit(p Piece) error {
	piece, ok := p.(*textPiece)
	if !ok {
		return fmt.Errorf("%s: commit of a %T", s.name, p)
	}
	if err := s.begin(); err != nil {
		return err
	}
	err := s.write(piece.text)
	s.spare.put(piece.text)
	piece.text = nil
	return err
}

func (s *textSink) Close() error { return s.begin() }

func (s *textSink) begin() error {
	err := s.write(s.header)
	s.header = nil
	return err
}

type textPiece struct {
	rows int
	text []byte
}

func (p *textPiece) Rows() int  { return p.rows }
func (p *textPiece) Bytes() int { return len(p.text) }

type textEncoder struct {
	sink       *textSink
	lines      lines
	compressor *textCompressor // nil: none
	batch      []byte          // a batch's lines on their way to it
	piece      textPiece
}

func (e *textEncoder) Encode(b *schema.Batch) error {
	if err := checkBatch(e.sink.name, e.sink.schema, b); err != nil {
		return err
	}
	if b.Rows == 0 {
		return nil
	}
	if e.piece.text == nil {
		e.piece.text = e.sink.spare.get(pageBytes)
	}
	e.piece.rows += b.Rows
	if e.compressor == nil {
		e.piece.text = e.lines.appendRows(e.piece.text, b)
		return nil
	}
	if e.piece.rows == b.Rows {
		e.compressor.begin(e.piece.text)
	}
	e.batch = e.lines.appendRows(e.batch[:0], b)
	return e.compressor.add(e.batch)
}

func (e *textEncoder) Flush() (Piece, error) {
	p := e.piece
	e.piece = textPiece{}
	if e.compressor == nil || p.rows == 0 {
		return &p, nil
	}
	var err error
	p.text, err = e.compressor.end()
	return &p, err
}

// textCompressor makes gzip members or zstd frames.
type textCompressor struct {
	w interface {
		io.WriteCloser
		Reset(io.Writer)
	}
	out bytes.Buffer
}

func newTextCompressor(compression string) *textCompressor {
	switch codecOf(compression) {
	case gzipName:
		// A level of the list cannot be wrong, which is all that is reported.
		w, _ := gzip.NewWriterLevel(nil, gzipLevels[compression])
		return &textCompressor{w: w}
	case zstdName:
		return &textCompressor{w: newZstd(compression, zstd.SpeedDefault, true)}
	}
	return nil
}

// begin starts a member in the memory of buf.
func (c *textCompressor) begin(buf []byte) {
	c.out = *bytes.NewBuffer(buf[:0])
	c.w.Reset(&c.out)
}

func (c *textCompressor) add(text []byte) error {
	_, err := c.w.Write(text)
	return err
}

// end returns the member.
func (c *textCompressor) end() ([]byte, error) {
	err := c.w.Close()
	return c.out.Bytes(), err
}

// whole returns text as a member of its own.
func (c *textCompressor) whole(text []byte) []byte {
	c.begin(nil)
	// Writing to memory does not fail.
	_ = c.add(text)
	member, _ := c.end()
	return member
}

// cutCompression takes the ending of a compressed file off its name.
func cutCompression(path string) (name, codec string) {
	for _, e := range endings {
		if strings.HasSuffix(strings.ToLower(path), e.ending) {
			return path[:len(path)-len(e.ending)], e.codec
		}
	}
	return path, ""
}

func endingOf(codec string) string {
	for _, e := range endings {
		if e.codec == codec {
			return e.ending
		}
	}
	return codec
}
