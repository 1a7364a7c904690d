package transform

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
)

// flowStage adds packets to flows in order and writes the flows that ended.
// One goroutine has the tracker, another encodes: while a batch of rows is
// filled, the one before is written.
type flowStage struct {
	tracker *flow.Table
	full    chan *flow.Rows // from the tracker to the encoder
	spare   chan *flow.Rows // back
	stopped <-chan struct{} // nobody encodes any more
	before  flow.Stats      // of the runs whose state was loaded

	table     *table
	annotate  Annotator // nil: none
	marker    Marker    // the same, if it looks at packets; else nil
	encoder   sink.Encoder
	views     map[*flow.Rows]joinedView
	pieceRows int
	pending   int // rows in the piece that the encoder is at
	rows      int64
}

// joinedView is a batch with the annotator's columns and what is written of it.
type joinedView struct {
	joined *schema.Batch
	view   *view
}

func newFlowStage(r *runner) (*flowStage, error) {
	s := &flowStage{
		full: make(chan *flow.Rows), spare: make(chan *flow.Rows, 2), views: make(map[*flow.Rows]joinedView),
		pieceRows: r.opt.UnitRows,
	}
	s.spare <- flow.NewRows() // beside the one that the tracker has
	if r.opt.Annotate != nil {
		s.annotate = r.opt.Annotate()
		s.marker = markerOf(s.annotate)
	}
	cfg := r.opt.Flow
	cfg.Rows = s.deliver
	if cfg.Early > 0 || cfg.EarlyTime > 0 {
		cfg.Rows, cfg.EarlyRows = nil, cfg.Rows
	}
	tracker, earlier, err := restoreFlows(r.opt.LoadState, cfg)
	if err != nil {
		return nil, err
	}
	s.tracker, s.before = tracker, tracker.Stats()
	r.earlier, r.base = earlier, r.base+len(earlier)
	t, err := newTable(r.opt.Flows, s.join(schema.FromFields(flow.Schema())))
	if err != nil {
		return nil, err
	}
	s.table, s.encoder = t, t.out.NewEncoder()
	return s, nil
}

// join is b with the annotator's columns behind its own.
func (s *flowStage) join(b *schema.Batch) *schema.Batch {
	if s.annotate == nil {
		return b
	}
	return schema.Join(b, s.annotate.Batch())
}

// following is what passes between the workers and the goroutine that follows
// the packets in their order.
type following struct {
	table   *flow.Table // the flow stage's, or where no flows table is wanted one that does no more than that
	places  spares[flow.Member]
	digests spares[flow.Digest]
	wanted  bool        // the packets table has columns of the stream
	shard   *digestSink // where digests go in place of table; nil: this is no shard
}

// newFollowing returns nil where nobody wants to know which flow a packet
// belongs to.
func newFollowing(r *runner) *following {
	f := &following{wanted: r.packets != nil && r.packets.follows()}
	switch {
	case r.flows != nil:
		f.table = r.flows.tracker
	case f.wanted:
		cfg := r.opt.Flow
		cfg.IDsOnly = true
		f.table = flow.NewTable(cfg)
	case r.digests != nil:
		f.shard = r.digests.sink
	default:
		return nil
	}
	return f
}

// add follows a unit's packets and tells the worker where they belong.
func (f *following) add(u *unit, digests []flow.Digest) error {
	if f.shard != nil {
		err := f.shard.add(digests)
		f.digests.put(digests)
		return err
	}
	var places []flow.Member
	if f.wanted {
		places = f.places.get(len(digests))
	}
	for i := range digests {
		place := f.table.Add(&digests[i])
		if f.wanted {
			places = append(places, place)
		}
	}
	f.digests.put(digests)
	u.placed <- places
	return f.table.Err()
}

// spares keeps slices for use again. They are megabytes, and clearing new
// pages would cost as much as filling them. There are never more than were in
// use at once.
type spares[T any] struct {
	mu   sync.Mutex
	free [][]T
}

// get returns an empty slice with room for n elements.
func (s *spares[T]) get(n int) []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.free) - 1
	if last < 0 {
		return make([]T, 0, n)
	}
	v := s.free[last]
	s.free = s.free[:last]
	return v
}

