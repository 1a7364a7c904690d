package prep

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/transform/schema"
)

// Recode reads the rows of one part of a dataset with the features of a
// pipeline that was fitted elsewhere, scaled by it, so that a model of one
// dataset can be judged on another. Classes and captures are the dataset's
// own, the metadata too, but for what it says of features. The full table
// must be there as Parquet.
func Recode(dir string, part features.Part, p *features.Pipeline) (*Dataset, error) {
	meta, err := features.ReadMeta(filepath.Join(dir, CleanedMetaFile))
	if err != nil {
		return nil, err
	}
	r := &recoder{pipeline: p, d: &Dataset{
		X: features.NewMatrix(0, nil), Classes: meta.Classes, Captures: meta.Captures, Meta: meta,
	}, part: part}
	origins := []string{"label_index", "split", "row", "capture", "start_ns", "end_ns", "group"}
	if err := EachCleaned(dir, meta, origins, r.d.add); err != nil {
		return nil, err
	}
	r.keepPart()
	meta.Transforms, meta.FeaturesToProcess = p.Encoding, p.Encoding.Names()
	r.d.X = features.NewMatrix(0, meta.FeaturesToProcess)
	columns := p.Encoding.SourceColumns()
	slices.Sort(columns)
	if err := EachFull(dir, slices.Compact(columns), r.encode); err != nil {
		return nil, err
	}
	if r.d.X.Rows != len(r.d.Row) {
		return nil, fmt.Errorf("%s: the full table has %d of the %d %s rows", dir, r.d.X.Rows, len(r.d.Row), part)
	}
	return r.d, nil
}

type recoder struct {
	part     features.Part
	pipeline *features.Pipeline
	d        *Dataset
	at       int64         // the batch's first row in the full table
	source   *schema.Batch // that applier is bound to
	applier  *features.Applier
}

// keepPart leaves the rows of the part alone.
func (r *recoder) keepPart() {
	d, rows := r.d, r.d.RowsOf(r.part)
	d.Class, d.Parts, d.Capture = picked(d.Class, rows), picked(d.Parts, rows), picked(d.Capture, rows)
	d.Start, d.End, d.Group, d.Row = picked(d.Start, rows), picked(d.End, rows), picked(d.Group, rows), picked(d.Row, rows)
}

func picked[T any](from []T, rows []int) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = from[r]
	}
	return out
}

// encode takes the batch's rows that are of the part. Both tables have them
// in the same order.
func (r *recoder) encode(b *schema.Batch) (err error) {
	if r.source != b {
		if r.applier, err = r.pipeline.Bind(b); err != nil {
			return err
		}
		r.source = b
	}
	x, err := r.applier.Apply()
	if err != nil {
		return err
	}
	for wanted := r.d.Row; r.d.X.Rows < len(wanted) && wanted[r.d.X.Rows] < r.at+int64(b.Rows); {
		k := r.d.X.Rows
		i := wanted[k] - r.at
		if i < 0 {
			return fmt.Errorf("row %d of the cleaned table is out of order", wanted[k])
		}
		copy(r.d.X.Row(r.d.X.Grow(1)), x.Row(int(i)))
	}
	r.at += int64(b.Rows)
	return nil
}
