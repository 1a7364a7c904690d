package lake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/layer"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
)

// Receipt says what a shard did. It is written when all else of the shard is
// on the disk.
type Receipt struct {
	Version int               `json:"version"` // 1
	Run     string            `json:"run"`
	Plan    string            `json:"plan"`  // SHA-256 of the plan's file
	Shard   int               `json:"shard"` // from 1, in the plan
	Inputs  []transform.Input `json:"inputs"`
	Ledger  *transform.Ledger `json:"ledger"`
	Packets []Object          `json:"packets"` // by date
	Digests Object            `json:"digests"`
	Seconds float64           `json:"seconds"` // not the same twice
}

// Object is an output of a shard, named by its SHA-256.
type Object struct {
	Date   string `json:"date,omitempty"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// The folders of a run that is not published yet.
const (
	objectsDir  = "objects"
	receiptsDir = "receipts"
)

// Worker does the shards of a plan.
type Worker struct {
	Plan     *Plan
	Label    Labeller
	Workers  int // decoding goroutines; 0: one a core
	Progress func(transform.Progress)

	digest string // of the plan's file
}

// NewWorker makes a worker.
func NewWorker(p *Plan, label Labeller) (*Worker, error) {
	sum, _, err := pcapio.Digest(p.path)
	if err != nil {
		return nil, err
	}
	for _, r := range p.Rules {
		now, _, err := pcapio.Digest(r.Path)
		if err != nil {
			return nil, fmt.Errorf("label rules: %w", err)
		}
		if now != r.SHA256 {
			return nil, fmt.Errorf("label rules: %s has changed since the run was planned; plan anew", r.Path)
		}
	}
	return &Worker{Plan: p, Label: label, digest: sum}, nil
}

func (w *Worker) dir() string { return filepath.Dir(w.Plan.path) }

func (w *Worker) object(sum string) string { return filepath.Join(w.dir(), objectsDir, sum) }

func (w *Worker) receiptPath(n int) string {
	return filepath.Join(w.dir(), receiptsDir, fmt.Sprintf("%05d.json", n))
}

// Receipt gives the receipt of shard n, from 1; an error that wraps
// os.ErrNotExist says that the shard is not done.
func (w *Worker) Receipt(n int) (*Receipt, error) {
	r := new(Receipt)
	if err := readJSON(w.receiptPath(n), r); err != nil {
		return nil, err
	}
	if r.Version != 1 || r.Plan != w.digest || r.Shard != n {
		return nil, fmt.Errorf("%s is a receipt of another plan", w.receiptPath(n))
	}
	for _, o := range append(slices.Clone(r.Packets), r.Digests) {
		st, err := os.Stat(w.object(o.SHA256))
		if err != nil {
			return nil, err
		}
		if st.Size() != o.Bytes {
			return nil, fmt.Errorf("%s has %d bytes, its receipt says %d", w.object(o.SHA256), st.Size(), o.Bytes)
		}
	}
	return r, nil
}

// Run does shard n, from 1, unless its receipt is there. Damaged captures are no
// error: the receipt names them.
func (w *Worker) Run(ctx context.Context, n int) (*Receipt, error) {
	if n < 1 || n > len(w.Plan.Shards) {
		return nil, fmt.Errorf("shard %d: the plan has shards 1 to %d", n, len(w.Plan.Shards))
	}
	if r, err := w.Receipt(n); err == nil {
		return r, nil
	}
	begun := time.Now()
	for _, dir := range []string{objectsDir, receiptsDir} {
		if err := os.MkdirAll(filepath.Join(w.dir(), dir), 0o750); err != nil {
			return nil, err
		}
	}
	scratch, err := os.MkdirTemp(w.dir(), fmt.Sprintf("shard-%05d-", n))
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(scratch) }() // what a killed one leaves goes with the run's folder
	opt, err := w.options(ctx, n, scratch)
	if err != nil {
		return nil, err
	}
	res, err := transform.Run(ctx, opt)
	if err != nil && !errors.Is(err, transform.ErrDamaged) {
		return nil, fmt.Errorf("shard %d: %w", n, err)
	}
	r := &Receipt{Version: 1, Run: w.Plan.Run, Plan: w.digest, Shard: n, Inputs: res.Inputs, Ledger: res.Ledger, Packets: []Object{}}
	if err := w.keep(r, opt); err != nil {
		return nil, err
	}
	r.Seconds = time.Since(begun).Seconds()
	return r, writeJSON(w.receiptPath(n), r)
}

// options is the shard as package transform knows it.
func (w *Worker) options(ctx context.Context, n int, scratch string) (transform.Options, error) {
	p, sh := w.Plan, &w.Plan.Shards[n-1]
	s := &p.Streams[sh.Stream]
	opt := transform.Options{
		Workers: w.Workers, Progress: w.Progress, Filter: p.Config.Filter, Flow: p.Config.flow(s.Span),
		Names: []string{}, FirstFile: len(s.Earlier), Shard: transform.Shard{Number: sh.Number, Count: p.shardsOf(sh.Stream)},
		Digests: filepath.Join(scratch, "digests"),
	}
	for _, in := range s.Inputs {
		opt.Inputs, opt.Names = append(opt.Inputs, in.Path), append(opt.Names, in.Name)
	}
	for _, part := range sh.Parts {
		in := &s.Inputs[part.Input]
		path, err := in.local(ctx, part.Input, scratch)
		if err != nil {
			return opt, err
		}
		opt.Inputs[part.Input] = path
		tp, err := in.part(part, path)
		if err != nil {
			return opt, err
		}
		opt.Parts = append(opt.Parts, tp)
	}
	if err := p.Config.common(&opt); err != nil {
		return opt, err
	}
	labels, err := w.labels(s)
	if err != nil {
		return opt, err
	}
	if labels != nil {
		opt.Annotate, opt.Describe = labels.Annotate, labels.Describe
	}
	if p.Config.Packets.Off {
		return opt, nil
	}
	columns, err := p.Config.packetColumns(labels)
	opt.Packets = p.Config.packets(filepath.Join(scratch, "packets"))
	opt.Packets.Columns = without(columns.Names(), transform.StreamColumns())
	opt.Packets.Bloom = without(slices.Clone(opt.Packets.Bloom), transform.StreamColumns())
	return opt, err
}

// common sets what shards and commit have alike.
func (c *Config) common(opt *transform.Options) (err error) {
	if c.Packets.Payload != "" {
		if err := opt.Layer.ParsePayload(c.Packets.Payload); err != nil {
			return err
		}
	}
	opt.Memory, err = c.memory()
	return err
}

func (c *Config) packets(path string) transform.Output {
	return transform.Output{Path: path, Partition: "date", Compression: c.Packets.Compression, Bloom: c.Packets.Bloom}
}

// packetColumns are those of the packets table as it is published.
func (c *Config) packetColumns(labels *Labelling) (schema.Schema, error) {
	b := layer.NewTable(layer.Options{}).Batch()
	if labels != nil {
		b = schema.Join(b, labels.Annotate().Batch())
	}
	all := b.Schema()
	if c.Packets.Columns == nil {
		return all, nil
	}
	return choose(all, c.Packets.Columns, "packets")
}

// flowColumns are those of the flows table.
func (c *Config) flowColumns(labels *Labelling) (schema.Schema, error) {
	b := schema.FromFields(flow.Schema())
	if labels != nil {
		b = schema.Join(b, labels.Annotate().Batch())
	}
	if c.Flows.Columns == nil {
		return b.Schema(), nil
	}
	return choose(b.Schema(), c.Flows.Columns, "flows")
}

// choose gives the columns of those names.
func choose(all schema.Schema, names []string, table string) (s schema.Schema, err error) {
	for _, name := range names {
		i := all.Index(name)
		if i < 0 {
			return nil, fmt.Errorf("%s: columns: the table has no column %q", table, name)
		}
		s = append(s, all[i])
	}
	return s, nil
}

// CheckColumns verifies that the tables have the columns that are asked for.
func (c *Config) CheckColumns(labels *Labelling) error {
	_, err := c.packetColumns(labels)
	if err != nil {
		return err
	}
	_, err = c.flowColumns(labels)
	return err
}

func without(names, which []string) []string {
	return slices.DeleteFunc(names, func(n string) bool { return slices.Contains(which, n) })
}

// part checks that a capture is as it was when the run was planned.
func (in *Capture) part(part Part, path string) (transform.Part, error) {
	if st, err := os.Stat(path); err == nil && st.Size() != in.Bytes {
		return transform.Part{}, fmt.Errorf("%s: %w", in.Path, ErrChanged)
	}
	tp := transform.Part{Input: part.Input, Range: part.Range}
	if in.Cut == nil {
		return tp, nil
	}
	tp.Whole = transform.Input{SHA256: in.Cut.SHA256, Bytes: in.Bytes}
	tp.Lost = in.Cut.Lost
	return tp, checkRange(path, part)
}

// labels makes the labelling of a stream; nil: none.
func (w *Worker) labels(s *Stream) (*Labelling, error) {
	if w.Label == nil {
		return nil, nil
	}
	var names []string
	for _, in := range s.Earlier {
		names = append(names, in.File)
	}
	for _, in := range s.Inputs {
		names = append(names, in.Name)
	}
	return w.Label(&w.Plan.Config, names)
}

// shardsOf counts the shards of a stream.
func (p *Plan) shardsOf(stream int) (n int) {
	for i := range p.Shards {
		if p.Shards[i].Stream == stream {
			n++
		}
	}
	return n
}

// keep moves the shard's outputs to where they are named by their content.
func (w *Worker) keep(r *Receipt, opt transform.Options) (err error) {
	if opt.Packets.Path != "" {
		files, err := filepath.Glob(filepath.Join(opt.Packets.Path, "date=*", "*"))
		if err != nil {
			return err
		}
		slices.Sort(files)
		for _, f := range files {
			o, err := w.move(f)
			if err != nil {
				return err
			}
			o.Date = strings.TrimPrefix(filepath.Base(filepath.Dir(f)), "date=")
			r.Packets = append(r.Packets, o)
		}
	}
	if r.Digests, err = w.move(opt.Digests); err != nil {
		return err
	}
	return sink.SyncDir(filepath.Join(w.dir(), objectsDir))
}

// move gives a file, which is on the disk, the name of its content.
func (w *Worker) move(path string) (o Object, err error) {
	if o.SHA256, o.Bytes, err = pcapio.Digest(path); err != nil {
		return o, err
	}
	return o, os.Rename(path, w.object(o.SHA256))
}
