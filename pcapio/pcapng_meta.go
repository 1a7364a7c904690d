package pcapio

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
)

// section reads a section header: magic 4 | major 2 | minor 2 | length 8 | options.
func (p *pcapng) section(b []byte) error {
	const head = 16
	if len(b) < head {
		return corrupt("section header of %d bytes", len(b))
	}
	major, minor := p.u16(b[4:]), p.u16(b[6:])
	version := fmt.Sprintf("%d.%d", major, minor)
	// 1.2 differs from 1.0 in nothing that a reader sees.
	if major != 1 || minor != 0 && minor != 2 {
		return fmt.Errorf("%w: pcapng %s", ErrUnsupported, version)
	}
	f := p.file
	f.Blocks.Section++
	s := Section{Offset: p.w.mark, ByteOrder: "little"}
	if p.swap {
		s.ByteOrder = "big"
	}
	switch {
	case f.ByteOrder == "":
		f.ByteOrder, f.Version = s.ByteOrder, version
	case f.ByteOrder != s.ByteOrder:
		f.ByteOrder = "mixed"
	}
	p.first, p.local = len(f.Interfaces), p.local[:0]
	err := p.options(b[head:], func(code uint16, v []byte) error {
		switch code {
		case optComment:
			p.comment(v)
		case 2:
			s.Hardware = p.keep(v)
		case 3:
			s.OS = p.keep(v)
		case 4:
			s.Application = p.keep(v)
		}
		return nil
	})
	if len(f.Sections) < maxSections {
		f.Sections = append(f.Sections, s)
	}
	return p.kept(err)
}

// iface reads an interface description: linktype 2 | reserved 2 | snaplen 4 | options.
func (p *pcapng) iface(b []byte) error {
	const head = 8
	if len(b) < head {
		return corrupt("interface description of %d bytes", len(b))
	}
	f := p.file
	if len(f.Interfaces) == maxInterfaces {
		return corrupt("more than %d interfaces", maxInterfaces)
	}
	f.Blocks.Interface++
	i := Interface{LinkType: LinkType(p.u16(b)), SnapLen: p.u32(b[4:])}
	resolution := byte(6)
	err := p.options(b[head:], func(code uint16, v []byte) error {
		switch {
		case code == 9 && len(v) == 1:
			resolution = v[0]
		case code == 14 && len(v) == 8:
			i.TimeOffset = int64(p.u64(v))
		default:
			p.ifaceOption(&i, code, v)
		}
		return nil
	})
	if err := p.kept(err); err != nil {
		return err
	}
	c := newClock(resolution, i.TimeOffset)
	i.TicksPerSecond = c.perSecond
	p.local = append(p.local, ngIface{link: i.LinkType, snapLen: i.SnapLen, clock: c})
	f.Interfaces = append(f.Interfaces, i)
	if f.Blocks.Section == int64(len(f.Sections)) {
		f.Sections[len(f.Sections)-1].Interfaces++
	}
	return nil
}

// ifaceOption reads the options that only describe.
func (p *pcapng) ifaceOption(i *Interface, code uint16, v []byte) {
	switch {
	case code == optComment:
		p.comment(v)
	case code == 2:
		i.Name = p.keep(v)
	case code == 3:
		i.Description = p.keep(v)
	case code == 4 && len(v) == 8:
		mask := netip.AddrFrom4([4]byte(v[4:]))
		ones, _ := net.IPMask(mask.AsSlice()).Size()
		i.Addrs = append(i.Addrs, netip.PrefixFrom(netip.AddrFrom4([4]byte(v[:4])), ones))
	case code == 5 && len(v) == 17 && v[16] <= 128:
		i.Addrs = append(i.Addrs, netip.PrefixFrom(netip.AddrFrom16([16]byte(v[:16])), int(v[16])))
	case code == 6 && len(v) == 6:
		i.MAC = net.HardwareAddr(v).String()
	case code == 8 && len(v) == 8:
		i.Speed = p.u64(v)
	case code == 11 && len(v) > 0:
		i.Filter = p.captureFilter(v)
	case code == 12:
		i.OS = p.keep(v)
	case code == 13 && len(v) == 1:
		i.FCSLen = int(v[0])
	case code == 15:
		i.Hardware = p.keep(v)
	}
}

