package filter

import (
	"encoding/binary"

	"golang.org/x/net/bpf"

	"github.com/pcapline/pcapline/pcapio"
)

// linkType tests what the link layer says of its payload: an EtherType, or an
// 802.2 service access point up to 1500.
func (g *generator) linkType(n int) (*cond, error) {
	if g.at.labels > 0 {
		return g.underMPLS(n)
	}
	switch g.at.link {
	case pcapio.LinkEthernet:
		return g.ethernetType(n), nil
	case pcapio.LinkSLL, pcapio.LinkSLL2:
		if n <= maxLength {
			const frames8022 = 4 // LINUX_SLL_P_802_2
			return and(equal(g.at.typ, 2, frames8022), g.accessPoint(n)), nil
		}
		return equal(g.at.typ, 2, uint32(n)), nil
	case pcapio.LinkPPP, linkPPPoE:
		return equal(g.at.typ, 2, pppNumber(n)), nil
	case pcapio.LinkNull, pcapio.LinkLoop:
		return g.addressFamily(n), nil
	case pcapio.LinkRaw:
		return ipVersion(0, n), nil
	case pcapio.LinkIPv4:
		return when(n == etherIP), nil
	case pcapio.LinkIPv6:
		return when(n == etherIP6), nil
	}
	return g.fail("link type %s is not supported", g.at.link)
}

func when(b bool) *cond {
	if b {
		return always
	}
	return never
}

// ethernetType tests the type field of Ethernet II, the 802.2 header of
// 802.3, or the SNAP header of the protocols that use it.
func (g *generator) ethernetType(n int) *cond {
	typ, llc := g.at.typ, g.at.payload
	framed := not(testOf(field(typ, 2), jumpGT, maxLength)) // the field is a length
	snap := func(org uint32, typ uint32) *cond {
		return and(framed, and(equal(llc+4, 4, org<<16|typ), equal(llc, 4, 0xaaaa0300|org>>16)))
	}
	switch n {
	case sapIPX: // four encapsulations
		raw := and(framed, or(snapIPX(llc), or(equal(llc, 1, sapIPX), equal(llc, 2, 0xffff))))
		return or(equal(typ, 2, etherIPX), raw)
	case etherAtalk: // AppleTalk is under Apple's SNAP number 080007
		return or(equal(typ, 2, etherAtalk), snap(0x080007, etherAtalk))
	case etherAARP:
		return or(equal(typ, 2, etherAARP), snap(0, etherAARP))
	case etherVLAN, etherQinQ, etherQinQ91:
		g.usesTag = true
		if g.at.tagOut {
			return ancillaryEqual(bpf.ExtVLANProto, 0xffffffff, uint32(n))
		}
	}
	if n <= maxLength {
		return and(framed, g.accessPoint(n))
	}
	return equal(typ, 2, uint32(n))
}

func snapIPX(llc int) *cond {
	return and(equal(llc+4, 4, etherIPX), equal(llc, 4, 0xaaaa0300))
}

// accessPoint tests the 802.2 header: both access points of those protocols
// that use the same one on both sides, else the destination's.
func (g *generator) accessPoint(n int) *cond {
	if n == sapISO || n == sapNetBEUI {
		return equal(g.at.payload, 2, uint32(n)<<8|uint32(n))
	}
	return equal(g.at.payload, 1, uint32(n))
}

// pppNumber maps an EtherType to a PPP protocol number (IANA); others stand
// for themselves.
func pppNumber(n int) uint32 {
	switch n {
	case etherIP:
		return 0x21
	case etherIP6:
		return 0x57
	case sapISO:
		return 0x23
	case 0x6003:
		return 0x27
	case etherAtalk:
		return 0x29
	case sapIPX:
		return 0x2b
	case sapSTP:
		return 0x31
	}
	return uint32(n)
}

// addressFamily tests the four bytes of NULL and LOOP: in either byte order,
// and for IPv6 with the numbers of Linux (10), NetBSD and OpenBSD (24),
// FreeBSD (28) and Darwin (30).
func (g *generator) addressFamily(n int) *cond {
	var families []uint32
	switch n {
	case etherIP:
		families = []uint32{2}
	case etherIP6:
		families = []uint32{24, 28, 30, 10}
	}
	c := never
	for _, f := range families {
		c = or(c, or(equal(g.at.typ, 4, f<<24), equal(g.at.typ, 4, f)))
	}
	return c
}

// ipVersion tests the first half byte of an IP header.
func ipVersion(off int, etherType int) *cond {
	switch etherType {
	case etherIP:
		return masked(off, 1, 0x40, 0xf0)
	case etherIP6:
		return masked(off, 1, 0x60, 0xf0)
	}
	return never
}

// underMPLS takes the version of what lies under the bottom label (RFC 3032),
// which does not say what it carries.
func (g *generator) underMPLS(n int) (*cond, error) {
	if n != etherIP && n != etherIP6 {
		return g.fail("this protocol cannot be recognised under MPLS labels")
	}
	return and(masked(g.at.network()-2, 1, 1, 1), ipVersion(g.at.network(), n)), nil
}

