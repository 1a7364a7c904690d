package lake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/sink"
	"github.com/pcapline/pcapline/transform/source"
)

// MissingError says which shards of a plan are not done.
type MissingError struct{ Shards []int }

func (e *MissingError) Error() string {
	var n []string
	for _, s := range e.Shards[:min(len(e.Shards), 20)] {
		n = append(n, strconv.Itoa(s))
	}
	if len(e.Shards) > 20 {
		n = append(n, "…")
	}
	return fmt.Sprintf("%d shards are not done: %s", len(e.Shards), strings.Join(n, ", "))
}

// Commit publishes a plan whose shards are all done: it checks their receipts,
// makes the flows and the columns that follow from them, and shows the run. A
// plan that was committed already gives its manifest again.
func (l *Lake) Commit(ctx context.Context, w *Worker) (*Manifest, error) {
	held, err := l.lock()
	if err != nil {
		return nil, err
	}
	defer held.Close()
	return l.commit(ctx, w)
}

// commit is Commit with the lock held.
func (l *Lake) commit(ctx context.Context, w *Worker) (*Manifest, error) {
	p := w.Plan
	if m, err := ReadManifest(filepath.Join(l.Dir(p.Run), ManifestName)); err == nil {
		return m, l.discard()
	}
	if err := l.follows(p); err != nil {
		return nil, err
	}
	begun := time.Now()
	receipts, err := w.receipts()
	if err != nil {
		return nil, err
	}
	folder, err := sink.NewPendingFolder(l.Dir(p.Run))
	if err != nil {
		return nil, err
	}
	defer folder.Abort()
	c := &commit{lake: l, worker: w, receipts: receipts, dir: folder.Hidden(), schemas: map[string]string{}, rows: map[string]int64{}}
	m, err := c.run(ctx)
	if err != nil {
		return nil, err
	}
	t := Timings{Commit: time.Since(begun).Seconds()}
	for _, r := range receipts {
		t.Shards, t.Packets = append(t.Shards, r.Seconds), append(t.Packets, r.Ledger.PacketsIn)
	}
	if err := errors.Join(writeJSON(filepath.Join(c.dir, timingsName), t), writeJSON(filepath.Join(c.dir, ManifestName), m)); err != nil {
		return nil, err
	}
	if err := folder.Close(); err != nil {
		return nil, err
	}
	return m, l.discard()
}

// follows verifies that the lake is as it was when the run was planned.
func (l *Lake) follows(p *Plan) error {
	d, err := l.done()
	if err != nil {
		return err
	}
	if d.last != p.After {
		return fmt.Errorf("the run %s was planned after %q, but the lake's last run is %q: plan anew", p.Run, p.After, d.last)
	}
	return nil
}

