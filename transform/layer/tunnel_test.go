package layer

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/flow"
)

// inside is what most of the tunnels here carry: an IPv4 packet of other
// addresses and ports than the tunnel's.
func inside(proto layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 9, Protocol: proto, SrcIP: []byte{192, 168, 0, 1}, DstIP: []byte{192, 168, 0, 2}}
}

func insideEthernet(typ layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: []byte{2, 0, 0, 0, 1, 1}, DstMAC: []byte{2, 0, 0, 0, 1, 2}, EthernetType: typ}
}

var (
	insideTCP = &layers.TCP{SrcPort: 40000, DstPort: 80, Seq: 5, ACK: true, Ack: 6, Window: 7}
	insideUDP = &layers.UDP{SrcPort: 1000, DstPort: 2000}
	vxlan     = &layers.VXLAN{ValidIDFlag: true, VNI: 0x123456}
	toVXLAN   = &layers.UDP{SrcPort: 49152, DstPort: 4789}
)

type ls = []gopacket.SerializableLayer

// tunnelPackets are tunnels of every kind, and what the list reaches besides.
var tunnelPackets = []packetCase{
	{
		name: "IPv4 in IPv4", link: pcapio.LinkIPv4,
		ls: ls{ip4(layers.IPProtocolIPv4), inside(layers.IPProtocolUDP), insideUDP, gopacket.Payload("abc")},
		want: row{
			"frame_protocols": "ip:ip:udp", "ip_src": "10.0.0.1", "ip_id": "7", "ip_checksum_status": "1", "udp_src_port": "", "decode_error": "",
			"inner_ip_src": "192.168.0.1", "inner_ip_ttl": "9", "inner_ip_checksum_status": "1",
			"inner_udp_src_port": "1000", "inner_udp_checksum_status": "1", "payload": "616263",
		},
	},
	{
		name: "IPv6 in IPv4", link: pcapio.LinkEthernet,
		ls: ls{eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolIPv6), ip6(layers.IPProtocolTCP), insideTCP},
		want: row{
			"frame_protocols": "eth:ip:ipv6:tcp", "ip_dst": "10.0.0.2", "ipv6_src": "", "inner_ipv6_src": "2001:db8::a", "inner_ip_src": "",
			"tcp_src_port": "", "inner_tcp_dst_port": "80", "inner_tcp_checksum_status": "1", "inner_eth_src": "",
		},
	},
	{
		name: "IPv4 in IPv6, behind options", link: pcapio.LinkEthernet,
		ls: ls{
			eth(layers.EthernetTypeIPv6), ip6(layers.IPProtocolIPv6Destination), gopacket.Payload(unhex("04 00 04 01 01 01 01 00" +
				"4500001c 00080000 3f110000 c0a80001 c0a80002 03e807d000080000"))},
		want: row{
			"frame_protocols": "eth:ipv6:ipv6_dstopts:ip:udp", "ipv6_next": "60", "ipv6_dstopts_next": "4",
			"inner_ip_dst": "192.168.0.2", "inner_ip_checksum_status": "3", "inner_udp_checksum_status": "3",
		},
	},
	{
		name: "three IP headers", link: pcapio.LinkIPv4,
		ls: ls{ip4(layers.IPProtocolIPv4), inside(layers.IPProtocolIPv4), &layers.IPv4{Version: 4, TTL: 1, Protocol: layers.IPProtocolUDP, SrcIP: ipB, DstIP: ipA},
			&layers.UDP{SrcPort: 5000, DstPort: 53}, gopacket.Payload(unhex("1234 0100 0001 0000 0000 0000 026162 00 0001 0001"))},
		want: row{
			"frame_protocols": "ip:ip:ip:udp:dns", "ip_ttl": "64", "inner_ip_ttl": "9", "udp_src_port": "", "inner_udp_src_port": "",
			"dns_qname": "ab", "payload_len": "20", "decode_error": "",
		},
	},
	{
		name: "GRE with all of version 0", link: pcapio.LinkEthernet,
		ls: ls{
			eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolGRE),
			&layers.GRE{Protocol: layers.EthernetTypeIPv4, ChecksumPresent: true, KeyPresent: true, SeqPresent: true, Key: 17, Seq: 18},
			inside(layers.IPProtocolTCP), insideTCP, gopacket.Payload("abc"),
		},
		want: row{
			"frame_protocols": "eth:ip:gre:ip:tcp", "gre_flags": "45056", "gre_version": "0", "gre_proto": "2048", "gre_checksum_status": "1",
			"gre_key": "17", "gre_seq": "18", "gre_ack": "", "gre_call_id": "", "inner_tcp_src_port": "40000", "inner_tcp_checksum_status": "1",
			"payload": "616263",
		},
	},
	{
		name: "GRE with a source route and a wrong checksum", link: pcapio.LinkIPv4,
		hex: `45000044 00000000 402f0000 0a000001 0a000002 c000 0800 1234 0000 0800 0004 0a000003 00000000
			4500001c 00080000 3f110000 c0a80001 c0a80002 03e807d000080000`,
		want: row{"frame_protocols": "ip:gre:ip:udp", "gre_checksum": "4660", "gre_checksum_status": "0", "gre_key": "", "inner_udp_dst_port": "2000"},
	},
	{
		name: "GRE keep-alive", link: pcapio.LinkIPv4,
		hex:  "45000018 00000000 402f0000 0a000001 0a000002 0000 0000",
		want: row{"frame_protocols": "ip:gre", "gre_proto": "0", "decode_error": "", "payload_len": "0"},
	},
	{
		name: "GRE of an unknown version", link: pcapio.LinkIPv4,
		hex:  "4500001c 00000000 402f0000 0a000001 0a000002 0003 0800 61626364",
		want: row{"frame_protocols": "ip:gre", "gre_version": "3", "decode_error": "gre: version is neither 0 nor 1", "payload": "61626364"},
	},
	{
		name: "GRE cut short", link: pcapio.LinkIPv4,
		hex:  "4500001a 00000000 402f0000 0a000001 0a000002 2000 0800 1234",
		want: row{"gre_proto": "2048", "gre_key": "", "decode_error": "gre: too short"},
	},
	{
		name: "PPTP", link: pcapio.LinkIPv4,
		hex: `45000048 00000000 402f0000 0a000001 0a000002 3081 880b 0020 0007 00000003 00000002 ff03 0021
			4500001c 00080000 3f110000 c0a80001 c0a80002 03e807d000080000 6161`,
		want: row{
			"padding": "6161", "frame_protocols": "ip:gre:ppp:ip:udp", "gre_version": "1", "gre_key": "", "gre_payload_len": "32", "gre_call_id": "7",
			"gre_seq": "3", "gre_ack": "2", "ppp_protocol": "33", "inner_udp_dst_port": "2000", "ip_checksum_status": "3",
		},
	},
	{
		name: "PPTP, an acknowledgement alone", link: pcapio.LinkIPv4,
		hex:  "45000024 00000000 402f0000 0a000001 0a000002 2081 880b 0000 0007 00000002",
		want: row{"frame_protocols": "ip:gre", "gre_payload_len": "0", "gre_seq": "", "gre_ack": "2", "payload_len": "0", "decode_error": ""},
	},
	{
		name: "Ethernet in GRE (NVGRE)", link: pcapio.LinkEthernet,
		ls: ls{
			eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolGRE), &layers.GRE{Protocol: layers.EthernetTypeTransparentEthernetBridging, KeyPresent: true, Key: 0x12345600},
			insideEthernet(layers.EthernetTypeDot1Q), &layers.Dot1Q{VLANIdentifier: 30, Type: layers.EthernetTypeIPv4}, inside(layers.IPProtocolUDP), insideUDP,
		},
		want: row{
			"frame_protocols": "eth:ip:gre:eth:vlan:ip:udp", "eth_src": "02:00:00:00:00:0a", "inner_eth_src": "02:00:00:00:01:01",
			"vlan_id": "", "inner_vlan_id": "30", "inner_udp_src_port": "1000",
		},
	},
	{
		name: "VXLAN in a VLAN", link: pcapio.LinkEthernet,
		ls: ls{
			eth(layers.EthernetTypeDot1Q), &layers.Dot1Q{VLANIdentifier: 20, Type: layers.EthernetTypeIPv4}, ip4(layers.IPProtocolUDP), toVXLAN, vxlan,
			insideEthernet(layers.EthernetTypeIPv4), inside(layers.IPProtocolTCP), insideTCP, gopacket.Payload("abc"),
		},
		want: row{
			"frame_protocols": "eth:vlan:ip:udp:vxlan:eth:ip:tcp", "vlan_id": "20", "inner_vlan_id": "", "vxlan_flags": "2048", "vxlan_group": "0",
			"vxlan_vni": "1193046", "udp_dst_port": "4789", "udp_checksum_status": "1", "inner_eth_type": "2048", "inner_udp_src_port": "",
			"inner_tcp_flag_ack": "true", "payload": "616263", "payload_len": "3", "decode_error": "",
		},
	},
	{
		name: "VXLAN without a VNI", link: pcapio.LinkEthernet,
		ls:   ls{eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP), toVXLAN, gopacket.Payload(unhex("00000000 00000000 616263"))},
		want: row{"frame_protocols": "eth:ip:udp:vxlan", "vxlan_flags": "0", "decode_error": "vxlan: no VNI", "payload_len": "11"},
	},
	{
		name: "ARP in VXLAN, padded", link: pcapio.LinkEthernet,
		ls: ls{
			eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 8472, DstPort: 8472}, vxlan, insideEthernet(layers.EthernetTypeARP),
			gopacket.Payload(unhex("0001 0800 06 04 0002 02000000000b 0a000002 02000000000a 0a000001 0000")),
		},
		want: row{"frame_protocols": "eth:ip:udp:vxlan:eth:arp", "arp_opcode": "", "inner_arp_opcode": "2", "payload_len": "0", "padding": "000000000000000000000000000000000000"},
	},
	{
		name: "spanning tree in VXLAN", link: pcapio.LinkEthernet,
		ls: ls{
			eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP), toVXLAN, vxlan,
			gopacket.Payload(unhex("0180c2000000 020000000101 0007 424203 00000000")),
		},
		want: row{"frame_protocols": "eth:ip:udp:vxlan:eth:llc", "inner_eth_len": "7", "inner_eth_type": "", "llc_dsap": "66", "payload_len": "4"},
	},
	{
		name: "VXLAN in VXLAN", link: pcapio.LinkEthernet,
		ls: ls{
			eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP), toVXLAN, vxlan, insideEthernet(layers.EthernetTypeIPv4), inside(layers.IPProtocolUDP),
			&layers.UDP{SrcPort: 1, DstPort: 4789}, &layers.VXLAN{ValidIDFlag: true, VNI: 9}, eth(layers.EthernetTypeIPv6), ip6(layers.IPProtocolTCP), insideTCP,
		},
		want: row{
			"frame_protocols": "eth:ip:udp:vxlan:eth:ip:udp:vxlan:eth:ipv6:tcp", "vxlan_vni": "1193046", "inner_udp_dst_port": "4789",
			"inner_ipv6_src": "", "inner_tcp_src_port": "", "payload_len": "0", "decode_error": "",
		},
	},
	{
		name: "Geneve with options", link: pcapio.LinkEthernet,
		ls: ls{
			eth(layers.EthernetTypeIPv6), ip6(layers.IPProtocolUDP), &layers.UDP{SrcPort: 50000, DstPort: 6081},
			gopacket.Payload(unhex("02 40 6558 000007 00 0102 8001 61626364" + "020000000102 020000000101 86dd" +
				"60000000 0008 11 40 20010db8000000000000000000000001 20010db8000000000000000000000002 03e807d0 0008 0000")),
		},
		want: row{
			"frame_protocols": "eth:ipv6:udp:geneve:eth:ipv6:udp", "geneve_version": "0", "geneve_flag_oam": "false", "geneve_flag_critical": "true",
			"geneve_proto": "25944", "geneve_vni": "7", "geneve_options": "0102800161626364", "ipv6_flow": "703710", "inner_ipv6_flow": "0",
			"udp_dst_port": "6081", "inner_udp_dst_port": "2000",
		},
	},
	{
		name: "Geneve, options cut", link: pcapio.LinkEthernet,
		ls:   ls{eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 1, DstPort: 6081}, gopacket.Payload(unhex("02 00 6558 000007 00 0102"))},
		want: row{"geneve_vni": "7", "geneve_options": "", "decode_error": "geneve: too short"},
	},
	{
		name: "GTP-U", link: pcapio.LinkEthernet,
		ls: ls{
			eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 2152, DstPort: 2152},
			gopacket.Payload(unhex("32 ff 0020 deadbeef 012c 00 00" + "4500001c 00080000 3f110000 c0a80001 c0a80002 03e807d000080000")),
		},
		want: row{
			"frame_protocols": "eth:ip:udp:gtp:ip:udp", "gtp_flags": "50", "gtp_message": "255", "gtp_teid": "3735928559", "gtp_seq": "300",
			"gtp_npdu": "", "gtp_ext_types": "", "gtp_qfi": "", "inner_udp_dst_port": "2000", "payload_len": "0",
		},
	},
	{
		name: "GTP-U with a PDU session container", link: pcapio.LinkEthernet,
		ls: ls{
			eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 2152, DstPort: 2152},
			gopacket.Payload(unhex("34 ff 0024 00000001 0000 00 85 01 0009 00" + "4500001c 00080000 3f110000 c0a80001 c0a80002 03e807d000080000")),
		},
		want: row{"frame_protocols": "eth:ip:udp:gtp:ip:udp", "gtp_ext_types": "133", "gtp_qfi": "9", "gtp_seq": "", "inner_udp_src_port": "1000"},
	},
	{
		name: "GTP-U echo", link: pcapio.LinkEthernet,
		ls: ls{
			eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 2152, DstPort: 2152},
			gopacket.Payload(unhex("32 01 0004 00000000 0007 0000")),
		},
		want: row{"frame_protocols": "eth:ip:udp:gtp", "gtp_message": "1", "gtp_seq": "7", "payload_len": "12", "decode_error": ""},
	},
	{
		name: "GTP-U with an extension header of length 0", link: pcapio.LinkEthernet,
		ls: ls{
			eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 2152, DstPort: 2152},
			gopacket.Payload(unhex("34 ff 0008 00000001 0000 00 85 00 0009 00")),
		},
		want: row{"gtp_teid": "1", "gtp_ext_types": emptyText, "decode_error": "gtp: too short"},
	},
	{
		name: "an ICMP error quotes what is no tunnel", link: pcapio.LinkIPv4,
		hex: `45000038 00000000 40010000 0a000001 0a000002 0b00 0000 00000000
			4500001c 00080000 01110000 c0a80001 c0a80002 03e807d000080000`,
		want: row{"frame_protocols": "ip:icmp", "icmp_type": "11", "inner_ip_src": "", "inner_udp_src_port": "", "payload_len": "28"},
	},
	{
		name: "ESP", link: pcapio.LinkIPv4,
		hex:  "45000020 00000000 40320000 0a000001 0a000002 00000100 00000002 61626364",
		want: row{"frame_protocols": "ip:esp", "esp_spi": "256", "esp_seq": "2", "payload": "61626364"},
	},
	{
		name: "ESP in UDP", link: pcapio.LinkEthernet,
		ls:   ls{eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 4500, DstPort: 4500}, gopacket.Payload(unhex("00000100 00000002 61626364"))},
		want: row{"frame_protocols": "eth:ip:udp:udpencap:esp", "esp_spi": "256", "payload": "61626364"},
	},
	{
		name: "IKE and not ESP in UDP", link: pcapio.LinkEthernet,
		ls:   ls{eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 4500, DstPort: 4500}, gopacket.Payload(unhex("00000000 61626364"))},
		want: row{"frame_protocols": "eth:ip:udp:udpencap", "esp_spi": "", "payload_len": "8", "decode_error": ""},
	},
	{
		name: "a DNS answer to a port that is GTP's", link: pcapio.LinkEthernet,
		ls: ls{
			eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 53, DstPort: 2152},
			gopacket.Payload(unhex("1234 8180 0001 0000 0000 0000 026162 00 0001 0001")),
		},
		want: row{"frame_protocols": "eth:ip:udp:dns", "decode_error": ""},
	},
	{
		name: "SCTP INIT", link: pcapio.LinkEthernet,
		ls: ls{
			eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolSCTP), &layers.SCTP{SrcPort: 3868, DstPort: 36412},
			&layers.SCTPInit{SCTPChunk: layers.SCTPChunk{Type: layers.SCTPChunkTypeInit}, InitiateTag: 1, AdvertisedReceiverWindowCredit: 2, OutboundStreams: 3, InboundStreams: 4, InitialTSN: 5},
		},
		want: row{
			"frame_protocols": "eth:ip:sctp", "sctp_src_port": "3868", "sctp_dst_port": "36412", "sctp_vtag": "0", "sctp_checksum_status": "1",
			"sctp_chunk_types": "1", "sctp_init_tag": "1", "sctp_init_rwnd": "2", "sctp_init_out_streams": "3", "sctp_init_in_streams": "4",
			"sctp_init_tsn": "5", "sctp_data_tsn": "", "payload_len": "20",
		},
	},
	{
		name: "SCTP bundle, without a checksum", link: pcapio.LinkIPv4,
		hex: `45000054 00000000 40840000 0a000001 0a000002 0001 0002 00000009 00000000
			03 00 0010 00000001 00000002 0000 0000   00 03 0011 00000007 0001 0002 0000002e 61 000000   00 07 0010 00000008 0001 0003 0000002e`,
		want: row{
			"sctp_chunk_types": "3;0;0", "sctp_data_flags": "3", "sctp_data_len": "1", "sctp_data_tsn": "7", "sctp_data_sid": "1", "sctp_data_ssn": "2",
			"sctp_data_ppid": "46", "sctp_checksum_status": "3", "sctp_init_tag": "", "decode_error": "",
		},
	},
	{
		name: "SCTP chunk that runs over", link: pcapio.LinkIPv4,
		hex:  "45000028 00000000 40840000 0a000001 0a000002 0001 0002 00000009 12345678 03 00 0010 00000001",
		want: row{"sctp_chunk_types": "3", "sctp_checksum_status": "0", "decode_error": "sctp: too short"},
	},
}

