package layer

import "github.com/pcapline/pcapline/transform/schema"

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
	return d.NextIP(b[0]), b[n:]
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
