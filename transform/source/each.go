package source

import (
	"context"
	"errors"
	"io"

	"github.com/pcapline/pcapline/transform/schema"
)

// Each reads t to its end, batch by batch into b, and calls visit with each in
// it. It returns the first error: of the context, of the table or of visit.
func Each(ctx context.Context, t Table, b *schema.Batch, visit func() error) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := t.Next(b)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = visit()
		}
		if err != nil {
			return err
		}
	}
}
