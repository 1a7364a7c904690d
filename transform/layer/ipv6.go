package layer

import (
	"net/netip"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/schema"
)

// IPv6 is the header of the Internet Protocol, version 6. Its extension
// headers are protocols of their own.
type IPv6 struct {
	schema.Layer `name:"ipv6" title:"Internet Protocol version 6" source:"RFC 8200"`

	Version    schema.Values[uint8]       `name:"ipv6_version" ws:"ipv6.version" antinex:"ipv6_version" store:"dict" doc:"6."`
	Class      schema.Values[uint8]       `name:"ipv6_tclass" ws:"ipv6.tclass" antinex:"ipv6_tc" store:"dict" doc:"Traffic class: DSCP and ECN in one byte."`
	DSCP       schema.Values[uint8]       `name:"ipv6_dscp" ws:"ipv6.tclass.dscp" store:"dict" source:"RFC 2474" doc:"Differentiated services code point."`
	ECN        schema.Values[uint8]       `name:"ipv6_ecn" ws:"ipv6.tclass.ecn" store:"dict" source:"RFC 3168" doc:"Explicit congestion notification."`
	Flow       schema.Values[uint32]      `name:"ipv6_flow" ws:"ipv6.flow" antinex:"ipv6_fl" role:"identity" store:"dict" doc:"Flow label."`
	PayloadLen schema.Values[uint16]      `name:"ipv6_plen" ws:"ipv6.plen" antinex:"ipv6_plen" unit:"B" doc:"Length of what follows the header; 0 in a jumbogram."`
	Next       schema.Values[uint8]       `name:"ipv6_next" ws:"ipv6.nxt" antinex:"ipv6_nh" store:"dict" doc:"IANA protocol number of the next header."`
	HopLimit   schema.Values[uint8]       `name:"ipv6_hop_limit" ws:"ipv6.hlim" antinex:"ipv6_hlim" store:"dict" doc:"Hop limit."`
	Src        schema.Values[schema.IPv6] `name:"ipv6_src" ws:"ipv6.src" antinex:"ipv6_src" role:"identity" store:"dict" doc:"Source address."`
	Dst        schema.Values[schema.IPv6] `name:"ipv6_dst" ws:"ipv6.dst" antinex:"ipv6_dst" role:"identity" store:"dict" doc:"Destination address."`
}

const etherIPv6 = 0x86dd

// Reached says what leads to an IPv6 header.
func (*IPv6) Reached() []Key {
	return []Key{EtherType(etherIPv6), LinkType(pcapio.LinkIPv6), PPPProto(0x57), IPProto(41)}
}

// Decode takes the header. The payload length bounds what follows, unless it
// is 0 and a hop-by-hop header, which can have the length of a jumbogram,
// comes next, or more than it can say (Linux's BIG TCP).
func (ip *IPv6) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 40 {
		return d.Short(b)
	}
	if b[0]>>4 != 6 {
		return d.Fail("version is not 6", b)
	}
	first, plen, next := be.Uint32(b), int(be.Uint16(b[4:])), b[6]
	class := uint8(first >> 20)
	ip.Mark(d.Row)
	ip.Version.Append(b[0] >> 4)
	ip.Class.Append(class)
	ip.DSCP.Append(class >> 2)
	ip.ECN.Append(class & 3)
	ip.Flow.Append(first & 0xfffff)
	ip.PayloadLen.Append(uint16(plen))
	ip.Next.Append(next)
	ip.HopLimit.Append(b[7])
	ip.Src.Append(schema.IPv6(b[8:]))
	ip.Dst.Append(schema.IPv6(b[24:]))
	d.Digest.EtherType = etherIPv6
	d.Digest.Src, d.Digest.Dst = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
	d.Digest.TTL, d.Digest.TOS = b[7], class
	d.noteHash(b, 40+plen)
	addresses := b[8:40]
	b = b[40:]
	if all := len(b) + d.missing; plen == 0 && (next == protoHopByHop || all > 0xffff) {
		plen = all
	}
	d.Digest.IPLen = uint32(40 + plen)
	d.beginIP(addresses[:16], addresses[16:], true, plen <= len(b))
	return d.NextIP(next), d.CutPadding(b, plen)
}
