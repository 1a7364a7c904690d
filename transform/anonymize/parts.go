package anonymize

import (
	"net/netip"

	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
)

// parts finds in a row of a packets or flows table what the key of its
// conversation is made of.
type parts struct {
	outer, inner   headers // of a packets table
	fragment       schema.Cursor[uint16]
	fragment6      schema.Cursor[uint16]
	tunnels        [4]schema.Cursor[uint16] // in the order of tunnelKinds
	vni, geneveVNI schema.Cursor[uint32]

	flows            bool
	src, dst         schema.Cursor[netip.Addr]
	srcPort, dstPort schema.Cursor[uint16]
	vlan, ether      schema.Cursor[uint16]
	proto            schema.Cursor[uint8]
	icmpType, code   schema.Cursor[uint8]
	tunnel           schema.Cursor[schema.Text]
	tunnelVNI        schema.Cursor[uint32]
}

// headers are the columns of a packet's headers, on one side of a tunnel.
type headers struct {
	eth              schema.Cursor[schema.MAC]
	vlan             schema.Cursor[uint16]
	arp, arpTo       schema.Cursor[schema.IPv4]
	src4, dst4       schema.Cursor[schema.IPv4]
	src6, dst6       schema.Cursor[schema.IPv6]
	proto4, proto6   schema.Cursor[uint8]
	from, to         [3]schema.Cursor[uint16] // ports, in the order of portProtos
	icmp, icmpCode   schema.Cursor[uint8]
	icmp6, icmp6Code schema.Cursor[uint8]
	id, id6          schema.Cursor[uint16]
}

var portProtos = [...]struct {
	name   string
	number uint8
}{{"tcp", protoTCP}, {"udp", protoUDP}, {"sctp", protoSCTP}}

// tunnelKinds are kinds of tunnels, each with a column that packets in one have.
var tunnelKinds = [...]struct {
	column string
	kind   uint8
}{
	{"vxlan_flags", flow.TunnelVXLAN}, {"geneve_proto", flow.TunnelGeneve},
	{"gtp_len", flow.TunnelGTPU}, {"gre_flags", flow.TunnelGRE},
}

// open begins at the first row of a batch.
func (p *parts) open(b *schema.Batch) {
	p.src, p.dst = walk[netip.Addr](b, "src_ip"), walk[netip.Addr](b, "dst_ip")
	p.flows = b.Column("src_ip") != nil
	p.srcPort, p.dstPort = walk[uint16](b, "src_port"), walk[uint16](b, "dst_port")
	p.vlan, p.ether = walk[uint16](b, "vlan_id"), walk[uint16](b, "ether_type")
	p.proto = walk[uint8](b, "ip_proto")
	p.icmpType, p.code = walk[uint8](b, "icmp_type"), walk[uint8](b, "icmp_code")
	p.tunnel, p.tunnelVNI = walk[schema.Text](b, "tunnel"), walk[uint32](b, "tunnel_vni")
	p.outer.open(b, "")
	p.inner.open(b, "inner_")
	for i, k := range tunnelKinds {
		p.tunnels[i] = walk[uint16](b, k.column)
	}
	p.vni, p.geneveVNI = walk[uint32](b, "vxlan_vni"), walk[uint32](b, "geneve_vni")
	p.fragment, p.fragment6 = walk[uint16](b, "ip_frag_offset"), walk[uint16](b, "ipv6_frag_offset")
}

func (h *headers) open(b *schema.Batch, prefix string) {
	h.eth, h.vlan = walk[schema.MAC](b, prefix+"eth_src"), walk[uint16](b, prefix+"vlan_id")
	h.arp, h.arpTo = walk[schema.IPv4](b, prefix+"arp_src_ip"), walk[schema.IPv4](b, prefix+"arp_dst_ip")
	h.src4, h.dst4 = walk[schema.IPv4](b, prefix+"ip_src"), walk[schema.IPv4](b, prefix+"ip_dst")
	h.src6, h.dst6 = walk[schema.IPv6](b, prefix+"ipv6_src"), walk[schema.IPv6](b, prefix+"ipv6_dst")
	h.proto4, h.proto6 = walk[uint8](b, prefix+"ip_proto"), walk[uint8](b, prefix+"ipv6_next")
	for i, t := range portProtos {
		h.from[i], h.to[i] = walk[uint16](b, prefix+t.name+"_src_port"), walk[uint16](b, prefix+t.name+"_dst_port")
	}
	h.icmp, h.icmpCode = walk[uint8](b, prefix+"icmp_type"), walk[uint8](b, prefix+"icmp_code")
	h.icmp6, h.icmp6Code = walk[uint8](b, prefix+"icmpv6_type"), walk[uint8](b, prefix+"icmpv6_code")
	h.id, h.id6 = walk[uint16](b, prefix+"icmp_id"), walk[uint16](b, prefix+"icmpv6_id")
}