// receipts gives those of all shards, and says which are missing. What they
// name is read again: a disk may have forgotten.
func (w *Worker) receipts() ([]*Receipt, error) {
	var missing []int
	var all []*Receipt
	for n := 1; n <= len(w.Plan.Shards); n++ {
		r, err := w.Receipt(n)
		if errors.Is(err, os.ErrNotExist) {
			missing = append(missing, n)
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, o := range append(slices.Clone(r.Packets), r.Digests) {
			sum, _, err := pcapio.Digest(w.object(o.SHA256))
			if err != nil {
				return nil, err
			}
			if sum != o.SHA256 {
				return nil, fmt.Errorf("%s holds something else than its name says; remove %s and run shard %d again", w.object(o.SHA256), w.receiptPath(n), n)
			}
		}
		all = append(all, r)
	}
	if missing != nil {
		return nil, &MissingError{missing}
	}
	return all, nil
}

// commit makes one run's folder.
type commit struct {
	lake     *Lake
	worker   *Worker
	receipts []*Receipt
	dir      string
	schemas  map[string]string // schema hash by table
	rows     map[string]int64  // by path below dir
}

func (c *commit) run(ctx context.Context) (*Manifest, error) {
	p := c.worker.Plan
	m := &Manifest{
		Version: 1, Tool: p.Tool, Run: p.Run, After: p.After, Config: p.Config, Shards: len(p.Shards),
		Ledger: transform.NewLedger(), Quarantined: []Quarantined{}, Sensors: []SensorRun{},
	}
	m.Config.Labels.Rules = nil // paths are of a machine; what was in the files is in Rules
	for _, r := range p.Rules {
		m.Rules = append(m.Rules, r.SHA256)
	}
	for i := range p.Streams {
		s, err := c.stream(ctx, i, m)
		if err != nil {
			return nil, fmt.Errorf("sensor %s: %w", p.Streams[i].Sensor, err)
		}
		m.Sensors = append(m.Sensors, *s)
		m.Ledger.Add(s.Ledger)
	}
	if err := m.Ledger.Check(); err != nil {
		return nil, err
	}
	return m, c.outputs(m)
}

// stream joins the shards of a sensor.
func (c *commit) stream(ctx context.Context, i int, m *Manifest) (*SensorRun, error) {
	s := &c.worker.Plan.Streams[i]
	out := &SensorRun{Sensor: s.Sensor, Span: s.Span, Carry: s.Carry, Earlier: s.Earlier, After: s.State, Ledger: transform.NewLedger()}
	shards := c.shardsOf(i)
	all := c.gather(out, shards)
	for _, r := range shards {
		if err := r.Ledger.Check(); err != nil {
			return nil, fmt.Errorf("shard %d: %w", r.Shard, err)
		}
	}
	c.quarantine(s, all, out, m)
	if out.Ledger.PacketsIn == 0 {
		return out, nil // there is nothing to make flows of; what is open stays open
	}
	return out, c.join(ctx, i, all, shards, out)
}

// gather sums up what the shards read: every capture once, in order.
func (c *commit) gather(out *SensorRun, shards []*Receipt) (all []transform.Input) {
	for _, r := range shards {
		out.Ledger.Add(r.Ledger)
		first := c.worker.Plan.Shards[r.Shard-1].Parts[0].Input
		for k, in := range r.Inputs {
			if first+k < len(all) {
				all[first+k].Packets += in.Packets
				continue
			}
			all = append(all, in)
		}
	}
	return all
}

func skipped(l *transform.Ledger) (n int64) {
	for _, v := range l.Skipped {
		n += v
	}
	return n
}

// quarantine tells captures of which nothing could be read from the others.
func (c *commit) quarantine(s *Stream, all []transform.Input, out *SensorRun, m *Manifest) {
	why := map[string]string{}
	for _, d := range out.Ledger.Damaged {
		if d.Packets == 0 {
			why[d.File] = d.Error
		}
	}
	out.Inputs = all // those of which nothing was read, too: file_id counts them
	for i, in := range all {
		if reason, bad := why[in.File]; bad {
			m.Quarantined = append(m.Quarantined, Quarantined{s.Sensor, in.File, s.Inputs[i].Bytes, in.SHA256, reason, in.SHA256 == ""})
		}
	}
	out.Ledger.Damaged = slices.DeleteFunc(out.Ledger.Damaged, func(d transform.Damage) bool { _, bad := why[d.File]; return bad })
}

func (c *commit) shardsOf(stream int) (list []*Receipt) {
	for i, r := range c.receipts {
		if c.worker.Plan.Shards[i].Stream == stream {
			list = append(list, r)
		}
	}
	return list
}

// join makes the flows of a stream, and the packets files with their places.
func (c *commit) join(ctx context.Context, i int, all []transform.Input, shards []*Receipt, out *SensorRun) error {
	p, s := c.worker.Plan, &c.worker.Plan.Streams[i]
	labels, err := c.worker.labels(s)
	if err != nil {
		return err
	}
	opt, err := c.options(s, shards, labels)
	if err != nil {
		return err
	}
	g, err := c.grafter(s, all, shards, labels)
	if err != nil {
		return err
	}
	defer g.abort()
	if !p.Config.Packets.Off {
		opt.Placed = g.Placed
	}
	res, err := transform.Run(ctx, opt)
	if err != nil && !errors.Is(err, transform.ErrDamaged) {
		return err
	}
	if opt.Placed != nil {
		if err := g.finish(); err != nil {
			return err
		}
	}
	damaged := out.Ledger.Damaged
	out.Ledger = res.Ledger
	out.Ledger.Damaged = damaged
	if labels != nil {
		out.Labels = labels.Report()
	}
	for path, rows := range g.made {
		c.rows[c.below(path)] = rows
	}
	if opt.SaveState != "" {
		f, err := c.file(opt.SaveState)
		if err != nil {
			return err
		}
		out.State = &f
	}
	return c.placeFlows(s.Sensor, opt.Flows.Path)
}

// options is the joining of a stream as package transform knows it.
func (c *commit) options(s *Stream, shards []*Receipt, labels *Labelling) (transform.Options, error) {
	cfg := &c.worker.Plan.Config
	opt := transform.Options{
		Workers: c.worker.Workers, Filter: cfg.Filter, Flow: cfg.flow(s.Span), Progress: c.worker.Progress,
		Flows: transform.Output{Path: filepath.Join(c.dir, "."+s.Sensor), Partition: "date", Compression: cfg.Flows.Compression},
	}
	for _, r := range shards {
		opt.FromDigests = append(opt.FromDigests, c.worker.object(r.Digests.SHA256))
	}
	if s.State != "" {
		opt.LoadState = c.lake.statePath(s.State, s.Sensor)
	}
	if s.Carry {
		opt.SaveState, opt.Rebase = filepath.Join(c.dir, stateDir, s.Sensor+".flows"), true
		if err := os.MkdirAll(filepath.Dir(opt.SaveState), 0o750); err != nil {
			return opt, err
		}
	}
	if labels != nil {
		opt.Annotate, opt.Describe = labels.Annotate, labels.Describe
	}
	columns, err := cfg.flowColumns(labels)
	if err != nil {
		return opt, err
	}
	opt.Flows.Columns = columns.Names()
	c.schemas[transform.FlowsTable] = columns.Hash()
	return opt, cfg.common(&opt)
}

func (c *commit) grafter(s *Stream, all []transform.Input, shards []*Receipt, labels *Labelling) (*grafter, error) {
	cfg := &c.worker.Plan.Config
	columns, err := cfg.packetColumns(labels)
	if err != nil {
		return nil, err
	}
	c.schemas[transform.PacketsTable] = columns.Hash()
	inputs, err := json.Marshal(append(slices.Clone(s.Earlier), all...))
	if err != nil {
		return nil, err
	}
	g := &grafter{columns: columns, output: cfg.packets(""), inputs: string(inputs), made: map[string]int64{}}
	g.path = func(o Object) string { return c.worker.object(o.SHA256) }
	g.place = func(date string, shard int) string {
		return c.place(transform.PacketsTable, date, s.Sensor, fmt.Sprintf("%05d.parquet", shard))
	}
	for _, r := range shards {
		g.shards = append(g.shards, graftShard{r.Shard, r.Ledger.PacketsIn - skipped(r.Ledger), r.Packets})
	}
	return g, nil
}

// place is where a table's file for a date and sensor goes.
func (c *commit) place(table, date, sensor, name string) string {
	return filepath.Join(c.dir, tablePrefix+table, "date="+date, "sensor="+sensor, name)
}

// placeFlows moves a stream's flows from a folder of their own to where all are.
func (c *commit) placeFlows(sensor, from string) error {
	files, err := filepath.Glob(filepath.Join(from, "date=*", "*"))
	if err != nil {
		return err
	}
	for _, f := range files {
		date := strings.TrimPrefix(filepath.Base(filepath.Dir(f)), "date=")
		to := c.place(transform.FlowsTable, date, sensor, filepath.Base(f))
		if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
			return err
		}
		if err := os.Rename(f, to); err != nil {
			return err
		}
		t, err := source.Open(to)
		if err != nil {
			return err
		}
		c.rows[c.below(to)] = t.Rows()
		if err := t.Close(); err != nil {
			return err
		}
	}
	return os.RemoveAll(from)
}

