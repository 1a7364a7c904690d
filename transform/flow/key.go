package flow

import (
	"crypto/sha1" //nolint:gosec // Community ID is defined with it; nothing is secured by it
	"encoding/base64"
	"encoding/binary"
	"net/netip"

	"github.com/cespare/xxhash/v2"
)

// EtherTypes and protocol numbers that the table treats on their own.
const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherIPv6 = 0x86dd

	protoICMP    = 1
	protoTCP     = 6
	protoUDP     = 17
	protoICMPv6  = 58
	protoSCTP    = 132
	protoUDPLite = 136
)

// Families of a [Key].
const (
	familyNone uint8 = 0
	familyIPv4 uint8 = 4
	familyIPv6 uint8 = 6
	familyARP  uint8 = 8
)

// Key says which conversation a packet belongs to, whichever way it goes: the
// two endpoints in ascending order of address, then port, the IP protocol,
// the outermost VLAN id and the tunnel. It is comparable and holds no
// pointers. The zero Key is that of packets that belong to none.
//
// In place of ports ICMP and ICMPv6 have the message type on the sender's
// side and its counterpart (echo for echo reply) on the other; a type without
// a counterpart has its code there, and its endpoints stay as sender and
// receiver. Echo messages also differ by identifier. ARP has sender and
// target address and no ports. Later fragments have no ports in the packet:
// their key has 0 there, and only the [Table], which remembers the first
// fragment, knows the conversation.
type Key struct {
	A, B         [16]byte // IPv4 in the first four bytes
	PortA, PortB uint16
	ID           uint16 // ICMP echo identifier
	VLAN         uint16
	Tunnel       uint32 // as in [Digest]
	Proto        uint8  // IANA protocol number, 0 for ARP
	Family       uint8  // 4, 6, 8 for ARP, 0 for no conversation
}

// KeyOf gives the canonical key of a packet.
func KeyOf(d *Digest) Key {
	k, _ := keyOf(d)
	return k
}

// Valid reports whether the key is that of a conversation.
func (k Key) Valid() bool { return k.Family != familyNone }

// keyOf gives the key and whether the packet's sender is endpoint B.
func keyOf(d *Digest) (k Key, fromB bool) {
	if !d.Src.IsValid() || !d.Dst.IsValid() || d.Src.Is4() != d.Dst.Is4() {
		return Key{}, false
	}
	k.VLAN, k.Tunnel = d.VLAN, d.Tunnel
	switch {
	case d.EtherType == etherARP:
		k.Family = familyARP
	case d.Src.Is4():
		k.Family, k.Proto = familyIPv4, d.Proto
	default:
		k.Family, k.Proto = familyIPv6, d.Proto
	}
	if d.Src.Is4() {
		a, b := d.Src.As4(), d.Dst.As4()
		copy(k.A[:], a[:])
		copy(k.B[:], b[:])
	} else {
		k.A, k.B = d.Src.As16(), d.Dst.As16()
	}
	oneWay := k.setPorts(d)
	if !oneWay && k.descends() {
		k.A, k.B = k.B, k.A
		k.PortA, k.PortB = k.PortB, k.PortA
		return k, true
	}
	return k, false
}

// setPorts fills what stands in place of ports, the sender's in PortA, and
// reports whether the endpoints must keep their order.
func (k *Key) setPorts(d *Digest) (oneWay bool) {
	if k.Family == familyARP || d.FragOffset > 0 {
		return false
	}
	switch {
	case k.Proto == protoICMP || k.Proto == protoICMPv6:
		counterpart, ok := icmpCounterpart(k.Proto, d.ICMPType)
		k.PortA = uint16(d.ICMPType)
		if !ok {
			k.PortB = uint16(d.ICMPCode)
			return true
		}
		k.PortB, k.ID = uint16(counterpart), d.ICMPID
	case hasPorts(k.Proto):
		k.PortA, k.PortB = d.SrcPort, d.DstPort
	}
	return false
}

// descends reports whether endpoint A is behind endpoint B.
func (k *Key) descends() bool {
	a, b := &k.A, &k.B
	if x, y := binary.BigEndian.Uint64(a[:]), binary.BigEndian.Uint64(b[:]); x != y {
		return x > y
	}
	if x, y := binary.BigEndian.Uint64(a[8:]), binary.BigEndian.Uint64(b[8:]); x != y {
		return x > y
	}
	return k.PortA > k.PortB
}

