package pcapio

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
)

// The functions here append pcapng blocks (draft-ietf-opsawg-pcapng) in
// little endian, with times in nanoseconds. [Writer] is made of them; the
// spool uses them to encode a packet once, into the memory that goes to disk.

var le = binary.LittleEndian

const (
	packetFixed  = 32 // of an enhanced packet block without packet and options
	nanoTsresol  = 9
	maxOptionLen = math.MaxUint16
)

// CheckPacket says why a packet cannot be written to a file of this package,
// wrapping [ErrNotWritable], or nil.
func CheckPacket(p *Packet) error {
	switch {
	case p.Time < 0:
		return fmt.Errorf("%w: a time before 1970 (%d ns)", ErrNotWritable, p.Time)
	case len(p.Data) > math.MaxInt32:
		return fmt.Errorf("%w: a packet of %d bytes", ErrNotWritable, len(p.Data))
	case len(p.Comment) > maxOptionLen:
		return fmt.Errorf("%w: a comment of %d bytes, more than %d", ErrNotWritable, len(p.Comment), maxOptionLen)
	}
	return nil
}

// AppendSection appends a section header with the Hardware, OS and
// Application of s, as far as they are not empty, and a comment.
func AppendSection(dst []byte, s Section, comment string) []byte {
	dst, start := beginBlock(dst, blockSection)
	dst = le.AppendUint32(dst, byteOrderMagic)
	dst = le.AppendUint16(dst, 1)
	dst = le.AppendUint16(dst, 0)
	dst = le.AppendUint64(dst, math.MaxUint64) // section length: not said
	n := len(dst)
	dst = appendText(dst, optComment, comment)
	dst = appendText(dst, 2, s.Hardware)
	dst = appendText(dst, 3, s.OS)
	dst = appendText(dst, 4, s.Application)
	return endBlock(endOptions(dst, n), start)
}

// AppendInterface appends an interface description. TicksPerSecond and
// TimeOffset are not looked at: packets are written with absolute
// nanoseconds. Stats and Lost belong into other blocks.
func AppendInterface(dst []byte, i *Interface) []byte {
	dst, start := beginBlock(dst, blockInterface)
	dst = le.AppendUint16(dst, uint16(i.LinkType))
	dst = le.AppendUint16(dst, 0)
	dst = le.AppendUint32(dst, i.SnapLen)
	n := len(dst)
	dst = appendText(dst, 2, i.Name)
	dst = appendText(dst, 3, i.Description)
	for _, a := range i.Addrs {
		dst = appendAddr(dst, a)
	}
	if mac := parseMAC(i.MAC); mac != nil {
		dst = appendOption(dst, 6, mac)
	}
	if i.Speed != 0 {
		dst = appendOption64(dst, 8, i.Speed)
	}
	dst = appendOption(dst, 9, []byte{nanoTsresol})
	if i.Filter != "" {
		dst = appendText(dst, 11, "\x00"+i.Filter) // 0: libpcap's filter language
	}
	dst = appendText(dst, 12, i.OS)
	if i.FCSLen > 0 && i.FCSLen < 256 {
		dst = appendOption(dst, 13, []byte{byte(i.FCSLen)})
	}
	dst = appendText(dst, 15, i.Hardware)
	return endBlock(endOptions(dst, n), start)
}

func appendAddr(dst []byte, a netip.Prefix) []byte {
	addr := a.Addr()
	if !a.IsValid() {
		return dst
	}
	if addr.Is4() {
		mask := ^uint32(0) << (32 - a.Bits())
		if a.Bits() == 0 {
			mask = 0
		}
		ip := addr.As4()
		return appendOption(dst, 4, binary.BigEndian.AppendUint32(ip[:], mask))
	}
	ip := addr.As16()
	return appendOption(dst, 5, append(ip[:], byte(a.Bits())))
}

// parseMAC reads six colon-separated bytes; nil for anything else.
func parseMAC(s string) []byte {
	var mac []byte
	for part := range strings.SplitSeq(s, ":") {
		if len(part) != 2 {
			return nil
		}
		var b byte
		for _, c := range []byte(part) {
			d := strings.IndexByte("0123456789abcdef", c|0x20)
			if d < 0 {
				return nil
			}
			b = b<<4 | byte(d)
		}
		mac = append(mac, b)
	}
	if len(mac) != 6 {
		return nil
	}
	return mac
}

// packetOptionsLen is the length of a packet's options, the end included.
func packetOptionsLen(p *Packet, lost uint64) int {
	n := 0
	if p.Comment != "" {
		n += 4 + pad4(uint32(len(p.Comment)))
	}
	if p.Direction != Unknown {
		n += 8
	}
	if lost != 0 {
		n += 12
	}
	if n > 0 {
		n += 4
	}
	return n
}

// PacketBlockLen is the length of the block that [AppendPacket] makes.
func PacketBlockLen(p *Packet, lost uint64) int {
	return packetFixed + pad4(uint32(len(p.Data))) + packetOptionsLen(p, lost)
}

