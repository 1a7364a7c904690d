package filter

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// value is the test for an identifier with its qualifiers.
func (g *generator) value(v *value) (*cond, error) {
	if v.id.kind == tMAC {
		if v.q.proto != pLink || v.q.kind != "" && v.q.kind != "host" {
			return g.fail("an Ethernet address stands only with ether host, ether src or ether dst")
		}
		return g.etherHost(v.id.mac, v.q.dir)
	}
	switch v.q.kind {
	case "port", "portrange":
		return g.portValue(v)
	case "proto":
		return g.protoValue(v)
	}
	return g.addressValue(v)
}

// addressValue is host and net, by number or by name.
func (g *generator) addressValue(v *value) (*cond, error) {
	what := "host"
	if v.q.kind == "net" {
		what = "net"
	}
	switch v.q.proto {
	case pAny, pIP, pIP6, pARP, pRARP:
	case pLink:
		return g.fail("%q is not an Ethernet address", v.id.text)
	default:
		return g.fail("%s cannot qualify a %s", v.q.proto.name(), what)
	}
	if v.id.kind == tName {
		return g.namedHost(v, what)
	}
	addr, bits, err := g.prefix(v, what)
	if err != nil {
		return nil, err
	}
	return g.address(addr, bits, v.q)
}

// prefix reads an address and how many of its bits count.
func (g *generator) prefix(v *value, what string) (netip.Addr, int, error) {
	addr, bits := v.id.addr, 32
	switch v.id.kind {
	case tNumber: // 10 as a net is 10.0.0.0/8, as a host 0.0.0.10
		var b [4]byte
		n := v.id.num
		for what == "net" && n != 0 && n>>24 == 0 {
			n <<= 8
			bits -= 8
		}
		binary.BigEndian.PutUint32(b[:], n)
		addr = netip.AddrFrom4(b)
	case tDotted: // 10.77 is 10.77.0.0/16
		bits = 8 * int(v.id.num)
	case tIP6:
		bits = 128
	}
	given, err := g.givenBits(v, bits)
	if err != nil || given < 0 {
		return addr, bits, err
	}
	if what != "net" && !(v.id.kind == tIP6 && given == 128) {
		return addr, 0, errAt(v.id.pos, "a mask goes with net, not with host")
	}
	masked, _ := addr.Prefix(given)
	if masked.Addr() != addr {
		return addr, 0, errAt(v.id.pos, "%s has bits outside its mask of %d bits", v.id.text, given)
	}
	return addr, given, nil
}

// givenBits reads /N or mask A; -1 when there is neither.
func (g *generator) givenBits(v *value, bits int) (int, error) {
	most := 32
	if v.id.kind == tIP6 {
		most = 128
	}
	switch {
	case v.prefix != nil && v.prefix.num > uint32(most):
		return 0, errAt(v.prefix.pos, "a prefix has at most %d bits", most)
	case v.prefix != nil:
		return int(v.prefix.num), nil
	case v.mask != nil:
		b := v.mask.addr.As4()
		ones, size := net.IPMask(b[:]).Size()
		if size == 0 {
			return 0, errAt(v.mask.pos, "netmask %s is not contiguous", v.mask.text)
		}
		return ones, nil
	}
	return -1, nil
}

func (g *generator) namedHost(v *value, what string) (*cond, error) {
	if what == "net" {
		return g.fail("network names are not supported: %q; give the number", v.id.text)
	}
	addrs, err := g.opt.Lookup(v.id.text)
	if err != nil {
		return g.fail("unknown host %q: %v", v.id.text, err)
	}
	c := never
	for _, a := range addrs {
		a = a.Unmap().WithZone("")
		if a.Is4() && v.q.proto == pIP6 || !a.Is4() && v.q.proto != pAny && v.q.proto != pIP6 {
			continue
		}
		one, err := g.address(a, a.BitLen(), v.q)
		if err != nil {
			return nil, err
		}
		c = or(c, one)
	}
	if c == never {
		return g.fail("host %q has no address that fits", v.id.text)
	}
	return c, nil
}

// address tests for one address or network, in the protocols that q allows.
func (g *generator) address(addr netip.Addr, bits int, q qualifier) (*cond, error) {
	if addr.Is6() {
		if q.proto != pAny && q.proto != pIP6 {
			return g.fail("%s cannot qualify an IPv6 address", q.proto.name())
		}
		return g.address6(addr, bits, q.dir)
	}
	switch q.proto {
	case pIP6:
		return g.fail("ip6 cannot qualify an IPv4 address")
	case pIP:
		return g.address4(addr, bits, q.dir, etherIP, 12, 16)
	case pARP:
		return g.address4(addr, bits, q.dir, etherARP, 14, 24)
	case pRARP:
		return g.address4(addr, bits, q.dir, etherRARP, 14, 24)
	}
	c, err := g.address4(addr, bits, q.dir, etherIP, 12, 16)
	if err != nil || g.at.labels > 0 { // labels do not say that ARP follows
		return c, err
	}
	for _, typ := range []int{etherARP, etherRARP} {
		more, err := g.address4(addr, bits, q.dir, typ, 14, 24)
		if err != nil {
			return nil, err
		}
		c = or(c, more)
	}
	return c, nil
}

