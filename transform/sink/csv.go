package sink

import (
	"bytes"
	"io"
	"unicode/utf8"

	"github.com/pcapline/pcapline/transform/schema"
)

func newCSV(w io.Writer, s schema.Schema, opt Options) (Sink, error) {
	if err := refuseOptions("csv", opt); err != nil {
		return nil, err
	}
	var header []byte
	for i, f := range s {
		if i > 0 {
			header = append(header, ',')
		}
		header = quoteFrom(append(header, f.Name...), len(header))
	}
	return newTextSink("csv", w, s, opt, append(header, '\n'), func() lines { return &csvLines{schema: s} })
}

// csvLines writes a row as comma-separated values.
type csvLines struct {
	schema  schema.Schema
	columns []csvColumn // those that a row of the batch has
	behind  []byte      // commas behind the last of them
}

// csvColumn is a column on its way through a batch's rows.
type csvColumn struct {
	before []byte // commas
	column schema.Column
	def    []uint8 // nil: a value in every row
	next   int     // index of the next value
	text   bool    // values may need quotes
	empty  bool    // values may be empty, which is not null
}

func (l *csvLines) appendRows(out []byte, b *schema.Batch) []byte {
	l.bind(b)
	for row := range b.Rows {
		for i := range l.columns {
			c := &l.columns[i]
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
		out = append(append(out, l.behind...), '\n')
	}
	return out
}

// bind sets each column to its first row. Columns that no row has, which are
// most of the packets table, are passed over: they are commas.
func (l *csvLines) bind(b *schema.Batch) {
	l.columns = l.columns[:0]
	commas := bytes.Repeat([]byte{','}, len(b.Columns))
	last := 0
	for i, c := range b.Columns {
		if p := c.Presence(); p != nil && p.Count == 0 {
			continue
		}
		f := l.schema[i]
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
		l.columns = append(l.columns, col)
		last = i
	}
	l.behind = commas[:max(len(b.Columns)-1-last, 0)]
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
