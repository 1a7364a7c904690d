package layer

import "github.com/pcapline/pcapline/transform/schema"

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
	return d.NextIP(b[0]), b[n:]
}
