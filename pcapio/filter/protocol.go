package filter

import "golang.org/x/net/bpf"

// protocol is the test for a protocol keyword alone.
func (g *generator) protocol(p proto) (*cond, error) {
	if n, ok := protoNumbers[p]; ok {
		return g.ipProtocol(n.number, n.over)
	}
	if n, ok := linkNumbers[p]; ok {
		return g.linkType(n)
	}
	switch p {
	case pCLNP:
		return g.isoProtocol(0x81)
	case pESIS:
		return g.isoProtocol(0x82)
	case pISIS:
		return g.isoProtocol(0x83)
	}
	return g.fail("%s needs a qualifier and a value behind it", p.name())
}

// isoProtocol tests the network layer protocol identifier (ISO 9577) behind
// three bytes of 802.2.
func (g *generator) isoProtocol(nlpid uint32) (*cond, error) {
	c, err := g.linkType(sapISO)
	if err != nil {
		return nil, err
	}
	return and(c, equal(g.at.payload+3, 1, nlpid)), nil
}

// ipProtocol tests the protocol of IPv4, the next header of IPv6, or either.
// In IPv6 a fragment header may stand before it; other extension headers hide it.
func (g *generator) ipProtocol(n int, over proto) (*cond, error) {
	net := g.at.network()
	switch over {
	case pIP:
		c, err := g.linkType(etherIP)
		if err != nil {
			return nil, err
		}
		return and(c, equal(net+9, 1, uint32(n))), nil
	case pIP6:
		c, err := g.linkType(etherIP6)
		if err != nil {
			return nil, err
		}
		fragment := and(equal(net+6, 1, ipFragment), equal(net+40, 1, uint32(n)))
		return and(c, or(equal(net+6, 1, uint32(n)), fragment)), nil
	}
	v4, err := g.ipProtocol(n, pIP)
	if err != nil {
		return nil, err
	}
	v6, err := g.ipProtocol(n, pIP6)
	if err != nil {
		return nil, err
	}
	return or(v4, v6), nil
}

// unfragmented excludes the fragments of IPv4 that have no transport header.
func (g *generator) unfragmented() *cond {
	return not(testOf(field(g.at.network()+6, 2), jumpSET, 0x1fff))
}

// transport loads from behind an IPv4 header of any length.
func (g *generator) transport(off int, size uint32) []bpf.RawInstruction {
	net := uint32(g.at.network())
	return []bpf.RawInstruction{
		stmt(opLDX|modeMSH|sizeB, net),
		stmt(opLD|modeIND|sizeBits(size), net+uint32(off)),
	}
}

// ports tests port numbers from lo to hi in the transport protocols given.
func (g *generator) ports(lo, hi uint32, protocols []int, dir direction) (*cond, error) {
	ip4, err := g.linkType(etherIP)
	if err != nil {
		return nil, err
	}
	ip6, err := g.linkType(etherIP6)
	if err != nil {
		return nil, err
	}
	net := g.at.network()
	is4, is6 := never, never
	for _, n := range protocols {
		is4 = or(is4, equal(net+9, 1, uint32(n)))
		is6 = or(is6, equal(net+6, 1, uint32(n)))
	}
	at4 := func(off int) *cond { return between(g.transport(off, 2), lo, hi) }
	at6 := func(off int) *cond { return between(field(net+40+off, 2), lo, hi) }
	v4 := and(ip4, and(is4, and(g.unfragmented(), eachDirection(dir, at4(0), at4(2)))))
	v6 := and(ip6, and(is6, eachDirection(dir, at6(0), at6(2))))
	return or(v6, v4), nil
}

func between(load []bpf.RawInstruction, lo, hi uint32) *cond {
	if lo == hi {
		return testOf(load, jumpEQ, lo)
	}
	return and(testOf(load, jumpGE, lo), not(testOf(load, jumpGT, hi)))
}
