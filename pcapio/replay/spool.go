package replay

import (
	"errors"
	"fmt"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/spool"
)

// Spool is a Sink that writes segments. Interfaces of different files that
// are alike become one. Nothing is dropped: a slow disk slows the replay down.
type Spool struct {
	cfg    spool.Config
	w      *spool.Writer
	ifaces map[ifaceKey]int32
	file   *pcapio.File // whose interfaces are in local
	local  []int32      // index in the spool, by that in file; -1: not asked yet
}

// ifaceKey is what makes interfaces alike.
type ifaceKey struct {
	name, description, filter string
	link                      pcapio.LinkType
	snapLen                   uint32
	fcs                       int
}

// NewSpool begins when the first packet comes. Of the configuration,
// Interfaces follow from the packets; Wait and PacketTime are set, so the
// segments depend on the packets alone.
func NewSpool(cfg spool.Config) *Spool {
	cfg.Wait, cfg.PacketTime, cfg.Interfaces = true, true, nil
	return &Spool{cfg: cfg, ifaces: map[ifaceKey]int32{}}
}

// SkipUnwritable counts packets of times before 1970 and such.
const SkipUnwritable Skip = "cannot be written to a pcapng file"

// Send writes a packet.
func (s *Spool) Send(f *pcapio.File, p *pcapio.Packet) error {
	i, err := s.iface(f, p)
	if err != nil {
		return err
	}
	out := *p
	out.Interface = i
	err = s.w.Write(&out)
	if errors.Is(err, pcapio.ErrNotWritable) {
		return SkipUnwritable
	}
	return err
}

// iface gives the spool's index of a packet's interface.
func (s *Spool) iface(f *pcapio.File, p *pcapio.Packet) (int32, error) {
	if f != s.file {
		s.file, s.local = f, s.local[:0]
	}
	for len(s.local) <= int(p.Interface) {
		s.local = append(s.local, -1)
	}
	if i := s.local[p.Interface]; i >= 0 {
		return i, nil
	}
	if int(p.Interface) >= len(f.Interfaces) {
		return 0, fmt.Errorf("%s: packet %d is of interface %d, but the file has %d", f.Path, p.Number, p.Interface, len(f.Interfaces))
	}
	i, err := s.declare(f.Interfaces[p.Interface])
	s.local[p.Interface] = i
	return i, err
}

func (s *Spool) declare(i pcapio.Interface) (int32, error) {
	i.Stats, i.Lost = nil, 0
	key := ifaceKey{i.Name, i.Description, i.Filter, i.LinkType, i.SnapLen, i.FCSLen}
	if n, ok := s.ifaces[key]; ok {
		return n, nil
	}
	var n int
	var err error
	if s.w == nil {
		s.cfg.Interfaces = []pcapio.Interface{i}
		s.w, err = spool.Open(s.cfg)
	} else {
		n, err = s.w.AddInterface(i)
	}
	if err != nil {
		return -1, err
	}
	s.ifaces[key] = int32(n)
	return int32(n), nil
}

// Stats are those of the spool's writer; zero before the first packet.
func (s *Spool) Stats() spool.Stats {
	if s.w == nil {
		return spool.Stats{}
	}
	return s.w.Stats()
}

// Close finishes the last segment.
func (s *Spool) Close() error {
	if s.w == nil {
		return nil
	}
	return s.w.Close()
}
