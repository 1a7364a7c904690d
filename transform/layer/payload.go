package layer

import "github.com/pcapline/pcapline/transform/schema"

// Payload is what is above the headers. It is not shortened by protocols that
// are known by their port: a DNS message is decoded and is payload as well, so
// that the column means the same whatever is decoded.
type Payload struct {
	schema.Layer `name:"payload" title:"Payload" source:"pcapline" every:"row"`

	Len     schema.Values[uint32]         `name:"payload_len" unit:"B" doc:"Length on the wire of what is above the (innermost) transport header, or above the last header that was decoded below it."`
	Entropy schema.Optional[float64]      `name:"payload_entropy" unit:"bit/B" source:"Shannon 1948" doc:"Shannon entropy of the captured payload's bytes, 0 to 8; null without payload."`
	Data    schema.Optional[schema.Bytes] `name:"payload" role:"payload" store:"plain" doc:"Captured bytes of the payload; null without any."`
	Padding schema.Optional[schema.Bytes] `name:"padding" antinex:"pad_load" role:"payload" doc:"Bytes behind the end of the network packet: Ethernet padding and trailers, those of the frame in a tunnel where the outer one has none; null without any."`

	entropy entropy
}

func (l *Payload) fill(d *Decoder, b []byte, opt Options) {
	l.Len.Append(uint32(len(b) + d.above))
	d.Digest.PayloadLen = uint32(len(b) + d.above)
	if len(b) > 0 {
		e := l.entropy.of(b)
		d.Digest.Entropy = float32(e)
		l.Entropy.Set(d.Row, e)
		if opt.MaxPayload >= 0 {
			kept := b
			if opt.MaxPayload > 0 {
				kept = b[:min(opt.MaxPayload, len(b))]
			}
			l.Data.Set(d.Row, schema.Bytes(kept))
		}
	}
	if len(d.padding) > 0 {
		l.Padding.Set(d.Row, schema.Bytes(d.padding))
	}
}
