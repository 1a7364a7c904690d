package prep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/source"
)

// Dataset is a prepared dataset in memory, as a trainer wants it. All slices
// have one element a row.
type Dataset struct {
	X       *features.Matrix // filled, not scaled
	Class   []int32          // index into Classes; 0 is benign
	Parts   []features.Part  // train, valid or test
	Capture []int32          // index into Captures
	Start   []int64          // ns
	End     []int64          // ns
	Group   []int64          // rows of a capture with the same value are of one conversation; 0: alone
	Row     []int64          // in the full table, from 0
	Fold    []uint8          // of a split into folds, from 0; nil: there are none

	Classes  []string
	Captures []string
	Meta     *features.Meta // of the cleaned table
}

// Training picks the rows that may be learned from.
func (d *Dataset) Training() features.TrainingRows { return features.Training(d.Parts) }

// RowsOf lists the rows of a part, ascending.
func (d *Dataset) RowsOf(p features.Part) []int {
	var rows []int
	for i, q := range d.Parts {
		if p == q {
			rows = append(rows, i)
		}
	}
	return rows
}

// Load reads the cleaned table of a dataset that Prepare wrote: training rows
// first, then validation and test rows, each in the order of the full table.
func Load(dir string) (*Dataset, error) {
	meta, err := features.ReadMeta(filepath.Join(dir, CleanedMetaFile))
	if err != nil {
		return nil, err
	}
	d := &Dataset{
		X: features.NewMatrix(0, meta.FeaturesToProcess), Meta: meta,
		Classes: meta.Classes, Captures: meta.Captures,
	}
	d.reserve(meta.Rows.Used())
	if err := EachCleaned(dir, meta, nil, d.add); err != nil {
		return nil, err
	}
	if want := meta.Rows.Used(); int64(d.X.Rows) != want {
		return nil, fmt.Errorf("%s: has %d rows, its metadata says %d", dir, d.X.Rows, want)
	}
	return d, nil
}

// EachCleaned gives the batches of a dataset's cleaned table in the order of
// Load; columns are those wanted, nil: all. A batch is valid until visit
// returns.
func EachCleaned(dir string, meta *features.Meta, columns []string, visit func(*schema.Batch) error) error {
	paths, err := partFiles(dir, meta)
	if err != nil {
		return err
	}
	// What is in a CSV file is known, so it need not be guessed.
	opt := source.Options{Columns: columns, Schema: newCleaned(meta.FeaturesToProcess, true).table.batch.Schema()}
	for _, path := range paths {
		if err := eachBatch(path, opt, visit); err != nil {
			return err
		}
	}
	return nil
}

// EachFull gives the batches of a dataset's full table, which has the columns
// of the table that it was made of and the answers (label_index, split). A
// batch is finished, and valid until visit returns.
func EachFull(dir string, columns []string, visit func(*schema.Batch) error) error {
	path := filepath.Join(dir, fullBase+".parquet")
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("%s: the full table is needed, as Parquet: %w", dir, err)
	}
	return eachBatch(path, source.Options{Columns: columns}, func(b *schema.Batch) error {
		b.Finish()
		return visit(b)
	})
}

func eachBatch(path string, opt source.Options, visit func(*schema.Batch) error) error {
	t, err := source.OpenWith(path, opt)
	if err != nil {
		return err
	}
	defer t.Close()
	b := schema.FromFields(t.Schema())
	return source.Each(context.Background(), t, b, func() error {
		if err := visit(b); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	})
}

// reserve makes room for n rows at once: growing a large matrix bit by bit
// needs twice the memory.
func (d *Dataset) reserve(n int64) {
	if n > 0 && n < 1<<40/int64(max(1, d.X.Cols())) {
		d.X.Data = make([]float32, 0, n*int64(d.X.Cols()))
	}
}

func (d *Dataset) add(b *schema.Batch) error {
	first := d.X.Grow(b.Rows)
	for c, name := range d.X.Names {
		v, err := schema.Dense[float64](b, name)
		if err != nil {
			return err
		}
		for i, x := range v {
			d.X.Data[(first+i)*d.X.Cols()+c] = float32(x)
		}
	}
	index, err := schema.Dense[uint16](b, "label_index")
	if err != nil {
		return err
	}
	split, err := schema.Dense[schema.Text](b, "split")
	if err != nil {
		return err
	}
	capture, err := schema.Dense[uint32](b, "capture")
	if err != nil {
		return err
	}
	for i := range b.Rows {
		if int(index[i]) >= len(d.Classes) || int(capture[i]) >= len(d.Captures) {
			return fmt.Errorf("row %d: class %d or capture %d is not in the metadata", first+i, index[i], capture[i])
		}
		p, err := features.ParsePart(string(split[i]))
		if err != nil {
			return fmt.Errorf("row %d: split %w", first+i, err)
		}
		d.Class, d.Capture, d.Parts = append(d.Class, int32(index[i])), append(d.Capture, int32(capture[i])), append(d.Parts, p)
	}
	if d.Meta.Split != nil && d.Meta.Split.Spec.Kind == features.KFold {
		c, ok := b.Column("fold").(*schema.Optional[uint8])
		if !ok || c.Len() != b.Rows {
			return errors.New("there is no column fold, or it has nulls")
		}
		d.Fold = append(d.Fold, c.V...)
	}
	for name, to := range map[string]*[]int64{"start_ns": &d.Start, "end_ns": &d.End, "group": &d.Group, "row": &d.Row} {
		v, err := schema.Dense[int64](b, name)
		if err != nil {
			return err
		}
		*to = append(*to, v...)
	}
	return nil
}
