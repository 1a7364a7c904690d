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
	marker   Marker    // the same, if it looks at packets; else nil
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
		s.marker = markerOf(s.annotate)
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

// trackFlows is the stage's goroutine.
func (r *runner) trackFlows(ctx context.Context, units <-chan *unit) error {
	if r.flows == nil {
		for range units {
		}
		return nil
	}
	s := r.flows
	for u := range units {
		for i := range u.digests {
			s.tracker.Add(&u.digests[i])
		}
		if err := s.tracker.Err(); err != nil {
			return err
		}
		u.digests = nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.tracker.Finish(); err != nil {
		return err
	}
	return s.flush()
}

// write encodes a batch of ended flows.
func (s *flowStage) write(b *schema.Batch, pieceRows int) error {
	if s.source != b {
		s.source, s.joined = b, s.join(b)
		s.selected = s.table.selection(s.joined)
	}
	if s.annotate != nil {
		s.annotate.Batch().Reset()
		if s.marker != nil {
			s.marker.AnnotateMarked(b, s.tracker.Marks())
		} else {
			s.annotate.Annotate(b)
		}
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
