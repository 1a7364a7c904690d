package ship

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
	"github.com/pcapline/pcapline/transform/slice"
	"github.com/pcapline/pcapline/transform/source"
)

// picked is what was found in a table.
type picked struct {
	Kind     string            // transform.FlowsTable or transform.PacketsTable
	Metadata map[string]string // of the table
	Rows     int64             // looked at
	Reasons  map[string]int64  // rows by why they are unexpected
	Earliest int64             // time of the first packet of those, ns since 1970
	spans    []slice.Span      // of those; captures by file_id
	packets  int64             // that they are of
}

func (p *picked) unexpected() (n int64) {
	for _, k := range p.Reasons {
		n += k
	}
	return n
}

// pick reads a table and writes its unexpected rows to out.
func pick(ctx context.Context, path, out string, sel Selection, m *train.Model, most int64) (*picked, error) {
	t, err := source.Open(path)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	p := &picked{Kind: t.Metadata()[transform.MetaTable], Metadata: t.Metadata(), Reasons: map[string]int64{}, Earliest: math.MaxInt64}
	w, err := p.newWriter(t, out, sel, m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer w.file.Abort()
	w.most = most
	if err := source.Each(ctx, t, w.in, func() error { return w.batch() }); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if p.unexpected() == 0 {
		return p, nil
	}
	return p, w.file.Close()
}

// rowWriter copies the rows that a judge wants.
type rowWriter struct {
	p      *picked
	judge  *judge
	in     *schema.Batch
	marks  mark
	marked *schema.Batch // of marks
	joined *schema.Batch // columns of in and marks
	out    *schema.Batch // the rows that are wanted
	file   *sink.File
	enc    sink.Encoder
	most   int64
	places []schema.Column
}

// placeColumns say where a row's packets lie.
var placeColumns = map[string][]string{
	transform.FlowsTable:   {"flow_key", "file_id", "last_file_id", "first_packet", "last_packet", "flow_packets", "ts_ns"},
	transform.PacketsTable: {"file_id", "frame_number", "ts_ns"},
}

func (p *picked) newWriter(t source.Table, out string, sel Selection, m *train.Model) (w *rowWriter, err error) {
	w = &rowWriter{p: p, in: schema.FromFields(t.Schema())}
	names, ok := placeColumns[p.Kind]
	if !ok {
		return nil, fmt.Errorf("a %q table, which is neither of packets nor of flows", p.Kind)
	}
	for _, n := range names {
		c := w.in.Column(n)
		if c == nil || schema.Integers(c) == nil {
			return nil, fmt.Errorf("no column %s, which says where a row's packets are", n)
		}
		w.places = append(w.places, c)
	}
	if w.judge, err = newJudge(sel, m, w.in); err != nil {
		return nil, err
	}
	w.marked = schema.Of(&w.marks)
	w.joined = schema.Join(w.in, w.marked)
	w.out = schema.FromFields(w.joined.Schema())
	if w.file, err = sink.Create(out, sink.Format{}, w.out.Schema(), sink.Options{}); err != nil {
		return nil, err
	}
	w.enc = w.file.NewEncoder()
	for k, v := range p.Metadata {
		if strings.HasPrefix(k, "pcapline.") && k != transform.MetaSchema && k != schema.MetadataKey {
			w.file.SetMetadata(k, v)
		}
	}
	w.file.SetMetadata(transform.MetaSchema, w.out.Schema().Hash())
	return w, nil
}

// batch takes the rows of w.in.
func (w *rowWriter) batch() error {
	w.in.Finish()
	reasons, err := w.judge.reasons(w.in)
	if err != nil {
		return err
	}
	w.p.Rows += int64(w.in.Rows)
	unexpected := len(reasons) - count(reasons, "")
	if unexpected == 0 {
		return nil
	}
	w.marked.Reset()
	for _, r := range reasons {
		w.marks.Unexpected.Append(schema.Text(r))
		if r != "" {
			w.p.Reasons[r]++
		}
	}
	if err := w.remember(reasons); err != nil {
		return err
	}
	w.joined.Rows = w.in.Rows
	w.joined.Finish()
	w.out.Reset()
	for i, c := range w.joined.Columns {
		schema.CopyRows(w.out.Columns[i], c, w.joined.Rows, func(row int) bool { return reasons[row] != "" })
	}
	w.out.Rows = unexpected
	w.out.Finish()
	if err := w.enc.Encode(w.out); err != nil {
		return err
	}
	piece, err := w.enc.Flush()
	if err != nil {
		return err
	}
	return w.file.Commit(piece)
}

func count(list []string, text string) (n int) {
	for _, s := range list {
		if s == text {
			n++
		}
	}
	return n
}

// remember keeps where the packets of unexpected rows lie.
func (w *rowWriter) remember(reasons []string) error {
	at := make([]func(int) (int64, bool), len(w.places))
	for i, c := range w.places {
		at[i] = schema.Integers(c)
	}
	v := make([]int64, len(at))
	for row, reason := range reasons {
		if reason == "" {
			continue
		}
		for i, f := range at {
			v[i], _ = f(row)
		}
		s := slice.Span{Most: w.most}
		if w.p.Kind == transform.FlowsTable {
			s.Key, s.File, s.To, s.First, s.Last = v[0], int(v[1]), int(v[2]), v[3], v[4]
			w.p.packets += v[5]
		} else {
			s.File, s.To, s.First, s.Last = int(v[0]), int(v[0]), v[1], v[1]
			w.p.packets++
		}
		if s.File < 0 || s.To < s.File || s.First < 1 {
			return fmt.Errorf("row %d of those unexpected lies from packet %d of file %d to packet %d of file %d", len(w.p.spans), s.First, s.File, s.Last, s.To)
		}
		w.p.spans = append(w.p.spans, s)
		w.p.Earliest = min(w.p.Earliest, v[len(v)-1])
	}
	return nil
}

// day is that of the first packet, UTC.
func (p *picked) day() string { return time.Unix(0, p.Earliest).UTC().Format(time.DateOnly) }

// files are the captures that the rows' packets lie in, ascending.
func (p *picked) files() (list []int) {
	seen := map[int]bool{}
	for _, s := range p.spans {
		for f := s.File; f <= s.To && !seen[f]; f++ {
			seen[f] = true
			list = append(list, f)
		}
	}
	slices.Sort(list)
	return list
}
