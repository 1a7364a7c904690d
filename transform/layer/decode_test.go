package layer

import (
	"encoding/hex"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/flow"
)

// row is what a test expects of columns, by name; "" is null.
type row map[string]string

// emptyText is a text without characters, which is not null.
const emptyText = "\x00"

// build serialises layers, fixing lengths and checksums.
func build(t testing.TB, ls ...gopacket.SerializableLayer) []byte {
	t.Helper()
	var network gopacket.NetworkLayer
	for _, l := range ls {
		if n, ok := l.(gopacket.NetworkLayer); ok {
			network = n
		}
		if c, ok := l.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok && network != nil {
			if err := c.SetNetworkLayerForChecksum(network); err != nil {
				t.Fatal(err)
			}
		}
	}
	buf := gopacket.NewSerializeBuffer()
	opt := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, opt, ls...); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// decodeOne gives the row and the digest of one packet. cut is how many bytes
// the capture kept; 0: all.
func decodeOne(t testing.TB, link pcapio.LinkType, data []byte, cut int) (map[string]string, flow.Digest) {
	t.Helper()
	p := pcapio.Packet{Data: data, WireLen: uint32(len(data)), LinkType: link, Number: 1}
	if cut > 0 {
		p.Data = data[:cut]
	}
	tab := NewTable(Options{})
	var d flow.Digest
	tab.Append(&p, 3, &d)
	checkRows(t, tab, 1)
	return newRowTexts(tab.Batch()).next(), d
}

func check(t *testing.T, got map[string]string, want row) {
	t.Helper()
	b := NewTable(Options{}).Batch()
	for name, w := range want {
		if w == emptyText {
			if g, ok := got[name]; !ok || g != "" {
				t.Errorf("%s: %q (there: %v), want an empty text", name, g, ok)
			}
			continue
		}
		if b.Column(name) == nil {
			t.Errorf("no column %s", name)
		}
		if g, ok := got[name]; g != w || (w == "") == ok {
			t.Errorf("%s: %q (there: %v), want %q", name, g, ok, w)
		}
	}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return b
}

var (
	macA = net.HardwareAddr{2, 0, 0, 0, 0, 0xa}
	macB = net.HardwareAddr{2, 0, 0, 0, 0, 0xb}
	ipA  = net.IPv4(10, 0, 0, 1).To4()
	ipB  = net.IPv4(10, 0, 0, 2).To4()
	ip6A = net.ParseIP("2001:db8::a")
	ip6B = net.ParseIP("2001:db8::b")
)

func eth(typ layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: macA, DstMAC: macB, EthernetType: typ}
}

func ip4(proto layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, TOS: 0xb9, Id: 7, Protocol: proto, SrcIP: ipA, DstIP: ipB}
}

func ip6(next layers.IPProtocol) *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: 61, TrafficClass: 2, FlowLabel: 0xabcde, NextHeader: next, SrcIP: ip6A, DstIP: ip6B}
}

var synOptions = []layers.TCPOption{
	{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{5, 0xb4}},
	{OptionType: layers.TCPOptionKindSACKPermitted, OptionLength: 2},
	{OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10, OptionData: []byte{0, 0, 0, 9, 0, 0, 0, 8}},
	{OptionType: layers.TCPOptionKindNop},
	{OptionType: layers.TCPOptionKindWindowScale, OptionLength: 3, OptionData: []byte{7}},
}

var sackOptions = []layers.TCPOption{
	{OptionType: layers.TCPOptionKindNop}, {OptionType: layers.TCPOptionKindNop},
	{OptionType: layers.TCPOptionKindSACK, OptionLength: 18, OptionData: []byte{
		0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff}},
}

// packetCase is a packet, built by gopacket or written in hexadecimal.
type packetCase struct {
	name string
	link pcapio.LinkType
	ls   []gopacket.SerializableLayer
	hex  string
	cut  int
	want row
}

