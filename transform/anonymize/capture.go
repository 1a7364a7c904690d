package anonymize

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/sink"
)

// unit is a block of packets on its way through a worker.
type unit struct {
	block   *pcapio.Block
	packets []pcapio.Packet // the copies
	bytes   []byte          // that they lie in
	done    chan error
}

// reasonTime is why a packet is not written, in CaptureReport.Skipped.
const reasonTime = "its time, shifted, cannot be written"

// anonymizer is the work on one capture.
type anonymizer struct {
	opt    *Options
	rep    *CaptureReport
	writer *pcapio.Writer
	ifaces int32 // declared in the output: as many as the input's packets needed
	units  sync.Pool
	counts []*packetCounts // of each worker
}

// anonymizeCapture rewrites the packets of in, by several goroutines, into a
// pcapng file, in their order.
func anonymizeCapture(ctx context.Context, opt *Options, in, out string) (*CaptureReport, error) {
	pending, err := sink.NewPending(out)
	if err != nil {
		return nil, fmt.Errorf("create capture: %w", err)
	}
	defer pending.Abort()
	a := &anonymizer{opt: opt, rep: newCaptureReport(in, out)}
	a.writer, err = pcapio.NewWriter(pending, pcapio.WriterOptions{
		Section: pcapio.Section{Application: "pcapline " + transform.Version},
	})
	if err != nil {
		return nil, err
	}
	if err := a.run(ctx, in); err != nil {
		return nil, err
	}
	if err := a.rep.close(a.counts); err != nil {
		return nil, err
	}
	if err := a.writer.Flush(); err != nil {
		return nil, err
	}
	return a.rep, pending.Close()
}

// run reads, rewrites in parallel, and writes in order.
func (a *anonymizer) run(ctx context.Context, in string) error {
	group, ctx := errgroup.WithContext(ctx)
	work, ordered := make(chan *unit, a.opt.Workers), make(chan *unit, 2*a.opt.Workers)
	group.Go(func() error {
		defer close(work)
		defer close(ordered)
		return a.read(ctx, in, work, ordered)
	})
	for range a.opt.Workers {
		r := newRewriter(a.opt)
		a.counts = append(a.counts, &r.counts)
		group.Go(func() error {
			for u := range work {
				u.done <- u.rewrite(r)
			}
			return nil
		})
	}
	group.Go(func() error { return a.write(ctx, ordered) })
	return group.Wait()
}

// read hands each block to the workers and, in order, to the writer.
func (a *anonymizer) read(ctx context.Context, in string, work, ordered chan<- *unit) error {
	s := pcapio.Blocks(ctx, []string{in}, a.opt.Reader)
	defer s.Close()
	for {
		ev, err := s.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case ev.Kind == pcapio.FileEnd:
			if err := a.rep.endFile(ev); err != nil {
				return err
			}
		case ev.Kind == pcapio.FileBlock:
			u, _ := a.units.Get().(*unit)
			if u == nil {
				u = &unit{done: make(chan error, 1)}
			}
			u.block = ev.Block
			for _, to := range []chan<- *unit{work, ordered} {
				select {
				case to <- u:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
	}
}

// rewrite makes the copies of a unit's packets.
func (u *unit) rewrite(r *rewriter) error {
	u.packets, u.bytes = u.packets[:0], u.bytes[:0]
	err := pcapio.Guard(func() {
		if cap(u.bytes) < u.block.Bytes {
			u.bytes = make([]byte, 0, u.block.Bytes)
		}
		for i := range u.block.Packets {
			p := u.block.Packets[i]
			if p.WireLen == 0 { // the writer takes 0 for the length of the data, which may be cut
				p.WireLen = uint32(len(p.Data))
			}
			start := len(u.bytes)
			u.bytes = r.packet(u.bytes, &p, u.block.File.Interfaces[p.Interface].FCSLen)
			p.Data = u.bytes[start:len(u.bytes):len(u.bytes)]
			u.packets = append(u.packets, p)
		}
	})
	return err
}

// write writes units in their order.
func (a *anonymizer) write(ctx context.Context, ordered <-chan *unit) error {
	for u := range ordered {
		select {
		case err := <-u.done:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
		for i := range u.packets {
			if err := a.packet(&u.packets[i], u.block.File); err != nil {
				return err
			}
		}
		u.block.Release()
		u.block = nil
		a.units.Put(u)
	}
	return nil
}

// packet writes a copy without its comment and with its time shifted.
func (a *anonymizer) packet(p *pcapio.Packet, f *pcapio.File) error {
	a.rep.In++
	for a.ifaces <= p.Interface { // those between too, so that numbers stay
		i := &f.Interfaces[a.ifaces]
		if _, err := a.writer.AddInterface(&pcapio.Interface{LinkType: i.LinkType, SnapLen: i.SnapLen, FCSLen: i.FCSLen}); err != nil {
			return err
		}
		a.ifaces++
	}
	p.Comment = ""
	ok := true
	if !p.NoTime {
		p.Time, ok = shifted(p.Time, a.opt.shift)
	}
	if !ok || pcapio.CheckPacket(p) != nil {
		a.rep.Skipped[reasonTime]++
		return nil
	}
	a.rep.Out++
	return a.writer.Write(p)
}

// shifted adds to a time in 64 bits, unless it does not fit.
func shifted(t, by int64) (int64, bool) {
	if by > 0 && t > math.MaxInt64-by || by < 0 && t < math.MinInt64-by {
		return t, false
	}
	return t + by, true
}
