package layer

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// TestGopacket compares headers with gopacket's, a second opinion that is
// there where tshark is not.
func TestGopacket(t *testing.T) {
	for _, name := range []string{"dos_udp_flood", "scan_ipv6", "scan_fin_null"} {
		packets := readCapture(t, filepath.Join(bundledLab, name+".pcapng.zst"))
		tab := decodeAll(packets)
		tab.Batch().Finish()
		rows := newRowTexts(tab.Batch())
		compared := 0
		for i := range packets {
			got := rows.next()
			want := byGopacket(packets[i].Data)
			for column, w := range want {
				if got[column] != w {
					t.Errorf("%s: packet %d, %s: %q, gopacket says %q", name, i+1, column, got[column], w)
				}
				compared++
			}
			if t.Failed() {
				return
			}
		}
		t.Logf("%s: %d values of %d packets", name, compared, len(packets))
	}
}

func byGopacket(data []byte) row {
	want := row{}
	set := func(column string, v any) { want[column] = fmt.Sprint(v) }
	for _, l := range gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.NoCopy).Layers() {
		switch l := l.(type) {
		case *layers.Ethernet:
			set("eth_src", l.SrcMAC)
			set("eth_dst", l.DstMAC)
		case *layers.ARP:
			set("arp_opcode", l.Operation)
			set("arp_src_ip", netip.AddrFrom4([4]byte(l.SourceProtAddress)))
		case *layers.IPv4:
			set("ip_src", l.SrcIP)
			set("ip_dst", l.DstIP)
			set("ip_id", l.Id)
			set("ip_len", l.Length)
			set("ip_ttl", l.TTL)
			set("ip_proto", uint8(l.Protocol))
			set("ip_frag_offset", l.FragOffset*8)
		case *layers.IPv6:
			set("ipv6_src", l.SrcIP)
			set("ipv6_dst", l.DstIP)
			set("ipv6_flow", l.FlowLabel)
			set("ipv6_hop_limit", l.HopLimit)
		case *layers.TCP:
			set("tcp_src_port", uint16(l.SrcPort))
			set("tcp_seq", l.Seq)
			set("tcp_ack", l.Ack)
			set("tcp_window", l.Window)
			set("tcp_flag_syn", l.SYN)
			set("tcp_flag_fin", l.FIN)
			set("tcp_checksum", l.Checksum)
			set("payload_len", len(l.Payload))
		case *layers.UDP:
			set("udp_dst_port", uint16(l.DstPort))
			set("udp_len", l.Length)
		case *layers.ICMPv4:
			set("icmp_type", l.TypeCode.Type())
			set("icmp_code", l.TypeCode.Code())
			return want // what follows is quoted
		case *layers.ICMPv6:
			set("icmpv6_type", l.TypeCode.Type())
			return want
		case *layers.DNS:
			set("dns_id", l.ID)
			set("dns_qdcount", l.QDCount)
		}
	}
	return want
}
