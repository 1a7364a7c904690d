package prep

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
)

// answer is the columns that both tables get.
type answer struct {
	schema.Layer `name:"dataset" title:"Dataset" source:"pcapline" every:"row"`

	Name  schema.Values[schema.Text] `name:"label_name" role:"label" store:"dict" doc:"Class of the row; benign for all benign rows."`
	Value schema.Values[uint8]       `name:"label_value" role:"label" store:"dict" doc:"0 benign, 1 attack."`
	Index schema.Values[uint16]      `name:"label_index" role:"label" store:"dict" doc:"Index of label_name in the metadata's classes; 0 is benign."`
	Split schema.Values[schema.Text] `name:"split" role:"label" store:"dict" doc:"train, valid, test; purged: in none of them."`
}

// origin is what the cleaned table keeps of where a row comes from.
type origin struct {
	schema.Layer `name:"origin" title:"Origin" source:"pcapline" every:"row"`

	Row     schema.Values[int64]  `name:"row" role:"provenance" store:"delta" doc:"The row in the full table, from 0."`
	Capture schema.Values[uint32] `name:"capture" role:"provenance" store:"dict" doc:"Index in the metadata's captures."`
	Start   schema.Values[int64]  `name:"start_ns" role:"time" store:"delta" unit:"ns" doc:"Time of the first packet, since 1970-01-01 UTC."`
	End     schema.Values[int64]  `name:"end_ns" role:"time" store:"delta" unit:"ns" doc:"Time of the last packet, since 1970-01-01 UTC."`
	Group   schema.Values[int64]  `name:"group" role:"identity" store:"plain" doc:"Rows of a capture with the same value are of one conversation; 0: alone."`
}

// fold is the column that both tables get besides from a split into folds.
type fold struct {
	schema.Layer `name:"fold" title:"Fold" source:"pcapline" every:"row"`

	Fold schema.Optional[uint8] `name:"fold" role:"label" store:"dict" doc:"Fold of the row, from 0, for cross-validation; null for a row that is in no part."`
}

// writer is the last reading.
type writer struct {
	p       *preparation
	applier applier
	at      int   // next row of those that were split
	fullRow int64 // rows written to the full table

	full    *table
	source  *schema.Batch // that join was made of
	join    *schema.Batch
	kept    *schema.Batch // the rows of source that have a label
	keptAll *schema.Batch // kept and answer
	answer  answer
	fold    fold
	answers *schema.Batch

	cleaned [len(features.Parts)]*cleanedPart // nil: the part has no rows
}

// cleanedPart is the cleaned table's rows of one part.
type cleanedPart struct {
	table    table
	features []*schema.Values[float64]
	origin   origin
	label    answer
	fold     fold
}

// table is an output in one or two formats.
type table struct {
	batch    *schema.Batch
	names    []string // below the dataset's folder
	files    []*sink.File
	encoders []sink.Encoder
	pending  int
	rows     int64
}

// write writes both tables and what describes them.
func (p *preparation) write() error {
	w, err := newWriter(p)
	if err != nil {
		return err
	}
	defer w.abort()
	p.positions.row = 0
	if err := p.eachSource(nil, func(source int, b *schema.Batch, state []rowState) error {
		p.positions.source = source
		return w.write(b, state)
	}); err != nil {
		return err
	}
	p.ledger.Train, p.ledger.Valid, p.ledger.Test = p.total(features.Train), p.total(features.Valid), p.total(features.Test)
	p.ledger.Purged = p.total(features.Purged) - p.ledger.TwinsDropped - p.ledger.DuplicatesDropped - p.ledger.SampledOut
	if err := p.ledger.Check(); err != nil {
		return err
	}
	if w.applier.bound != nil {
		p.broken.nan, p.broken.inf = w.applier.bound.Broken()
		p.broken.in = w.applier.bound.BrokenIn()
	}
	if p.opt.RefuseBroken && p.broken.nan+p.broken.inf > 0 {
		return fmt.Errorf("there are %d NaN and %d infinite values, in columns %v", p.broken.nan, p.broken.inf, slices.Sorted(maps.Keys(p.broken.in)))
	}
	p.describe(w.full.batch.Schema(), w.first().batch.Schema())
	return w.close()
}

func (p *preparation) total(part features.Part) (n int64) {
	for _, c := range p.counts {
		n += c[part]
	}
	return n
}

