package layer

import "github.com/pcapline/pcapline/transform/schema"

// ESP is the header of IP's encapsulating security payload, of either version
// of IP. What follows is encrypted.
type ESP struct {
	schema.Layer `name:"esp" title:"IP Encapsulating Security Payload" source:"RFC 4303"`

	SPI schema.Values[uint32] `name:"esp_spi" ws:"esp.spi" role:"identity" store:"dict" doc:"Security parameters index."`
	Seq schema.Values[uint32] `name:"esp_seq" ws:"esp.sequence" role:"identity" store:"delta" doc:"Sequence number."`
}

// Reached says what leads to an encapsulating security payload.
func (*ESP) Reached() []Key { return []Key{IPProto(50)} }

// Decode takes the header.
func (h *ESP) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 8 {
		return d.Short(b)
	}
	h.Mark(d.Row)
	h.SPI.Append(be.Uint32(b))
	h.Seq.Append(be.Uint32(b[4:]))
	d.Digest.HeaderLen = 8
	return 0, b[8:]
}
