package layer

import "github.com/pcapline/pcapline/transform/schema"

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