func (s *spares[T]) put(v []T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(v) // an idle slice keeps nothing alive
	s.free = append(s.free, v[:0])
}

// track is the goroutine that follows the packets. It hands the units on.
func (r *runner) track(ctx context.Context, ordered <-chan *unit, tracked chan<- *unit) error {
	for u := range ordered {
		var digests []flow.Digest
		select {
		case digests = <-u.decoded:
		case <-ctx.Done():
			return ctx.Err()
		}
		if r.follow != nil {
			if err := r.follow.add(u, digests); err != nil {
				return err
			}
		}
		select {
		case tracked <- u:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.endFlows()
}

func (s *flowStage) add(digests []flow.Digest, placed Placed) error {
	for i := range digests {
		place := s.tracker.Add(&digests[i])
		if placed == nil {
			continue
		}
		if err := placed(&digests[i], place); err != nil {
			return err
		}
	}
	return s.tracker.Err()
}

// endFlows ends what is open, unless the next run is to go on with it.
func (r *runner) endFlows() error {
	s := r.flows
	if s == nil {
		return nil
	}
	defer close(s.full)
	if r.opt.SaveState != "" {
		s.tracker.Flush()
		return s.tracker.Err()
	}
	return s.tracker.Finish()
}

// encodeFlows starts the goroutine that writes flows, if they are wanted. It
// ends by itself after endFlows.
func (r *runner) encodeFlows(ctx context.Context, g *errgroup.Group) {
	if s := r.flows; s != nil {
		s.stopped = ctx.Done()
		g.Go(func() error { return s.encode(ctx) })
	}
}

// deliver hands the tracker's rows on.
func (s *flowStage) deliver(full *flow.Rows) (next *flow.Rows, err error) {
	select {
	case s.full <- full:
	case <-s.stopped:
		return full, context.Canceled
	}
	select {
	case next = <-s.spare:
		return next, nil
	case <-s.stopped:
		return full, context.Canceled
	}
}

// encode writes the rows that the tracker makes until it ends.
func (s *flowStage) encode(ctx context.Context) error {
	for {
		select {
		case full, more := <-s.full:
			if !more {
				return s.flush()
			}
			if err := s.write(full); err != nil {
				return err
			}
			s.spare <- full
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// write encodes a batch of ended flows.
func (s *flowStage) write(r *flow.Rows) error {
	b := r.Batch()
	v, ok := s.views[r]
	if !ok {
		v.joined = s.join(b)
		v.view = s.table.view(v.joined)
		s.views[r] = v
	}
	if s.annotate != nil {
		s.annotate.Batch().Reset()
		if s.marker != nil {
			s.marker.AnnotateMarked(b, r.Marks())
		} else {
			s.annotate.Annotate(b)
		}
		v.joined.Rows = b.Rows
		v.joined.Finish()
	}
	if err := s.encoder.Encode(v.view.of(v.joined)); err != nil {
		return err
	}
	s.rows += int64(b.Rows)
	if s.pending += b.Rows; s.pending < s.pieceRows {
		return nil
	}
	return s.flush()
}

func (s *flowStage) flush() error {
	if s.pending == 0 {
		return nil
	}
	piece, err := s.encoder.Flush()
	if err != nil {
		return err
	}
	s.pending = 0
	return s.table.out.Commit(piece)
}

// account enters the flows into the ledger.
func (s *flowStage) account(l *Ledger) {
	st, was := s.tracker.Stats(), s.before
	l.Flows, l.InFlows, l.Open = s.rows, st.InFlows-was.InFlows, st.OpenFlows
	l.Carried = st.Waiting - was.Waiting
	for i, n := range st.NonFlow {
		if n -= was.NonFlow[i]; n > 0 {
			l.NonFlow[flow.Reason(i).String()] = n
		}
	}
	for _, f := range []struct {
		name string
		n    int64
	}{
		{"hosts", st.ForgottenHosts - was.ForgottenHosts},
		{"events", st.ForgottenEvents - was.ForgottenEvents},
		{"pairs", st.ForgottenPairs - was.ForgottenPairs},
		{"services", st.ForgottenServices - was.ForgottenServices},
	} {
		if f.n > 0 {
			if l.Forgotten == nil {
				l.Forgotten = map[string]int64{}
			}
			l.Forgotten[f.name] = f.n
		}
	}
}
