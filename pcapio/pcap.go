package pcapio

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// The magic numbers of pcap, as a file of this byte order has them.
const (
	magicMicro     = 0xa1b2c3d4
	magicNano      = 0xa1b23c4d
	magicKuznetzov = 0xa1b2cd34
)

const (
	pcapHeaderLen    = 24
	pcapRecordLen    = 16
	kuznetzovLen     = 24
	fcsPresent       = 1 << 26 // in the linktype field: bits 28 to 31 hold a length
	linkTypeReserved = 0x03FF0000
)

// swapRule says whether captured and wire length of a record are exchanged,
// as old versions of libpcap wrote them.
type swapRule uint8

const (
	swapNever  swapRule = iota
	swapAlways          // versions before 2.3, and 543.0 of some Unixes
	swapOdd             // version 2.3: where the first is the larger
)

// pcap parses the records behind a pcap file header.
type pcap struct {
	w         *window
	link      LinkType
	headerLen int // of a record
	unit      int64
	swapBytes bool
	swap      swapRule
	max       uint32
}

// pcapMagics are the magic numbers that are known.
var pcapMagics = [...]uint32{magicMicro, magicNano, magicKuznetzov}

// pcapMagic says whether four bytes begin a pcap file, and how it is written.
func pcapMagic(b []byte) (magic uint32, big, ok bool) {
	for _, magic := range pcapMagics {
		switch magic {
		case binary.LittleEndian.Uint32(b):
			return magic, false, true
		case binary.BigEndian.Uint32(b):
			return magic, true, true
		}
	}
	return 0, false, false
}

func newPcap(w *window, f *File, opt Options) (parser, error) {
	h, err := w.peek(pcapHeaderLen)
	if err != nil {
		return nil, err
	}
	magic, big, _ := pcapMagic(h)
	p := &pcap{w: w, headerLen: pcapRecordLen, unit: 1000, swapBytes: big, max: uint32(opt.MaxPacket)}
	order, name := binary.ByteOrder(binary.LittleEndian), "little"
	if big {
		order, name = binary.BigEndian, "big"
	}
	ticks := uint64(1e6)
	switch magic {
	case magicNano:
		p.unit, ticks = 1, 1e9
	case magicKuznetzov:
		p.headerLen = kuznetzovLen
	}
	major, minor := order.Uint16(h[4:]), order.Uint16(h[6:])
	f.Format, f.ByteOrder, f.Version = "pcap", name, fmt.Sprintf("%d.%d", major, minor)
	switch {
	case major == 2 && minor == 3:
		p.swap = swapOdd
	case major == 2 && minor < 3 || major == 543 && minor == 0:
		p.swap = swapAlways
	case major != 2:
		return nil, fmt.Errorf("%w: pcap %s", ErrUnsupported, f.Version)
	}
	link := order.Uint32(h[20:])
	if link&linkTypeReserved != 0 {
		return nil, fmt.Errorf("%w: reserved bits of the link type are set (%#08x)", ErrUnsupported, link)
	}
	p.link = LinkType(link)
	i := Interface{LinkType: p.link, SnapLen: order.Uint32(h[16:]), TicksPerSecond: ticks}
	if link&fcsPresent != 0 {
		i.FCSLen = 2 * int(link>>28)
	}
	f.Interfaces = append(f.Interfaces, i)
	w.advance(pcapHeaderLen)
	return p, nil
}

func (p *pcap) u32(b []byte) uint32 {
	v := binary.LittleEndian.Uint32(b)
	if p.swapBytes {
		v = bits.ReverseBytes32(v)
	}
	return v
}

func (p *pcap) next(pkt *Packet) error {
	w := p.w
	w.mark = w.offset()
	h, err := w.peek(p.headerLen)
	if err != nil {
		return err
	}
	sec, frac, captured, wire := p.u32(h), p.u32(h[4:]), p.u32(h[8:]), p.u32(h[12:])
	if p.swap == swapAlways || p.swap == swapOdd && captured > wire {
		captured, wire = wire, captured
	}
	if captured > p.max {
		return fmt.Errorf("%w: a packet of %d captured bytes, more than %d", ErrCorrupt, captured, p.max)
	}
	n := p.headerLen + int(captured)
	rec, err := w.peek(n)
	if err != nil {
		return err
	}
	*pkt = Packet{
		Data:     rec[p.headerLen:],
		Time:     int64(sec)*1e9 + int64(frac)*p.unit,
		WireLen:  wire,
		LinkType: p.link,
		Offset:   w.mark,
	}
	if p.headerLen == kuznetzovLen {
		pkt.Direction = kuznetzovDirection(rec[22])
	}
	w.advance(n)
	return nil
}

// kuznetzovDirection reads Linux' packet types: 4 is PACKET_OUTGOING, those
// before it came in.
func kuznetzovDirection(t byte) Direction {
	switch {
	case t < 4:
		return Inbound
	case t == 4:
		return Outbound
	}
	return Unknown
}
