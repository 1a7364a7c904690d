package prep

import (
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/pcapline/pcapline/features"
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

// writer is the last reading.
type writer struct {
	p       *preparation
	applier applier
	at      int   // next labelled row
	fullRow int64 // rows written to the full table
	hashes  []hashed

	full    table
	source  *schema.Batch // that join was made of
	join    *schema.Batch
	kept    *schema.Batch // the rows of source that have a label
	keptAll *schema.Batch // kept and answer
	answer  answer
	answers *schema.Batch

	cleaned  table
	features []*schema.Values[float64]
	origin   origin
	label    answer
}

// table is an output in one or two formats.
type table struct {
	batch    *schema.Batch
	files    []*sink.File
	encoders []sink.Encoder
	pending  int
}

// write writes both tables and their metadata.
func (p *preparation) write() error {
	w, err := newWriter(p)
	if err != nil {
		return err
	}
	defer w.full.abort()
	defer w.cleaned.abort()
	if err := p.each(nil, w.write); err != nil {
		return err
	}
	p.ledger.Train, p.ledger.Valid, p.ledger.Test = p.total(features.Train), p.total(features.Valid), p.total(features.Test)
	p.ledger.Purged = p.total(features.Purged) - p.ledger.DuplicatesDropped
	if err := p.ledger.Check(); err != nil {
		return err
	}
	p.dup = countDuplicates(w.hashes)
	if w.applier.bound != nil {
		p.nan, p.inf = w.applier.bound.Broken()
	}
	p.describe(w.full.batch.Schema(), w.cleaned.batch.Schema())
	return w.close()
}

func (p *preparation) total(part features.Part) (n int64) {
	for _, c := range p.counts {
		n += c[part]
	}
	return n
}

func newWriter(p *preparation) (*writer, error) {
	w := &writer{p: p}
	for range p.classes {
		p.counts = append(p.counts, map[features.Part]int64{})
	}
	w.answers = schema.Of(&w.answer)
	w.kept = schema.FromFields(p.schema)
	w.keptAll = schema.Join(w.kept, w.answers)
	w.cleaned.batch = w.cleanedBatch()
	w.full.batch = w.keptAll
	if err := w.full.create(p.opt, FullFile); err != nil {
		return nil, err
	}
	if err := w.cleaned.create(p.opt, CleanedFile); err != nil {
		w.full.abort()
		return nil, err
	}
	return w, nil
}

func (w *writer) cleanedBatch() *schema.Batch {
	var s schema.Schema
	for _, n := range w.p.encoding.Names() {
		s = append(s, &schema.Field{Name: n, Layer: "features", Kind: schema.Float64, Doc: "See the metadata's transforms."})
	}
	numbers := schema.FromFields(s)
	for _, c := range numbers.Columns {
		w.features = append(w.features, c.(*schema.Values[float64]))
	}
	return schema.Join(numbers, schema.Of(&w.label), schema.Of(&w.origin))
}

// write writes a batch.
func (w *writer) write(b *schema.Batch, state []rowState) error {
	m, err := w.applier.apply(w.p, b)
	if err != nil {
		return err
	}
	rows := w.p.rows[w.at:]
	k := 0
	for i, s := range state {
		if s == unknown {
			continue
		}
		w.row(m.Row(i), &rows[k], s)
		k++
	}
	w.at += k
	out, n := w.fullBatch(b, state, k), len(w.origin.Row.V)
	var g errgroup.Group // encoding is most of the work; the tables share nothing
	g.Go(func() error { return w.full.write(out, k, w.p.opt.RowGroup) })
	g.Go(func() error { return w.cleaned.write(w.cleaned.batch, n, w.p.opt.RowGroup) })
	if err := g.Wait(); err != nil {
		return err
	}
	w.answers.Reset()
	w.cleaned.batch.Reset()
	return nil
}

// row adds a labelled row's columns to the batches at hand.
func (w *writer) row(x []float32, pos *features.Position, s rowState) {
	part := s.part()
	w.p.counts[pos.Class][part]++
	if s == dropped {
		w.p.ledger.DuplicatesDropped++
	}
	w.answer.add(w.p.classes[pos.Class], pos.Class, part)
	if part != features.Purged {
		for c, v := range x {
			w.features[c].V = append(w.features[c].V, float64(v))
		}
		w.label.add(w.p.classes[pos.Class], pos.Class, part)
		w.origin.add(w.fullRow, pos)
		w.hashes = append(w.hashes, hashed{hashRow(x), pos.Class, part})
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
func (t *table) create(opt Options, name string) error {
	names := []string{name}
	if opt.CSV {
		names = append(names, strings.TrimSuffix(name, filepath.Ext(name))+".csv")
	}
	for _, n := range names {
		f, err := sink.Create(filepath.Join(opt.Dir, n), sink.Format{}, t.batch.Schema(), sink.Options{})
		if err != nil {
			t.abort()
			return err
		}
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

// close makes the four files visible, the metadata last: where it is there,
// the tables are whole.
func (w *writer) close() error {
	for _, out := range []struct {
		t    *table
		meta *features.Meta
		file string
	}{{&w.full, w.p.full, FullMetaFile}, {&w.cleaned, w.p.cleaned, CleanedMetaFile}} {
		if err := out.t.flush(); err != nil {
			return err
		}
		text, err := out.meta.Encode()
		if err != nil {
			return err
		}
		for _, f := range out.t.files {
			f.SetMetadata("pcapline.dataset", string(text))
			if err := f.Close(); err != nil {
				return err
			}
		}
		if err := out.meta.WriteFile(filepath.Join(w.p.opt.Dir, out.file)); err != nil {
			return err
		}
	}
	return nil
}
