package pcapio

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Block types of pcapng.
const (
	blockInterface    = 1
	blockPacket       = 2
	blockSimple       = 3
	blockNames        = 4
	blockStatistics   = 5
	blockEnhanced     = 6
	blockSecrets      = 10
	blockCustom       = 0x00000BAD
	blockCustomNoCopy = 0x40000BAD
	blockSection      = 0x0A0D0D0A // the same in both byte orders
)

const (
	byteOrderMagic = 0x1A2B3C4D
	blockMin       = 12      // type and the length twice
	optionRoom     = 1 << 20 // what a packet's block may have beyond its packet
)

// pcapng parses blocks.
type pcapng struct {
	w     *window
	file  *File
	swap  bool      // the section is big endian
	first int       // index in the file of the section's first interface
	local []ngIface // the section's interfaces
	max   uint32    // bytes of a packet

	commentBytes, nameBytes, textBytes int // kept in file
}

// ngIface is what reading a packet needs of its interface.
type ngIface struct {
	link    LinkType
	snapLen uint32
	clock   clock
}

// newPcapng reads the first block, which the caller knows to be a section
// header by its type.
func newPcapng(w *window, f *File, opt Options) (parser, error) {
	p := &pcapng{w: w, file: f, max: uint32(opt.MaxPacket)}
	if _, err := w.peek(blockMin); err != nil {
		return nil, err
	}
	f.Format = "pcapng"
	if _, err := p.block(nil); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *pcapng) u16(b []byte) uint16 {
	v := binary.LittleEndian.Uint16(b)
	if p.swap {
		v = bits.ReverseBytes16(v)
	}
	return v
}

func (p *pcapng) u32(b []byte) uint32 {
	v := binary.LittleEndian.Uint32(b)
	if p.swap {
		v = bits.ReverseBytes32(v)
	}
	return v
}

func (p *pcapng) u64(b []byte) uint64 {
	v := binary.LittleEndian.Uint64(b)
	if p.swap {
		v = bits.ReverseBytes64(v)
	}
	return v
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrCorrupt}, args...)...)
}

func (p *pcapng) next(pkt *Packet) error {
	for {
		if got, err := p.block(pkt); got || err != nil {
			return err
		}
	}
}

// block reads the next block and says whether it gave a packet.
func (p *pcapng) block(pkt *Packet) (bool, error) {
	w := p.w
	w.mark = w.offset()
	h, err := w.peek(8)
	if err != nil {
		return false, err
	}
	typ := binary.LittleEndian.Uint32(h)
	if typ == blockSection {
		if err := p.byteOrder(); err != nil {
			return false, err
		}
	} else if p.swap {
		typ = bits.ReverseBytes32(typ)
	}
	length := p.u32(h[4:])
	if length < blockMin || length%4 != 0 {
		return false, corrupt("block of type %#x has a length of %d bytes", typ, length)
	}
	if c := p.passedOver(typ); c != nil {
		*c++
		return false, p.skip(length)
	}
	if int64(length) > int64(p.max)+optionRoom {
		return false, corrupt("block of type %#x has a length of %d bytes", typ, length)
	}
	b, err := w.peek(int(length))
	if err != nil {
		return false, err
	}
	if last := p.u32(b[length-4:]); last != length {
		return false, corrupt("block's length is %d at its begin, %d at its end", length, last)
	}
	w.advance(int(length))
	return p.body(typ, b[8:length-4], pkt)
}

// byteOrder reads that of the section that begins here.
func (p *pcapng) byteOrder() error {
	h, err := p.w.peek(blockMin)
	if err != nil {
		return err
	}
	switch uint32(byteOrderMagic) {
	case binary.LittleEndian.Uint32(h[8:]):
		p.swap = false
	case binary.BigEndian.Uint32(h[8:]):
		p.swap = true
	default:
		return corrupt("section header has byte order magic % x", h[8:12])
	}
	return nil
}

// passedOver gives the counter of a block type whose content is not read, nil
// for the others.
func (p *pcapng) passedOver(typ uint32) *int64 {
	c := &p.file.Blocks
	switch typ {
	case blockSection, blockInterface, blockEnhanced, blockSimple, blockPacket, blockNames, blockStatistics:
		return nil
	case blockSecrets:
		return &c.Secrets
	case blockCustom:
		return &c.Custom
	case blockCustomNoCopy:
		return &c.CustomNoCopy
	}
	return &c.Unknown
}

func (p *pcapng) skip(length uint32) error {
	if err := p.w.skip(int64(length) - 4); err != nil {
		return err
	}
	b, err := p.w.peek(4)
	if err != nil {
		return p.w.cut(err, 4)
	}
	if last := p.u32(b); last != length {
		return corrupt("block's length is %d at its begin, %d at its end", length, last)
	}
	p.w.advance(4)
	return nil
}

func (p *pcapng) body(typ uint32, b []byte, pkt *Packet) (bool, error) {
	switch typ {
	case blockEnhanced:
		return true, p.enhanced(b, pkt)
	case blockSimple:
		return true, p.simple(b, pkt)
	case blockPacket:
		return true, p.packet(b, pkt)
	case blockSection:
		return false, p.section(b)
	case blockInterface:
		return false, p.iface(b)
	case blockStatistics:
		return false, p.statistics(b)
	}
	return false, p.names(b)
}
