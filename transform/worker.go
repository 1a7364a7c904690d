package transform

import (
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
	packets   int
	bytes     int
	bytesRead int64 // of all inputs, up to the end of this unit
	done      chan result
	digests   []flow.Digest // after processing, when flows are asked for
}

type fileBlock struct {
	file  int32
	block *pcapio.Block
}

type result struct {
	piece     sink.Piece // nil without a packets table
	rows      int
	digests   []flow.Digest
	malformed map[string]int64
	err       error
}

// worker decodes and encodes units; it belongs to one goroutine.
type worker struct {
	table    *layer.Table
	annotate Annotator // nil: none
	marker   Marker    // the same, if it looks at packets; else nil
	marks    []flow.Mark
	joined   *schema.Batch
	selected *schema.Batch
	encoder  sink.Encoder // nil: no packets table
	digests  bool
}

// newWorker makes a worker that encodes for t; without a table it decodes only.
func newWorker(r *runner, t *table) *worker {
	w := &worker{table: layer.NewTable(r.opt.Layer), digests: r.opt.Flows.Path != ""}
	w.joined = w.table.Batch()
	if r.opt.Annotate != nil {
		w.annotate = r.opt.Annotate()
		w.marker = markerOf(w.annotate)
		w.joined = schema.Join(w.table.Batch(), w.annotate.Batch())
	}
	if t != nil {
		w.encoder = t.out.NewEncoder()
		w.selected = t.selection(w.joined)
	}
	return w
}

// process turns a unit into a result and gives its blocks back. A mapped
// capture that others shorten meanwhile is an error, not a crash.
func (w *worker) process(u *unit) (res result) {
	if err := pcapio.Guard(func() { res = w.encodeUnit(u) }); err != nil {
		res.err = err
	}
	for _, fb := range u.blocks {
		fb.block.Release()
	}
	u.blocks = nil
	return res
}

func (w *worker) encodeUnit(u *unit) (res result) {
	if w.digests {
		res.digests = make([]flow.Digest, 0, u.packets)
	}
	var d flow.Digest
	for _, fb := range u.blocks {
		for i := range fb.block.Packets {
			d = flow.Digest{}
			w.table.Append(&fb.block.Packets[i], fb.file, &d)
			if w.marker != nil {
				d.Mark = w.marker.Mark(&fb.block.Packets[i], fb.file)
				w.marks = append(w.marks, d.Mark)
			}
			if w.digests {
				res.digests = append(res.digests, d)
			}
			if w.table.Batch().Rows == batchRows {
				if res.err = w.encode(&res); res.err != nil {
					return res
				}
			}
		}
	}
	if res.err = w.encode(&res); res.err != nil {
		return res
	}
	if w.encoder != nil {
		res.piece, res.err = w.encoder.Flush()
	}
	res.malformed = w.table.TakeErrors()
	return res
}

// encode hands the rows decoded so far to the encoder and empties the batch.
func (w *worker) encode(res *result) error {
	b := w.table.Batch()
	if b.Rows == 0 {
		return nil
	}
	res.rows += b.Rows
	defer w.reset()
	if w.encoder == nil {
		return nil
	}
	switch {
	case w.marker != nil:
		w.marker.AnnotateMarked(b, w.marks)
	case w.annotate != nil:
		w.annotate.Annotate(b)
	}
	w.joined.Rows = b.Rows
	w.joined.Finish()
	w.selected.Rows = b.Rows
	return w.encoder.Encode(w.selected)
}

func (w *worker) reset() {
	w.table.Reset()
	w.marks = w.marks[:0]
	if w.annotate != nil {
		w.annotate.Batch().Reset()
		w.joined.Rows = 0
	}
}
