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
	if home := homeAddress(b[2:n]); home != nil {
		d.ip.src = uint32(onesSum(home))
	}
	return d.NextIP(b[0]), b[n:]
}

// homeAddress gives the address that a mobile node's home address option has,
// or nil. Checksums have it in place of the source (RFC 6275, 6.3).
func homeAddress(options []byte) []byte {
	for o := options; len(o) >= 2; {
		if o[0] == 0 { // Pad1
			o = o[1:]
			continue
		}
		n := 2 + int(o[1])
		if n > len(o) {
			break
		}
		if o[0] == 0xc9 && n == 18 {
			return o[2:n]
		}
		o = o[n:]
	}
	return nil
}
