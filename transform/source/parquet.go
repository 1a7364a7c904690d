package source

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"

	"github.com/pcapline/pcapline/transform/schema"
)

// parquetTable reads a Parquet file page by page and column by column.
type parquetTable struct {
	reading
	os       *os.File
	file     *parquet.File
	metadata map[string]string
	options  Options
	columns  []*parquetColumn
	group    int   // the row group being read
	left     int64 // its rows not yet read
	end      int   // the row group before which Next ends
	copied   bool  // another one closes the file
}

// readBuffer is what each column reads from the file at once.
const readBuffer = 32 << 10

func openParquet(f *os.File, path string, opt Options) (t *parquetTable, err error) {
	defer recovered(&err)
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkFooter(f, info.Size()); err != nil {
		return nil, err
	}
	file, err := parquet.OpenFile(f, info.Size(),
		parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(readBuffer))
	if err != nil {
		return nil, err
	}
	t = &parquetTable{reading: reading{path: path}, os: f, file: file, options: opt, group: -1, end: len(file.RowGroups()), metadata: make(map[string]string)}
	for _, kv := range file.Metadata().KeyValueMetadata {
		t.metadata[kv.Key] = kv.Value
	}
	return t, t.bind()
}

// checkFooter reports whether a footer of the length that the file ends with
// fits into it. parquet-go would make room for it first.
func checkFooter(f io.ReaderAt, size int64) error {
	var end [8]byte
	if size < 12 {
		return errors.New("damaged: too short for a Parquet file")
	}
	if _, err := f.ReadAt(end[:], size-8); err != nil {
		return err
	}
	if string(end[4:]) != "PAR1" {
		return errors.New("damaged: it does not end with PAR1, so it was cut short or is encrypted")
	}
	if n := int64(binary.LittleEndian.Uint32(end[:])); n > size-12 {
		return fmt.Errorf("damaged: a footer of %d bytes in a file of %d", n, size)
	}
	return nil
}

// storedSchema returns the fields that the sink wrote down, by name.
func storedSchema(metadata map[string]string) (map[string]*schema.Field, error) {
	text, ok := metadata[schema.MetadataKey]
	if !ok {
		return nil, nil
	}
	var s schema.Schema
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return nil, fmt.Errorf("metadata %s: %w", schema.MetadataKey, err)
	}
	fields := make(map[string]*schema.Field, len(s))
	for _, f := range s {
		if f != nil {
			fields[f.Name] = f
		}
	}
	return fields, nil
}

// bind decides what each wanted column is read as.
func (t *parquetTable) bind() error {
	stored, err := storedSchema(t.metadata)
	if err != nil {
		return err
	}
	roots := t.file.Root().Columns()
	names := make([]string, len(roots))
	for i, c := range roots {
		names[i] = c.Name()
	}
	keep, err := project(names, t.options.Columns)
	if err != nil {
		return err
	}
	for i, c := range roots {
		if !keep[i] {
			continue
		}
		col, err := newParquetColumn(c, stored[c.Name()])
		if err != nil {
			return fmt.Errorf("column %s: %w", c.Name(), err)
		}
		t.columns = append(t.columns, col)
		t.schema = append(t.schema, col.field)
	}
	if len(t.columns) == 0 {
		return errors.New("no columns")
	}
	return nil
}

func (t *parquetTable) Metadata() map[string]string { return t.metadata }
func (t *parquetTable) Rows() int64                 { return t.file.NumRows() }

func (t *parquetTable) Close() error {
	for _, c := range t.columns {
		c.close()
	}
	if t.copied {
		return nil
	}
	return t.os.Close()
}

func (t *parquetTable) Groups() int { return len(t.file.RowGroups()) }

func (t *parquetTable) Seek(group int) { t.group, t.left, t.end, t.err = group-1, 0, group+1, nil }

func (t *parquetTable) Copy() (GroupedTable, error) {
	c := &parquetTable{reading: reading{path: t.path}, os: t.os, file: t.file, options: t.options, group: -1, end: t.Groups(), metadata: t.metadata, copied: true}
	if err := c.bind(); err != nil {
		return nil, fmt.Errorf("%s: %w", t.path, err)
	}
	return c, nil
}

func (t *parquetTable) Next(b *schema.Batch) error { return t.next(b, t.fill) }

// fill fills b from as many row groups as it takes.
func (t *parquetTable) fill(b *schema.Batch) error {
	for b.Rows < BatchRows {
		if t.left == 0 {
			more, err := t.nextGroup()
			if err != nil {
				return err
			}
			if !more {
				break
			}
			continue
		}
		n := int(min(t.left, int64(BatchRows-b.Rows)))
		for i, c := range t.columns {
			if err := c.fill(b, b.Columns[i], n); err != nil {
				return fmt.Errorf("column %s, row group %d: %w", c.field.Name, t.group, err)
			}
		}
		b.Rows += n
		t.left -= int64(n)
	}
	if b.Rows == 0 {
		return io.EOF
	}
	b.Finish()
	return nil
}

func (t *parquetTable) nextGroup() (more bool, err error) {
	defer recovered(&err)
	groups := t.file.RowGroups()
	if t.group++; t.group >= t.end {
		return false, nil
	}
	g := groups[t.group]
	if t.left = g.NumRows(); t.left < 0 {
		return false, fmt.Errorf("row group %d has %d rows", t.group, t.left)
	}
	chunks := g.ColumnChunks()
	for _, c := range t.columns {
		if c.leaf >= len(chunks) {
			return false, fmt.Errorf("row group %d lacks column %s", t.group, c.field.Name)
		}
		c.open(chunks[c.leaf])
	}
	return true, nil
}

// recovered turns a panic of the Parquet reader over a damaged file into an
// error.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("damaged: %v", p)
	}
}
