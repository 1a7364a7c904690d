package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// cell is one cell of a CSV record.
type cell struct {
	text   []byte // without the quotes; valid until the next record
	quoted bool   // "" is an empty text, nothing at all is a null
}

// recordReader splits CSV as RFC 4180 has it, with LF or CRLF line ends. It
// tells quoted cells from bare ones, which encoding/csv does not, and with it
// an empty text from a null.
type recordReader struct {
	lineReader
	line  int // of the record last read, from 1
	raw   []byte
	cells []cell
	ends  []int // of the cells in text
	text  []byte
}

// errQuote and its kin are what can be wrong with a record.
var (
	errQuote = errors.New(`a quote inside a cell is not doubled`)
	errOpen  = errors.New("a quoted cell is not closed")
)

// read returns the next record, valid until the next call; io.EOF at the end.
// Blank lines are records of one null cell.
func (r *recordReader) read() ([]cell, error) {
	r.raw, r.text, r.ends, r.cells = r.raw[:0], r.text[:0], r.ends[:0], r.cells[:0]
	r.line = r.lines + 1
	if err := r.more(); err != nil {
		return nil, err
	}
	for at := 0; ; {
		next, last, err := r.cell(at)
		if err == errOpen {
			if err = r.more(); err == nil {
				continue // the cell goes on in the next line
			}
			if err == io.EOF {
				err = errOpen
			}
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", r.line, err)
		}
		if at = next; last {
			break
		}
	}
	from := 0
	for i, end := range r.ends {
		r.cells[i].text = r.text[from:end:end]
		from = end
	}
	return r.cells, nil
}

// more appends the next line to raw.
func (r *recordReader) more() (err error) {
	r.raw, err = r.next(r.raw)
	return err
}

// cell reads the cell at raw[at:]; it says where the next one begins and
// whether this was the record's last.
func (r *recordReader) cell(at int) (next int, last bool, err error) {
	rest := r.raw[at:]
	if len(rest) == 0 || rest[0] != '"' {
		end := bytes.IndexByte(rest, ',')
		var text []byte
		if last = end < 0; last {
			text = trimEnd(rest)
		} else {
			text = rest[:end]
		}
		if bytes.IndexByte(text, '"') >= 0 {
			return 0, false, errQuote
		}
		r.add(text, false)
		return at + end + 1, last, nil
	}
	from := len(r.text)
	for rest = rest[1:]; ; {
		end := bytes.IndexByte(rest, '"')
		if end < 0 {
			r.text = r.text[:from]
			return 0, false, errOpen
		}
		r.text = append(r.text, rest[:end]...)
		rest = rest[end+1:]
		if len(rest) == 0 || rest[0] != '"' {
			break
		}
		r.text = append(r.text, '"')
		rest = rest[1:]
	}
	r.add(nil, true)
	switch {
	case len(trimEnd(rest)) == 0:
		return 0, true, nil
	case rest[0] == ',':
		return len(r.raw) - len(rest) + 1, false, nil
	}
	return 0, false, errQuote
}

func (r *recordReader) add(text []byte, quoted bool) {
	r.text = append(r.text, text...)
	r.ends = append(r.ends, len(r.text))
	r.cells = append(r.cells, cell{quoted: quoted})
}

// trimEnd removes the line end.
func trimEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'})
}
