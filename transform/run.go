package transform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/layer"
	"github.com/pcapline/pcapline/transform/schema"
)

// Options say what Run reads and writes. The zero value of a field is its default.
type Options struct {
	Inputs   []string         // captures, as pcapio.Expand lists them
	Names    []string         // what outputs call them; nil: CaptureNames
	Reader   pcapio.Options   // how they are read
	Merge    bool             // packets of all captures in order of time, flows across captures; else capture after capture
	Workers  int              // decoding goroutines; 0: one a core
	Memory   int64            // bytes to get along with, at least MinMemory; 0: 256 MB and 100 MB a worker
	Packets  Output           // the packets table; none without a path
	Flows    Output           // the flows table; none without a path
	Filter   string           // in the pcap filter language; packets that do not match are skipped; "": none
	Layer    layer.Options    // what is decoded
	Flow     flow.Config      // what a flow is
	Annotate func() Annotator // makes an annotator for one goroutine; nil: no added columns
	UnitRows int              // packets in a unit, which is a row group; 0: 65,536
	UnitSize int              // captured bytes in a unit; 0: 32 MiB

	// A flow that goes from one run's captures to the next run's is one flow
	// when the first saves its state and the next loads it. Both imply Flow.Span.
	LoadState string // file to go on from; "": nothing was before
	SaveState string // file for what is open at the end; "": it ends there
	Rebase    bool   // the saved state forgets the captures that nothing open is of; file_id begins anew with the next run

	// A shard of the captures writes a file of digests in place of flows, and,
	// where its columns need no other shard, the packets table; the run that has
	// the digests of all shards in place of captures makes the flows.
	Shard       Shard    // what part of Inputs is read; zero: all
	Parts       []Part   // of Inputs, in their order, in place of what Shard chooses by size
	FirstFile   int      // file_id of the first of Inputs
	Digests     string   // the shard's file; "": none
	FromDigests []string // files of all shards, in any order, in place of Inputs
	Placed      Placed   // told where packets belong, with FromDigests; nil: nobody asks

	Progress func(Progress) // called now and then from one goroutine; nil: never
	Describe Describe       // more metadata for both tables; nil: none
}

// Placed is told of each packet, in order, which flow it belongs to.
type Placed func(*flow.Digest, flow.Member) error

// Output is a table to be written.
type Output struct {
	Path        string   // "" for no table
	Format      string   // a name of sink.Formats; "" goes by the path's ending
	Columns     []string // which columns, in this order; nil: all
	Names       string   // the columns under the names and units of a dialect: antinex.Dialect of packets, of flows see package names; "": their own
	Partition   string   // a name of sink.Partitions: the path is a folder of files; "": one file
	Compression string   // see sink.Options, as all below
	Bloom       []string
	Headers     []string
	Payload     int
}

// Annotator adds columns that follow from a row's other columns, as labels do.
type Annotator interface {
	// Batch holds the added columns.
	Batch() *schema.Batch
	// Annotate fills them for every row of src, which is not finished yet.
	Annotate(src *schema.Batch)
}

// Marker is an Annotator that also looks at packets, where the columns do not
// say enough. Each of its methods is called in the goroutine that Annotate is.
type Marker interface {
	Annotator
	// Marks reports whether there is anything to look for.
	Marks() bool
	// Mark looks at a packet of the capture file. The packet is borrowed.
	Mark(p *pcapio.Packet, file int32) flow.Mark
	// AnnotateMarked is Annotate for rows whose marks are known: a packet's
	// own, a flow's those of all its packets.
	AnnotateMarked(src *schema.Batch, marks []flow.Mark)
}

// markerOf is the annotator as a Marker, nil where it has nothing to look for.
func markerOf(a Annotator) Marker {
	if m, ok := a.(Marker); ok && m.Marks() {
		return m
	}
	return nil
}

// Describe gives key-value metadata of a table ([PacketsTable] or [FlowsTable])
// that is known only when all its rows are, such as how well the labels fit.
type Describe func(table string) (map[string]string, error)

// Progress is how far Run has come.
type Progress struct {
	Bytes, TotalBytes int64 // of the captures as they lie on disk
	Packets           int64
}

// Result is what Run did.
type Result struct {
	Ledger *Ledger `json:"ledger"`
	Inputs []Input `json:"inputs"`
}

