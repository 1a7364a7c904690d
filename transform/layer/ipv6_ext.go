package layer

import "github.com/pcapline/pcapline/transform/schema"

// The extension headers whose content is options have one form, and so have
// their columns.

// HopByHop is IPv6's header of options for every hop.
type HopByHop struct {
	schema.Layer `name:"ipv6_hopopts" title:"IPv6 hop-by-hop options" source:"RFC 8200, 4.3"`

	Next        schema.Values[uint8]        `name:"ipv6_hopopts_next" ws:"ipv6.hopopts.nxt" store:"dict" doc:"IANA protocol number of the next header."`
	Len         schema.Values[uint16]       `name:"ipv6_hopopts_len" ws:"ipv6.hopopts.len_oct" store:"dict" unit:"B" doc:"Length of the header."`
	Options     schema.Values[schema.Bytes] `name:"ipv6_hopopts_options" store:"dict" doc:"Options as captured."`
	RouterAlert schema.Optional[uint16]     `name:"ipv6_router_alert" ws:"ipv6.opt.router_alert" store:"dict" source:"RFC 2711" doc:"Value of the router alert option: 0 for multicast listener discovery; null without it."`
	Jumbo       schema.Optional[uint32]     `name:"ipv6_jumbo_len" ws:"ipv6.opt.jumbo" store:"dict" unit:"B" source:"RFC 2675" doc:"Length of a jumbogram; null without the option."`
}

const protoHopByHop = 0

// Reached says what leads to a hop-by-hop header.
func (*HopByHop) Reached() []Key { return []Key{IPProto(protoHopByHop)} }

// Decode takes the header.
func (h *HopByHop) Decode(d *Decoder, b []byte) (Key, []byte) {
	n := extensionLen(b)
	if n == 0 {
		return d.Short(b)
	}
	h.Mark(d.Row)
	h.Next.Append(b[0])
	h.Len.Append(uint16(n))
	h.Options.Append(schema.Bytes(b[2:n]))
	for o := b[2:n]; len(o) > 0; {
		if o[0] == 0 { // Pad1
			o = o[1:]
			continue
		}
		if len(o) < 2 || len(o) < 2+int(o[1]) {
			d.Note("malformed option")
			break
		}
		switch {
		case o[0] == 5 && o[1] == 2 && !h.RouterAlert.Has(d.Row):
			h.RouterAlert.Set(d.Row, be.Uint16(o[2:]))
		case o[0] == 0xc2 && o[1] == 4 && !h.Jumbo.Has(d.Row):
			h.Jumbo.Set(d.Row, be.Uint32(o[2:]))
		}
		o = o[2+int(o[1]):]
	}
	if b[0] == protoHopByHop { // it can only follow the IPv6 header itself
		return d.Fail("hop-by-hop options twice", b[n:])
	}
	d.Digest.Proto = b[0]
	return IPProto(b[0]), b[n:]
}

// extensionLen returns the length of an extension header at the front of b,
// or 0 where it does not fit.
func extensionLen(b []byte) int {
	if len(b) < 8 {
		return 0
	}
	if n := 8 + int(b[1])*8; n <= len(b) {
		return n
	}
	return 0
}

// DestOpts is IPv6's header of options for the destination.
type DestOpts struct {
	schema.Layer `name:"ipv6_dstopts" title:"IPv6 destination options" source:"RFC 8200, 4.6"`

	Next    schema.Values[uint8]        `name:"ipv6_dstopts_next" ws:"ipv6.dstopts.nxt" store:"dict" doc:"IANA protocol number of the next header."`
	Len     schema.Values[uint16]       `name:"ipv6_dstopts_len" ws:"ipv6.dstopts.len_oct" store:"dict" unit:"B" doc:"Length of the header."`
	Options schema.Values[schema.Bytes] `name:"ipv6_dstopts_options" store:"dict" doc:"Options as captured."`
}

// Reached says what leads to a destination options header.
func (*DestOpts) Reached() []Key { return []Key{IPProto(60)} }

// Decode takes the header.
func (h *DestOpts) Decode(d *Decoder, b []byte) (Key, []byte) {
	n := extensionLen(b)
	if n == 0 {
		return d.Short(b)
	}
	h.Mark(d.Row)
	h.Next.Append(b[0])
	h.Len.Append(uint16(n))
	h.Options.Append(schema.Bytes(b[2:n]))
	d.Digest.Proto = b[0]
	return IPProto(b[0]), b[n:]
}

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
	d.Digest.Proto = b[0]
	return IPProto(b[0]), b[n:]
}

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
	}
	if offset != 0 {
		return 0, b[8:]
	}
	return IPProto(b[0]), b[8:]
}

// AH is the IP authentication header, of either version of IP.
type AH struct {
	schema.Layer `name:"ah" title:"IP Authentication Header" source:"RFC 4302"`

	Next schema.Values[uint8]        `name:"ah_next" ws:"ah.next_header" store:"dict" doc:"IANA protocol number of the next header."`
	Len  schema.Values[uint16]       `name:"ah_len" store:"dict" unit:"B" doc:"Length of the header."`
	SPI  schema.Values[uint32]       `name:"ah_spi" ws:"ah.spi" role:"identity" store:"dict" doc:"Security parameters index."`
	Seq  schema.Values[uint32]       `name:"ah_seq" ws:"ah.sequence" role:"identity" store:"delta" doc:"Sequence number."`
	ICV  schema.Values[schema.Bytes] `name:"ah_icv" ws:"ah.icv" role:"identity" store:"plain" doc:"Integrity check value as captured."`
}

// Reached says what leads to an authentication header.
func (*AH) Reached() []Key { return []Key{IPProto(51)} }

// Decode takes the header, whose length is in words of four bytes.
func (h *AH) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 12 {
		return d.Short(b)
	}
	n := (int(b[1]) + 2) * 4
	if n < 12 {
		return d.Fail("length below 12", b)
	}
	if n > len(b) {
		return d.Short(b)
	}
	h.Mark(d.Row)
	h.Next.Append(b[0])
	h.Len.Append(uint16(n))
	h.SPI.Append(be.Uint32(b[4:]))
	h.Seq.Append(be.Uint32(b[8:]))
	h.ICV.Append(schema.Bytes(b[12:n]))
	d.Digest.Proto = b[0]
	return IPProto(b[0]), b[n:]
}
