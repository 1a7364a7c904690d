package lake

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/pcapline/pcapline/pcapio/spool"
	"github.com/pcapline/pcapline/transform"
)

// Batch is what one call of [Lake.Batch] is to do.
type Batch struct {
	From     Sources
	Config   Config
	Label    Labeller
	Workers  int
	Progress func(transform.Progress)
	Shard    func(done, of int) // told of each shard that is done; nil: nobody asks
}

// Batch brings the lake up to date: it finishes the run that a killed batch, or
// many machines, left unfinished, then makes one of all captures that are in no
// run yet. It gives the manifests of the runs that were published, oldest
// first; none says that there was nothing to do.
func (l *Lake) Batch(ctx context.Context, b Batch) ([]*Manifest, error) {
	held, err := l.lock()
	if err != nil {
		return nil, err
	}
	defer held.Close()
	var made []*Manifest
	pending, err := l.Pending()
	if err == nil && pending != nil {
		var m *Manifest
		if m, err = l.finish(ctx, pending, b); err == nil {
			made = append(made, m)
		}
		if errors.Is(err, ErrChanged) {
			err = l.discard() // its captures are planned anew
		}
	}
	if err != nil {
		return made, err
	}
	p, err := l.plan(ctx, b.From, b.Config)
	if errors.Is(err, ErrNothingNew) {
		return made, b.From.consumed(l)
	}
	if err != nil {
		return made, err
	}
	m, err := l.finish(ctx, p, b)
	if err != nil {
		return made, err
	}
	return append(made, m), b.From.consumed(l)
}

// finish does all shards of a plan and commits it.
func (l *Lake) finish(ctx context.Context, p *Plan, b Batch) (*Manifest, error) {
	w, err := NewWorker(p, b.Label)
	if err != nil {
		return nil, err
	}
	w.Workers, w.Progress = b.Workers, b.Progress
	for n := 1; n <= len(p.Shards); n++ {
		if _, err := w.Run(ctx, n); err != nil {
			return nil, err
		}
		if b.Shard != nil {
			b.Shard(n, len(p.Shards))
		}
	}
	return l.commit(ctx, w)
}

// Cursor is the name of the batch's cursor in spools.
const Cursor = "batch"

// consumed tells the spools how far their segments are in the lake, so that
// quotas delete those first. A spool without segments has nothing to tell.
func (from Sources) consumed(l *Lake) error {
	if len(from.Spools) == 0 {
		return nil
	}
	d, err := l.done()
	if err != nil {
		return err
	}
	for _, dir := range from.Spools {
		list, err := spool.List(dir)
		if err != nil {
			return err
		}
		at := spool.Position{}
		for _, s := range list {
			if _, in := d.inputs[[2]string{s.Sensor, s.Name}]; s.Part || !in {
				break
			}
			at = spool.Position{Segment: s.Name, Offset: s.Size}
		}
		if at.Segment == "" {
			continue
		}
		c, err := spool.OpenCursor(dir, Cursor)
		if err != nil {
			return err
		}
		if err := c.Advance(at); err != nil {
			return err
		}
	}
	return nil
}

// WriteText says what a run did, for people.
func (m *Manifest) WriteText(w io.Writer) {
	fmt.Fprintf(w, "run %s: %d shards, %d files\n", m.Run, m.Shards, len(m.Outputs))
	m.Ledger.WriteText(w)
	for _, q := range m.Quarantined {
		fmt.Fprintf(w, "quarantined: %s/%s: %s\n", q.Sensor, q.File, q.Reason)
	}
}