// ErrDamaged says that some captures could not be read to their end; the
// tables hold what was readable. The ledger names each.
var ErrDamaged = errors.New("some input was damaged")

// ErrNothing says that no capture could be read at all; nothing was written.
var ErrNothing = errors.New("no input could be read")

// Run reads the captures and writes the tables. The tables become visible
// only when they are whole. With [ErrDamaged] they are whole in what was
// readable; with any other error there are none.
func Run(ctx context.Context, opt Options) (*Result, error) {
	opt = opt.withDefaults()
	r, err := newRunner(opt)
	if err != nil {
		return nil, err
	}
	defer r.abort()
	work := r.run
	if len(opt.FromDigests) > 0 {
		work = r.replay
	}
	if err := work(ctx); err != nil {
		return nil, err
	}
	return r.finish()
}

// Bounds of a unit, and so of a row group.
const (
	defaultUnitRows = 64 << 10
	defaultUnitSize = 32 << 20
)

// MinMemory is what Run needs with one worker, and workerMemory what each
// further one takes with its share of the units in flight (measured). Open
// flows come on top where a flows table is made: see flow.Config.MaxFlows.
const (
	MinMemory    = 256_000_000
	workerMemory = 100_000_000
)

func (opt Options) withDefaults() Options {
	if opt.Workers <= 0 {
		opt.Workers = runtime.GOMAXPROCS(0)
	}
	if opt.Memory > 0 {
		// Row groups depend on the memory alone, so that the bytes written
		// do not depend on the number of workers.
		opt.UnitSize = int(min(opt.Memory/32, defaultUnitSize))
		opt.UnitRows = int(min(opt.Memory/16_000, defaultUnitRows))
		opt.Workers = min(opt.Workers, 1+int((opt.Memory-MinMemory)/workerMemory))
	}
	opt.Flow.Span = opt.Flow.Span || opt.Merge || opt.LoadState != "" || opt.SaveState != ""
	if opt.UnitRows <= 0 {
		opt.UnitRows = defaultUnitRows
	}
	if opt.UnitSize <= 0 {
		opt.UnitSize = defaultUnitSize
	}
	return opt
}

// runner is one call of Run.
type runner struct {
	opt      Options
	ledger   *Ledger
	inputs   []Input
	earlier  []Input   // of the runs whose state was loaded
	base     int       // file_id of the first input
	programs *programs // nil: no filter
	packets  *table    // nil: not asked for
	flows    *flowStage
	digests  *digestFile // nil: this is no shard
	follow   *following  // nil: nobody asks for flows
}

func newRunner(opt Options) (*runner, error) {
	r := &runner{opt: opt, ledger: NewLedger()}
	if err := r.chooseInputs(); err != nil {
		return nil, err
	}
	if opt.Filter != "" {
		r.programs = &programs{expr: opt.Filter}
	}
	if opt.Packets.Path != "" {
		w := newWorker(r, nil)
		t, err := newTable(opt.Packets, w.parts[0].joined)
		if err != nil {
			return nil, err
		}
		r.packets = t
		if opt.Digests != "" && t.follows() {
			r.abort()
			return nil, optionErrorf("a shard's packets table has no columns that need the packets before it: leave out %s", strings.Join(StreamColumns(), ", "))
		}
	}
	if opt.Flows.Path != "" {
		f, err := newFlowStage(r)
		if err != nil {
			r.abort()
			return nil, err
		}
		r.flows = f
	}
	if opt.Digests != "" {
		f, err := newDigestFile(opt, r.digestHeader())
		if err != nil {
			r.abort()
			return nil, err
		}
		r.digests = f
	}
	r.follow = newFollowing(r)
	r.opt.Layer.Skip = r.skip()
	return r, nil
}

// skip gives what the decoder need not compute.
func (r *runner) skip() layer.Skip {
	var s schema.Schema
	if r.packets != nil {
		s = r.packets.needs()
	}
	skip := layer.SkipFor(s)
	if r.packets != nil && r.opt.Annotate != nil {
		skip = layer.Skip{Hash: true} // labels may look at any column
	}
	if r.flows != nil || r.digests != nil {
		skip.Entropy = skip.Entropy && !r.flowsNeedEntropy()
		skip.Hash = false
	}
	skip.Hash = skip.Hash && !r.opt.Flow.DropDuplicates
	return skip
}

