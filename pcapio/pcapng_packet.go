package pcapio

import "strings"

// Options of packet blocks.
const (
	optFlags     = 2
	optDropCount = 4
)

// pad4 is n with the padding that follows it.
func pad4(n uint32) int { return int((uint64(n) + 3) &^ 3) }

// enhanced reads an enhanced packet block: interface 4 | time 8, upper half
// first | captured 4 | wire 4 | packet, padded | options.
func (p *pcapng) enhanced(b []byte, pkt *Packet) error {
	const head = 20
	if len(b) < head {
		return corrupt("enhanced packet block of %d bytes", len(b))
	}
	ticks := uint64(p.u32(b[4:]))<<32 | uint64(p.u32(b[8:]))
	p.file.Blocks.Enhanced++
	return p.timed(pkt, p.u32(b), ticks, p.u32(b[12:]), p.u32(b[16:]), b[head:])
}

// packet reads the obsolete packet block: interface 2 | drops 2 | time 8 |
// captured 4 | wire 4 | packet, padded | options.
func (p *pcapng) packet(b []byte, pkt *Packet) error {
	const head = 20
	if len(b) < head {
		return corrupt("packet block of %d bytes", len(b))
	}
	ticks := uint64(p.u32(b[4:]))<<32 | uint64(p.u32(b[8:]))
	p.file.Blocks.Packet++
	if err := p.timed(pkt, uint32(p.u16(b)), ticks, p.u32(b[12:]), p.u32(b[16:]), b[head:]); err != nil {
		return err
	}
	if drops := p.u16(b[2:]); drops != 0xffff { // which means that nobody knows
		p.file.Interfaces[pkt.Interface].Lost += int64(drops)
	}
	return nil
}

// timed fills pkt with what the two packet blocks with a time have alike;
// rest is the packet, its padding, and options.
func (p *pcapng) timed(pkt *Packet, iface uint32, ticks uint64, captured, wire uint32, rest []byte) error {
	if int64(iface) >= int64(len(p.local)) {
		return corrupt("packet of interface %d, but the section has %d", iface, len(p.local))
	}
	if captured > p.max || pad4(captured) > len(rest) {
		return corrupt("packet of %d captured bytes in a block with room for %d", captured, len(rest))
	}
	i := &p.local[iface]
	time, ok := i.clock.time(ticks)
	if !ok {
		p.file.BadTimes++
	}
	*pkt = Packet{
		Data:      rest[:captured:captured],
		Time:      time,
		WireLen:   wire,
		Interface: int32(p.first) + int32(iface),
		LinkType:  i.link,
		Offset:    p.w.mark,
	}
	if options := rest[pad4(captured):]; len(options) > 0 {
		return p.packetOptions(options, pkt)
	}
	return nil
}

func (p *pcapng) packetOptions(b []byte, pkt *Packet) error {
	var comments []string
	err := p.options(b, func(code uint16, v []byte) error {
		switch {
		case code == optComment:
			comments = append(comments, text(v))
		case code == optFlags && len(v) == 4:
			switch d := Direction(p.u32(v) & 3); d {
			case Inbound, Outbound:
				pkt.Direction = d
			}
		case code == optDropCount && len(v) == 8:
			p.file.Interfaces[pkt.Interface].Lost += int64(p.u64(v) &^ (1 << 63))
		}
		return nil
	})
	if len(comments) > 0 {
		pkt.Comment = strings.Join(comments, "\n")
		p.file.PacketNotes++
	}
	return err
}

// simple reads a simple packet block: wire 4 | packet. It is of the section's
// first interface, cut at its snaplen, and has no time.
func (p *pcapng) simple(b []byte, pkt *Packet) error {
	if len(b) < 4 {
		return corrupt("simple packet block of %d bytes", len(b))
	}
	if len(p.local) == 0 {
		return corrupt("simple packet block in a section without an interface")
	}
	wire := p.u32(b)
	captured := wire
	if s := p.local[0].snapLen; s != 0 {
		captured = min(captured, s)
	}
	if captured > p.max || int(captured) > len(b)-4 {
		return corrupt("packet of %d captured bytes in a block with room for %d", captured, len(b)-4)
	}
	p.file.Blocks.Simple++
	*pkt = Packet{
		Data:      b[4 : 4+captured : 4+captured],
		WireLen:   wire,
		Interface: int32(p.first),
		LinkType:  p.local[0].link,
		NoTime:    true,
		Offset:    p.w.mark,
	}
	return nil
}
