package prep

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/source"
)

// Stream is a prepared dataset whose cleaned table is read by row groups and
// never held as a whole. Close ends it.
type Stream struct {
	Meta  *features.Meta // of the cleaned table
	parts map[features.Part]*partStream
}

// OpenStream opens the cleaned table of a dataset that Prepare wrote, which
// must be Parquet: rows of CSV cannot be read from anywhere but the start.
func OpenStream(dir string) (*Stream, error) {
	meta, err := features.ReadMeta(filepath.Join(dir, CleanedMetaFile))
	if err != nil {
		return nil, err
	}
	paths, err := partFiles(dir, meta)
	if err != nil {
		return nil, err
	}
	s := &Stream{Meta: meta, parts: make(map[features.Part]*partStream)}
	for _, p := range used {
		if meta.Rows.Of(p) == 0 {
			continue
		}
		ps, err := openPart(paths[0], meta, meta.Rows.Of(p))
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.parts[p], paths = ps, paths[1:]
	}
	return s, nil
}

func openPart(path string, meta *features.Meta, want int64) (*partStream, error) {
	columns := append(slices.Clone(meta.FeaturesToProcess), "label_index")
	t, err := source.OpenWith(path, source.Options{Columns: columns})
	if err != nil {
		return nil, err
	}
	g, ok := t.(source.GroupedTable)
	switch {
	case !ok:
		err = fmt.Errorf("%s: only of Parquet can a dataset be trained on that does not fit into memory", path)
	case t.Rows() != want:
		err = fmt.Errorf("%s: has %d rows, the metadata says %d", path, t.Rows(), want)
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return &partStream{path: path, table: g, meta: meta}, nil
}

// Part gives the rows of a part, scaled where scaling is not nil.
func (s *Stream) Part(p features.Part, scaling *features.Scaling) features.Chunks {
	ps := s.parts[p]
	if ps == nil {
		return noChunks{}
	}
	out := *ps
	if scaling != nil {
		out.scaler = scaling.Compile()
	}
	return &out
}

// Scaling learns how to scale from the training rows, in their order; see
// [features.ScalerSample] for memory.
func (s *Stream) Scaling(ctx context.Context, scaler features.Scaler, memory int64) (*features.Scaling, error) {
	sample, err := scaler.Sample(s.Meta.FeaturesToProcess, memory)
	if err != nil {
		return nil, err
	}
	rows := s.Part(features.Train, nil)
	r, err := rows.Reader()
	if err != nil {
		return nil, err
	}
	for i := range rows.Chunks() {
		err := r.Read(ctx, i, func(x []float32, _ []int32) error { return sample.Observe(x) })
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	if err := r.Close(); err != nil {
		return nil, err
	}
	return sample.Scaling()
}

// Close closes the files. Readers are of no use afterwards.
func (s *Stream) Close() error {
	var errs []error
	for _, p := range used {
		if ps := s.parts[p]; ps != nil {
			errs = append(errs, ps.table.Close())
		}
	}
	return errors.Join(errs...)
}

// noChunks is a part without rows.
type noChunks struct{}

func (noChunks) Chunks() int { return 0 }

func (noChunks) Reader() (features.ChunkReader, error) {
	return nil, errors.New("the part has no rows")
}

// partStream is the file of a part.
type partStream struct {
	path   string
	table  source.GroupedTable
	meta   *features.Meta
	scaler *features.RowScaler // nil: not scaled
}

func (p *partStream) Chunks() int { return p.table.Groups() }

func (p *partStream) Reader() (features.ChunkReader, error) {
	t, err := p.table.Copy()
	if err != nil {
		return nil, err
	}
	return &partReader{part: p, table: t, batch: schema.FromFields(t.Schema())}, nil
}

// partReader belongs to one goroutine.
type partReader struct {
	part  *partStream
	table source.GroupedTable
	batch *schema.Batch
	x     []float32
	class []int32
}

func (r *partReader) Close() error { return r.table.Close() }

func (r *partReader) Read(ctx context.Context, chunk int, visit func(x []float32, class []int32) error) error {
	r.table.Seek(chunk)
	return source.Each(ctx, r.table, r.batch, func() error {
		if err := r.fill(); err != nil {
			return fmt.Errorf("%s: row group %d: %w", r.part.path, chunk, err)
		}
		return visit(r.x, r.class)
	})
}

// fill turns the batch into rows.
func (r *partReader) fill() error {
	names := r.part.meta.FeaturesToProcess
	n, cols := r.batch.Rows, len(names)
	r.x = slices.Grow(r.x[:0], n*cols)[:n*cols]
	r.class = slices.Grow(r.class[:0], n)[:n]
	for c, name := range names {
		v, err := schema.Dense[float64](r.batch, name)
		if err != nil {
			return err
		}
		for i, x := range v {
			r.x[i*cols+c] = float32(x)
		}
	}
	index, err := schema.Dense[uint16](r.batch, "label_index")
	if err != nil {
		return err
	}
	for i, c := range index {
		if int(c) >= len(r.part.meta.Classes) {
			return fmt.Errorf("class %d is not in the metadata", c)
		}
		r.class[i] = int32(c)
	}
	if r.part.scaler != nil {
		for i := range n {
			r.part.scaler.Row(r.x[i*cols : (i+1)*cols])
		}
	}
	return nil
}