// flowsNeedEntropy reports whether somebody may look at the entropy of flows:
// a column, a label's rule, or the run that goes on from this one.
func (r *runner) flowsNeedEntropy() bool {
	if r.flows == nil || r.opt.Annotate != nil || r.opt.SaveState != "" || r.flows.table.translated() {
		return true
	}
	return slices.ContainsFunc(r.flows.table.schema, func(f *schema.Field) bool { return strings.HasSuffix(f.Name, "_entropy_mean") })
}

func (r *runner) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	work := make(chan *unit)
	ordered := make(chan *unit, r.opt.Workers+1)
	tracked := make(chan *unit, r.opt.Workers+1)
	g.Go(func() error { return r.hashInputs(ctx) })
	g.Go(func() error {
		defer close(ordered)
		defer close(work)
		return r.read(ctx, work, ordered)
	})
	for range r.opt.Workers {
		g.Go(func() error {
			w := newWorker(r, r.packets)
			for u := range work {
				u.done <- w.process(ctx, u)
			}
			return nil
		})
	}
	g.Go(func() error {
		defer close(tracked)
		return r.track(ctx, ordered, tracked)
	})
	r.encodeFlows(ctx, g)
	g.Go(func() error { return r.collect(ctx, tracked) })
	return g.Wait()
}

// collect takes the units' results in order.
func (r *runner) collect(ctx context.Context, units <-chan *unit) error {
	var shown Progress
	for _, path := range r.paths() {
		if st, err := os.Stat(path); err == nil {
			shown.TotalBytes += st.Size()
		}
	}
	for u := range units {
		var res result
		select {
		case res = <-u.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if res.err != nil {
			return res.err
		}
		r.ledger.PacketsIn += int64(u.packets)
		r.ledger.Rows += int64(res.rows)
		if res.filtered > 0 {
			r.ledger.Skipped[skippedByFilter] += int64(res.filtered)
		}
		add(r.ledger.Malformed, res.malformed)
		if r.packets != nil && res.piece != nil {
			if err := r.packets.out.Commit(res.piece); err != nil {
				return err
			}
		}
		if r.opt.Progress != nil {
			shown.Packets, shown.Bytes = r.ledger.PacketsIn, u.bytesRead
			r.opt.Progress(shown)
		}
	}
	return nil
}

// finish completes the ledger and makes the tables visible.
func (r *runner) finish() (*Result, error) {
	if r.flows != nil {
		r.flows.account(r.ledger)
	}
	if err := r.ledger.Check(); err != nil {
		return nil, err
	}
	var read int64
	for i := range r.inputs {
		read += r.inputs[i].Packets
	}
	if read != r.ledger.PacketsIn {
		return nil, fmt.Errorf("ledger does not balance: the captures gave %d packets, %d were decoded", read, r.ledger.PacketsIn)
	}
	if r.ledger.PacketsIn == 0 && len(r.ledger.Damaged) > 0 && r.digests == nil {
		return &Result{Ledger: r.ledger, Inputs: r.inputs}, fmt.Errorf("%w: %s", ErrNothing, r.ledger.Damaged[0].Error)
	}
	if err := r.show(); err != nil {
		return nil, err
	}
	res := &Result{Ledger: r.ledger, Inputs: r.inputs}
	if len(r.ledger.Damaged) > 0 {
		return res, ErrDamaged
	}
	return res, nil
}

// show finishes all tables and then makes them visible.
func (r *runner) show() error {
	type named struct {
		t    *table
		name string
	}
	var tables []named
	if r.packets != nil {
		tables = append(tables, named{r.packets, PacketsTable})
	}
	if r.flows != nil {
		tables = append(tables, named{r.flows.table, FlowsTable})
	}
	for _, n := range tables {
		if err := n.t.finish(r, n.name); err != nil {
			return err
		}
	}
	if r.digests != nil {
		if err := r.digests.finish(digestTrailer{r.ledger, r.inputs}); err != nil {
			return err
		}
		if err := r.digests.Close(); err != nil {
			return err
		}
	}
	if r.opt.SaveState != "" {
		if err := r.saveState(); err != nil {
			return err
		}
	}
	for _, n := range tables {
		if err := n.t.out.Close(); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) abort() {
	if r.packets != nil {
		r.packets.abort()
	}
	if r.flows != nil {
		r.flows.table.abort()
	}
	if r.digests != nil {
		r.digests.Abort()
	}
}
