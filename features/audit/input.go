package audit

import (
	"context"
	"fmt"
	"math"
	"path/filepath"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/prep"
	"github.com/pcapline/pcapline/transform/schema"
)

// input is a dataset or some tables, read as blocks of rows.
type input struct {
	source   []string
	columns  []candidate
	classes  []string // 0 is benign
	captures []string
	rows     int64 // at least as many as there are with a label
	timed    bool  // rows have times; else their numbers stand for them
	prepared bool  // parts are those of a split
	split    *splitAudit

	// each reads the rows with a label in order.
	each func(ctx context.Context, visit func(*block) error) error
}

// candidate is a column that a model may learn from.
type candidate struct {
	name  string
	used  bool
	text  bool   // values are hashes of texts: they have no order
	known bool   // its meaning is declared: it is a measurement
	names string // what it names, by its role or name; "": nothing
	soft  bool   // what it names can be a measurement as well: a port, a TTL
}

// block is some rows, column by column.
type block struct {
	n       int
	values  [][]float64 // by column; NaN: no value
	class   []int32
	capture []int32
	host    []int32         // −1: not known
	part    []features.Part // Train, Test for held out, or Valid for neither
	start   []int64
	end     []int64
	group   []int64 // 0: alone
}

func (b *block) reset(columns int) {
	if b.values == nil {
		b.values = make([][]float64, columns)
	}
	for i := range b.values {
		b.values[i] = b.values[i][:0]
	}
	b.n, b.class, b.capture, b.host, b.part = 0, b.class[:0], b.capture[:0], b.host[:0], b.part[:0]
	b.start, b.end, b.group = b.start[:0], b.end[:0], b.group[:0]
}

// openDataset prepares to read the cleaned table of a dataset. Held-out rows
// are the test rows, or the validation rows where there are none.
func openDataset(dir string) (*input, error) {
	meta, err := features.ReadMeta(filepath.Join(dir, prep.CleanedMetaFile))
	if err != nil {
		return nil, err
	}
	in := &input{
		source: []string{filepath.Base(filepath.Clean(dir))}, classes: meta.Classes, captures: meta.Captures,
		rows: meta.Rows.Used(), timed: true, prepared: true,
	}
	held := features.Test
	if meta.Rows.Test == 0 {
		held = features.Valid
	}
	asked := map[string]string{}
	for _, a := range meta.Transforms.Asked {
		asked[a.Column] = "role " + a.Role
	}
	of := sourceOf(meta.Transforms)
	for _, n := range meta.FeaturesToProcess {
		in.columns = append(in.columns, candidate{name: n, used: true, known: true, names: asked[of[n]]})
	}
	in.split = newSplitAudit(meta)
	in.each = func(ctx context.Context, visit func(*block) error) error {
		var b block
		return prep.EachCleaned(dir, meta, nil, func(batch *schema.Batch) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			b.reset(len(in.columns))
			if err := b.fillCleaned(batch, in, held); err != nil {
				return err
			}
			return visit(&b)
		})
	}
	return in, nil
}

// sourceOf gives the column that each feature was made of.
func sourceOf(e *features.Encoding) map[string]string {
	of := map[string]string{}
	for _, c := range e.Columns {
		one := features.Encoding{Columns: []features.ColumnEncoding{c}}
		for _, n := range one.Names() {
			of[n] = c.Column
		}
	}
	return of
}

