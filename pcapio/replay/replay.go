package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/pcapline/pcapline/pcapio"
)

// Options say how a corpus is sent. The zero value sends file after file as
// fast as the sink takes it, with the times as they are.
type Options struct {
	Speed   float64        // 1: the original gaps, 10: a tenth of them; 0: none
	Merge   bool           // all files by time; else file after file, without a gap between them
	ShiftTo int64          // time that the first packet gets, ns since 1970; 0: times stay
	MaxGap  time.Duration  // longer gaps are shortened to it, before Speed; 0: none is
	Limit   int64          // packets to send at most; 0: all
	Read    pcapio.Options // how the files are read
	Clock   Clock          // nil: the real one
}

// Clock is what Run waits by.
type Clock interface {
	Now() time.Time
	// Sleep returns after d, or with the context's error.
	Sleep(ctx context.Context, d time.Duration) error
}

// Sink takes packets.
type Sink interface {
	// Send sends a packet of file f, which is borrowed until Send returns. A
	// [Skip] counts the packet and goes on; any other error ends the run.
	Send(f *pcapio.File, p *pcapio.Packet) error
}

// Skip is the reason why a Sink did not send a packet.
type Skip string

func (s Skip) Error() string { return string(s) }

// Stats are the counts of a run: Packets = Sent + all Skipped.
type Stats struct {
	Files      int              `json:"files"`
	Packets    int64            `json:"packets"` // read
	Sent       int64            `json:"sent"`
	Bytes      int64            `json:"bytes"` // captured bytes of those sent
	Skipped    map[string]int64 `json:"skipped,omitempty"`
	Cut        int64            `json:"cut"`          // packets sent that were captured shorter than on the wire
	OutOfOrder int64            `json:"out_of_order"` // packets whose time is before that of one sent earlier
	Untimed    int64            `json:"untimed"`      // packets without a time, sent with that of the one before
	GapsCut    int64            `json:"gaps_cut"`     // by MaxGap
	MaxLate    time.Duration    `json:"max_late"`     // ns
	Elapsed    time.Duration    `json:"elapsed"`      // ns
	Damaged    []string         `json:"damaged,omitempty"`
}

// ParseSpeed reads "1x", "0.5x", "10" or "max", which is 0.
func ParseSpeed(s string) (float64, error) {
	if s == "max" {
		return 0, nil
	}
	f, err := strconv.ParseFloat(strings.TrimSuffix(s, "x"), 64)
	if err != nil || !(f > 0 && f <= 1e9) {
		return 0, fmt.Errorf("speed %q: want max, or a factor above zero such as 1x or 10x", s)
	}
	return f, nil
}

// Run sends the packets of the files at paths. Files that are missing or
// damaged are named in Stats.Damaged; the error is the context's or the sink's.
// The Stats hold in any case.
func Run(ctx context.Context, paths []string, sink Sink, opt Options) (Stats, error) {
	if opt.Clock == nil {
		opt.Clock = realClock{}
	}
	var stream *pcapio.Stream
	if opt.Merge {
		stream = pcapio.Merge(ctx, paths, opt.Read)
	} else {
		stream = pcapio.Blocks(ctx, paths, opt.Read)
	}
	defer stream.Close()
	r := &run{ctx: ctx, sink: sink, opt: opt, pace: pace{speed: opt.Speed, maxGap: int64(opt.MaxGap)}}
	r.begin = opt.Clock.Now()
	err := r.all(stream)
	r.stats.Elapsed = opt.Clock.Now().Sub(r.begin)
	r.stats.GapsCut = r.pace.cut
	return r.stats, err
}

// errLimit ends a run at Options.Limit.
var errLimit = errors.New("limit reached")

type run struct {
	ctx   context.Context
	sink  Sink
	opt   Options
	stats Stats
	begin time.Time
	pace  pace
	shift int64 // added to times
	last  int64 // time of the packet before
	newer int64 // latest time so far
	any   bool  // a packet was read
}

func (r *run) all(stream *pcapio.Stream) error {
	for {
		ev, err := stream.Next()
		if err == io.EOF { //nolint:errorlint // Next gives it bare
			return nil
		} else if err != nil {
			return err
		}
		switch ev.Kind {
		case pcapio.FileBegin:
			r.stats.Files++
			r.pace.fresh = !r.opt.Merge
		case pcapio.FileEnd:
			if ev.Err != nil {
				r.stats.Damaged = append(r.stats.Damaged, ev.Err.Error())
			}
		case pcapio.FileBlock:
			err := r.block(ev)
			ev.Block.Release()
			if err == errLimit {
				return nil
			} else if err != nil {
				return err
			}
		}
	}
}

func (r *run) block(ev pcapio.Event) error {
	for i := range ev.Block.Packets {
		if r.opt.Limit > 0 && r.stats.Packets == r.opt.Limit {
			return errLimit
		}
		p := ev.Block.Packets[i] // the block's own stays as it was read
		if err := r.packet(ev.File, &p); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) packet(f *pcapio.File, p *pcapio.Packet) error {
	r.stats.Packets++
	r.time(p)
	if r.opt.Speed > 0 {
		if err := r.wait(p.Time); err != nil {
			r.stats.Packets--
			return err
		}
	}
	p.Time += r.shift
	size, cut := len(p.Data), int(p.WireLen) > len(p.Data)
	err := r.sink.Send(f, p)
	var skip Skip
	switch {
	case errors.As(err, &skip):
		if r.stats.Skipped == nil {
			r.stats.Skipped = map[string]int64{}
		}
		r.stats.Skipped[string(skip)]++
		return nil
	case err != nil:
		r.stats.Packets--
		return err
	}
	r.stats.Sent++
	r.stats.Bytes += int64(size)
	if cut {
		r.stats.Cut++
	}
	return nil
}

// time gives a packet without a time that of the one before, and finds by how
// much all are shifted.
func (r *run) time(p *pcapio.Packet) {
	if p.Time == 0 {
		r.stats.Untimed++
		p.Time = r.last
	}
	r.last = p.Time
	if !r.any {
		r.any, r.newer = true, p.Time
		if r.opt.ShiftTo != 0 {
			r.shift = r.opt.ShiftTo - p.Time
		}
	}
	if p.Time < r.newer {
		r.stats.OutOfOrder++
	}
	r.newer = max(r.newer, p.Time)
}

// wait sleeps until a packet of time t may go.
func (r *run) wait(t int64) error {
	due := r.begin.Add(r.pace.due(t))
	late := r.opt.Clock.Now().Sub(due)
	if late < 0 {
		return r.opt.Clock.Sleep(r.ctx, -late)
	}
	r.stats.MaxLate = max(r.stats.MaxLate, late)
	return nil
}

// pace says when packets go, by their times.
type pace struct {
	speed  float64
	maxGap int64
	fresh  bool // a file begins whose times have nothing to do with those before
	any    bool
	newest int64   // latest time of this file, or of all
	at     float64 // ns after the begin of the run at which it goes
	cut    int64
}

// due gives the time after the begin of the run at which a packet of time t goes.
func (p *pace) due(t int64) time.Duration {
	if !p.any || p.fresh {
		p.any, p.fresh, p.newest = true, false, t
	}
	if gap := t - p.newest; gap > 0 {
		if p.maxGap > 0 && gap > p.maxGap {
			gap = p.maxGap
			p.cut++
		}
		p.at += float64(gap) / p.speed
		p.newest = t
	}
	const forever = 1 << 62
	return time.Duration(min(p.at, forever))
}

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

func (realClock) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