// AppendPacket appends an enhanced packet block. Interface is the index in
// the section, lost the number of packets that were lost before this one.
// [CheckPacket] must have had nothing to say about p.
func AppendPacket(dst []byte, p *Packet, lost uint64) []byte {
	total := PacketBlockLen(p, lost)
	start := len(dst)
	dst = slices.Grow(dst, total)[:start+total]
	b := dst[start : start+total : start+total]
	wire := p.WireLen
	if wire == 0 {
		wire = uint32(len(p.Data))
	}
	_ = b[28]
	le.PutUint32(b, blockEnhanced)
	le.PutUint32(b[4:], uint32(total))
	le.PutUint32(b[8:], uint32(p.Interface))
	le.PutUint32(b[12:], uint32(uint64(p.Time)>>32))
	le.PutUint32(b[16:], uint32(p.Time))
	le.PutUint32(b[20:], uint32(len(p.Data)))
	le.PutUint32(b[24:], wire)
	at := 28 + copy(b[28:], p.Data)
	for ; at%4 != 0; at++ {
		b[at] = 0
	}
	if at < total-4 {
		appendPacketOptions(b[:at], p, lost) // there is room in b
	}
	le.PutUint32(b[total-4:], uint32(total))
	return dst
}

func appendPacketOptions(b []byte, p *Packet, lost uint64) {
	b = appendText(b, optComment, p.Comment)
	if p.Direction != Unknown {
		b = le.AppendUint16(b, optFlags)
		b = le.AppendUint16(b, 4)
		b = le.AppendUint32(b, uint32(p.Direction&3))
	}
	if lost != 0 {
		b = appendOption64(b, optDropCount, lost)
	}
	le.AppendUint32(b, optEnd)
}

// AppendStatistics appends an interface statistics block. What s has no value
// for (nil, or 0 for the times Start and End) is left out.
func AppendStatistics(dst []byte, iface int, s *InterfaceStats, comment string) []byte {
	dst, start := beginBlock(dst, blockStatistics)
	dst = le.AppendUint32(dst, uint32(iface))
	dst = appendTicks(dst, s.Time)
	n := len(dst)
	dst = appendText(dst, optComment, comment)
	for code, t := range [...]int64{2: s.Start, 3: s.End} {
		if t > 0 {
			dst = le.AppendUint16(dst, uint16(code))
			dst = le.AppendUint16(dst, 8)
			dst = appendTicks(dst, t)
		}
	}
	counts := [...]*int64{4: s.Received, 5: s.Dropped, 6: s.FilterAccepted, 7: s.DroppedByOS, 8: s.Delivered}
	for code, c := range counts {
		if c != nil && *c >= 0 {
			dst = appendOption64(dst, uint16(code), uint64(*c))
		}
	}
	return endBlock(endOptions(dst, n), start)
}

// appendTicks appends a time, upper half first, as blocks have it.
func appendTicks(dst []byte, t int64) []byte {
	t = max(t, 0)
	dst = le.AppendUint32(dst, uint32(uint64(t)>>32))
	return le.AppendUint32(dst, uint32(t))
}

func beginBlock(dst []byte, typ uint32) ([]byte, int) {
	start := len(dst)
	dst = le.AppendUint32(dst, typ)
	return le.AppendUint32(dst, 0), start
}

func endBlock(dst []byte, start int) []byte {
	total := uint32(len(dst) - start + 4)
	le.PutUint32(dst[start+4:], total)
	return le.AppendUint32(dst, total)
}

// appendText appends an option unless v is empty. What does not fit an
// option is cut at a character.
func appendText(dst []byte, code uint16, v string) []byte {
	if v == "" {
		return dst
	}
	if len(v) > maxOptionLen {
		v = strings.ToValidUTF8(v[:maxOptionLen], "")
	}
	dst = le.AppendUint16(dst, code)
	dst = le.AppendUint16(dst, uint16(len(v)))
	dst = append(dst, v...)
	return appendPadding(dst, len(v))
}

func appendOption(dst []byte, code uint16, v []byte) []byte {
	dst = le.AppendUint16(dst, code)
	dst = le.AppendUint16(dst, uint16(len(v)))
	dst = append(dst, v...)
	return appendPadding(dst, len(v))
}

func appendOption64(dst []byte, code uint16, v uint64) []byte {
	dst = le.AppendUint16(dst, code)
	dst = le.AppendUint16(dst, 8)
	return le.AppendUint64(dst, v)
}

func appendPadding(dst []byte, n int) []byte {
	var zeros [3]byte
	return append(dst, zeros[:pad4(uint32(n))-n]...)
}

// endOptions ends a list of options that begins at start, if it has any.
func endOptions(dst []byte, start int) []byte {
	if len(dst) == start {
		return dst
	}
	return le.AppendUint32(dst, optEnd)
}

// appendPcapHeader begins a classic pcap file with nanoseconds.
func appendPcapHeader(dst []byte, i *Interface) []byte {
	link := uint32(i.LinkType)
	if i.FCSLen > 0 && i.FCSLen%2 == 0 && i.FCSLen <= 30 {
		link |= fcsPresent | uint32(i.FCSLen/2)<<28
	}
	snap := i.SnapLen
	if snap == 0 {
		snap = 262144 // tcpdump's, because 0 is not "none" to every reader
	}
	dst = le.AppendUint32(dst, magicNano)
	dst = le.AppendUint16(dst, 2)
	dst = le.AppendUint16(dst, 4)
	dst = le.AppendUint64(dst, 0) // time zone and accuracy: always 0
	dst = le.AppendUint32(dst, snap)
	return le.AppendUint32(dst, link)
}

func appendPcapRecord(dst []byte, p *Packet) []byte {
	wire := p.WireLen
	if wire == 0 {
		wire = uint32(len(p.Data))
	}
	dst = le.AppendUint32(dst, uint32(p.Time/second))
	dst = le.AppendUint32(dst, uint32(p.Time%second))
	dst = le.AppendUint32(dst, uint32(len(p.Data)))
	dst = le.AppendUint32(dst, wire)
	return append(dst, p.Data...)
}
