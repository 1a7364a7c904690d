package watch

import (
	"time"

	"github.com/pcapline/pcapline/pcapio/spool"
)

const (
	blockOverhead = 32 // bytes of a packet's block beside its data
	sayBehind     = 10 * time.Second
	behindFrom    = 5 * time.Second // shorter delays are how packets come
)

// look finds how far the watch is behind, and begins to shed where it is too far.
func (w *Watcher) look() error {
	list, err := spool.List(w.opt.Spool)
	if err != nil {
		return err
	}
	at, err := w.tail.Position()
	if err != nil {
		return err
	}
	s := &w.stats
	s.Segment, s.LagBytes, s.LagSeconds = at.Segment, 0, 0
	here, _ := spool.ParseName(at.Segment)
	for _, seg := range list {
		switch {
		case seg.Seq > here.Seq:
			s.LagBytes += seg.Size
			if w.last > 0 {
				s.LagSeconds = max(s.LagSeconds, time.Duration(seg.Start-w.last).Seconds())
			}
		case seg.Seq == here.Seq:
			s.LagBytes += max(0, seg.Size-at.Offset)
		}
	}
	if w.opt.MaxLag > 0 && s.LagBytes > w.opt.MaxLag && w.shed <= 0 {
		w.shed = s.LagBytes - w.opt.MaxLag/2
		w.warn("too far behind: the oldest packets are passed over unscored", "bytes", w.shed, "lag_bytes", s.LagBytes, "max_lag", w.opt.MaxLag)
	}
	if late := s.LagSeconds >= behindFrom.Seconds(); late && !w.opt.Once && time.Since(w.behind) >= sayBehind {
		w.behind = time.Now()
		w.warn("behind", "bytes", s.LagBytes, "seconds", s.LagSeconds, "shed_packets", s.Shed)
	}
	return nil
}