func newWriter(p *preparation) (*writer, error) {
	if err := os.MkdirAll(filepath.Join(p.opt.Dir, dataDir), 0o755); err != nil {
		return nil, err
	}
	w := &writer{p: p, full: new(table)}
	for range p.classes {
		p.counts = append(p.counts, map[features.Part]int64{})
	}
	w.answers = schema.Of(&w.answer)
	if p.folds != nil {
		w.answers = schema.Join(w.answers, schema.Of(&w.fold))
	}
	w.kept = schema.FromFields(p.schema)
	w.keptAll = schema.Join(w.kept, w.answers)
	w.full.batch = w.keptAll
	err := w.full.create(p.opt, fullBase)
	for _, part := range used {
		if err == nil && slices.Contains(p.state, rowState(part)) {
			w.cleaned[part] = newCleaned(p.encoding.Names(), p.folds != nil)
			err = w.cleaned[part].table.create(p.opt, partBase(part))
		}
	}
	if err != nil {
		w.abort()
		return nil, err
	}
	return w, nil
}

func newCleaned(names []string, folds bool) *cleanedPart {
	c := new(cleanedPart)
	var s schema.Schema
	for _, n := range names {
		s = append(s, &schema.Field{Name: n, Layer: "features", Kind: schema.Float64, Doc: "See the metadata's transforms."})
	}
	numbers := schema.FromFields(s)
	for _, col := range numbers.Columns {
		c.features = append(c.features, col.(*schema.Values[float64]))
	}
	c.table.batch = schema.Join(numbers, schema.Of(&c.label), schema.Of(&c.origin))
	if folds {
		c.table.batch = schema.Join(c.table.batch, schema.Of(&c.fold))
	}
	return c
}

// outputs are the tables that there are, the full one first.
func (w *writer) outputs() []*table {
	list := []*table{w.full}
	for _, c := range w.cleaned {
		if c != nil {
			list = append(list, &c.table)
		}
	}
	return list
}

// first is a part of the cleaned table; there are training rows in any split.
func (w *writer) first() *table { return w.outputs()[1] }

func (w *writer) abort() {
	for _, t := range w.outputs() {
		t.abort()
	}
	_ = os.Remove(filepath.Join(w.p.opt.Dir, dataDir)) // stays when it is not empty
}

