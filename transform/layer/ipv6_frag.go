package layer

import "github.com/pcapline/pcapline/transform/schema"

// Fragment is IPv6's fragment header.
type Fragment struct {
	schema.Layer `name:"ipv6_frag" title:"IPv6 fragment header" source:"RFC 8200, 4.5"`

	Next   schema.Values[uint8]  `name:"ipv6_frag_next" ws:"ipv6.fraghdr.nxt" store:"dict" doc:"IANA protocol number of the first fragment's next header."`
	Offset schema.Values[uint16] `name:"ipv6_frag_offset" store:"dict" unit:"B" doc:"Offset of this fragment in the packet."`
	More   schema.Values[bool]   `name:"ipv6_frag_more" ws:"ipv6.fraghdr.more" doc:"More fragments follow."`
	ID     schema.Values[uint32] `name:"ipv6_frag_id" ws:"ipv6.fraghdr.ident" role:"identity" store:"plain" doc:"Identification, the same in all fragments of a packet."`
}

// Reached says what leads to a fragment header.
func (*Fragment) Reached() []Key { return []Key{IPProto(44)} }

// Decode takes the header. A later fragment is followed by no header.
func (h *Fragment) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 8 {
		return d.Short(b)
	}
	offset, more, id := be.Uint16(b[2:])&0xfff8, b[3]&1 != 0, be.Uint32(b[4:])
	h.Mark(d.Row)
	h.Next.Append(b[0])
	h.Offset.Append(offset)
	h.More.Append(more)
	h.ID.Append(id)
	d.Digest.Proto = b[0]
	if offset != 0 || more { // neither: an atomic fragment (RFC 6946) is whole
		d.Digest.Fragment, d.Digest.FragID, d.Digest.FragOffset = true, id, offset
		d.ip.unverifiable()
	}
	if offset != 0 {
		return 0, b[8:]
	}
	return d.NextIP(b[0]), b[8:]
}
