package layer

import "github.com/pcapline/pcapline/transform/schema"

// MPLS is a stack of labels. The columns are those of the outermost one.
type MPLS struct {
	schema.Layer `name:"mpls" title:"Multiprotocol Label Switching" source:"RFC 3032, 2.1"`

	Label  schema.Values[uint32] `name:"mpls_label" ws:"mpls.label" role:"identity" store:"dict" doc:"Label."`
	TC     schema.Values[uint8]  `name:"mpls_tc" ws:"mpls.exp" store:"dict" source:"RFC 5462" doc:"Traffic class."`
	TTL    schema.Values[uint8]  `name:"mpls_ttl" ws:"mpls.ttl" store:"dict" doc:"Time to live, in hops."`
	Labels schema.Values[uint8]  `name:"mpls_labels" store:"dict" doc:"Labels in the stack."`
}

// Reached says what leads to a label stack.
func (*MPLS) Reached() []Key {
	return []Key{EtherType(0x8847), EtherType(0x8848), PPPProto(0x281), PPPProto(0x283), IPProto(137)}
}

// Decode takes the stack. Nothing in it says what follows; the first four
// bits of an IP packet do, and those of a pseudowire are 0 (RFC 4928).
func (m *MPLS) Decode(d *Decoder, b []byte) (Key, []byte) {
	labels := 1
	for ; len(b) >= labels*4 && b[labels*4-2]&1 == 0; labels++ { // not the bottom
	}
	if len(b) < labels*4 {
		return d.Short(b)
	}
	top := be.Uint32(b)
	m.Mark(d.Row)
	m.Label.Append(top >> 12)
	m.TC.Append(uint8(top >> 9 & 7))
	m.TTL.Append(uint8(top))
	m.Labels.Append(uint8(min(labels, 255)))
	b = b[labels*4:]
	if len(b) > 0 {
		switch b[0] >> 4 {
		case 4:
			return EtherType(etherIPv4), b
		case 6:
			return EtherType(etherIPv6), b
		}
	}
	return 0, b
}
