package layer

import "github.com/pcapline/pcapline/transform/schema"

// Routing is IPv6's routing header.
type Routing struct {
	schema.Layer `name:"ipv6_routing" title:"IPv6 routing header" source:"RFC 8200, 4.4"`

	Next         schema.Values[uint8]        `name:"ipv6_routing_next" ws:"ipv6.routing.nxt" store:"dict" doc:"IANA protocol number of the next header."`
	Len          schema.Values[uint16]       `name:"ipv6_routing_len" ws:"ipv6.routing.len_oct" store:"dict" unit:"B" doc:"Length of the header."`
	Type         schema.Values[uint8]        `name:"ipv6_routing_type" ws:"ipv6.routing.type" store:"dict" doc:"Variant: 0 is deprecated as an attack tool (RFC 5095), 2 mobile IPv6, 4 segment routing."`
	SegmentsLeft schema.Values[uint8]        `name:"ipv6_routing_segments_left" ws:"ipv6.routing.segleft" store:"dict" doc:"Nodes still to be visited."`
	Data         schema.Values[schema.Bytes] `name:"ipv6_routing_data" role:"identity" store:"dict" doc:"What depends on the type, as captured."`
}

// Reached says what leads to a routing header.
func (*Routing) Reached() []Key { return []Key{IPProto(43)} }

// Decode takes the header.
func (h *Routing) Decode(d *Decoder, b []byte) (Key, []byte) {
	n := extensionLen(b)
	if n == 0 {
		return d.Short(b)
	}
	h.Mark(d.Row)
	h.Next.Append(b[0])
	h.Len.Append(uint16(n))
	h.Type.Append(b[2])
	h.SegmentsLeft.Append(b[3])
	h.Data.Append(schema.Bytes(b[4:n]))
	if b[3] > 0 {
		d.routeTo(b[2], b[4:n])
	}
	return d.NextIP(b[0]), b[n:]
}

// routeTo notes the final destination of a packet that is still on its route,
// which the checksum above covers (RFC 8200, 8.1): the last address of types 0
// and 2, the first in the list of segment routing (RFC 8754, 2). Of other
// types it is not known, so that nothing can be verified.
func (d *Decoder) routeTo(typ uint8, data []byte) {
	switch {
	case (typ == 0 || typ == 2) && len(data) >= 20 && len(data)%16 == 4:
		d.ip.dst = uint32(onesSum(data[len(data)-16:]))
	case typ == 4 && len(data) >= 20:
		d.ip.dst = uint32(onesSum(data[4:20]))
	default:
		d.ip.unverifiable()
	}
}
