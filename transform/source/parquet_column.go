package source

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"github.com/pcapline/pcapline/transform/schema"
)

// parquetColumn reads one column through the row groups.
type parquetColumn struct {
	field  *schema.Field
	leaf   int // position among the file's leaves
	shape  shape
	decode decoder

	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	buf    []parquet.Value
	at, n  int
	ended  bool // of the page's values
}

// shape is the definition levels that mean something.
type shape struct {
	list    bool
	null    int // below this the row has no value
	element int // of a list: below this the list is empty
	full    int // a value
}

// decoder puts values into a column of the batch.
type decoder interface {
	// flat appends one row's value; list one row's list.
	flat(b *schema.Batch, c schema.Column, row int, v *parquet.Value) error
	begin()
	item(b *schema.Batch, v *parquet.Value) error
	end(c schema.Column, row int)
}

func newParquetColumn(c *parquet.Column, stored *schema.Field) (*parquetColumn, error) {
	leaf, s, err := shapeOf(c)
	if err != nil {
		return nil, err
	}
	lt, err := leafTypeOf(leaf.Type())
	if err != nil {
		return nil, err
	}
	f := fieldFor(c.Name(), lt, s.list, s.full > 0, stored)
	return &parquetColumn{
		field: f, leaf: leaf.Index(), shape: s, decode: decoderFor(f.Kind, lt), buf: make([]parquet.Value, 512),
	}, nil
}

// shapeOf finds the leaf of a column that is a value or a list of values, in
// the forms that the format's rules for backward compatibility allow.
func shapeOf(c *parquet.Column) (leaf *parquet.Column, s shape, err error) {
	if c.Leaf() {
		s.full = c.MaxDefinitionLevel()
		if s.list = c.Repeated(); s.list { // a bare repeated field is a list that is never null
			return c, shape{list: true, null: 0, element: s.full, full: s.full}, nil
		}
		s.null = s.full
		return c, s, nil
	}
	kids := c.Columns()
	if c.Repeated() || len(kids) != 1 || !kids[0].Repeated() {
		return nil, s, errors.New("structs and maps are not read")
	}
	middle := kids[0]
	s.list, s.element = true, middle.MaxDefinitionLevel()
	if c.Optional() {
		s.null = 1
	}
	leaf = middle
	if !middle.Leaf() {
		if kids = middle.Columns(); len(kids) != 1 || !kids[0].Leaf() || kids[0].Repeated() {
			return nil, s, errors.New("lists of structs or lists, and maps, are not read")
		}
		leaf = kids[0]
	}
	s.full = leaf.MaxDefinitionLevel()
	return leaf, s, nil
}

func (c *parquetColumn) open(chunk parquet.ColumnChunk) {
	c.close()
	c.pages = chunk.Pages()
	c.at, c.n, c.ended = 0, 0, true
}

// close gives back what is held of the current chunk.
func (c *parquetColumn) close() {
	c.drop()
	if c.pages != nil {
		_ = c.pages.Close() // it has nothing to report: the file stays open
		c.pages = nil
	}
}

func (c *parquetColumn) drop() {
	if c.page != nil {
		parquet.Release(c.page)
		c.page, c.values = nil, nil
	}
}

// peek returns the next value, io.EOF at the end of the chunk.
func (c *parquetColumn) peek() (*parquet.Value, error) {
	for c.at == c.n {
		if c.ended {
			c.drop()
			page, err := c.pages.ReadPage()
			if err != nil {
				return nil, err
			}
			c.page, c.values, c.ended = page, page.Values(), false
		}
		n, err := c.values.ReadValues(c.buf)
		if err != nil && err != io.EOF {
			return nil, err
		}
		c.at, c.n, c.ended = 0, n, err == io.EOF
		if n == 0 && err == nil {
			return nil, io.ErrNoProgress
		}
	}
	return &c.buf[c.at], nil
}

// fill appends n rows to column to.
func (c *parquetColumn) fill(b *schema.Batch, to schema.Column, n int) (err error) {
	defer recovered(&err)
	for row := b.Rows; row < b.Rows+n; row++ {
		v, err := c.peek()
		if err == io.EOF {
			return fmt.Errorf("ends %d rows too early", b.Rows+n-row)
		}
		if err != nil {
			return err
		}
		if c.shape.list {
			err = c.fillList(b, to, row)
		} else {
			c.at++
			err = c.fillFlat(b, to, row, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *parquetColumn) fillFlat(b *schema.Batch, to schema.Column, row int, v *parquet.Value) error {
	if v.DefinitionLevel() < c.shape.full || v.IsNull() {
		if !c.field.Nullable {
			return errors.New("null in a column that has none by its schema")
		}
		return nil
	}
	return c.decode.flat(b, to, row, v)
}

func (c *parquetColumn) fillList(b *schema.Batch, to schema.Column, row int) error {
	for first := true; ; first = false {
		v, err := c.peek()
		if err == io.EOF && !first {
			break
		}
		if err != nil {
			return err
		}
		if (v.RepetitionLevel() == 0) != first {
			if first {
				return errors.New("a list continues where one must begin")
			}
			break
		}
		c.at++
		level := v.DefinitionLevel()
		if level < c.shape.null {
			return nil
		}
		if first {
			c.decode.begin()
		}
		if level < c.shape.element {
			continue // an empty list
		}
		if level < c.shape.full || v.IsNull() {
			return errors.New("null in a list")
		}
		if err := c.decode.item(b, v); err != nil {
			return err
		}
	}
	c.decode.end(to, row)
	return nil
}
