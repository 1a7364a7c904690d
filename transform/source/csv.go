package source

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/pcapline/pcapline/transform/schema"
)

// csvTable reads a CSV file with a header line.
type csvTable struct {
	reading
	records recordReader
	cells   int   // in the header, and so in each record
	pick    []int // column of the batch, for each cell; -1: not wanted
}

func openCSV(f *os.File, path string, opt Options) (*csvTable, error) {
	t := &csvTable{reading: reading{path: path}}
	t.records.os = f
	if err := t.open(opt); err != nil {
		return nil, errors.Join(err, t.records.end())
	}
	return t, nil
}

func (t *csvTable) open(opt Options) error {
	names, err := t.rewind()
	if err != nil {
		return err
	}
	keep, err := project(names, opt.Columns)
	if err != nil {
		return err
	}
	var fields schema.Schema
	if opt.Schema != nil {
		fields, err = given(names, keep, opt.Schema)
	} else if fields, err = t.infer(names); err == nil {
		_, err = t.rewind()
	}
	if err != nil {
		return err
	}
	for i := range names {
		t.pick = append(t.pick, -1)
		if keep[i] {
			t.pick[i] = len(t.schema)
			t.schema = append(t.schema, fields[i])
		}
	}
	if len(t.schema) == 0 {
		return errors.New("no columns")
	}
	return nil
}

// rewind goes to the first row and returns the header's names. A cell without
// a name, which pandas writes above its index, is unnamed_ and its position.
func (t *csvTable) rewind() ([]string, error) {
	if err := t.records.rewind(); err != nil {
		return nil, err
	}
	header, err := t.records.read()
	if err == io.EOF {
		return nil, errors.New("empty: a CSV table begins with a header line")
	}
	if err != nil {
		return nil, err
	}
	names := make([]string, len(header))
	for i, c := range header {
		if names[i] = string(c.text); names[i] == "" {
			names[i] = fmt.Sprintf("unnamed_%d", i)
		}
	}
	t.cells = len(names)
	return names, nil
}

// given finds the fields of the wanted columns in s.
func given(names []string, keep []bool, s schema.Schema) (schema.Schema, error) {
	fields := make(schema.Schema, len(names))
	for i, n := range names {
		at := s.Index(n)
		if at < 0 && keep[i] {
			return nil, fmt.Errorf("column %q is not in the schema given", n)
		}
		if at >= 0 {
			fields[i] = s[at]
		}
	}
	return fields, nil
}

func (t *csvTable) Metadata() map[string]string { return nil }
func (t *csvTable) Rows() int64                 { return -1 }
func (t *csvTable) Close() error                { return t.records.close() }

func (t *csvTable) Next(b *schema.Batch) error { return t.next(b, t.fill) }

func (t *csvTable) fill(b *schema.Batch) error {
	for b.Rows < BatchRows {
		record, err := t.row()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		for i, c := range record {
			if t.pick[i] < 0 {
				continue
			}
			if err := setCell(b.Columns[t.pick[i]], b.Rows, c); err != nil {
				return fmt.Errorf("line %d: %w", t.records.line, err)
			}
		}
		b.Rows++
	}
	if b.Rows == 0 {
		return io.EOF
	}
	b.Finish()
	return nil
}

// row returns the next record with as many cells as the header. Blank lines
// are passed over, unless there is one column, where they are nulls.
func (t *csvTable) row() ([]cell, error) {
	for {
		record, err := t.records.read()
		if err != nil {
			return nil, err
		}
		if len(record) == t.cells {
			return record, nil
		}
		if len(record) > 1 || len(record[0].text) > 0 || record[0].quoted {
			return nil, fmt.Errorf("line %d: %d cells, the header has %d", t.records.line, len(record), t.cells)
		}
	}
}

// setCell gives row of a column the value of a cell. A bare empty cell is
// null; a quoted one is a text without characters, or null where the kind has
// no such text.
func setCell(c schema.Column, row int, x cell) error {
	f := c.Field()
	if len(x.text) == 0 {
		empty := f.List || f.Kind == schema.String || f.Kind == schema.Binary || f.Kind == schema.IPAddr
		if !x.quoted || !empty {
			if f.Nullable {
				return nil
			}
			if f.Kind != schema.String {
				return fmt.Errorf("column %s is empty, and not nullable", f.Name)
			}
		}
	}
	return schema.SetText(c, row, x.text)
}
