package transform

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/source"
)

// Rewrite reads a table, adds the annotator's columns (in place of columns of
// the same names, if there are; none with a nil annotator), and writes it
// anew, in the format that out says. It returns the number of rows. What the
// table says of itself in its metadata is kept; d, which may be nil, adds to it.
func Rewrite(ctx context.Context, path string, out Output, a Annotator, d Describe) (int64, error) {
	return RewriteAs(ctx, path, nil, out, a, d)
}

// RewriteAs is [Rewrite] of a table whose columns are what known says, where
// it says something of them: text and other programs' tables do not say it.
func RewriteAs(ctx context.Context, path string, known schema.Schema, out Output, a Annotator, d Describe) (int64, error) {
	added := schema.Of()
	if a != nil {
		added = a.Batch()
	}
	in, err := openWithout(path, known, added.Schema())
	if err != nil {
		return 0, err
	}
	defer in.Close()
	b := schema.FromFields(in.Schema().With(known))
	joined := schema.Join(b, added)
	t, err := newTable(out, joined)
	if err != nil {
		return 0, err
	}
	defer t.abort()
	for _, k := range slices.Sorted(maps.Keys(in.Metadata())) {
		if strings.HasPrefix(k, metaPrefix) && k != MetaSchema && k != schema.MetadataKey {
			t.out.SetMetadata(k, in.Metadata()[k])
		}
	}
	t.out.SetMetadata(MetaSchema, t.schema.Hash())
	rows, err := t.rewrite(ctx, in, b, joined, a)
	if err != nil {
		return rows, err
	}
	if err := t.describe(d, in.Metadata()[MetaTable]); err != nil {
		return rows, err
	}
	return rows, t.out.Close()
}

// openWithout opens a table of known columns without those of s.
func openWithout(path string, known, s schema.Schema) (source.Table, error) {
	in, err := source.Open(path)
	if err != nil {
		return nil, err
	}
	names := slices.DeleteFunc(in.Schema().Names(), func(n string) bool { return s.Index(n) >= 0 })
	if err := in.Close(); err != nil {
		return nil, err
	}
	return source.OpenWith(path, source.Options{Columns: names, Schema: known})
}

func (t *table) rewrite(ctx context.Context, in source.Table, b, joined *schema.Batch, a Annotator) (rows int64, err error) {
	enc := t.out.NewEncoder()
	v := t.view(joined)
	pending := 0
	for {
		err := in.Next(b)
		if err != nil && err != io.EOF {
			return rows, err
		}
		if err == nil {
			if a != nil {
				a.Batch().Reset()
				a.Annotate(b)
			}
			joined.Rows = b.Rows
			joined.Finish()
			if err := enc.Encode(v.of(joined)); err != nil {
				return rows, err
			}
			rows += int64(b.Rows)
			pending += b.Rows
		}
		if pending > 0 && (err == io.EOF || pending >= defaultUnitRows) {
			piece, ferr := enc.Flush()
			if ferr != nil {
				return rows, ferr
			}
			if ferr := t.out.Commit(piece); ferr != nil {
				return rows, ferr
			}
			pending = 0
		}
		if err == io.EOF {
			return rows, ctx.Err()
		}
		if ctx.Err() != nil {
			return rows, ctx.Err()
		}
	}
}

// Captures lists the captures that a table's file_id column counts, as its
// metadata names them.
func Captures(metadata map[string]string) ([]Input, error) {
	text, ok := metadata[MetaInputs]
	if !ok {
		return nil, fmt.Errorf("the table does not say which captures it is of (no %s in its metadata)", MetaInputs)
	}
	var in []Input
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		return nil, fmt.Errorf("metadata %s: %w", MetaInputs, err)
	}
	return in, nil
}