func (g *generator) address4(addr netip.Addr, bits int, dir direction, typ, src, dst int) (*cond, error) {
	c, err := g.linkType(typ)
	if err != nil {
		return nil, err
	}
	b := addr.As4()
	mask := uint32(uint64(0xffffffff) << (32 - bits))
	at := func(off int) *cond {
		return masked(g.at.network()+off, 4, binary.BigEndian.Uint32(b[:])&mask, mask)
	}
	return and(c, eachDirection(dir, at(src), at(dst))), nil
}

func (g *generator) address6(addr netip.Addr, bits int, dir direction) (*cond, error) {
	c, err := g.linkType(etherIP6)
	if err != nil {
		return nil, err
	}
	b := addr.As16()
	at := func(off int) *cond {
		c := always
		for i := 0; i < 4; i++ {
			mask := uint32(uint64(0xffffffff) << (32 - min(32, max(0, bits-32*i))))
			c = and(c, masked(g.at.network()+off+4*i, 4, binary.BigEndian.Uint32(b[4*i:])&mask, mask))
		}
		return c
	}
	return and(c, eachDirection(dir, at(8), at(24))), nil
}

// transports are the protocols that have ports, in the order of testing.
var transports = []int{ipSCTP, ipTCP, ipUDP}

var transportNames = map[int]string{ipSCTP: "sctp", ipTCP: "tcp", ipUDP: "udp"}

func (g *generator) portValue(v *value) (*cond, error) {
	protocols := transports
	switch v.q.proto {
	case pAny:
	case pTCP:
		protocols = []int{ipTCP}
	case pUDP:
		protocols = []int{ipUDP}
	case pSCTP:
		protocols = []int{ipSCTP}
	default:
		return g.fail("%s cannot qualify a port", v.q.proto.name())
	}
	lo, hi := v.id.text, v.id.text
	if i := strings.IndexByte(v.id.text, '-'); v.q.kind == "portrange" && i > 0 && v.id.kind == tName {
		lo, hi = v.id.text[:i], v.id.text[i+1:]
	}
	if v.id.kind == tDotted || v.id.kind == tIP6 {
		return g.fail("%q is an address, not a port", v.id.text)
	}
	if v.id.kind == tNumber {
		lo = strconv.Itoa(int(v.id.num))
		hi = lo
	}
	first, known, err := g.port(lo, protocols)
	if err != nil {
		return nil, err
	}
	if hi == lo {
		return g.ports(first, first, known, v.q.dir)
	}
	last, also, err := g.port(hi, protocols)
	if err != nil {
		return nil, err
	}
	if len(known) != len(also) || known[0] != also[0] { // names of different protocols
		known = protocols
	}
	return g.ports(min(first, last), max(first, last), known, v.q.dir)
}

// port reads a number or a service name, and which of the protocols know it.
func (g *generator) port(s string, protocols []int) (uint32, []int, error) {
	if s != "" && all(s, digit) {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil || n > 0xffff {
			return 0, nil, errAt(g.pos, "port %s is above 65535", s)
		}
		return uint32(n), protocols, nil
	}
	tcp, tcpErr := net.LookupPort("tcp", s)
	udp, udpErr := net.LookupPort("udp", s)
	switch {
	case tcpErr != nil && udpErr != nil:
		return 0, nil, errAt(g.pos, "unknown port %q", s)
	case tcpErr == nil && udpErr == nil && tcp != udp && len(protocols) > 1:
		return 0, nil, errAt(g.pos, "port %q is %d in tcp and %d in udp; say which", s, tcp, udp)
	case len(protocols) == 1 && protocols[0] == ipTCP || len(protocols) > 1 && udpErr != nil:
		if tcpErr != nil {
			return 0, nil, errAt(g.pos, "port %q is known for udp only", s)
		}
		return uint32(tcp), []int{ipTCP}, nil
	case len(protocols) == 1 && protocols[0] == ipUDP || len(protocols) > 1 && tcpErr != nil:
		if udpErr != nil {
			return 0, nil, errAt(g.pos, "port %q is known for tcp only", s)
		}
		return uint32(udp), []int{ipUDP}, nil
	case len(protocols) == 1:
		return 0, nil, errAt(g.pos, "port %q is not known for %s; give the number", s, transportNames[protocols[0]])
	}
	return uint32(tcp), protocols, nil
}

// protoValue is "proto N", over the layer that qualifies it.
func (g *generator) protoValue(v *value) (*cond, error) {
	names, most := ipProtoNames, uint32(0xff)
	switch v.q.proto {
	case pAny, pIP, pIP6:
	case pLink:
		names, most = etherProtoNames, 0xffff
	default:
		return g.fail("%s cannot qualify a protocol", v.q.proto.name())
	}
	n := v.id.num
	switch v.id.kind {
	case tNumber:
	case tName:
		known, ok := names[v.id.text]
		if !ok {
			return g.fail("unknown protocol %q", v.id.text)
		}
		n = uint32(known)
	default:
		return g.fail("%q is not a protocol", v.id.text)
	}
	if n > most {
		return g.fail("protocol %d is above %d", n, most)
	}
	if v.q.proto == pLink {
		return g.linkType(int(n))
	}
	return g.ipProtocol(int(n), v.q.proto)
}
