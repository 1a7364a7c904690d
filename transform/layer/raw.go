package layer

import (
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/schema"
)

// Raw stands for captures that begin with an IP header of either version. It
// has no columns: there is no link-layer header.
type Raw struct {
	schema.Layer `name:"raw" title:"Raw IP" source:"https://www.tcpdump.org/linktypes.html"`
}

// Reached says what leads to a raw packet: the registry's number and those
// that OpenBSD and other systems used in files.
func (*Raw) Reached() []Key { return []Key{LinkType(pcapio.LinkRaw), LinkType(12), LinkType(14)} }

// Decode looks at the version.
func (r *Raw) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) == 0 {
		return d.Short(b)
	}
	r.Mark(d.Row)
	switch b[0] >> 4 {
	case 4:
		return EtherType(etherIPv4), b
	case 6:
		return EtherType(etherIPv6), b
	}
	return d.Fail("neither IPv4 nor IPv6", b)
}