// vlan tests for a tag, and moves on behind it.
func (g *generator) vlan(e *primitive) (*cond, error) {
	switch {
	case g.at.labels > 0:
		return g.fail("no VLAN tag can follow MPLS labels")
	case g.at.link != pcapio.LinkEthernet:
		return g.fail("VLAN tags are known only on Ethernet, not on %s", g.linkName())
	case e.has && e.num > 0xfff:
		return g.fail("VLAN %d is above 4095", e.num)
	}
	g.usesTag = true
	if g.at.tagOut {
		g.at.tagOut = false
		if !e.has {
			return always, nil
		}
		return ancillaryEqual(bpf.ExtVLANTag, 0xfff, e.num), nil
	}
	c := or(equal(g.at.typ, 2, etherVLAN), or(equal(g.at.typ, 2, etherQinQ), equal(g.at.typ, 2, etherQinQ91)))
	if e.has {
		c = and(c, masked(g.at.payload, 2, e.num, 0xfff))
	}
	g.at.typ += 4
	g.at.payload += 4
	return c, nil
}

// mpls tests for a label, and moves on behind it.
func (g *generator) mpls(e *primitive) (*cond, error) {
	if e.has && e.num > 0xfffff {
		return g.fail("MPLS label %d is above 1048575", e.num)
	}
	var c *cond
	switch {
	case g.at.labels > 0: // the one before is not the bottom of the stack
		c = not(testOf(field(g.at.network()-2, 1), jumpSET, 1))
	case g.at.link == pcapio.LinkEthernet:
		c = equal(g.at.typ, 2, etherMPLS)
	case g.at.link == pcapio.LinkPPP || g.at.link == linkPPPoE:
		c = equal(g.at.typ, 2, 0x0281)
	default:
		return g.fail("MPLS is known only on Ethernet and PPP, not on %s", g.linkName())
	}
	if e.has {
		c = and(c, masked(g.at.network(), 4, e.num<<12, 0xfffff000))
	}
	g.at.labels++
	return c, nil
}

// pppoes tests for a PPPoE session (RFC 2516), and moves on to the PPP inside.
func (g *generator) pppoes(e *primitive) (*cond, error) {
	if e.has && e.num > 0xffff {
		return g.fail("PPPoE session %d is above 65535", e.num)
	}
	if g.at.link == linkPPPoE {
		return g.fail("PPPoE cannot be inside PPPoE")
	}
	c, err := g.linkType(etherPPPoES)
	if err != nil {
		return nil, err
	}
	if e.has {
		c = and(c, masked(g.at.payload, 4, e.num, 0xffff))
	}
	at := g.at.payload + 6
	g.at = layout{link: linkPPPoE, header: at, typ: at, payload: at + 2}
	return c, nil
}

func (g *generator) linkName() string {
	if g.at.link == linkPPPoE {
		return "PPPoE"
	}
	return g.at.link.String()
}

// etherHost tests the addresses of the link header.
func (g *generator) etherHost(mac [6]byte, dir direction) (*cond, error) {
	if g.at.link != pcapio.LinkEthernet {
		return g.fail("Ethernet addresses are known only on Ethernet, not on %s", g.linkName())
	}
	at := func(off int) *cond {
		return and(equal(off+2, 4, binary.BigEndian.Uint32(mac[2:])), equal(off, 2, uint32(binary.BigEndian.Uint16(mac[:]))))
	}
	return eachDirection(dir, at(g.at.header+6), at(g.at.header)), nil
}

// eachDirection joins a test of the source and one of the destination.
func eachDirection(dir direction, src, dst *cond) *cond {
	switch dir {
	case dirSrc:
		return src
	case dirDst:
		return dst
	case dirBoth:
		return and(src, dst)
	}
	return or(src, dst)
}

func (g *generator) broadcast(p proto) (*cond, error) {
	switch p {
	case pAny, pLink:
		if g.at.link != pcapio.LinkEthernet {
			return g.fail("%s is not a broadcast link", g.linkName())
		}
		return g.etherHost([6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, dirDst)
	case pIP:
		c, err := g.linkType(etherIP)
		if err != nil {
			return nil, err
		}
		host := ^g.opt.Netmask
		dst := g.at.network() + 16
		return and(c, or(masked(dst, 4, 0, host), masked(dst, 4, host, host))), nil
	}
	return g.fail("only ether and ip know broadcasts, not %s", p.name())
}

func (g *generator) multicast(p proto) (*cond, error) {
	switch p {
	case pAny, pLink:
		if g.at.link != pcapio.LinkEthernet {
			return g.fail("link-layer multicast is known only on Ethernet, not on %s", g.linkName())
		}
		return testOf(field(g.at.header, 1), jumpSET, 1), nil
	case pIP:
		c, err := g.linkType(etherIP)
		if err != nil {
			return nil, err
		}
		return and(c, testOf(field(g.at.network()+16, 1), jumpGE, 224)), nil
	case pIP6:
		c, err := g.linkType(etherIP6)
		if err != nil {
			return nil, err
		}
		return and(c, equal(g.at.network()+24, 1, 255)), nil
	}
	return g.fail("only ether, ip and ip6 know multicast, not %s", p.name())
}
