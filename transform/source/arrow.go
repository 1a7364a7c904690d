package source

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"

	"github.com/pcapline/pcapline/transform/schema"
)

// arrowTable reads Arrow IPC, the file format (Feather version 2) or the
// stream, record batch by record batch.
type arrowTable struct {
	reading
	os       *os.File
	messages *arrowMessages
	batches  batchReader
	blocks   []int64 // of a file: where its record batches are
	memory   *boundedMemory
	metadata map[string]string
	columns  []*arrowColumn
	batch    arrow.Record // nil: the next one is to be read
	read     int          // batches
	at       int          // next row of batch
}

// batchReader is what the readers of both formats have in common: Read's
// batch is valid until the next call.
type batchReader interface {
	Read() (arrow.Record, error)
	Schema() *arrow.Schema
}

// The first bytes of a file and of a stream.
const (
	arrowMagic    = "ARROW1"
	arrowContinue = "\xff\xff\xff\xff"
)

func openArrow(f *os.File, path string, opt Options) (t *arrowTable, err error) {
	defer recovered(&err)
	t = &arrowTable{reading: reading{path: path}, os: f, memory: new(boundedMemory)}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	t.messages = &arrowMessages{r: f, size: info.Size()}
	magic, err := t.messages.bytes(0, int64(len(arrowMagic)))
	if err != nil {
		return nil, err
	}
	if string(magic) == arrowMagic {
		if t.blocks, err = t.messages.footer(); err == nil {
			t.batches, err = ipc.NewFileReader(f, ipc.WithAllocator(t.memory))
		}
	} else {
		t.batches, err = ipc.NewReaderFromMessageReader(t.messages, ipc.WithAllocator(t.memory))
	}
	if err != nil {
		return nil, err
	}
	t.metadata = t.batches.Schema().Metadata().ToMap()
	return t, t.bind(opt)
}

// bind decides what each wanted column is read as.
func (t *arrowTable) bind(opt Options) error {
	s := t.batches.Schema()
	stored, err := storedSchema(t.metadata)
	if err != nil {
		return err
	}
	names := make([]string, s.NumFields())
	for i, f := range s.Fields() {
		names[i] = f.Name
	}
	keep, err := project(names, opt.Columns)
	if err != nil {
		return err
	}
	for i, f := range s.Fields() {
		if !keep[i] {
			continue
		}
		c, err := newArrowColumn(i, f, stored[f.Name])
		if err != nil {
			return fmt.Errorf("column %s: %w", f.Name, err)
		}
		t.columns = append(t.columns, c)
		t.schema = append(t.schema, c.field)
	}
	if len(t.columns) == 0 {
		return errors.New("no columns")
	}
	return nil
}

func (t *arrowTable) Metadata() map[string]string { return t.metadata }
func (t *arrowTable) Rows() int64                 { return -1 }
func (t *arrowTable) Close() error                { return t.os.Close() }

func (t *arrowTable) Next(b *schema.Batch) error { return t.next(b, t.fill) }

// fill fills b from as many record batches as it takes.
func (t *arrowTable) fill(b *schema.Batch) error {
	for b.Rows < BatchRows {
		if t.batch == nil {
			err := t.nextBatch()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return fmt.Errorf("record batch %d: %w", t.read, err)
			}
		}
		n := min(int(t.batch.NumRows())-t.at, BatchRows-b.Rows)
		for i, c := range t.columns {
			if err := c.fill(b, b.Columns[i], t.at, n); err != nil {
				return fmt.Errorf("column %s, record batch %d: %w", c.field.Name, t.read-1, err)
			}
		}
		b.Rows += n
		if t.at += n; t.at == int(t.batch.NumRows()) {
			t.batch = nil
		}
	}
	if b.Rows == 0 {
		return io.EOF
	}
	b.Finish()
	return nil
}

func (t *arrowTable) nextBatch() (err error) {
	defer recovered(&err)
	if t.read < len(t.blocks) {
		if _, _, err := t.messages.metadata(t.blocks[t.read]); err != nil {
			return err
		}
	}
	t.memory.used = 0 // the batch before is no longer read
	if t.batch, err = t.batches.Read(); err != nil {
		t.batch = nil
		return err
	}
	t.read, t.at = t.read+1, 0
	for _, c := range t.columns {
		if err := c.open(t.batch.Column(c.index), t.batch.NumRows()); err != nil {
			return fmt.Errorf("column %s: %w", c.field.Name, err)
		}
	}
	return nil
}

// arrowColumn reads one column through the record batches.
type arrowColumn struct {
	index  int // in the file
	field  *schema.Field
	decode decoder
	rows   arrow.Array
	lists  array.ListLike // nil: no list
	items  arrow.Array    // of lists
	value  arrowValue     // of rows, or of items
}

func newArrowColumn(index int, f arrow.Field, stored *schema.Field) (*arrowColumn, error) {
	typ, list := f.Type, false
	if l, ok := typ.(arrow.ListLikeType); ok && typ.ID() != arrow.MAP {
		typ, list = l.Elem(), true
	}
	lt, err := arrowLeaf(typ)
	if err != nil {
		return nil, err
	}
	field := fieldFor(f.Name, lt, list, f.Nullable, stored)
	return &arrowColumn{index: index, field: field, decode: decoderFor(field.Kind, lt)}, nil
}

// open begins a record batch.
func (c *arrowColumn) open(a arrow.Array, rows int64) (err error) {
	if int64(a.Len()) != rows {
		return fmt.Errorf("%d values for %d rows", a.Len(), rows)
	}
	c.rows, c.items = a, a
	if c.field.List {
		c.lists = a.(array.ListLike)
		c.items = c.lists.ListValues()
	}
	c.value, err = arrowValues(c.items)
	return err
}

// fill appends n rows from the given one to column to.
func (c *arrowColumn) fill(b *schema.Batch, to schema.Column, from, n int) (err error) {
	defer recovered(&err)
	for i := range n {
		row := b.Rows + i
		if c.rows.IsNull(from + i) {
			if !c.field.Nullable {
				return errors.New("null in a column that has none by its schema")
			}
			continue
		}
		if c.field.List {
			err = c.fillList(b, to, row, from+i)
		} else {
			v := c.value(from + i)
			err = c.decode.flat(b, to, row, &v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *arrowColumn) fillList(b *schema.Batch, to schema.Column, row, i int) error {
	start, end := c.lists.ValueOffsets(i)
	c.decode.begin()
	for at := start; at < end; at++ {
		if c.items.IsNull(int(at)) {
			return errors.New("null in a list")
		}
		v := c.value(int(at))
		if err := c.decode.item(b, &v); err != nil {
			return err
		}
	}
	c.decode.end(to, row)
	return nil
}

// boundedMemory bounds what a record batch makes its reader take: a damaged
// length must not end the program. The reader turns its panic into an error.
type boundedMemory struct{ used int }

const maxRecordBatch = 2 << 30

func (m *boundedMemory) Allocate(size int) []byte {
	if size < 0 || size > maxRecordBatch-m.used {
		panic(fmt.Sprintf("a record batch of more than %d MiB", maxRecordBatch>>20))
	}
	m.used += size
	return make([]byte, size)
}

func (m *boundedMemory) Reallocate(size int, b []byte) []byte {
	if size <= cap(b) {
		return b[:size]
	}
	grown := m.Allocate(size)
	copy(grown, b)
	return grown
}

func (m *boundedMemory) Free([]byte) {}
