package filter

import (
	"golang.org/x/net/bpf"

	"github.com/pcapline/pcapline/pcapio"
)

// linkPPPoE is the two-byte PPP header inside a PPPoE session: no link type of
// a file, hence beyond the registry.
const linkPPPoE pcapio.LinkType = 0xffff

// layout is where things lie in the packets that are looked at. vlan, mpls and
// pppoes change it for all that stands to their right.
type layout struct {
	link    pcapio.LinkType
	header  int // offset of the link header
	typ     int // of the field that says what the payload is
	payload int
	labels  int  // MPLS labels between payload and network header
	tagOut  bool // the next VLAN tag is in ancillary data, not in the packet
}

func (l *layout) network() int { return l.payload + 4*l.labels }

// layouts of the link types, in the order of the package comment.
var layouts = map[pcapio.LinkType]layout{
	pcapio.LinkNull:     {typ: 0, payload: 4},
	pcapio.LinkEthernet: {typ: 12, payload: 14},
	pcapio.LinkPPP:      {typ: 2, payload: 4},
	pcapio.LinkRaw:      {},
	pcapio.LinkLoop:     {typ: 0, payload: 4},
	pcapio.LinkSLL:      {typ: 14, payload: 16},
	pcapio.LinkSLL2:     {typ: 0, payload: 20},
	pcapio.LinkIPv4:     {},
	pcapio.LinkIPv6:     {},
}

// generator turns a tree into a condition.
type generator struct {
	opt     Options
	at      layout
	pos     int  // of the primitive at hand, for errors
	usesTag bool // something asked for a VLAN tag
}

// generate gives the condition for a tree. On a live socket there are two
// kinds of packets, with the outermost VLAN tag taken out and without; when
// the expression asks for tags it is generated for both.
func generate(tree expr, opt Options) (*cond, error) {
	at, ok := layouts[opt.LinkType]
	if !ok {
		return nil, errAt(0, "link type %s is not supported", opt.LinkType)
	}
	at.link = opt.LinkType
	if tree == nil {
		return always, nil
	}
	g := &generator{opt: opt, at: at}
	c, err := g.expr(tree)
	if err != nil || !opt.Live || !g.usesTag {
		return c, err
	}
	at.tagOut = true
	stripped := &generator{opt: opt, at: at}
	s, err := stripped.expr(tree)
	if err != nil {
		return nil, err
	}
	untagged := ancillaryEqual(bpf.ExtVLANTagPresent, 0xffffffff, 0)
	return or(and(untagged, c), and(not(untagged), s)), nil
}

func (g *generator) fail(format string, args ...any) (*cond, error) {
	return nil, errAt(g.pos, format, args...)
}

// expr walks from left to right, because vlan, mpls and pppoes act on what follows.
func (g *generator) expr(e expr) (*cond, error) {
	switch e := e.(type) {
	case *logical:
		l, err := g.expr(e.l)
		if err != nil {
			return nil, err
		}
		r, err := g.expr(e.r)
		if err != nil {
			return nil, err
		}
		if e.and {
			return and(l, r), nil
		}
		return or(l, r), nil
	case *negation:
		c, err := g.expr(e.x)
		if err != nil {
			return nil, err
		}
		return not(c), nil
	case *relation:
		return g.relation(e)
	case *value:
		g.pos = e.id.pos
		return g.value(e)
	case *primitive:
		g.pos = e.pos
		return g.primitive(e)
	}
	return g.fail("the expression is not understood")
}

func (g *generator) primitive(e *primitive) (*cond, error) {
	switch e.what {
	case "proto":
		return g.protocol(e.p)
	case "broadcast":
		return g.broadcast(e.p)
	case "multicast":
		return g.multicast(e.p)
	case "less":
		return not(testOf(loadLength(), jumpGT, e.num)), nil
	case "greater":
		return testOf(loadLength(), jumpGE, e.num), nil
	case "vlan":
		return g.vlan(e)
	case "mpls":
		return g.mpls(e)
	case "pppoed":
		return g.linkType(etherPPPoED)
	case "pppoes":
		return g.pppoes(e)
	case "inbound":
		c, err := g.outbound()
		if err != nil {
			return nil, err
		}
		return not(c), nil
	case "outbound":
		return g.outbound()
	case "ifindex":
		return g.ifindex(e.num)
	}
	return g.fail("%q is not supported", e.what)
}

func loadLength() []bpf.RawInstruction {
	return []bpf.RawInstruction{stmt(opLD|modeLEN|sizeW, 0)}
}

// outbound is PACKET_OUTGOING, from the cooked header or from the kernel.
func (g *generator) outbound() (*cond, error) {
	const outgoing = 4
	switch {
	case g.opt.LinkType == pcapio.LinkSLL:
		return equal(0, 2, outgoing), nil
	case g.opt.LinkType == pcapio.LinkSLL2:
		return equal(10, 1, outgoing), nil
	case g.opt.Live:
		return ancillaryEqual(bpf.ExtType, 0xffffffff, outgoing), nil
	}
	return g.fail("packets of link type %s do not tell inbound from outbound", g.opt.LinkType)
}

func (g *generator) ifindex(n uint32) (*cond, error) {
	switch {
	case g.opt.LinkType == pcapio.LinkSLL2:
		return equal(4, 4, n), nil
	case g.opt.Live:
		return ancillaryEqual(bpf.ExtInterfaceIndex, 0xffffffff, n), nil
	}
	return g.fail("packets of link type %s have no interface index", g.opt.LinkType)
}