// digest gives what the row says of the conversation. Rows must not descend.
func (p *parts) digest(row int) flow.Digest {
	if p.flows {
		return p.flowDigest(row)
	}
	var outer, inner flow.Digest
	p.outer.fill(&outer, row)
	p.inner.fill(&inner, row)
	if !inner.Src.IsValid() {
		outer.FragOffset = p.fragmentOf(row)
		return outer
	}
	if _, framed := p.inner.eth.At(row); !framed { // a tag outside counts where there is no frame inside
		inner.VLAN = outer.VLAN
	}
	inner.Tunnel = p.tunnelOf(row)
	return inner
}

func (p *parts) fragmentOf(row int) uint16 {
	if n, ok := p.fragment6.At(row); ok {
		return n
	}
	n, _ := p.fragment.At(row)
	return n
}

func (p *parts) tunnelOf(row int) uint32 {
	for i := range p.tunnels {
		if _, ok := p.tunnels[i].At(row); !ok {
			continue
		}
		network := uint32(0)
		switch tunnelKinds[i].kind {
		case flow.TunnelVXLAN:
			network, _ = p.vni.At(row)
		case flow.TunnelGeneve:
			network, _ = p.geneveVNI.At(row)
		}
		return flow.Tunnel(tunnelKinds[i].kind, network)
	}
	return flow.Tunnel(flow.TunnelIP, 0)
}

// flowDigest reads a row of a flows table.
func (p *parts) flowDigest(row int) (d flow.Digest) {
	d.Src, _ = p.src.At(row)
	d.Dst, _ = p.dst.At(row)
	d.SrcPort, _ = p.srcPort.At(row)
	d.DstPort, _ = p.dstPort.At(row)
	d.VLAN, _ = p.vlan.At(row)
	d.Proto, _ = p.proto.At(row)
	d.EtherType, _ = p.ether.At(row)
	d.ICMPType, _ = p.icmpType.At(row)
	d.ICMPCode, _ = p.code.At(row)
	if name, ok := p.tunnel.At(row); ok {
		network, _ := p.tunnelVNI.At(row)
		d.Tunnel = flow.Tunnel(flow.TunnelKind(string(name)), network)
	}
	return d
}

// fill reads the headers of one side of a tunnel; Src stays invalid where
// there are none.
func (h *headers) fill(d *flow.Digest, row int) {
	d.VLAN, _ = h.vlan.At(row)
	if src, ok := h.arp.At(row); ok {
		dst, _ := h.arpTo.At(row)
		d.Src, d.Dst, d.EtherType = netip.AddrFrom4(src), netip.AddrFrom4(dst), etherARP
	}
	if src, ok := h.src4.At(row); ok {
		dst, _ := h.dst4.At(row)
		d.Src, d.Dst = netip.AddrFrom4(src), netip.AddrFrom4(dst)
		d.Proto, _ = h.proto4.At(row)
	}
	if src, ok := h.src6.At(row); ok {
		dst, _ := h.dst6.At(row)
		d.Src, d.Dst = netip.AddrFrom16(src), netip.AddrFrom16(dst)
		d.Proto, _ = h.proto6.At(row)
	}
	for i := range h.from {
		if from, ok := h.from[i].At(row); ok {
			d.SrcPort, d.Proto = from, portProtos[i].number
			d.DstPort, _ = h.to[i].At(row)
		}
	}
	if typ, ok := h.icmp.At(row); ok {
		d.ICMPType, d.Proto = typ, protoICMP
		d.ICMPCode, _ = h.icmpCode.At(row)
		if typ == 8 || typ == 0 {
			d.ICMPID, _ = h.id.At(row)
		}
	}
	if typ, ok := h.icmp6.At(row); ok {
		d.ICMPType, d.Proto = typ, protoICMPv6
		d.ICMPCode, _ = h.icmp6Code.At(row)
		if typ == 128 || typ == 129 {
			d.ICMPID, _ = h.id6.At(row)
		}
	}
}
