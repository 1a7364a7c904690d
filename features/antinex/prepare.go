package antinex

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"

	table "github.com/pcapline/pcapline/transform/antinex"
	"github.com/pcapline/pcapline/transform/sink"
)

// Options say what Prepare reads and writes.
type Options struct {
	Rules *Rules
	Files []string // the tables, in order
	Names []string // what the metadata and src_file call them, as many; nil: by Files
	Full  string   // path of the full table; its metadata lies beside it
	Clean string   // path of the cleaned table likewise
	Seed  *uint64  // of labels that are drawn; nil: none was given
}

// Result is what Prepare did.
type Result struct {
	Rows     int64     `json:"rows"`         // of the full table
	Cleaned  int64     `json:"rows_cleaned"` // of the cleaned table
	Dropped  int64     `json:"rows_dropped"` // that have a gap and are therefore not in it
	Full     *Metadata `json:"-"`
	Clean    *Metadata `json:"-"`
	Files    []string  `json:"files"` // written
	Warnings []string  `json:"warnings,omitempty"`
}

// ErrSeed says that labels are to be drawn and no seed was given.
var ErrSeed = errors.New("label_rules draw labels by chance (set_if_above below 100): give a seed")

// Prepare merges, labels and cleans tables as AntiNex does. Each is read four
// times: for its columns' types, for how the columns of all tables look, for
// the full and for the cleaned table. Memory holds a row. Each file appears
// when it is whole.
func Prepare(ctx context.Context, opt Options) (*Result, error) {
	p, err := newPreparation(ctx, opt)
	if err != nil {
		return nil, err
	}
	if err := p.survey(); err != nil {
		return nil, err
	}
	if err := p.choose(); err != nil {
		return nil, err
	}
	return p.write()
}

// preparation is one call of Prepare.
type preparation struct {
	ctx    context.Context
	opt    Options
	post   *postProc
	labels *labelling // nil: rows keep theirs
	frames []*frame

	headers []string // first-seen order, src_file first
	columns []column // of the full table, in ASCII order
	rows    int64

	predict  string
	ignore   []string
	features []string
	cleaned  []int // columns of the cleaned table before its label is taken out
	res      Result
}

// column is a column of the full table.
type column struct {
	name string
	table.Column
	from []int // for each frame, its column; -1: none
}

func newPreparation(ctx context.Context, opt Options) (*preparation, error) {
	p := &preparation{ctx: ctx, opt: opt}
	if len(opt.Files) == 0 {
		return nil, errors.New("no tables to prepare")
	}
	if p.opt.Names == nil {
		p.opt.Names = opt.Files
	}
	var err error
	if p.post, err = opt.Rules.postProc(); err != nil {
		return nil, err
	}
	if p.labels, err = opt.Rules.labels(); err != nil {
		return nil, err
	}
	if p.labels != nil && p.labels.dice() {
		if opt.Seed == nil {
			return nil, ErrSeed
		}
		p.res.Warnings = append(p.res.Warnings, fmt.Sprintf(
			"labels are dice with seed %d, as set_if_above asks: they say nothing of the traffic", *opt.Seed))
	}
	return p, nil
}

