package layer

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/pcapline/pcapline/transform/schema"
)

// PayloadMode says what the table keeps of payloads.
type PayloadMode uint8

// The modes. The length and the entropy are kept in all of them.
const (
	PayloadFull PayloadMode = iota // the bytes, all or the first Options.MaxPayload
	PayloadHash                    // the hash of all bytes, which tells equal payloads and not what they say
	PayloadNone                    // nothing
)

// PayloadModes lists the modes as [ParsePayload] takes them.
const PayloadModes = "full, first:N, hash or none"

// ParsePayload sets what opt keeps of payloads: "full", "first:96", "hash" or "none".
func (opt *Options) ParsePayload(s string) error {
	opt.MaxPayload = 0
	switch first, n, _ := strings.Cut(s, ":"); {
	case s == "full":
		opt.Payload = PayloadFull
	case s == "hash":
		opt.Payload = PayloadHash
	case s == "none":
		opt.Payload = PayloadNone
	case first == "first":
		bytes, err := strconv.Atoi(n)
		if err != nil || bytes <= 0 {
			return fmt.Errorf("payload %q: how many bytes? As in first:96", s)
		}
		opt.Payload, opt.MaxPayload = PayloadFull, bytes
	default:
		return fmt.Errorf("payload %q: known are %s", s, PayloadModes)
	}
	return nil
}

// Payload is what is above the headers. It is not shortened by protocols that
// are known by their port: a DNS message is decoded and is payload as well, so
// that the column means the same whatever is decoded.
type Payload struct {
	schema.Layer `name:"payload" title:"Payload" source:"pcapline" every:"row"`

	Len     schema.Values[uint32]         `name:"payload_len" unit:"B" doc:"Length on the wire of what is above the (innermost) transport header, or above the last header that was decoded below it."`
	Entropy schema.Optional[float64]      `name:"payload_entropy" unit:"bit/B" source:"Shannon 1948" doc:"Shannon entropy of the captured payload's bytes, 0 to 8; null without payload."`
	Data    schema.Optional[schema.Bytes] `name:"payload" antinex:"raw_load" role:"payload" store:"plain" doc:"Captured bytes of the payload, all or as many as were asked for; null without any."`
	Hash    schema.Optional[int64]        `name:"payload_hash" role:"payload" store:"plain" source:"XXH64, seed 0" doc:"Hash of the captured payload's bytes, where the table was made with payload hash; else null."`
	Padding schema.Optional[schema.Bytes] `name:"padding" antinex:"pad_load" role:"payload" doc:"Bytes behind the end of the network packet: Ethernet padding and trailers, those of the frame in a tunnel where the outer one has none; null without any, and where payloads are not kept."`

	entropy entropy
}

func (l *Payload) fill(d *Decoder, b []byte, opt Options) {
	l.Len.Append(uint32(len(b) + d.above))
	d.Digest.PayloadLen = uint32(len(b) + d.above)
	if len(b) > 0 {
		if !opt.Skip.Entropy {
			e := l.entropy.of(b)
			d.Digest.Entropy = float32(e)
			l.Entropy.Set(d.Row, e)
		}
		l.keep(d.Row, b, opt)
	}
	if len(d.padding) > 0 && opt.Payload == PayloadFull {
		l.Padding.Set(d.Row, schema.Bytes(d.padding))
	}
}

func (l *Payload) keep(row int, b []byte, opt Options) {
	switch opt.Payload {
	case PayloadFull:
		if opt.MaxPayload > 0 {
			b = b[:min(opt.MaxPayload, len(b))]
		}
		l.Data.Set(row, schema.Bytes(b))
	case PayloadHash:
		l.Hash.Set(row, int64(xxhash.Sum64(b)))
	}
}
