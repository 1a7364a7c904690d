package layer

import (
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/schema"
)

// PPP is the header of the Point-to-Point Protocol, with or without the
// address and control bytes of HDLC framing.
type PPP struct {
	schema.Layer `name:"ppp" title:"Point-to-Point Protocol" source:"RFC 1661"`

	Protocol schema.Values[uint16] `name:"ppp_protocol" ws:"ppp.protocol" store:"dict" doc:"Number of what follows: 0x21 IPv4, 0x57 IPv6."`
}

// Reached says what leads to a PPP header: PPP, PPP in HDLC-like framing, and
// OpenBSD's PPP.
func (*PPP) Reached() []Key {
	return []Key{LinkType(pcapio.LinkPPP), LinkType(50), LinkType(204)}
}

// Decode takes the header. A protocol number whose first byte is odd was
// compressed to that byte (RFC 1661, 6.5).
func (p *PPP) Decode(d *Decoder, b []byte) (Key, []byte) {
	rest := b
	if len(rest) >= 2 && rest[0] == 0xff { // address and control; 0xff is no protocol
		rest = rest[2:]
	}
	var proto uint16
	switch {
	case len(rest) >= 1 && rest[0]&1 == 1:
		proto, rest = uint16(rest[0]), rest[1:]
	case len(rest) >= 2:
		proto, rest = be.Uint16(rest), rest[2:]
	default:
		return d.Short(b)
	}
	p.Mark(d.Row)
	p.Protocol.Append(proto)
	return PPPProto(proto), rest
}