func hasPorts(proto uint8) bool {
	switch proto {
	case protoTCP, protoUDP, protoSCTP, protoUDPLite:
		return true
	}
	return false
}

// icmpCounterpart gives the type that answers a type, or that it answers.
// The pairs are Community ID's, so that both agree on what a conversation is.
func icmpCounterpart(proto, typ uint8) (counterpart uint8, ok bool) {
	pairs := icmpPairs[:]
	if proto == protoICMPv6 {
		pairs = icmpv6Pairs[:]
	}
	for _, p := range pairs {
		if typ == p[0] {
			return p[1], true
		}
		if typ == p[1] {
			return p[0], true
		}
	}
	return 0, false
}

// icmpAnswers reports whether the type answers another.
func icmpAnswers(proto, typ uint8) bool {
	pairs := icmpPairs[:]
	if proto == protoICMPv6 {
		pairs = icmpv6Pairs[:]
	}
	for _, p := range pairs {
		if typ == p[1] {
			return true
		}
	}
	return false
}

// Request and answer types.
var (
	icmpPairs = [...][2]uint8{
		{8, 0},   // echo
		{10, 9},  // router solicitation, advertisement
		{13, 14}, // timestamp
		{15, 16}, // information
		{17, 18}, // address mask
	}
	icmpv6Pairs = [...][2]uint8{
		{128, 129}, // echo
		{133, 134}, // router solicitation, advertisement
		{135, 136}, // neighbour solicitation, advertisement
		{130, 131}, // multicast listener query, report
		{139, 140}, // node information
		{144, 145}, // home agent address discovery
	}
)

// Hash identifies the key in 64 bits: XXH64 with seed 0 of its bytes, which
// are A, B, PortA, PortB, ID, VLAN (big-endian), Proto, Family, Tunnel
// (big-endian, 0 outside of tunnels) and two zeros.
// It joins the packets of a conversation with its flows (flow_key); it does
// not change between versions of the program.
//
// Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
func (k Key) Hash() int64 {
	var b [48]byte
	copy(b[:], k.A[:])
	copy(b[16:], k.B[:])
	binary.BigEndian.PutUint16(b[32:], k.PortA)
	binary.BigEndian.PutUint16(b[34:], k.PortB)
	binary.BigEndian.PutUint16(b[36:], k.ID)
	binary.BigEndian.PutUint16(b[38:], k.VLAN)
	b[40], b[41] = k.Proto, k.Family
	binary.BigEndian.PutUint32(b[42:], k.Tunnel)
	return int64(xxhash.Sum64(b[:]))
}

// CommunityID appends the Community ID, version 1, seed 0, to dst: "1:" and
// 28 characters of base64. VLAN, tunnel and echo identifier are not part of
// it. Keys that are not of IP have none and leave dst as it is.
//
// Source: https://github.com/corelight/community-id-spec
func (k Key) CommunityID(dst []byte) []byte {
	if k.Family != familyIPv4 && k.Family != familyIPv6 {
		return dst
	}
	width := 4
	if k.Family == familyIPv6 {
		width = 16
	}
	var buf [2 + 16 + 16 + 2 + 4]byte
	b := buf[:2] // the seed
	b = append(b, k.A[:width]...)
	b = append(b, k.B[:width]...)
	b = append(b, k.Proto, 0)
	if hasPorts(k.Proto) && k.Proto != protoUDPLite || k.Proto == protoICMP || k.Proto == protoICMPv6 {
		b = binary.BigEndian.AppendUint16(b, k.PortA)
		b = binary.BigEndian.AppendUint16(b, k.PortB)
	}
	sum := sha1.Sum(b) //nolint:gosec // see the import
	dst = append(dst, "1:"...)
	return base64.StdEncoding.AppendEncode(dst, sum[:])
}

// addrs gives the endpoints' addresses.
func (k *Key) addrs() (a, b netip.Addr) {
	if k.Family == familyIPv6 {
		return netip.AddrFrom16(k.A), netip.AddrFrom16(k.B)
	}
	return netip.AddrFrom4([4]byte(k.A[:4])), netip.AddrFrom4([4]byte(k.B[:4]))
}
