package flow

import "testing"

// The same endpoints outside of a tunnel, in two kinds and in two networks
// are five flows; both directions and the fragments of a datagram are one.
func TestTunnels(t *testing.T) {
	in := func(d Digest, kind uint8, network uint32) Digest {
		d.Tunnel = Tunnel(kind, network)
		return d
	}
	first, later := pkt(50, up, "", 8), pkt(51, up, "", 8)
	first.Fragment, first.FragID = true, 9
	later.Fragment, later.FragID, later.FragOffset, later.SrcPort, later.DstPort = true, 9, 1480, 0, 0
	rows, stats := flowsOf(t, Config{}, []Digest{
		pkt(0, up, "", 1), in(pkt(1, up, "", 1), TunnelVXLAN, 0), in(pkt(2, up, "", 1), TunnelVXLAN, 8),
		in(pkt(3, down, "", 1), TunnelVXLAN, 8), in(pkt(4, up, "", 1), TunnelGeneve, 8), in(pkt(5, up, "", 1), TunnelGRE, 0),
		in(first, TunnelGRE, 0), in(later, TunnelGRE, 0), in(pkt(60, down, "", 1), TunnelGRE, 0),
	})
	if len(rows) != 5 || stats.JoinedFragments != 1 {
		t.Fatalf("%d rows, %+v", len(rows), stats)
	}
	check(t, rows[0], "tunnel=-", "tunnel_vni=-", "flow_packets=1")
	check(t, rows[1], "tunnel=vxlan", "tunnel_vni=0", "flow_packets=1")
	check(t, rows[2], "tunnel=vxlan", "tunnel_vni=8", "flow_packets=2")
	check(t, rows[3], "tunnel=geneve", "tunnel_vni=8")
	check(t, rows[4], "tunnel=gre", "tunnel_vni=-", "flow_packets=4", "src_port=4000")
	if rows[0]["community_id"] != rows[4]["community_id"] || rows[0]["flow_key"] == rows[4]["flow_key"] {
		t.Error("a tunnel is part of the key and not of the Community ID")
	}
}