// fillCleaned takes a batch of the cleaned table.
func (b *block) fillCleaned(batch *schema.Batch, in *input, held features.Part) error {
	index, err := schema.Dense[uint16](batch, "label_index")
	if err != nil {
		return err
	}
	capture, err := schema.Dense[uint32](batch, "capture")
	if err != nil {
		return err
	}
	split, err := schema.Dense[schema.Text](batch, "split")
	if err != nil {
		return err
	}
	var places [3][]int64
	for i, name := range []string{"start_ns", "end_ns", "group"} {
		if places[i], err = schema.Dense[int64](batch, name); err != nil {
			return err
		}
	}
	for i := range batch.Rows {
		p, err := features.ParsePart(string(split[i]))
		if err != nil {
			return err
		}
		if int(index[i]) >= len(in.classes) || int(capture[i]) >= len(in.captures) {
			return fmt.Errorf("class %d or capture %d is not in the metadata", index[i], capture[i])
		}
		in.split.see(p, places[0][i], places[1][i], places[2][i], int32(capture[i]))
		if p == held {
			p = features.Test
		}
		b.class, b.capture, b.part = append(b.class, int32(index[i])), append(b.capture, int32(capture[i])), append(b.part, p)
		b.host = append(b.host, -1)
		b.start, b.end, b.group = append(b.start, places[0][i]), append(b.end, places[1][i]), append(b.group, places[2][i])
	}
	b.n = batch.Rows
	for c := range in.columns {
		v, err := schema.Dense[float64](batch, in.columns[c].name)
		if err != nil {
			return err
		}
		b.values[c] = append(b.values[c], v...)
	}
	return nil
}

// sample is the rows that most checks look at, in their order, column by
// column. From the values of a column its first value is taken away: a clock
// of nanoseconds would lose its digits as float32.
type sample struct {
	in      *input
	total   int64
	values  [][]float32 // NaN: no value
	base    []float64
	class   []int32
	capture []int32
	host    []int32
	start   []int64
	held    []bool
	byClass [][]int64 // rows of all, by capture and class
	train   []int     // rows of the sample
	test    []int
}

// takeSample reads all rows and keeps those whose numbers hash low enough.
func takeSample(ctx context.Context, in *input) (*sample, error) {
	s := &sample{in: in, values: make([][]float32, len(in.columns)), base: make([]float64, len(in.columns))}
	for i := range s.base {
		s.base[i] = math.NaN()
	}
	limit := uint64(math.MaxUint64)
	if in.rows > SampleRows {
		limit = uint64(float64(math.MaxUint64) * SampleRows / float64(in.rows))
	}
	err := in.each(ctx, func(b *block) error {
		for i := range b.n {
			s.count(b.capture[i], b.class[i])
			s.total++
			if b.part[i] != features.Valid && features.Mix(uint64(s.total)) <= limit {
				s.take(b, i)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	kinds := [2]int{}
	for i, c := range s.class {
		kinds[min(c, 1)]++
		if s.held[i] {
			s.test = append(s.test, i)
		} else {
			s.train = append(s.train, i)
		}
	}
	if kinds[0] == 0 || kinds[1] == 0 {
		return nil, fmt.Errorf("of %d rows looked at, %d are attacks and %d benign: %w", len(s.class), kinds[1], kinds[0], ErrOneKind)
	}
	return s, nil
}

func (s *sample) count(capture, class int32) {
	for len(s.byClass) <= int(capture) {
		s.byClass = append(s.byClass, nil)
	}
	for len(s.byClass[capture]) <= int(class) {
		s.byClass[capture] = append(s.byClass[capture], 0)
	}
	s.byClass[capture][class]++
}

func (s *sample) take(b *block, i int) {
	for c, v := range b.values {
		x := v[i]
		if math.IsNaN(s.base[c]) && !math.IsInf(x, 0) {
			s.base[c] = x
			if s.in.columns[c].text {
				s.base[c] = 0
			}
		}
		s.values[c] = append(s.values[c], clamp(x-s.base[c]))
	}
	s.class, s.capture, s.start = append(s.class, b.class[i]), append(s.capture, b.capture[i]), append(s.start, b.start[i])
	s.host, s.held = append(s.host, b.host[i]), append(s.held, b.part[i] != features.Train)
}

// clamp makes infinite values the greatest numbers: they have a place in the order.
func clamp(x float64) float32 {
	return float32(max(-math.MaxFloat32, min(math.MaxFloat32, x)))
}

// attack reports whether row i is one.
func (s *sample) attack(i int) bool { return s.class[i] != 0 }