// below is a path below the run's folder, with slashes.
func (c *commit) below(path string) string {
	rel, err := filepath.Rel(c.dir, path)
	if err != nil {
		panic(err) // both are made of the same folder's name
	}
	return filepath.ToSlash(rel)
}

// file describes an output.
func (c *commit) file(path string) (f File, err error) {
	f.Path = c.below(path)
	f.SHA256, f.Bytes, err = pcapio.Digest(path)
	f.Rows = c.rows[f.Path]
	if t := f.Table(); t != "" {
		f.SchemaHash = c.schemas[t]
	}
	return f, err
}

// outputs lists the tables' files in the manifest, and checks their rows.
func (c *commit) outputs(m *Manifest) error {
	m.Outputs = []File{}
	err := filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := c.file(path)
		if err == nil && f.Table() != "" {
			m.Outputs = append(m.Outputs, f)
		}
		return err
	})
	if err != nil {
		return err
	}
	rows := map[string]int64{}
	for _, f := range m.Outputs {
		rows[f.Table()] += f.Rows
	}
	want := map[string]int64{transform.FlowsTable: m.Ledger.Flows}
	if !m.Config.Packets.Off {
		want[transform.PacketsTable] = m.Ledger.Rows
	}
	for _, t := range slices.Sorted(maps.Keys(want)) {
		if rows[t] != want[t] {
			return fmt.Errorf("ledger does not balance: %d rows of %s were written, %d are accounted for", rows[t], t, want[t])
		}
	}
	return nil
}
