package source

import (
	"fmt"

	"github.com/parquet-go/parquet-go"

	"github.com/pcapline/pcapline/transform/schema"
)

// convert reads a value; text and bytes are copied into the batch.
type convert[T schema.Value] func(*schema.Batch, *parquet.Value) (T, error)

// typed is the decoder of columns of T.
type typed[T schema.Value] struct {
	convert convert[T]
	list    []T
}

func newDecoder[T schema.Value](c convert[T]) decoder { return &typed[T]{convert: c} }

func (d *typed[T]) flat(b *schema.Batch, c schema.Column, row int, v *parquet.Value) error {
	x, err := d.convert(b, v)
	if err != nil {
		return err
	}
	switch c := c.(type) {
	case *schema.Optional[T]:
		c.Set(row, x)
	case *schema.Values[T]:
		c.Append(x)
	default:
		return fmt.Errorf("batch has a %T: make it by schema.FromFields", c)
	}
	return nil
}

func (d *typed[T]) begin() { d.list = d.list[:0] }

func (d *typed[T]) item(b *schema.Batch, v *parquet.Value) error {
	x, err := d.convert(b, v)
	d.list = append(d.list, x)
	return err
}

func (d *typed[T]) end(c schema.Column, row int) {
	if c, ok := c.(*schema.List[T]); ok {
		c.Set(row, d.list...)
	}
}

// parsedLimit bounds how many distinct addresses are remembered.
const parsedLimit = 1 << 14

// parsed reads addresses from text. There are far fewer of them than rows, so
// that what was parsed is remembered.
func parsed[T schema.Value]() convert[T] {
	known := make(map[string]T)
	return func(_ *schema.Batch, v *parquet.Value) (T, error) {
		text := v.ByteArray()
		if x, ok := known[string(text)]; ok {
			return x, nil
		}
		x, err := schema.Parse[T](text)
		if err != nil {
			return x, err
		}
		if len(known) == parsedLimit {
			clear(known)
		}
		known[string(text)] = x
		return x, nil
	}
}
