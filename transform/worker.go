package transform

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/layer"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
)

// batchRows is how many packets are decoded before they are encoded: few
// enough for the columns to stay in the processor's cache (measured: 64 k
// rows cost 1.7 times the CPU of 8 k).
const batchRows = 8192

// unit is the work between two worker hand-overs: some blocks of packets, in
// order, perhaps of several captures. It becomes one row group.
type unit struct {
	blocks    []fileBlock
	first     int64 // number of its first packet among all that were read, from 0
	packets   int
	bytes     int
	bytesRead int64 // of all inputs, up to the end of this unit

	decoded chan []flow.Digest // from the worker to the tracker; nil where nobody tracks
	placed  chan []flow.Member // from the tracker to a worker whose table has columns of the stream
	done    chan result
}

func newUnit() *unit {
	return &unit{
		decoded: make(chan []flow.Digest, 1), placed: make(chan []flow.Member, 1), done: make(chan result, 1),
	}
}

type fileBlock struct {
	file  int32
	block *pcapio.Block
}

type result struct {
	piece     sink.Piece // nil without a packets table
	rows      int
	filtered  int // packets that the filter does not match
	malformed map[string]int64
	err       error
}

// worker decodes and encodes units; it belongs to one goroutine.
type worker struct {
	chooser  chooser
	parts    []*part      // what a unit is decoded to; without columns of the stream the first serves again and again
	used     int          // parts with rows
	annotate Annotator    // nil: none
	marker   Marker       // the same, if it looks at packets; else nil
	out      *table       // nil: no packets table
	encoder  sink.Encoder // nil likewise
	follow   *following   // nil: nobody tracks flows
	follows  bool         // rows wait for their place in flows
}

// part is a batch of decoded packets and the views of it that are encoded.
type part struct {
	table  *layer.Table
	marks  []flow.Mark   // of its packets, where there is a marker
	joined *schema.Batch // with the annotator's columns
	view   *view         // nil: no packets table
}

func (p *part) reset() {
	p.table.Reset()
	p.marks = p.marks[:0]
}

// newWorker makes a worker that encodes for t; without a table it decodes only.
func newWorker(r *runner, t *table) *worker {
	w := &worker{out: t, follow: r.follow, follows: t != nil && t.follows()}
	w.chooser.all = r.programs
	if r.opt.Annotate != nil {
		w.annotate = r.opt.Annotate()
		w.marker = markerOf(w.annotate)
	}
	if t != nil {
		w.encoder = t.out.NewEncoder()
	}
	w.add(layer.NewTable(r.opt.Layer))
	return w
}

func (w *worker) add(t *layer.Table) {
	p := &part{table: t, joined: t.Batch()}
	if w.annotate != nil {
		p.joined = schema.Join(t.Batch(), w.annotate.Batch())
	}
	if w.out != nil {
		p.view = w.out.view(p.joined)
	}
	w.parts = append(w.parts, p)
}

// process turns a unit into a result and gives its blocks back. A mapped
// capture that others shorten meanwhile is an error, not a crash.
func (w *worker) process(ctx context.Context, u *unit) (res result) {
	res.malformed = make(map[string]int64)
	var digests []flow.Digest
	err := caught(func() { digests = w.decode(u, &res) })
	if err != nil {
		res.err = err
	}
	u.decoded <- digests // also after an error: the tracker waits for it
	if res.err == nil {
		if err := caught(func() { res.err = w.finish(ctx, u, &res) }); err != nil {
			res.err = err
		}
	}
	for _, p := range w.parts {
		add(res.malformed, p.table.TakeErrors())
		p.reset()
	}
	w.used = 0
	for _, fb := range u.blocks {
		fb.block.Release()
	}
	u.blocks = nil
	return res
}

// caught is pcapio.Guard that also turns a panic into an error, so that one
// capture does not take the whole program with it.
func caught(f func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic while packets were decoded, please report it: %v\n%s", p, debug.Stack())
		}
	}()
	return pcapio.Guard(f)
}

// decode makes rows of a unit's packets, and encodes them batch by batch
// unless they wait for their places.
func (w *worker) decode(u *unit, res *result) (digests []flow.Digest) {
	if w.follow != nil {
		digests = w.follow.digests.get(u.packets)
	}
	number := u.first - 1
	for _, fb := range u.blocks {
		for i := range fb.block.Packets {
			p := &fb.block.Packets[i]
			number++
			wanted, err := w.chooser.wants(p)
			if err != nil {
				res.err = err
				return digests
			}
			if !wanted {
				res.filtered++
				continue
			}
			var digest *flow.Digest
			if w.follow != nil {
				digests = append(digests, flow.Digest{})
				digest = &digests[len(digests)-1]
			}
			if res.err = w.append(p, fb.file, number, digest, res); res.err != nil {
				return digests
			}
		}
	}
	return digests
}

// append decodes a packet into the part at hand, after making room.
func (w *worker) append(p *pcapio.Packet, file int32, number int64, d *flow.Digest, res *result) error {
	now := w.parts[max(w.used-1, 0)]
	if w.used == 0 || now.table.Batch().Rows == batchRows {
		if w.used > 0 && !w.follows {
			if err := w.encode(now, res); err != nil {
				return err
			}
			w.used--
		}
		if w.used == len(w.parts) {
			w.add(w.parts[0].table.Sibling())
		}
		now = w.parts[w.used]
		w.used++
	}
	now.table.Append(p, file, d)
	if w.marker != nil {
		mark := w.marker.Mark(p, file)
		now.marks = append(now.marks, mark)
		if d != nil {
			d.Mark = mark
		}
	}
	if now.view != nil {
		now.view.number(number)
	}
	return nil
}

// finish encodes what is not encoded yet and ends the piece.
func (w *worker) finish(ctx context.Context, u *unit, res *result) (err error) {
	if w.follows {
		select {
		case places := <-u.placed:
			rest := places
			for _, p := range w.parts[:w.used] {
				n := p.table.Batch().Rows
				p.table.Place(rest[:n])
				rest = rest[n:]
			}
			w.follow.places.put(places)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, p := range w.parts[:w.used] {
		if err := w.encode(p, res); err != nil {
			return err
		}
	}
	if w.encoder != nil {
		res.piece, err = w.encoder.Flush()
	}
	return err
}

// encode hands a part's rows to the encoder and empties it.
func (w *worker) encode(p *part, res *result) error {
	b := p.table.Batch()
	res.rows += b.Rows
	defer p.reset()
	if w.encoder == nil {
		return nil
	}
	if w.annotate != nil {
		w.annotate.Batch().Reset()
	}
	switch {
	case w.marker != nil:
		w.marker.AnnotateMarked(b, p.marks)
	case w.annotate != nil:
		w.annotate.Annotate(b)
	}
	p.joined.Rows = b.Rows
	p.joined.Finish()
	return w.encoder.Encode(p.view.of(p.joined))
}
