package layer

import (
	"net/netip"

	"github.com/pcapline/pcapline/transform/schema"
)

// ARP is a message of the Address Resolution Protocol.
type ARP struct {
	schema.Layer `name:"arp" title:"Address Resolution Protocol" source:"RFC 826"`

	HWType    schema.Values[uint16]        `name:"arp_hw_type" ws:"arp.hw.type" antinex:"arp_hwtype" store:"dict" doc:"Kind of link-layer address, 1 for Ethernet."`
	ProtoType schema.Values[uint16]        `name:"arp_proto_type" ws:"arp.proto.type" antinex:"arp_ptype" store:"dict" doc:"Kind of network address, as an EtherType."`
	HWSize    schema.Values[uint8]         `name:"arp_hw_size" ws:"arp.hw.size" antinex:"arp_hwlen" store:"dict" unit:"B" doc:"Length of a link-layer address."`
	ProtoSize schema.Values[uint8]         `name:"arp_proto_size" ws:"arp.proto.size" antinex:"arp_plen" store:"dict" unit:"B" doc:"Length of a network address."`
	Opcode    schema.Values[uint16]        `name:"arp_opcode" ws:"arp.opcode" antinex:"arp_op" store:"dict" doc:"1 request, 2 reply; others in the IANA registry."`
	SrcMAC    schema.Optional[schema.MAC]  `name:"arp_src_mac" ws:"arp.src.hw_mac" antinex:"arp_hwsrc" role:"identity" store:"dict" doc:"Sender's link-layer address; null where it is not 6 bytes long."`
	SrcIP     schema.Optional[schema.IPv4] `name:"arp_src_ip" ws:"arp.src.proto_ipv4" antinex:"arp_psrc" role:"identity" store:"dict" doc:"Sender's IPv4 address; null for other protocols."`
	DstMAC    schema.Optional[schema.MAC]  `name:"arp_dst_mac" ws:"arp.dst.hw_mac" antinex:"arp_hwdst" role:"identity" store:"dict" doc:"Target's link-layer address, 0 in a request."`
	DstIP     schema.Optional[schema.IPv4] `name:"arp_dst_ip" ws:"arp.dst.proto_ipv4" antinex:"arp_pdst" role:"identity" store:"dict" doc:"Target's IPv4 address."`
}

// Reached says what leads to an ARP message: ARP and reverse ARP.
func (*ARP) Reached() []Key { return []Key{EtherType(etherARP), EtherType(0x8035)} }

const (
	etherARP = 0x0806
	hwATM    = 19 // RFC 2225
)

// Decode takes the message; what is behind it is padding.
func (a *ARP) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 8 {
		return d.Short(b)
	}
	if be.Uint16(b) == hwATM {
		return d.Fail("ARP over ATM has another form", b)
	}
	hw, proto := int(b[4]), int(b[5])
	a.Mark(d.Row)
	a.HWType.Append(be.Uint16(b))
	a.ProtoType.Append(be.Uint16(b[2:]))
	a.HWSize.Append(b[4])
	a.ProtoSize.Append(b[5])
	a.Opcode.Append(be.Uint16(b[6:]))
	isMAC, isIPv4 := hw == 6, proto == 4 && be.Uint16(b[2:]) == etherIPv4
	d.Digest.ARPOp = be.Uint16(b[6:])
	d.noteHash(b, 8+2*hw+2*proto)
	b = d.CutPadding(b, 8+2*hw+2*proto)[8:]
	if len(b) < 2*hw+2*proto {
		return d.Short(b)
	}
	if isMAC {
		a.SrcMAC.Set(d.Row, schema.MAC(b))
		a.DstMAC.Set(d.Row, schema.MAC(b[hw+proto:]))
	}
	if isIPv4 {
		src, dst := schema.IPv4(b[hw:]), schema.IPv4(b[2*hw+proto:])
		a.SrcIP.Set(d.Row, src)
		a.DstIP.Set(d.Row, dst)
		d.Digest.EtherType = etherARP
		d.Digest.Src, d.Digest.Dst = netip.AddrFrom4(src), netip.AddrFrom4(dst)
	}
	return 0, nil
}
