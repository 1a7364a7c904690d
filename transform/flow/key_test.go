package flow

import (
	"net/netip"
	"testing"
)

// Vectors of https://github.com/corelight/community-id-spec and of its
// reference implementation (PyPI communityid 1.4), computed with seed 0.
var communityIDs = []struct {
	proto    uint8
	src, dst string
	x, y     uint16 // ports, or ICMP type and code
	want     string
}{
	{6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	{6, "66.35.250.204", "128.232.110.120", 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	{6, "10.0.0.1", "10.0.0.1", 5, 4, "1:gLmjZuaRsMk4vbmk5HxV9Jb1iQg="},
	{17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
	{17, "8.8.8.8", "192.168.1.52", 53, 54585, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
	{132, "192.168.170.8", "192.168.170.56", 7, 80, "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="},
	{1, "192.168.0.89", "192.168.0.1", 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
	{1, "192.168.0.1", "192.168.0.89", 0, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
	{1, "192.168.0.89", "192.168.0.1", 20, 0, "1:3o2RFccXzUgjl7zDpqmY7yJi8rI="},
	{1, "192.168.0.1", "192.168.0.89", 3, 1, "1:o3zT92uTgnRWv/YrDVeXcWumpC4="},
	{1, "10.0.0.2", "10.0.0.1", 13, 0, "1:th9CqcxflNss8X17pecPidKDzKw="},
	{58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 0, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
	{58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 136, 0, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
	{58, "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:501:0:1001::2", 3, 0, "1:tGcYbzNItUoGXIXF3vdd2TMdUKI="},
	{58, "3ffe:507:0:1:260:97ff:fe07:69ea", "3ffe:507:0:1:200:86ff:fe05:80da", 1, 4, "1:gTqu7VsUsAmnYtRcECfFr8lTno8="},
	{58, "fe80::1", "ff02::16", 143, 0, "1:OAsYkgoou99wnhLR9ezvUt5gsiU="},
	{6, "2001:db8::1", "2001:db8::2", 443, 1024, "1:/SkXRGhFyVxIJ0n0Ngytv4r/oTs="},
	{47, "10.9.8.7", "10.1.2.3", 0, 0, "1:wbTgQaTQnm6fBgsbpR0X6cfRKfA="},
	{89, "10.9.8.7", "224.0.0.5", 0, 0, "1:5Bm2f+EKFeZYStaW4wCzu0Lemgg="},
	{136, "10.9.8.7", "10.1.2.3", 7, 9, "1:8nfk2wVaM75a637yacqCvQXX2hQ="},
}

func tuple(proto uint8, src, dst string, x, y uint16) Digest {
	d := Digest{Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), Proto: proto, EtherType: etherIPv4, DNSRcode: -1}
	if d.Src.Is6() {
		d.EtherType = etherIPv6
	}
	if proto == protoICMP || proto == protoICMPv6 {
		d.ICMPType, d.ICMPCode = uint8(x), uint8(y)
	} else {
		d.SrcPort, d.DstPort = x, y
	}
	return d
}

func TestCommunityID(t *testing.T) {
	for _, v := range communityIDs {
		d := tuple(v.proto, v.src, v.dst, v.x, v.y)
		d.VLAN, d.ICMPID = 7, 9 // neither counts
		if got := string(KeyOf(&d).CommunityID(nil)); got != v.want {
			t.Errorf("proto %d %s:%d > %s:%d: %s, want %s", v.proto, v.src, v.x, v.dst, v.y, got, v.want)
		}
	}
	if got := (Key{}).CommunityID(nil); got != nil {
		t.Errorf("no conversation: %s", got)
	}
	arp := Digest{EtherType: etherARP, Src: netip.MustParseAddr("10.0.0.1"), Dst: netip.MustParseAddr("10.0.0.2")}
	if got := KeyOf(&arp).CommunityID(nil); got != nil {
		t.Errorf("ARP: %s", got)
	}
}

// The expected values are python-xxhash's for the same 48 bytes.
func TestHashIsXXH64(t *testing.T) {
	var seq Key
	for i := range 16 {
		seq.A[i], seq.B[i] = byte(i), byte(16+i)
	}
	seq.PortA, seq.PortB, seq.ID, seq.VLAN, seq.Proto, seq.Family = 0x2021, 0x2223, 0x2425, 0x2627, 0x28, 0x29
	// bytes(range(42)) + bytes(6)
	if got := uint64(seq.Hash()); got != 0x160c843ba4a9b016 {
		t.Errorf("counting bytes: %#x", got)
	}
	seq.Tunnel = 0x2a2b2c2d // bytes(range(46)) + bytes(2)
	if got := uint64(seq.Hash()); got != 0x1d4c3b96236e8f76 {
		t.Errorf("counting bytes with a tunnel: %#x", got)
	}
	if got := uint64(Key{}.Hash()); got != 0x6417e2a002851674 {
		t.Errorf("48 zeros: %#x", got)
	}
}

func TestKeySameBothWays(t *testing.T) {
	for _, v := range communityIDs {
		d := tuple(v.proto, v.src, v.dst, v.x, v.y)
		back := d
		back.Src, back.Dst, back.SrcPort, back.DstPort = d.Dst, d.Src, d.DstPort, d.SrcPort
		if v.proto == protoICMP || v.proto == protoICMPv6 {
			c, ok := icmpCounterpart(v.proto, d.ICMPType)
			if !ok {
				continue // has one way only
			}
			back.ICMPType = c
		}
		k, swapped := keyOf(&d)
		l, swappedBack := keyOf(&back)
		if k != l || swapped == swappedBack {
			t.Errorf("%+v: %v %v, back %v %v", v, k, swapped, l, swappedBack)
		}
		a, b := k.addrs()
		if swapped {
			a, b = b, a
		}
		if a != d.Src || b != d.Dst {
			t.Errorf("addresses %s %s, want %s %s", a, b, d.Src, d.Dst)
		}
	}
}

func TestKeyDiffers(t *testing.T) {
	base := tuple(protoICMP, "10.0.0.1", "10.0.0.2", 8, 0)
	id, vlan, tunnel, network, later := base, base, base, base, tuple(protoUDP, "10.0.0.1", "10.0.0.2", 5, 6)
	id.ICMPID, vlan.VLAN = 4, 5
	tunnel.Tunnel, network.Tunnel = Tunnel(TunnelVXLAN, 7), Tunnel(TunnelVXLAN, 8)
	if KeyOf(&base) == KeyOf(&tunnel) || KeyOf(&tunnel) == KeyOf(&network) {
		t.Error("tunnel and virtual network must tell conversations apart")
	}
	first := later
	later.FragOffset = 1480
	if KeyOf(&base) == KeyOf(&id) || KeyOf(&base) == KeyOf(&vlan) {
		t.Error("echo identifier and VLAN must tell conversations apart")
	}
	if KeyOf(&later) == KeyOf(&first) || KeyOf(&later).PortB != 0 {
		t.Error("a later fragment has no ports")
	}
	mixed := base
	mixed.Dst = netip.MustParseAddr("::1")
	if KeyOf(&mixed).Valid() || (KeyOf(&Digest{})).Valid() {
		t.Error("no conversation without two addresses of one family")
	}
}

func BenchmarkKey(b *testing.B) {
	d := tuple(6, "128.232.110.120", "66.35.250.204", 34855, 80)
	b.ReportAllocs()
	var sum int64
	for b.Loop() {
		sum += KeyOf(&d).Hash()
	}
	_ = sum
}

func BenchmarkCommunityID(b *testing.B) {
	k := KeyOf(&Digest{Src: netip.MustParseAddr("10.0.0.1"), Dst: netip.MustParseAddr("10.0.0.2"), Proto: 6, EtherType: etherIPv4})
	buf := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		buf = k.CommunityID(buf[:0])
	}
}
