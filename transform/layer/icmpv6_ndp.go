package layer

import "github.com/pcapline/pcapline/transform/schema"

// ndpFixed is the length of each discovery message before its options, from
// router solicitation on.
var ndpFixed = [...]int{
	0: 8, icmpv6RA - icmpv6RS: 16, icmpv6NS - icmpv6RS: 24,
	icmpv6NA - icmpv6RS: 24, icmpv6Redirect - icmpv6RS: 40,
}

// decodeNDP takes a neighbour discovery message (RFC 4861, section 4).
func (m *ICMPv6) decodeNDP(d *Decoder, b []byte) (Key, []byte) {
	n := ndpFixed[b[0]-icmpv6RS]
	if len(b) < n {
		return d.Short(nil)
	}
	switch b[0] {
	case icmpv6RA:
		m.RAHopLimit.Set(d.Row, b[4])
		m.RAFlags.Set(d.Row, b[5])
		m.RALifetime.Set(d.Row, be.Uint16(b[6:]))
		m.RAReachable.Set(d.Row, be.Uint32(b[8:]))
		m.RARetrans.Set(d.Row, be.Uint32(b[12:]))
	case icmpv6NA:
		m.NARouter.Set(d.Row, b[4]&0x80 != 0)
		m.NASolicited.Set(d.Row, b[4]&0x40 != 0)
		m.NAOverride.Set(d.Row, b[4]&0x20 != 0)
	case icmpv6Redirect:
		m.RedirectDst.Set(d.Row, schema.IPv6(b[24:]))
	}
	if b[0] >= icmpv6NS {
		m.Target.Set(d.Row, schema.IPv6(b[8:]))
	}
	m.decodeNDPOptions(d, b[n:])
	return 0, nil
}

// decodeNDPOptions fills the columns of the options; of one that comes twice
// the first counts.
func (m *ICMPv6) decodeNDPOptions(d *Decoder, b []byte) {
	row, prefixes := d.Row, 0
	for len(b) > 0 {
		if len(b) < 8 || b[1] == 0 || int(b[1])*8 > len(b) {
			d.Note("malformed option")
			break
		}
		o := b[:int(b[1])*8]
		b = b[len(o):]
		switch {
		case o[0] == 1 && len(o) == 8 && !m.SrcMAC.Has(row):
			m.SrcMAC.Set(row, schema.MAC(o[2:]))
		case o[0] == 2 && len(o) == 8 && !m.TargetMAC.Has(row):
			m.TargetMAC.Set(row, schema.MAC(o[2:]))
		case o[0] == 3 && len(o) == 32:
			if prefixes == 0 {
				m.PrefixLen.Set(row, o[2])
				m.Prefix.Set(row, schema.IPv6(o[16:]))
			}
			prefixes++
		case o[0] == 5 && len(o) == 8 && !m.OptMTU.Has(row):
			m.OptMTU.Set(row, be.Uint32(o[4:]))
		}
	}
	if prefixes > 0 {
		m.Prefixes.Set(row, uint8(min(prefixes, 255)))
	}
}
