package pcapio

import (
	"io"
	"math"
)

// Info describes a capture, as capinfos does. Times are ns since 1970, of the
// packets that have one.
type Info struct {
	*File
	SHA256        string          `json:"sha256,omitempty"` // of the file as it lies on disk; only a regular file has one
	Captured      int64           `json:"captured_bytes"`
	Wire          int64           `json:"wire_bytes"`
	Cut           int64           `json:"cut_packets"`   // captured shorter than on the wire
	Shortest      int             `json:"shortest"`      // captured bytes of a packet
	Longest       int             `json:"longest"`       // captured bytes of a packet
	Untimed       int64           `json:"untimed"`       // packets without a time
	First         int64           `json:"first_ns"`      // earliest
	Last          int64           `json:"last_ns"`       // latest
	Duration      int64           `json:"duration_ns"`   // from First to Last
	InOrder       bool            `json:"in_order"`      // no packet's time is before its predecessor's
	BytesPerSec   float64         `json:"bytes_per_sec"` // on the wire; 0 without a duration
	PacketsPerSec float64         `json:"packets_per_sec"`
	AveragePacket float64         `json:"average_packet"` // bytes on the wire
	LinkTypes     []LinkCount     `json:"linktypes"`      // in order of appearance
	PerInterface  []InterfaceInfo `json:"per_interface"`  // in the order of Interfaces
	Damage        string          `json:"damage,omitempty"`
}

// LinkCount counts the packets of a link type.
type LinkCount struct {
	LinkType LinkType `json:"linktype"`
	Name     string   `json:"name"`
	Packets  int64    `json:"packets"`
}

// InterfaceInfo counts the packets of an interface.
type InterfaceInfo struct {
	Packets  int64 `json:"packets"`
	Captured int64 `json:"captured_bytes"`
	Wire     int64 `json:"wire_bytes"`
}

// Inspect reads a whole capture. For a damaged one it gives what was read
// together with the [*FormatError]; only a file that could not be opened has
// no Info.
func Inspect(path string, opt Options) (*Info, error) {
	r, err := Open(path, opt)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	type digest struct {
		sum string
		err error
	}
	sums := make(chan digest, 1)
	regular := r.File().Size >= 0
	go func() {
		var d digest
		if regular {
			d.sum, _, d.err = Digest(path)
		}
		sums <- d
	}()
	info, err := inspect(r)
	d := <-sums
	info.SHA256 = d.sum
	if err == nil {
		err = d.err
	}
	return info, err
}

func inspect(r *Reader) (*Info, error) {
	s := summary{links: map[LinkType]int{}, last: math.MinInt64}
	s.InOrder = true
	for {
		b, err := r.NextBlock()
		if err != nil {
			info := s.finish(r.File())
			if err == io.EOF { //nolint:errorlint // NextBlock gives it bare
				return info, nil
			}
			info.Damage = err.Error()
			return info, err
		}
		s.add(b)
		b.Release()
	}
}

// summary is an Info in the making.
type summary struct {
	Info
	links map[LinkType]int // place in LinkTypes
	last  int64            // time of the packet before
	timed int64
	count int64
}

func (s *summary) add(b *Block) {
	for i := range b.Packets {
		s.packet(&b.Packets[i])
	}
}

func (s *summary) packet(p *Packet) {
	n := len(p.Data)
	if s.count == 0 || n < s.Shortest {
		s.Shortest = n
	}
	s.Longest = max(s.Longest, n)
	s.count++
	s.Captured += int64(n)
	s.Wire += int64(p.WireLen)
	if uint64(n) < uint64(p.WireLen) {
		s.Cut++
	}
	for len(s.PerInterface) <= int(p.Interface) {
		s.PerInterface = append(s.PerInterface, InterfaceInfo{})
	}
	i := &s.PerInterface[p.Interface]
	i.Packets++
	i.Captured += int64(n)
	i.Wire += int64(p.WireLen)
	l, ok := s.links[p.LinkType]
	if !ok {
		l = len(s.LinkTypes)
		s.links[p.LinkType] = l
		s.LinkTypes = append(s.LinkTypes, LinkCount{LinkType: p.LinkType, Name: p.LinkType.String()})
	}
	s.LinkTypes[l].Packets++
	if p.NoTime {
		s.Untimed++
		return
	}
	s.time(p.Time)
}

func (s *summary) time(t int64) {
	if s.timed == 0 {
		s.First, s.Last = t, t
	}
	s.timed++
	s.First, s.Last = min(s.First, t), max(s.Last, t)
	if t < s.last {
		s.InOrder = false
	}
	s.last = t
}

func (s *summary) finish(f *File) *Info {
	i := s.Info
	i.File = f
	for len(i.PerInterface) < len(f.Interfaces) {
		i.PerInterface = append(i.PerInterface, InterfaceInfo{})
	}
	i.Duration = i.Last - i.First
	if i.Duration < 0 { // beyond what an int64 holds
		i.Duration = math.MaxInt64
	}
	if i.Duration > 0 {
		seconds := float64(i.Duration) / second
		i.BytesPerSec = float64(i.Wire) / seconds
		i.PacketsPerSec = float64(f.Packets) / seconds
	}
	if f.Packets > 0 {
		i.AveragePacket = float64(i.Wire) / float64(f.Packets)
	}
	return &i
}
