package layer

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/flow"
)

func TestDigest(t *testing.T) {
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	mac := flow.Digest{File: 3, Number: 1, SrcMAC: [6]byte(macA), DstMAC: [6]byte(macB), DNSRcode: -1}
	for _, c := range []struct {
		name string
		data []byte
		want func(d *flow.Digest)
	}{
		{"TCP", build(t, eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolTCP),
			&layers.TCP{SrcPort: 40000, DstPort: 80, Seq: 5, Ack: 6, SYN: true, NS: true, Window: 7, Options: synOptions}, gopacket.Payload("abab")),
			func(d *flow.Digest) {
				d.Src, d.Dst, d.EtherType, d.Proto, d.TTL, d.TOS = a, b, 0x800, 6, 64, 0xb9
				d.SrcPort, d.DstPort, d.Seq, d.Ack, d.TCPFlags, d.Window = 40000, 80, 5, 6, 0x102, 7
				d.MSS, d.WScale, d.HeaderLen, d.PayloadLen, d.IPLen, d.WireLen, d.Entropy = 1460, 7, 40, 4, 64, 78, 1
			}},
		{"VLAN and echo", build(t, eth(layers.EthernetTypeDot1Q), &layers.Dot1Q{VLANIdentifier: 12, Type: layers.EthernetTypeIPv4},
			ip4(layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: 77, Seq: 3}),
			func(d *flow.Digest) {
				d.Src, d.Dst, d.EtherType, d.Proto, d.TTL, d.TOS = a, b, 0x800, 1, 64, 0xb9
				d.VLAN, d.ICMPType, d.ICMPID, d.HeaderLen, d.IPLen, d.WireLen = 12, 8, 77, 8, 28, 60 // gopacket pads
			}},
		{"fragment", build(t, eth(layers.EthernetTypeIPv4),
			&layers.IPv4{Version: 4, TTL: 9, Id: 99, FragOffset: 185, Flags: layers.IPv4MoreFragments, Protocol: layers.IPProtocolUDP, SrcIP: ipA, DstIP: ipB},
			gopacket.Payload("aa")),
			func(d *flow.Digest) {
				d.Src, d.Dst, d.EtherType, d.Proto, d.TTL = a, b, 0x800, 17, 9
				d.Fragment, d.FragID, d.FragOffset, d.PayloadLen, d.IPLen, d.WireLen = true, 99, 1480, 2, 22, 60
			}},
		{"ARP", unhex("02000000000b 02000000000a 0806 0001 0800 06 04 0002 02000000000a 0a000001 02000000000b 0a000002"),
			func(d *flow.Digest) { d.Src, d.Dst, d.EtherType, d.ARPOp, d.WireLen = a, b, 0x806, 2, 42 }},
		{"IPv6 behind extension headers", build(t, eth(layers.EthernetTypeIPv6), ip6(layers.IPProtocolIPv6Destination),
			gopacket.Payload(unhex("1100 010400000000 03e8 07d0 0008 0000"))),
			func(d *flow.Digest) {
				d.Src, d.Dst = netip.MustParseAddr("2001:db8::a"), netip.MustParseAddr("2001:db8::b")
				d.EtherType, d.Proto, d.TTL, d.TOS, d.IPLen, d.WireLen = 0x86dd, 17, 61, 2, 56, 70
				d.SrcPort, d.DstPort, d.HeaderLen = 1000, 2000, 8
			}},
		{"nothing known", unhex("02000000000b 02000000000a 88b5 6161"),
			func(d *flow.Digest) { d.EtherType, d.WireLen, d.PayloadLen = 0x88b5, 16, 2 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := mac
			c.want(&want)
			_, got := decodeOne(t, pcapio.LinkEthernet, c.data, 0)
			if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}), cmpopts.IgnoreFields(flow.Digest{}, "Hash")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The columns of a conversation are those of flow.Key, also out of the cache.
func TestConversation(t *testing.T) {
	there := build(t, eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 1000, DstPort: 2000})
	back := build(t, eth(layers.EthernetTypeIPv4), &layers.IPv4{Version: 4, TTL: 3, Protocol: layers.IPProtocolUDP, SrcIP: ipB, DstIP: ipA},
		&layers.UDP{SrcPort: 2000, DstPort: 1000})
	tab := NewTable(Options{})
	var d flow.Digest
	for i, data := range [][]byte{there, back, there, unhex("02000000000b 02000000000a 88b5")} {
		tab.Append(&pcapio.Packet{Data: data, WireLen: uint32(len(data)), LinkType: pcapio.LinkEthernet, Number: int64(i + 1)}, 0, &d)
		got := map[string]string{}
		rows := newRowTexts(tab.Batch())
		for range i + 1 {
			got = rows.next()
		}
		if i == 3 {
			check(t, got, row{"community_id": "", "flow_key": ""})
			continue
		}
		want := string(flow.KeyOf(&d).CommunityID(nil))
		check(t, got, row{"community_id": want})
		if first := tab.conversation.FlowKey.V[0]; tab.conversation.FlowKey.V[i] != first || first != flow.KeyOf(&d).Hash() {
			t.Errorf("packet %d: key %d, the first's %d", i, tab.conversation.FlowKey.V[i], first)
		}
	}
}

// What Append says of a packet does not depend on those before it.
func TestRowsAreIndependent(t *testing.T) {
	packets := readCapture(t, goldenMixed)
	all := newRowTexts(decodeAll(packets).Batch())
	for i := range packets {
		alone := newRowTexts(decodeAll(packets[i : i+1]).Batch())
		if diff := cmp.Diff(alone.next(), all.next()); diff != "" {
			t.Errorf("packet %d: %s", i+1, diff)
		}
	}
}

func TestTakeErrors(t *testing.T) {
	tab := NewTable(Options{})
	bad := pcapio.Packet{Data: []byte{1, 2}, WireLen: 2, LinkType: pcapio.LinkEthernet}
	tab.Append(&bad, 0, nil)
	tab.Append(&bad, 0, nil)
	bad.LinkType = 999
	tab.Append(&bad, 0, nil)
	want := map[string]int64{"eth: too short": 2, "frame: link type not decoded": 1}
	if diff := cmp.Diff(want, tab.TakeErrors()); diff != "" {
		t.Error(diff)
	}
	if got := tab.TakeErrors(); len(got) != 0 {
		t.Errorf("taken twice: %v", got)
	}
}

func TestPayloadModes(t *testing.T) {
	data := inUDP(t, []byte("abcdefgh"), 9)
	for _, c := range []struct{ mode, payload, hash string }{
		{"full", "6162636465666768", ""},
		{"first:3", "616263", ""},
		{"first:99", "6162636465666768", ""},
		{"hash", "", "4238821247360054455"}, // xxhsum -H1: 3ad351775b4634b7
		{"none", "", ""},
	} {
		var opt Options
		if err := opt.ParsePayload(c.mode); err != nil {
			t.Fatal(err)
		}
		tab := NewTable(opt)
		tab.Append(&pcapio.Packet{Data: data, WireLen: uint32(len(data)), LinkType: pcapio.LinkEthernet}, 0, nil)
		check(t, newRowTexts(tab.Batch()).next(), row{
			"payload": c.payload, "payload_hash": c.hash, "payload_len": "8", "payload_entropy": "3",
		})
	}
	for _, bad := range []string{"", "some", "first", "first:", "first:0", "first:-1", "first:x"} {
		var opt Options
		if opt.ParsePayload(bad) == nil {
			t.Errorf("payload %q is taken", bad)
		}
	}
}
