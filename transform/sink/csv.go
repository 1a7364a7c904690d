package sink

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/pcapline/pcapline/transform/schema"
)

type csvSink struct {
	w      io.Writer
	schema schema.Schema
	header []byte // until it is written
	err    error  // of the writer: the file cannot be continued
	spare  buffers
}

func newCSV(w io.Writer, s schema.Schema, opt Options) (Sink, error) {
	if opt.Compression != "" && opt.Compression != "none" {
		return nil, fmt.Errorf("csv: no compression %q; known: none", opt.Compression)
	}
	var header []byte
	for i, f := range s {
		if i > 0 {
			header = append(header, ',')
		}
		header = quoteFrom(append(header, f.Name...), len(header))
	}
	return &csvSink{w: w, schema: s, header: append(header, '\n')}, nil
}

func (s *csvSink) NewEncoder() Encoder { return &csvEncoder{sink: s} }

func (s *csvSink) SetMetadata(string, string) {}

func (s *csvSink) Commit(p Piece) error {
	piece, ok := p.(*csvPiece)
	if !ok {
		return fmt.Errorf("csv: commit of a %T", p)
	}
	s.write(s.header)
	s.header = nil
	s.write(piece.text)
	s.spare.put(piece.text)
	piece.text = nil
	return s.err
}

func (s *csvSink) Close() error {
	s.write(s.header)
	s.header = nil
	return s.err
}

func (s *csvSink) write(text []byte) {
	if s.err == nil && len(text) > 0 {
		_, s.err = s.w.Write(text)
	}
}

type csvPiece struct {
	rows int
	text []byte
}

func (p *csvPiece) Rows() int  { return p.rows }
func (p *csvPiece) Bytes() int { return len(p.text) }

type csvEncoder struct {
	sink    *csvSink
	columns []csvColumn // those that a row of the batch has
	behind  []byte      // commas behind the last of them
	piece   csvPiece
}

// csvColumn is a column on its way through a batch's rows.
type csvColumn struct {
	before []byte // commas in front of it, since the column before it in the list
	column schema.Column
	def    []uint8 // nil: a value in every row
	next   int     // index of the next value
	text   bool    // values may need quotes
	empty  bool    // values may be empty, which is not null
}

func (e *csvEncoder) Encode(b *schema.Batch) error {
	if err := e.bind(b); err != nil {
		return err
	}
	out := e.piece.text
	if out == nil {
		out = e.sink.spare.get(pageBytes)
	}
	for row := range b.Rows {
		for i := range e.columns {
			c := &e.columns[i]
			out = append(out, c.before...)
			if c.def != nil {
				if row >= len(c.def) || c.def[row] == 0 {
					continue
				}
			}
			start := len(out)
			out = c.column.AppendText(out, c.next)
			c.next++
			if c.text {
				out = quoteFrom(out, start)
			}
			if c.empty && len(out) == start {
				out = append(out, '"', '"')
			}
		}
		out = append(append(out, e.behind...), '\n')
	}
	e.piece.text = out
	e.piece.rows += b.Rows
	return nil
}

// bind checks that b has the sink's columns and sets each to its first row.
// Columns that no row has, which are most of the packets table, are passed
// over: they are commas.
func (e *csvEncoder) bind(b *schema.Batch) error {
	if err := checkBatch("csv", e.sink.schema, b); err != nil {
		return err
	}
	e.columns = e.columns[:0]
	commas := bytes.Repeat([]byte{','}, len(b.Columns))
	last := 0
	for i, c := range b.Columns {
		if p := c.Presence(); p != nil && p.Count == 0 {
			continue
		}
		f := e.sink.schema[i]
		col := csvColumn{
			before: commas[:i-last],
			column: c,
			text:   f.Kind == schema.String || f.Kind == schema.IPAddr, // a zone can be anything
			empty:  f.List || f.Kind == schema.String || f.Kind == schema.Binary || f.Kind == schema.IPAddr,
		}
		if p := c.Presence(); p != nil {
			if col.def = p.Def; col.def == nil {
				col.def = []uint8{}
			}
		}
		e.columns = append(e.columns, col)
		last = i
	}
	e.behind = commas[:max(len(b.Columns)-1-last, 0)]
	return nil
}

func (e *csvEncoder) Flush() (Piece, error) {
	p := e.piece
	e.piece = csvPiece{}
	return &p, nil
}

// quoteFrom puts the cell that begins at start in quotes where RFC 4180 wants
// them, and replaces what is not UTF-8.
func quoteFrom(out []byte, start int) []byte {
	cell := out[start:]
	special := false
	for _, c := range cell {
		if c < ' ' || c == '"' || c == ',' || c >= utf8.RuneSelf {
			special = true
			break
		}
	}
	if !special {
		return out
	}
	if !utf8.Valid(cell) {
		out = append(out[:start], bytes.ToValidUTF8(cell, replacement)...)
		cell = out[start:]
	}
	if !bytes.ContainsAny(cell, "\",\r\n") {
		return out
	}
	quotes := bytes.Count(cell, []byte{'"'})
	n := len(cell)
	out = append(out, make([]byte, quotes+2)...)
	// From the end, so that the cell can be moved within out.
	to := len(out) - 1
	out[to] = '"'
	for from := start + n - 1; from >= start; from-- {
		c := out[from]
		to--
		out[to] = c
		if c == '"' {
			to--
			out[to] = '"'
		}
	}
	out[start] = '"'
	return out
}
