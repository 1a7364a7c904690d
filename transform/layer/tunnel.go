package layer

import "github.com/pcapline/pcapline/transform/flow"

// tunnels is how far a packet has gone into tunnels.
type tunnels struct {
	level  int         // 0 outside, 1 in a tunnel, 2 and above in a tunnel in a tunnel
	around flow.Digest // of the innermost conversation that a tunnel is part of
}

// Enter says that a tunnel's header ends here: what follows is a packet of its
// own, whose headers go to the inner columns (see [inner]) and whose
// conversation takes the place of the outer one in the digest. kind is one of
// package flow's; network is the virtual network's number, 0 without one.
//
// Any Decode may call it. Nothing else makes a protocol a tunnel.
func (d *Decoder) Enter(kind uint8, network uint32) {
	g := d.Digest
	if d.tunnels.level == 0 || g.Src.IsValid() {
		d.tunnels.around = *g
	}
	d.tunnels.level++
	*g = flow.Digest{
		Time: g.Time, File: g.File, Number: g.Number, WireLen: g.WireLen, DNSRcode: -1,
		SrcMAC: g.SrcMAC, DstMAC: g.DstMAC, VLAN: g.VLAN, Hash: g.Hash, Tunnel: flow.Tunnel(kind, network),
	}
}

// leave gives the digest back to the conversation around a tunnel where there
// is none inside.
func (d *Decoder) leave() {
	if d.tunnels.level > 0 && !d.Digest.Src.IsValid() {
		*d.Digest = d.tunnels.around
	}
}

// ipTunnels are the protocol numbers of IP that announce a packet or frame of
// its own.
var ipTunnels = [256]bool{
	4:   true, // IPv4, RFC 2003
	41:  true, // IPv6, RFC 2473 and 4213
	137: true, // MPLS, RFC 4023
	143: true, // Ethernet, RFC 8986
}

// NextIP gives the key of what an IP header or one of its extensions is
// followed by, and notes it in the digest.
func (d *Decoder) NextIP(proto uint8) Key {
	d.Digest.Proto = proto
	if ipTunnels[proto] {
		d.Enter(flow.TunnelIP, 0)
	}
	return IPProto(proto)
}