// survey reads the tables for their types and finds the columns of the whole.
func (p *preparation) survey() error {
	p.headers = []string{"src_file"}
	for _, path := range p.opt.Files {
		f, err := readFrame(path)
		if err != nil {
			return err
		}
		p.frames = append(p.frames, f)
		for _, name := range f.columns {
			if !slices.Contains(p.headers, name) {
				p.headers = append(p.headers, name)
			}
		}
	}
	names := slices.Clone(p.headers)
	if p.labels != nil {
		for _, name := range []string{"label_name", "label_value"} {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		c := column{name: name}
		for _, f := range p.frames {
			c.from = append(c.from, slices.Index(f.columns, name))
		}
		p.columns = append(p.columns, c)
	}
	err := p.each(func(row []table.Value) error {
		p.rows++
		for i := range row {
			p.columns[i].Count(kindOf(&row[i]))
		}
		return nil
	})
	if err == nil && p.rows == 0 {
		err = errors.New("the tables have no rows")
	}
	return err
}

// kindOf is a value's kind; what is no number is a gap, as pandas has it.
func kindOf(v *table.Value) table.Kind {
	if v.Kind == table.Float && v.Float != v.Float {
		return table.Null
	}
	return v.Kind
}

// each makes the rows of the full table, in order; the same labels are drawn
// each time.
func (p *preparation) each(f func(row []table.Value) error) error {
	var rng *rand.Rand
	if p.opt.Seed != nil {
		rng = rand.New(rand.NewPCG(*p.opt.Seed, 0))
	}
	row := make([]table.Value, len(p.columns))
	for i, frame := range p.frames {
		err := frame.each(func(record []string) error {
			for j := range p.columns {
				row[j] = p.cell(&p.columns[j], i, record)
			}
			if p.labels != nil {
				p.label(row, rng)
			}
			return f(row)
		})
		if err == nil {
			err = p.ctx.Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// cell is a row's value in a column, before it is labelled.
func (p *preparation) cell(c *column, frame int, record []string) table.Value {
	switch from := c.from[frame]; {
	case from >= 0:
		return p.frames[frame].value(from, record[from], p.post)
	case p.post.marks:
		return p.post.mark
	case c.name == "src_file":
		return textValue(p.opt.Names[frame])
	}
	return p.post.mark // null, or a 0 that only columns a file lacks are filled with
}

func (p *preparation) label(row []table.Value, rng *rand.Rand) {
	draw := 0
	if rng != nil {
		draw = rng.IntN(101)
	}
	k := 0
	if float64(draw) > p.labels.above {
		k = 1
	}
	for i := range p.columns {
		switch p.columns[i].name {
		case "label_name":
			row[i] = p.labels.names[k]
		case "label_value":
			row[i] = p.labels.values[k]
		}
	}
}

// choose decides which columns are features, and which the cleaned table has.
func (p *preparation) choose() error {
	p.predict = p.post.predict
	if p.predict == "" && slices.Contains(p.headers, "label_name") {
		p.predict = "label_name"
	}
	if p.labels != nil && p.predict != "" {
		p.ignore = append(p.ignore, p.predict)
	}
	for _, name := range p.post.drop {
		if slices.Contains(p.headers, name) {
			p.ignore = append(p.ignore, name)
		}
	}
	for i := range p.columns {
		if c := &p.columns[i]; !slices.Contains(p.ignore, c.name) {
			p.features = append(p.features, c.name)
			if !c.Empty() {
				p.cleaned = append(p.cleaned, i)
			}
		}
	}
	if p.predict == "" {
		return nil
	}
	i := slices.IndexFunc(p.columns, func(c column) bool { return c.name == p.predict })
	if i < 0 {
		return fmt.Errorf("the tables have no column %q to predict", p.predict)
	}
	if !p.columns[i].Empty() {
		p.cleaned = append(p.cleaned, i)
	}
	return nil
}

// write writes both tables and their metadata.
func (p *preparation) write() (*Result, error) {
	all := make([]int, len(p.columns))
	for i := range all {
		all[i] = i
	}
	p.metadata(all)
	kept := slices.DeleteFunc(slices.Clone(p.cleaned), func(i int) bool { return slices.Contains(p.res.Clean.IgnoreFeatures, p.columns[i].name) })
	for i := range kept {
		p.res.Clean.Headers = append(p.res.Clean.Headers, p.columns[kept[i]].name)
	}
	if len(kept) == 0 {
		return nil, errors.New("the cleaned table has no columns")
	}
	full := filepath.Join(filepath.Dir(p.opt.Full), "fulldata_"+p.opt.Rules.MetaSuffix)
	clean := filepath.Join(filepath.Dir(p.opt.Clean), "cleaned_"+p.opt.Rules.MetaSuffix)
	for _, step := range []func() error{
		func() error { return p.writeTable(p.opt.Full, all, nil, &p.res.Rows) },
		func() error { return p.writeTable(p.opt.Clean, kept, p.cleaned, &p.res.Cleaned) },
		func() error { return sink.WriteFile(full, p.res.Full.JSON()) },
		func() error { return sink.WriteFile(clean, p.res.Clean.JSON()) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	p.res.Dropped = p.res.Rows - p.res.Cleaned
	p.res.Files = []string{p.opt.Full, p.opt.Clean, full, clean}
	return &p.res, nil
}

// metadata describes both tables.
func (p *preparation) metadata(all []int) {
	m := Metadata{
		Created: p.opt.Rules.Created, FeatureToPredict: p.predict, LabelRules: p.opt.Rules.Labels,
		PipelineFiles: p.opt.Names, PostProc: p.opt.Rules.PostProc,
	}
	full, clean := m, m
	full.OutputType, clean.OutputType = "fulldata", "clean"
	full.FeaturesToProcess, full.IgnoreFeatures = p.features, p.ignore
	for _, i := range all {
		full.Headers = append(full.Headers, p.columns[i].name)
	}
	for _, i := range p.cleaned {
		switch name := p.columns[i].name; {
		case name == p.predict:
			clean.IgnoreFeatures = append(clean.IgnoreFeatures, name)
		case !p.opt.Rules.Utils || p.predict == "":
			clean.FeaturesToProcess = append(clean.FeaturesToProcess, name)
		}
	}
	p.res.Full, p.res.Clean = &full, &clean
}

// writeTable writes columns of the rows, without those that have a gap in one
// of the columns of whole, unless gaps are kept; it counts the rows.
func (p *preparation) writeTable(path string, columns, whole []int, rows *int64) error {
	if p.post.keep {
		whole = nil
	}
	return sink.WriteStream(path, func(to io.Writer) error {
		w := bufio.NewWriterSize(to, 256<<10)
		var line []byte
		for j, i := range columns {
			if j > 0 {
				line = append(line, ',')
			}
			line = table.AppendQuoted(line, []byte(p.columns[i].name))
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
		err := p.each(func(row []table.Value) error {
			for _, i := range whole {
				if kindOf(&row[i]) == table.Null {
					return nil
				}
			}
			*rows++
			line = line[:0]
			for j, i := range columns {
				if j > 0 {
					line = append(line, ',')
				}
				if kindOf(&row[i]) != table.Null {
					line = row[i].AppendCell(line, p.columns[i].Style(p.rows))
				}
			}
			if len(columns) == 1 && len(line) == 0 {
				line = append(line, `""`...) // a blank line would be none
			}
			_, err := w.Write(append(line, '\n'))
			return err
		})
		return errors.Join(err, w.Flush())
	})
}
