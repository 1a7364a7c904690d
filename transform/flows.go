package transform

import (
	"context"

	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
)

// flowStage adds packets to flows in order and writes the flows that ended.
// It belongs to one goroutine.
type flowStage struct {
	tracker  *flow.Table
	table    *table
	annotate Annotator // nil: none
	encoder  sink.Encoder
	source   *schema.Batch // the batch that joined and selected are made of
	joined   *schema.Batch
	selected *schema.Batch
	pending  int // rows in the piece that the encoder is at
}

func newFlowStage(r *runner) (*flowStage, error) {
	s := &flowStage{}
	if r.opt.Annotate != nil {
		s.annotate = r.opt.Annotate()
	}
	cfg := r.opt.Flow
	cfg.Rows = func(b *schema.Batch) error { return s.write(b, r.opt.UnitRows) }
	s.tracker = flow.NewTable(cfg)
	t, err := newTable(r.opt.Flows, s.join(schema.FromFields(flow.Schema())))
	if err != nil {
		return nil, err
	}
	s.table, s.encoder, s.source = t, t.out.NewEncoder(), nil
	return s, nil
}

// join is b with the annotator's columns behind its own.
func (s *flowStage) join(b *schema.Batch) *schema.Batch {
	if s.annotate == nil {
		return b
	}
	return schema.Join(b, s.annotate.Batch())
}

// tracker gives the table that follows the packets: the flow stage's, or where
// no flows table is wanted one that does no more than that.
func (r *runner) tracker() *flow.Table {
	switch {
	case r.flows != nil:
		return r.flows.tracker
	case r.tracks():
		cfg := r.opt.Flow
		cfg.IDsOnly = true
		return flow.NewTable(cfg)
	}
	return nil
}

// tracks reports whether anybody wants to know which flow a packet belongs to.
func (r *runner) tracks() bool {
	return r.opt.Flows.Path != "" || r.packets != nil && r.packets.follows()
}

// track is the goroutine that follows the packets in their order. It tells the
// workers where each packet belongs and hands the units on.
func (r *runner) track(ctx context.Context, ordered <-chan *unit, tracked chan<- *unit) error {
	t := r.tracker()
	for u := range ordered {
		var digests []flow.Digest
		select {
		case digests = <-u.decoded:
		case <-ctx.Done():
			return ctx.Err()
		}
		if t != nil {
			places := make([]flow.Member, len(digests))
			for i := range digests {
				places[i] = t.Add(&digests[i])
			}
			u.placed <- places
			if err := t.Err(); err != nil {
				return err
			}
		}
		select {
		case tracked <- u:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := ctx.Err(); err != nil || r.flows == nil {
		return err
	}
	if err := t.Finish(); err != nil {
		return err
	}
	return r.flows.flush()
}

// write encodes a batch of ended flows.
func (s *flowStage) write(b *schema.Batch, pieceRows int) error {
	if s.source != b {
		s.source, s.joined = b, s.join(b)
		_, s.selected = s.table.selection(s.joined)
	}
	if s.annotate != nil {
		s.annotate.Batch().Reset()
		s.annotate.Annotate(b)
		s.joined.Rows = b.Rows
		s.joined.Finish()
	}
	s.selected.Rows = b.Rows
	if err := s.encoder.Encode(s.selected); err != nil {
		return err
	}
	if s.pending += b.Rows; s.pending < pieceRows {
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
	st := s.tracker.Stats()
	l.Flows, l.InFlows = st.Flows, st.InFlows
	for i, n := range st.NonFlow {
		if n > 0 {
			l.NonFlow[flow.Reason(i).String()] = n
		}
	}
}