// packets are of all protocols but wireless LANs' and tunnels'.
var packets = []packetCase{
	{
		name: "TCP SYN with options", link: pcapio.LinkEthernet,
		ls: []gopacket.SerializableLayer{
			eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolTCP),
			&layers.TCP{SrcPort: 40000, DstPort: 80, Seq: 4294967295, SYN: true, ECE: true, CWR: true, NS: true, Window: 64240, Options: synOptions},
		},
		want: row{
			"frame_protocols": "eth:ip:tcp", "file_id": "3", "frame_len": "74", "decode_error": "", "frame_direction": "",
			"eth_src": "02:00:00:00:00:0a", "eth_type": "2048", "eth_len": "", "padding": "",
			"ip_src": "10.0.0.1", "ip_dst": "10.0.0.2", "ip_ttl": "64", "ip_hdr_len": "20", "ip_len": "60", "ip_id": "7",
			"ip_tos": "185", "ip_dscp": "46", "ip_ecn": "1", "ip_flag_df": "false", "ip_frag_offset": "0", "ip_proto": "6", "ip_options": "",
			"tcp_src_port": "40000", "tcp_dst_port": "80", "tcp_seq": "4294967295", "tcp_ack": "0", "tcp_hdr_len": "40",
			"tcp_flags": "450", "tcp_flag_syn": "true", "tcp_flag_ns": "true", "tcp_flag_cwr": "true", "tcp_flag_ece": "true",
			"tcp_flag_ack": "false", "tcp_flag_fin": "false", "tcp_flag_rst": "false", "tcp_flag_psh": "false", "tcp_flag_urg": "false",
			"tcp_window": "64240", "tcp_mss": "1460", "tcp_wscale": "7", "tcp_sack_permitted": "true", "tcp_sack_left": "",
			"tcp_ts_val": "9", "tcp_ts_ecr": "8", "tcp_options": "020405b40402080a00000009000000080103" + "0307",
			"payload_len": "0", "payload": "", "payload_entropy": "", "udp_src_port": "", "dns_id": "", "ipv6_src": "", "vlan_id": "",
		},
	},
	{
		name: "SACK blocks and payload", link: pcapio.LinkEthernet,
		ls: []gopacket.SerializableLayer{
			eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolTCP),
			&layers.TCP{SrcPort: 80, DstPort: 40000, ACK: true, PSH: true, Options: sackOptions}, gopacket.Payload("abab"),
		},
		want: row{
			"tcp_sack_left": "1;4294967294", "tcp_sack_right": "2;4294967295", "tcp_sack_permitted": "false", "tcp_mss": "",
			"payload": "61626162", "payload_len": "4", "payload_entropy": "1", "decode_error": "",
		},
	},
	{
		name: "Ethernet padding is not payload", link: pcapio.LinkEthernet,
		hex: `02000000000b 02000000000a 0800 45000028 00070000 40060000 0a000001 0a000002
			9c40 0050 00000001 00000002 5010 0100 0000 0000  00000000beef`,
		want: row{"payload_len": "0", "payload": "", "padding": "00000000beef", "frame_len": "60", "decode_error": ""},
	},
	{
		name: "captured in part", link: pcapio.LinkEthernet,
		ls: []gopacket.SerializableLayer{
			eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP),
			&layers.UDP{SrcPort: 1000, DstPort: 2000}, gopacket.Payload(strings.Repeat("x", 100)),
		},
		cut:  14 + 20 + 8 + 10,
		want: row{"payload_len": "100", "payload": strings.Repeat("78", 10), "frame_len": "142", "frame_cap_len": "52", "decode_error": "", "udp_len": "108"},
	},
	{
		name: "captured in part, with padding", link: pcapio.LinkEthernet,
		hex: `02000000000b 02000000000a 0800 45000020 00070000 40110000 0a000001 0a000002
			03e8 07d0 000c 0000 61626364 00000000000000000000`,
		cut:  14 + 20 + 8 + 2,
		want: row{"payload_len": "4", "payload": "6162", "padding": "", "decode_error": ""},
	},
	{
		name: "header cut by the capture", link: pcapio.LinkEthernet,
		ls: []gopacket.SerializableLayer{
			eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolTCP), &layers.TCP{SrcPort: 1, DstPort: 2, SYN: true},
		},
		cut:  14 + 20 + 8,
		want: row{"decode_error": "tcp: truncated", "ip_src": "10.0.0.1", "tcp_src_port": "", "frame_protocols": "eth:ip:tcp", "payload_len": "20"},
	},
	{
		name: "options cut by the capture", link: pcapio.LinkEthernet,
		ls: []gopacket.SerializableLayer{
			eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolTCP),
			&layers.TCP{SrcPort: 1, DstPort: 2, SYN: true, Options: synOptions}, gopacket.Payload("data"),
		},
		cut:  14 + 20 + 24,
		want: row{"decode_error": "tcp: truncated", "tcp_mss": "1460", "tcp_wscale": "", "payload_len": "4", "payload": ""},
	},
	{
		name: "header that the packet never had", link: pcapio.LinkIPv4,
		hex:  "45000018 00070000 40110000 0a000001 0a000002 03e807d0",
		want: row{"decode_error": "udp: too short", "ip_len": "24", "udp_src_port": "", "payload": "03e807d0"},
	},
	{
		name: "later fragment", link: pcapio.LinkEthernet,
		ls: []gopacket.SerializableLayer{
			eth(layers.EthernetTypeIPv4),
			&layers.IPv4{Version: 4, TTL: 9, Id: 99, FragOffset: 185, Protocol: layers.IPProtocolUDP, SrcIP: ipA, DstIP: ipB},
			gopacket.Payload("0123456789"),
		},
		want: row{"ip_frag_offset": "1480", "ip_flag_mf": "false", "frame_protocols": "eth:ip", "udp_src_port": "", "payload_len": "10", "decode_error": ""},
	},
	{
		name: "IPv4 options", link: pcapio.LinkIPv4,
		hex:  "46000020 00070000 40110000 0a000001 0a000002 94040000 03e807d0000800 00",
		want: row{"ip_hdr_len": "24", "ip_options": "94040000", "udp_src_port": "1000", "decode_error": ""},
	},
	{
		name: "IPv4 header length below 20", link: pcapio.LinkIPv4,
		hex:  "43000020 00070000 40110000 0a000001 0a000002 03e807d0000c0000 61626364",
		want: row{"ip_src": "10.0.0.1", "decode_error": "ip: header length below 20", "udp_src_port": ""},
	},
	{
		name: "IPv4 total length below the header", link: pcapio.LinkIPv4,
		hex:  "45000010 00070000 40110000 0a000001 0a000002 03e807d0000c0000 61626364",
		want: row{"ip_len": "16", "decode_error": "ip: total length below header length", "udp_src_port": ""},
	},
	{
		name: "IPv4 total length 0 (TSO)", link: pcapio.LinkIPv4,
		hex:  "45000000 00070000 40110000 0a000001 0a000002 03e807d0000c0000 61626364",
		want: row{"ip_len": "0", "decode_error": "", "payload": "61626364"},
	},
	{
		name: "UDP length below its header", link: pcapio.LinkIPv4,
		hex:  "45000020 00070000 40110000 0a000001 0a000002 03e807d000040000 61626364",
		want: row{"udp_len": "4", "decode_error": "udp: length below 8", "payload": "61626364"},
	},
	{
		name: "bytes behind the UDP length", link: pcapio.LinkIPv4,
		hex:  "45000020 00070000 40110000 0a000001 0a000002 03e807d0000a0000 61626364",
		want: row{"payload": "6162", "payload_len": "2", "padding": "", "decode_error": ""},
	},
	{
		name: "TCP header length below 20", link: pcapio.LinkIPv4,
		hex:  "45000028 00070000 40060000 0a000001 0a000002 9c400050 00000001 00000002 40100100 00000000",
		want: row{"tcp_src_port": "40000", "tcp_hdr_len": "16", "decode_error": "tcp: header length below 20"},
	},
	{
		name: "TCP option that runs over", link: pcapio.LinkIPv4,
		hex:  "4500002c 00070000 40060000 0a000001 0a000002 9c400050 00000001 00000002 60100100 00000000 0109b405",
		want: row{"tcp_options": "0109b405", "decode_error": "tcp: malformed option", "tcp_mss": "", "tcp_sack_permitted": "false"},
	},
	{
		name: "one VLAN tag", link: pcapio.LinkEthernet,
		ls: []gopacket.SerializableLayer{
			eth(layers.EthernetTypeDot1Q), &layers.Dot1Q{Priority: 5, DropEligible: true, VLANIdentifier: 100, Type: layers.EthernetTypeIPv4},
			ip4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 1000, DstPort: 2000}, gopacket.Payload("x"),
		},
		want: row{
			"frame_protocols": "eth:vlan:ip:udp", "vlan_id": "100", "vlan_priority": "5", "vlan_dei": "true", "vlan_type": "2048",
			"vlan_inner_id": "", "udp_dst_port": "2000", "eth_type": "33024",
		},
	},
	{
		name: "three VLAN tags", link: pcapio.LinkEthernet,
		ls: []gopacket.SerializableLayer{
			eth(layers.EthernetTypeQinQ), &layers.Dot1Q{VLANIdentifier: 1, Type: layers.EthernetTypeDot1Q},
			&layers.Dot1Q{VLANIdentifier: 2, Type: layers.EthernetTypeDot1Q}, &layers.Dot1Q{VLANIdentifier: 3, Type: layers.EthernetTypeIPv4},
			ip4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 1000, DstPort: 2000},
		},
		want: row{"frame_protocols": "eth:vlan:vlan:ip:udp", "vlan_id": "1", "vlan_inner_id": "2", "vlan_inner_type": "33024", "udp_dst_port": "2000"},
	},
	{
		name: "802.3 with SNAP", link: pcapio.LinkEthernet,
		hex: "01000ccccccc 02000000000a 000c aaaa03 00000c 2000 01b4 0000 000000000000",
		want: row{
			"frame_protocols": "eth:llc", "eth_type": "", "eth_len": "12", "llc_dsap": "170", "llc_control": "3", "llc_oui": "12", "llc_pid": "8192",
			"payload": "01b40000", "padding": "000000000000", "decode_error": "",
		},
	},
	{
		name: "802.3 spanning tree", link: pcapio.LinkEthernet,
		hex:  "0180c2000000 02000000000a 0007 424203 00000000 000000",
		want: row{"frame_protocols": "eth:llc", "llc_dsap": "66", "llc_oui": "", "payload_len": "4"},
	},
	{
		name: "ARP request, padded", link: pcapio.LinkEthernet,
		hex: `ffffffffffff 02000000000a 0806 0001 0800 06 04 0001 02000000000a 0a000001 000000000000 0a000002
			000000000000000000000000000000000000`,
		want: row{
			"frame_protocols": "eth:arp", "arp_hw_type": "1", "arp_proto_type": "2048", "arp_hw_size": "6", "arp_proto_size": "4", "arp_opcode": "1",
			"arp_src_mac": "02:00:00:00:00:0a", "arp_src_ip": "10.0.0.1", "arp_dst_mac": "00:00:00:00:00:00", "arp_dst_ip": "10.0.0.2",
			"payload_len": "0", "padding": strings.Repeat("00", 18), "decode_error": "", "community_id": "", "ip_src": "",
		},
	},
	{
		name: "ARP cut short", link: pcapio.LinkEthernet,
		hex:  "ffffffffffff 02000000000a 0806 0001 0800 06 04 0001 02000000",
		want: row{"arp_opcode": "1", "arp_src_mac": "", "arp_src_ip": "", "decode_error": "arp: too short"},
	},
	{
		name: "ICMP echo", link: pcapio.LinkEthernet,
		ls: []gopacket.SerializableLayer{
			eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolICMPv4),
			&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: 77, Seq: 3}, gopacket.Payload("ping"),
		},
		want: row{"icmp_type": "8", "icmp_code": "0", "icmp_id": "77", "icmp_seq": "3", "icmp_unused": "", "icmp_mtu": "", "icmp_gateway": "", "payload": "70696e67"},
	},
	{
		name: "ICMP fragmentation needed", link: pcapio.LinkIPv4,
		hex:  "4500001c 00070000 40010000 0a000001 0a000002 03040000 000005dc",
		want: row{"icmp_type": "3", "icmp_mtu": "1500", "icmp_unused": "1500", "icmp_id": ""},
	},
	{
		name: "ICMP redirect", link: pcapio.LinkIPv4,
		hex:  "4500001c 00070000 40010000 0a000001 0a000002 05010000 0a0000fe",
		want: row{"icmp_gateway": "10.0.0.254", "icmp_unused": ""},
	},
	{
		name: "ICMP timestamp", link: pcapio.LinkIPv4,
		hex:  "45000028 00070000 40010000 0a000001 0a000002 0d000000 00010002 00000003 00000004 00000005",
		want: row{"icmp_id": "1", "icmp_seq": "2", "icmp_ts_orig": "3", "icmp_ts_recv": "4", "icmp_ts_trans": "5", "payload_len": "0"},
	},
	{
		name: "ICMP address mask", link: pcapio.LinkIPv4,
		hex:  "45000020 00070000 40010000 0a000001 0a000002 12000000 00010002 ffffff00",
		want: row{"icmp_addr_mask": "255.255.255.0", "icmp_seq": "2", "payload_len": "0"},
	},
	{
		name: "ICMP parameter problem", link: pcapio.LinkIPv4,
		hex:  "4500001c 00070000 40010000 0a000001 0a000002 0c000000 14000000",
		want: row{"icmp_pointer": "20", "icmp_unused": ""},
	},
	{
		name: "IPv6 UDP", link: pcapio.LinkEthernet,
		ls: []gopacket.SerializableLayer{
			eth(layers.EthernetTypeIPv6), ip6(layers.IPProtocolUDP), &layers.UDP{SrcPort: 1000, DstPort: 2000}, gopacket.Payload("x"),
		},
		want: row{
			"frame_protocols": "eth:ipv6:udp", "ipv6_src": "2001:db8::a", "ipv6_tclass": "2", "ipv6_dscp": "0", "ipv6_ecn": "2", "ipv6_flow": "703710",
			"ipv6_plen": "9", "ipv6_next": "17", "ipv6_hop_limit": "61", "ip_src": "", "udp_src_port": "1000",
		},
	},
	{
		name: "IPv6 extension headers", link: pcapio.LinkIPv6,
		hex: `60000000 0030 00 40 20010db8000000000000000000000001 20010db8000000000000000000000002
			3c00 05020000 0100   2b00 010400000000   2c00 0000 00000000   3a00 0001 12345678
			3b000000 0102 0304   00000000 00000000`,
		want: row{
			"frame_protocols": "ipv6:ipv6_hopopts:ipv6_dstopts:ipv6_routing:ipv6_frag:icmpv6", "ipv6_router_alert": "0", "ipv6_hopopts_len": "8",
			"ipv6_dstopts_next": "43", "ipv6_routing_type": "0", "ipv6_routing_segments_left": "0", "ipv6_frag_offset": "0", "ipv6_frag_more": "true",
			"ipv6_frag_id": "305419896", "icmpv6_type": "59",
		},
	},
	{
		name: "IPv6 later fragment", link: pcapio.LinkIPv6,
		hex: `60000000 000c 2c 40 20010db8000000000000000000000001 20010db8000000000000000000000002
			1100 05a8 12345678 61626364`,
		want: row{"frame_protocols": "ipv6:ipv6_frag", "ipv6_frag_offset": "1448", "ipv6_frag_more": "false", "udp_src_port": "", "payload": "61626364"},
	},
	{
		name: "neighbour solicitation", link: pcapio.LinkEthernet,
		ls: []gopacket.SerializableLayer{
			eth(layers.EthernetTypeIPv6), ip6(layers.IPProtocolICMPv6), &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(135, 0)},
			&layers.ICMPv6NeighborSolicitation{TargetAddress: ip6B, Options: layers.ICMPv6Options{{Type: layers.ICMPv6OptSourceAddress, Data: macA}}},
		},
		want: row{"icmpv6_type": "135", "icmpv6_target": "2001:db8::b", "icmpv6_src_mac": "02:00:00:00:00:0a", "icmpv6_target_mac": "", "payload_len": "0", "icmpv6_id": ""},
	},
	{
		name: "router advertisement", link: pcapio.LinkIPv6,
		hex: `60000000 0038 3a ff fe800000000000000000000000000001 ff020000000000000000000000000001
			86000000 40c00708 00000001 00000002 0101 02000000000a 0501 0000 000005dc
			0304 40c0 00015180 00003840 00000000 20010db8000000000000000000000000`,
		want: row{
			"icmpv6_ra_hop_limit": "64", "icmpv6_ra_flags": "192", "icmpv6_ra_lifetime": "1800", "icmpv6_ra_reachable": "1", "icmpv6_ra_retrans": "2",
			"icmpv6_opt_mtu": "1500", "icmpv6_prefix": "", "icmpv6_src_mac": "02:00:00:00:00:0a", "decode_error": "icmpv6: malformed option",
		},
	},
	{
		name: "a protocol that is not decoded", link: pcapio.LinkIPv4,
		hex:  "45000018 00070000 40590000 0a000001 0a000002 61626364",
		want: row{"ip_proto": "89", "frame_protocols": "ip", "payload": "61626364", "decode_error": ""},
	},
	{
		name: "Linux cooked", link: pcapio.LinkSLL,
		hex:  "0004 0001 0006 02000000000a 0000 0800 4500001c 00070000 40110000 0a000001 0a000002 03e807d000080000",
		want: row{"frame_protocols": "sll:ip:udp", "sll_type": "4", "sll_src": "02:00:00:00:00:0a", "sll_protocol": "2048", "sll_ifindex": "", "udp_len": "8"},
	},
	{
		name: "Linux cooked, version 2", link: pcapio.LinkSLL2,
		hex:  "0800 0000 00000003 0001 00 06 02000000000a0000 4500001c 00070000 40110000 0a000001 0a000002 03e807d000080000",
		want: row{"frame_protocols": "sll:ip:udp", "sll_type": "0", "sll_src": "02:00:00:00:00:0a", "sll_ifindex": "3", "udp_len": "8"},
	},
	{
		name: "BSD loopback, little-endian", link: pcapio.LinkNull,
		hex:  "02000000 4500001c 00070000 40110000 0a000001 0a000002 03e807d000080000",
		want: row{"frame_protocols": "null:ip:udp", "null_family": "2", "udp_len": "8"},
	},
	{
		name: "OpenBSD loopback", link: pcapio.LinkLoop,
		hex:  "00000018 60000000 0008 11 40 20010db8000000000000000000000001 20010db8000000000000000000000002 03e807d000080000",
		want: row{"frame_protocols": "null:ipv6:udp", "null_family": "24", "udp_len": "8"},
	},
	{
		name: "raw IPv6", link: pcapio.LinkRaw,
		hex:  "60000000 0008 11 40 20010db8000000000000000000000001 20010db8000000000000000000000002 03e807d000080000",
		want: row{"frame_protocols": "raw:ipv6:udp", "udp_len": "8"},
	},
	{
		name: "PPP", link: pcapio.LinkPPP,
		hex:  "ff03 0021 4500001c 00070000 40110000 0a000001 0a000002 03e807d000080000",
		want: row{"frame_protocols": "ppp:ip:udp", "ppp_protocol": "33", "udp_len": "8"},
	},
	{
		name: "PPP, compressed", link: pcapio.LinkPPP,
		hex:  "21 4500001c 00070000 40110000 0a000001 0a000002 03e807d000080000",
		want: row{"frame_protocols": "ppp:ip:udp", "ppp_protocol": "33", "udp_len": "8"},
	},
	{
		name: "PPPoE session", link: pcapio.LinkEthernet,
		hex: "02000000000b 02000000000a 8864 1100 0011 001e 0021 4500001c 00070000 40110000 0a000001 0a000002 03e807d000080000 0000",
		want: row{
			"frame_protocols": "eth:pppoe:ppp:ip:udp", "pppoe_code": "0", "pppoe_session_id": "17", "pppoe_len": "30", "ppp_protocol": "33",
			"udp_len": "8", "padding": "0000", "decode_error": "",
		},
	},
	{
		name: "MPLS, two labels", link: pcapio.LinkEthernet,
		hex: "02000000000b 02000000000a 8847 000102ff 00020140 4500001c 00070000 40110000 0a000001 0a000002 03e807d000080000",
		want: row{
			"frame_protocols": "eth:mpls:ip:udp", "mpls_label": "16", "mpls_tc": "1", "mpls_ttl": "255", "mpls_labels": "2", "udp_len": "8",
		},
	},
	{
		name: "MPLS without a bottom", link: pcapio.LinkEthernet,
		hex:  "02000000000b 02000000000a 8847 000102ff 000200",
		want: row{"mpls_label": "", "decode_error": "mpls: too short"},
	},
	{
		name: "IGMP version 2 report", link: pcapio.LinkIPv4,
		hex:  "4500001c 00070000 01020000 0a000001 e0000005 1600 09fa e0000005",
		want: row{"frame_protocols": "ip:igmp", "igmp_type": "22", "igmp_group": "224.0.0.5", "igmp_max_resp": "0", "igmp_records": "", "payload_len": "0"},
	},
	{
		name: "IGMP version 3 report", link: pcapio.LinkIPv4,
		hex:  "45000024 00070000 01020000 0a000001 e0000016 2200 0000 0000 0001 04000000 e0000005",
		want: row{"igmp_type": "34", "igmp_group": "224.0.0.5", "igmp_max_resp": "", "igmp_records": "1"},
	},
	{
		name: "a link type that is not decoded", link: 999,
		hex:  "80000000",
		want: row{"frame_protocols": emptyText, "frame_link_type": "999", "decode_error": "frame: link type not decoded", "payload": "80000000", "payload_len": "4"},
	},
}

func TestDecode(t *testing.T) {
	for _, c := range slices.Concat(packets, wlanPackets, tunnelPackets, checksumPackets) {
		t.Run(c.name, func(t *testing.T) {
			data := unhex(c.hex)
			if c.ls != nil {
				data = build(t, c.ls...)
			}
			got, _ := decodeOne(t, c.link, data, c.cut)
			check(t, got, c.want)
		})
	}
}