// TestTunnelsTshark compares the packets above, which no capture has all of,
// with what tshark says of them.
func TestTunnelsTshark(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed: nothing to compare with")
	}
	for _, link := range []pcapio.LinkType{pcapio.LinkEthernet, pcapio.LinkIPv4} {
		path := filepath.Join(t.TempDir(), "built.pcap")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		w := pcapgo.NewWriter(f)
		if err := w.WriteFileHeader(65535, layers.LinkType(link)); err != nil {
			t.Fatal(err)
		}
		for _, c := range append(tunnelPackets, checksumPackets...) {
			if c.link != link || c.cut > 0 {
				continue
			}
			data := unhex(c.hex)
			if c.ls != nil {
				data = build(t, c.ls...)
			}
			if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: time.Unix(1, 0), CaptureLength: len(data), Length: len(data)}, data); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		t.Run(link.String(), func(t *testing.T) { compareWithTshark(t, path) })
	}
}

// The digest is of the innermost conversation, or of the one around a tunnel
// in which there is none.
func TestTunnelDigest(t *testing.T) {
	inner1, inner2 := netip.MustParseAddr("192.168.0.1"), netip.MustParseAddr("192.168.0.2")
	outer1, outer2 := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	insideMACs := func(d *flow.Digest) { d.SrcMAC, d.DstMAC = [6]byte{2, 0, 0, 0, 1, 1}, [6]byte{2, 0, 0, 0, 1, 2} }
	for name, want := range map[string]func(d *flow.Digest){
		"IPv4 in IPv4": func(d *flow.Digest) {
			d.SrcMAC, d.DstMAC, d.WireLen = [6]byte{}, [6]byte{}, 51
			d.Src, d.Dst, d.EtherType, d.Proto, d.TTL, d.Tunnel = inner1, inner2, 0x800, 17, 9, flow.Tunnel(flow.TunnelIP, 0)
			d.SrcPort, d.DstPort, d.HeaderLen, d.PayloadLen, d.IPLen, d.Entropy = 1000, 2000, 8, 3, 31, 1.5849625
		},
		"VXLAN in a VLAN": func(d *flow.Digest) {
			insideMACs(d)
			d.Src, d.Dst, d.EtherType, d.Proto, d.TTL, d.Tunnel = inner1, inner2, 0x800, 6, 9, flow.Tunnel(flow.TunnelVXLAN, 0x123456)
			d.SrcPort, d.DstPort, d.HeaderLen, d.PayloadLen, d.IPLen, d.Entropy = 40000, 80, 20, 3, 43, 1.5849625
			d.Seq, d.Ack, d.TCPFlags, d.Window, d.WireLen = 5, 6, 0x10, 7, 114 // gopacket pads frames
		},
		"Ethernet in GRE (NVGRE)": func(d *flow.Digest) {
			insideMACs(d)
			d.Src, d.Dst, d.EtherType, d.Proto, d.TTL, d.Tunnel, d.VLAN = inner1, inner2, 0x800, 17, 9, flow.Tunnel(flow.TunnelGRE, 0), 30
			d.SrcPort, d.DstPort, d.HeaderLen, d.IPLen, d.WireLen = 1000, 2000, 8, 28, 102
		},
		"VXLAN in VXLAN": func(d *flow.Digest) {
			d.Src, d.Dst = netip.MustParseAddr("2001:db8::a"), netip.MustParseAddr("2001:db8::b")
			d.EtherType, d.Proto, d.TTL, d.TOS, d.Tunnel = 0x86dd, 6, 61, 2, flow.Tunnel(flow.TunnelVXLAN, 9)
			d.SrcPort, d.DstPort, d.HeaderLen, d.IPLen = 40000, 80, 20, 60
			d.Seq, d.Ack, d.TCPFlags, d.Window, d.WireLen = 5, 6, 0x10, 7, 174
		},
		"ARP in VXLAN, padded": func(d *flow.Digest) {
			insideMACs(d)
			d.Src, d.Dst, d.EtherType, d.ARPOp, d.Tunnel, d.WireLen = outer2, outer1, 0x806, 2, flow.Tunnel(flow.TunnelVXLAN, 0x123456), 110
		},
		"spanning tree in VXLAN": func(d *flow.Digest) {
			d.Src, d.Dst, d.EtherType, d.Proto, d.TTL, d.TOS = outer1, outer2, 0x800, 17, 64, 0xb9
			d.SrcPort, d.DstPort, d.HeaderLen, d.PayloadLen, d.IPLen, d.WireLen = 49152, 4789, 8, 4, 57, 71
		},
		"GTP-U echo": func(d *flow.Digest) {
			d.Src, d.Dst, d.EtherType, d.Proto, d.TTL, d.TOS = outer1, outer2, 0x800, 17, 64, 0xb9
			d.SrcPort, d.DstPort, d.HeaderLen, d.PayloadLen, d.IPLen, d.WireLen, d.Entropy = 2152, 2152, 8, 12, 40, 60, 1.5849625
		},
		"an ICMP error quotes what is no tunnel": func(d *flow.Digest) {
			d.SrcMAC, d.DstMAC, d.WireLen = [6]byte{}, [6]byte{}, 56
			d.Src, d.Dst, d.EtherType, d.Proto, d.TTL = outer1, outer2, 0x800, 1, 64
			d.ICMPType, d.HeaderLen, d.PayloadLen, d.IPLen = 11, 8, 28, 56
		},
	} {
		t.Run(name, func(t *testing.T) {
			expected := flow.Digest{File: 3, Number: 1, SrcMAC: [6]byte(macA), DstMAC: [6]byte(macB), DNSRcode: -1}
			want(&expected)
			c := tunnelPacket(t, name)
			data := unhex(c.hex)
			if c.ls != nil {
				data = build(t, c.ls...)
			}
			_, got := decodeOne(t, c.link, data, 0)
			got.Hash = 0 // not what is tested here
			if expected.Entropy == 0 {
				got.Entropy = 0 // likewise
			}
			if diff := cmp.Diff(expected, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func tunnelPacket(t *testing.T, name string) packetCase {
	for _, c := range tunnelPackets {
		if c.name == name {
			return c
		}
	}
	t.Fatal("no packet ", name)
	return packetCase{}
}
