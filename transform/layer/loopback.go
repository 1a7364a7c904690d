package layer

import (
	"math/bits"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/schema"
)

// Loopback is the address family that BSDs put before packets of their
// loopback interfaces.
type Loopback struct {
	schema.Layer `name:"null" title:"BSD loopback" source:"https://www.tcpdump.org/linktypes.html"`

	Family schema.Values[uint32] `name:"null_family" ws:"null.family" store:"dict" doc:"Address family in the numbers of the capturing system: 2 for IPv4; 24, 28 or 30 for IPv6."`
}

// Reached says what leads to a loopback header.
func (*Loopback) Reached() []Key {
	return []Key{LinkType(pcapio.LinkNull), LinkType(pcapio.LinkLoop)}
}

// Decode takes the header. In captures of type NULL its byte order is the
// capturing host's; families are small, so the order is seen from the value.
func (l *Loopback) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 4 {
		return d.Short(b)
	}
	family := be.Uint32(b)
	if d.Packet.LinkType == pcapio.LinkNull && family > 0xffff {
		family = bits.ReverseBytes32(family)
	}
	l.Mark(d.Row)
	l.Family.Append(family)
	switch family {
	case 2:
		return EtherType(etherIPv4), b[4:]
	case 10, 24, 28, 30: // Linux; NetBSD and OpenBSD; FreeBSD; Darwin
		return EtherType(etherIPv6), b[4:]
	}
	return 0, b[4:]
}