// write writes a batch.
func (w *writer) write(b *schema.Batch, state []rowState) error {
	m, err := w.applier.apply(w.p, b)
	if err != nil {
		return err
	}
	if err := w.p.positions.bind(b); err != nil {
		return err
	}
	k := 0
	for i, s := range state {
		pos, labelled, err := w.p.positions.at(i)
		if err != nil {
			return err
		}
		if labelled != (s != unknown) {
			return errors.New("has other labels than a moment ago")
		}
		if labelled {
			w.row(m.Row(i), &pos, s, k)
			k++
		}
	}
	out := w.fullBatch(b, state, k)
	var g errgroup.Group // encoding is most of the work; the tables share nothing
	g.Go(func() error { return w.full.write(out, k, w.p.opt.RowGroup) })
	for _, c := range w.cleaned {
		if c != nil {
			g.Go(func() error { return c.table.write(c.table.batch, len(c.origin.Row.V), w.p.opt.RowGroup) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	w.answers.Reset()
	for _, c := range w.cleaned {
		if c != nil {
			c.table.batch.Reset()
		}
	}
	return nil
}

// row adds a labelled row's columns to the batches at hand, of which it is the
// k-th.
func (w *writer) row(x []float32, pos *features.Position, s rowState, k int) {
	part := s.part()
	w.p.counts[pos.Class][part]++
	switch s {
	case dropped:
		w.p.ledger.DuplicatesDropped++
	case sampledOut:
		w.p.ledger.SampledOut++
	}
	w.answer.add(w.p.classes[pos.Class], pos.Class, part)
	if w.p.folds != nil && part != features.Purged {
		w.fold.Fold.Set(k, w.p.folds[w.at])
	}
	if c := w.cleaned[part]; c != nil {
		for i, v := range x {
			c.features[i].V = append(c.features[i].V, float64(v))
		}
		if w.p.folds != nil {
			c.fold.Fold.Set(len(c.origin.Row.V), w.p.folds[w.at])
		}
		c.label.add(w.p.classes[pos.Class], pos.Class, part)
		c.origin.add(w.fullRow, pos)
	}
	if s != twin {
		w.at++
	}
	w.fullRow++
}

func (a *answer) add(name string, class int32, part features.Part) {
	a.Name.Append(schema.Text(name))
	a.Value.Append(uint8(min(class, 1)))
	a.Index.Append(uint16(class))
	a.Split.Append(schema.Text(part.String()))
}

func (o *origin) add(row int64, pos *features.Position) {
	o.Row.Append(row)
	o.Capture.Append(uint32(pos.Capture))
	o.Start.Append(pos.Start)
	o.End.Append(pos.End)
	o.Group.Append(int64(pos.Group))
}

// fullBatch is b's labelled rows with the answer's columns.
func (w *writer) fullBatch(b *schema.Batch, state []rowState, rows int) *schema.Batch {
	if rows == b.Rows {
		if w.source != b {
			w.source, w.join = b, schema.Join(b, w.answers)
		}
		return w.join
	}
	w.kept.Reset()
	for c, from := range b.Columns {
		to, p := w.kept.Columns[c], from.Presence()
		k, row := 0, 0
		for i, s := range state {
			has := p.Has(i)
			if s != unknown {
				if has {
					schema.Copy(to, row, from, k)
				}
				row++
			}
			if has {
				k++
			}
		}
	}
	return w.keptAll
}

// create opens the output's files for the columns of its batch.
func (t *table) create(opt Options, base string) error {
	for _, format := range opt.Formats {
		name := base + "." + format
		f, err := sink.Create(filepath.Join(opt.Dir, filepath.FromSlash(name)), sink.Format{}, t.batch.Schema(), sink.Options{})
		if err != nil {
			t.abort()
			return err
		}
		t.names = append(t.names, name)
		t.files = append(t.files, f)
		t.encoders = append(t.encoders, f.NewEncoder())
	}
	return nil
}

// write encodes the first rows of b.
func (t *table) write(b *schema.Batch, rows, rowGroup int) error {
	if rows == 0 {
		return nil
	}
	b.Rows = rows
	b.Finish()
	for _, e := range t.encoders {
		if err := e.Encode(b); err != nil {
			return err
		}
	}
	t.rows += int64(rows)
	if t.pending += rows; t.pending < rowGroup {
		return nil
	}
	return t.flush()
}

func (t *table) flush() error {
	if t.pending == 0 {
		return nil
	}
	t.pending = 0
	for i, e := range t.encoders {
		piece, err := e.Flush()
		if err != nil {
			return err
		}
		if err := t.files[i].Commit(piece); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) abort() {
	for _, f := range t.files {
		f.Abort()
	}
}

// close makes the files visible, the metadata last: where it is there, the
// tables are whole, and no file of an earlier dataset is left.
func (w *writer) close() error {
	p := w.p
	for i, t := range w.outputs() {
		meta := p.cleaned
		if i == 0 {
			meta = p.full
			t.tellFlows(meta.Flow)
		}
		text, err := meta.Encode()
		if err != nil {
			return err
		}
		if err := t.finish(string(text)); err != nil {
			return err
		}
	}
	var kept []string
	for _, t := range w.outputs() {
		kept = append(kept, t.names...)
	}
	if err := removeBut(p.opt.Dir, kept); err != nil {
		return err
	}
	for i, t := range w.outputs() {
		part := ""
		if i > 0 {
			part = strings.TrimSuffix(strings.TrimPrefix(t.names[0], dataDir+"/"), "-00000-of-00001"+filepath.Ext(t.names[0]))
		}
		for k, f := range t.files {
			if err := f.Close(); err != nil {
				return err
			}
			d := DataFile{Path: t.names[k], Format: p.opt.Formats[k], Part: part, Rows: t.rows}
			if err := d.digest(p.opt.Dir); err != nil {
				return err
			}
			p.files = append(p.files, d)
		}
	}
	return p.writeDescriptions(w.first().batch.Schema())
}

// finish brings the table's files to the disk, still hidden.
// tellFlows has the full table say what the tables it is made of said of their
// flows: it is scored like them.
func (t *table) tellFlows(settings json.RawMessage) {
	for _, f := range t.files {
		if settings != nil {
			f.SetMetadata(transform.MetaFlow, string(settings))
		}
	}
}

func (t *table) finish(meta string) error {
	if err := t.flush(); err != nil {
		return err
	}
	for _, f := range t.files {
		f.SetMetadata("pcapline.dataset", meta)
		if err := f.Finish(); err != nil {
			return err
		}
	}
	return nil
}

// writeDescriptions writes what says what the tables are.
func (p *preparation) writeDescriptions(cleaned schema.Schema) error {
	text, err := croissant(p.cleaned, p.files, cleaned)
	if err != nil {
		return err
	}
	if err := sink.WriteFile(filepath.Join(p.opt.Dir, CroissantFile), text); err != nil {
		return err
	}
	if err := WriteCard(p.opt.Dir, p.cleaned, p.files, ""); err != nil {
		return err
	}
	if err := p.full.WriteFile(filepath.Join(p.opt.Dir, FullMetaFile)); err != nil {
		return err
	}
	return p.cleaned.WriteFile(filepath.Join(p.opt.Dir, CleanedMetaFile))
}
