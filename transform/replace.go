package transform

import (
	"context"
	"maps"
	"slices"

	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/source"
)

// Replace reads a table and writes another in its place: the columns of the
// annotator that annotate makes for its schema, filled from each batch. What
// the table says of itself goes through metadata, which gets and gives
// key-value pairs; the schema's hash is set anew. It returns the number of rows.
func Replace(ctx context.Context, path string, opt source.Options, out Output,
	annotate func(schema.Schema) Annotator, metadata func(map[string]string) (map[string]string, error),
) (int64, error) {
	in, err := source.OpenWith(path, opt)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	a := annotate(in.Schema())
	t, err := newTable(out, a.Batch())
	if err != nil {
		return 0, err
	}
	defer t.abort()
	meta, err := metadata(in.Metadata())
	if err != nil {
		return 0, err
	}
	for _, k := range slices.Sorted(maps.Keys(meta)) {
		t.out.SetMetadata(k, meta[k])
	}
	t.out.SetMetadata(MetaSchema, t.schema.Hash())
	rows, err := t.rewrite(ctx, in, schema.FromFields(in.Schema()), a.Batch(), a)
	if err != nil {
		return rows, err
	}
	return rows, t.out.Close()
}
