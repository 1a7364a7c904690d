package transform

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/pcapline/pcapline/pcapio"
)

// read gathers the captures' blocks into units and hands each to the workers
// and, in order, to the collector.
func (r *runner) read(ctx context.Context, work, ordered chan<- *unit) error {
	open := pcapio.Blocks
	if r.opt.Merge {
		open = pcapio.Merge
	}
	s := open(ctx, r.paths(), r.opt.Reader)
	defer s.Close()
	g := gatherer{r: r, ctx: ctx, work: work, ordered: ordered, rows: r.opt.UnitRows}
	if r.packets == nil {
		g.rows = min(g.rows, batchRows) // no row groups: what the tracker is handed stays in the cache
	}
	for {
		ev, err := s.Next()
		if errors.Is(err, io.EOF) {
			return g.send()
		}
		if err != nil {
			return err
		}
		switch ev.Kind {
		case pcapio.FileBlock:
			if err := g.add(int32(r.base+ev.Index), ev.Block); err != nil {
				return err
			}
		case pcapio.FileEnd:
			r.endFile(ev)
			g.before += max(ev.File.Size, 0)
		}
	}
}

// endFile enters a capture into the ledger. It runs in the reader's
// goroutine; nobody else touches these fields of the ledger before Run's
// goroutines have ended.
func (r *runner) endFile(ev pcapio.Event) {
	part := r.opt.Parts[ev.Index]
	packets, lost := ev.File.Packets, ev.File.Dropped
	if part.Range != (pcapio.Range{}) {
		packets, lost = max(packets-part.Range.Before, 0), 0
		if part.last() {
			lost = part.Lost
		}
	}
	r.inputs[ev.Index].Packets = packets
	r.ledger.Dropped += lost
	if ev.Err == nil {
		if part.last() {
			r.ledger.Files++
		}
		return
	}
	in, text := &r.inputs[ev.Index], ev.Err.Error() // not a copy: its digest is noted beside
	if part.Refused != "" {
		text = part.Refused
	}
	if r.opt.Names != nil { // where captures lie on a machine is not to be in outputs
		text = strings.ReplaceAll(text, in.path, in.File)
	}
	r.ledger.Damaged = append(r.ledger.Damaged, Damage{File: in.File, Packets: ev.File.Packets, Error: text})
}

// gatherer makes units of blocks.
type gatherer struct {
	r             *runner
	ctx           context.Context
	work, ordered chan<- *unit
	rows          int // packets in a unit
	unit          *unit
	before        int64 // bytes of the files that were read to their end
	packets       int64 // of the units so far
}

func (g *gatherer) add(file int32, b *pcapio.Block) error {
	if g.unit != nil && (g.unit.packets+len(b.Packets) > g.rows || g.unit.bytes+b.Bytes > g.r.opt.UnitSize) {
		if err := g.send(); err != nil {
			b.Release()
			return err
		}
	}
	if g.unit == nil {
		g.unit = newUnit()
		g.unit.first = g.packets
	}
	u := g.unit
	u.blocks = append(u.blocks, fileBlock{file, b})
	u.packets += len(b.Packets)
	g.packets += int64(len(b.Packets))
	u.bytes += b.Bytes
	u.bytesRead = g.before + b.Read
	return nil
}

// send hands the unit on, if there is one.
func (g *gatherer) send() error {
	u := g.unit
	g.unit = nil
	if u == nil {
		return nil
	}
	for _, to := range []chan<- *unit{g.ordered, g.work} {
		select {
		case to <- u:
		case <-g.ctx.Done():
			return g.ctx.Err()
		}
	}
	return nil
}