// captureFilter reads if_filter: a byte that says how it is written, 0 for
// libpcap's text and 1 for BPF instructions of 8 bytes.
func (p *pcapng) captureFilter(v []byte) string {
	switch {
	case v[0] == 0:
		return p.keep(v[1:])
	case v[0] == 1:
		return fmt.Sprintf("BPF program of %d instructions", (len(v)-1)/8)
	}
	return fmt.Sprintf("filter of kind %d", v[0])
}

// statistics reads an interface statistics block: interface 4 | time 8 |
// options. Its counts run from the start of the capture, so the last one holds.
func (p *pcapng) statistics(b []byte) error {
	const head = 12
	if len(b) < head {
		return corrupt("interface statistics block of %d bytes", len(b))
	}
	n := p.u32(b)
	if int64(n) >= int64(len(p.local)) {
		return corrupt("statistics of interface %d, but the section has %d", n, len(p.local))
	}
	p.file.Blocks.Statistics++
	c := &p.local[n].clock
	i := &p.file.Interfaces[p.first+int(n)]
	s := new(InterfaceStats)
	if i.Stats != nil {
		*s = *i.Stats
	}
	s.Blocks++
	s.Time = p.ticks(c, b[4:])
	err := p.options(b[head:], func(code uint16, v []byte) error {
		if code == optComment {
			p.comment(v)
		}
		if len(v) != 8 {
			return nil
		}
		switch code {
		case 2:
			s.Start = p.ticks(c, v)
		case 3:
			s.End = p.ticks(c, v)
		case 4:
			s.Received = p.count(v)
		case 5:
			s.Dropped = p.count(v)
		case 6:
			s.FilterAccepted = p.count(v)
		case 7:
			s.DroppedByOS = p.count(v)
		case 8:
			s.Delivered = p.count(v)
		}
		return nil
	})
	i.Stats = s
	return err
}

// ticks reads a time of two halves, the upper first.
func (p *pcapng) ticks(c *clock, b []byte) int64 {
	ns, _ := c.time(uint64(p.u32(b))<<32 | uint64(p.u32(b[4:])))
	return ns
}

func (p *pcapng) count(v []byte) *int64 {
	n := int64(p.u64(v) &^ (1 << 63))
	return &n
}

// Record types of name resolution blocks.
const (
	nameEnd  = 0
	nameIPv4 = 1
	nameIPv6 = 2
)

// names reads a name resolution block: records of type 2 | length 2 | address,
// names that end with zeros, padded; then options.
func (p *pcapng) names(b []byte) error {
	p.file.Blocks.Names++
	for {
		if len(b) == 0 {
			return nil // some writers leave the end record out
		}
		if len(b) < 4 {
			return corrupt("%d bytes where a name record should be", len(b))
		}
		typ, n := p.u16(b), p.u16(b[2:])
		if room := len(b) - 4; pad4(uint32(n)) > room {
			return corrupt("name record of %d bytes where %d are left", n, room)
		}
		v := b[4 : 4+int(n)]
		b = b[4+pad4(uint32(n)):]
		switch {
		case typ == nameEnd:
			return p.options(b, func(code uint16, v []byte) error {
				if code == optComment {
					p.comment(v)
				}
				return nil
			})
		case typ == nameIPv4 && n >= 4:
			p.name(netip.AddrFrom4([4]byte(v)), v[4:])
		case typ == nameIPv6 && n >= 16:
			p.name(netip.AddrFrom16([16]byte(v)), v[16:])
		}
	}
}

// name keeps a record.
func (p *pcapng) name(addr netip.Addr, v []byte) {
	p.nameBytes += len(v)
	if len(p.file.Names) == maxNames || p.nameBytes > maxNameBytes {
		p.file.NamesCut++
		return
	}
	name := Name{Addr: addr}
	for s := range bytes.SplitSeq(v, []byte{0}) {
		if len(s) > 0 {
			name.Names = append(name.Names, text(s))
		}
	}
	p.file.Names = append(p.file.Names, name)
}
