package layer

import (
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
)

// GRE is the header of Generic Routing Encapsulation: version 0, which carries
// any EtherType, and version 1, which carries PPP for PPTP.
type GRE struct {
	schema.Layer `name:"gre" title:"Generic Routing Encapsulation" source:"RFC 2784"`

	Flags          schema.Values[uint16]   `name:"gre_flags" ws:"gre.flags_and_version" store:"dict" doc:"First two bytes: checksum 0x8000, routing 0x4000, key 0x2000, sequence 0x1000, acknowledgement 0x0080 are there; the version is in the last three bits."`
	Version        schema.Values[uint8]    `name:"gre_version" ws:"gre.flags.version" store:"dict" doc:"0, or 1 for PPTP (RFC 2637)."`
	Proto          schema.Values[uint16]   `name:"gre_proto" ws:"gre.proto" store:"dict" doc:"EtherType of what follows; 0x6558 Ethernet, 0x880b PPP."`
	Checksum       schema.Optional[uint16] `name:"gre_checksum" ws:"gre.checksum" role:"identity" store:"plain" doc:"Checksum of header and what follows, as captured; null without one."`
	ChecksumStatus schema.Optional[uint8]  `name:"gre_checksum_status" ws:"gre.checksum.status" role:"provenance" store:"dict" doc:"0 bad, 1 good, 3 absent; null where it cannot be verified (fragment, capture cut). Numbers as Wireshark's."`
	Key            schema.Optional[uint32] `name:"gre_key" ws:"gre.key" role:"identity" store:"dict" source:"RFC 2890" doc:"Version 0: key, which tells a tunnel's traffic apart; null without one."`
	PayloadLen     schema.Optional[uint16] `name:"gre_payload_len" ws:"gre.key.payload_length" unit:"B" source:"RFC 2637, 4.1" doc:"Version 1: length of what follows the header."`
	CallID         schema.Optional[uint16] `name:"gre_call_id" ws:"gre.key.call_id" role:"identity" store:"dict" source:"RFC 2637, 4.1" doc:"Version 1: the receiver's identifier of the call."`
	Seq            schema.Optional[uint32] `name:"gre_seq" ws:"gre.sequence_number" role:"identity" store:"delta" source:"RFC 2890; RFC 2637" doc:"Sequence number."`
	Ack            schema.Optional[uint32] `name:"gre_ack" ws:"gre.ack_number" role:"identity" store:"delta" source:"RFC 2637, 4.1" doc:"Version 1: highest sequence number received."`
}

// Bits of the first two bytes.
const (
	greChecksum = 0x8000
	greRouting  = 0x4000
	greKey      = 0x2000
	greSeq      = 0x1000
	greAck      = 0x0080
	greVersion  = 0x0007
)

// Protocols that are not the EtherType of what follows.
const (
	etherBridged = 0x6558 // transparent Ethernet bridging
	etherPPP     = 0x880b
	etherWCCP    = 0x883e // IPv4 behind a redirect header of version 2, or alone
)

// Reached says what leads to a GRE header.
func (*GRE) Reached() []Key { return []Key{IPProto(47)} }

// Decode takes the header with the fields that its flags announce.
func (g *GRE) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 4 {
		return d.Short(b)
	}
	flags, proto := be.Uint16(b), be.Uint16(b[2:])
	g.Mark(d.Row)
	g.Flags.Append(flags)
	g.Version.Append(uint8(flags & greVersion))
	g.Proto.Append(proto)
	rest := b[4:]
	var ok bool
	switch flags & greVersion {
	case 0:
		rest, ok = g.decodeFields(d, b, flags)
	case 1:
		rest, ok = g.decodePPTP(d, rest, flags)
	default:
		return d.Fail("version is neither 0 nor 1", rest)
	}
	if !ok {
		return d.Short(rest)
	}
	acknowledges := flags&(greVersion|greSeq) == 1 // and has nothing to carry
	if acknowledges || proto < firstEtherType {    // 0: a keep-alive
		return 0, rest
	}
	d.Enter(flow.TunnelGRE, 0)
	switch proto {
	case etherBridged:
		return LinkType(pcapio.LinkEthernet), rest
	case etherPPP:
		return LinkType(pcapio.LinkPPP), rest
	case etherWCCP: // draft-wilson-wrec-wccp-v2, 4.12: the header does not begin as IPv4 does
		if len(rest) >= 4 && rest[0]>>4 != 4 {
			rest = rest[4:]
		}
		return EtherType(etherIPv4), rest
	}
	return EtherType(proto), rest
}

// decodeFields takes the optional fields of version 0 behind the first four
// bytes of b.
func (g *GRE) decodeFields(d *Decoder, b []byte, flags uint16) (rest []byte, ok bool) {
	rest = b[4:]
	if flags&(greChecksum|greRouting) != 0 {
		if len(rest) < 4 {
			return rest, false
		}
		if flags&greChecksum != 0 {
			sum := be.Uint16(rest)
			g.Checksum.Set(d.Row, sum)
			d.setChecksum(&g.ChecksumStatus, noPseudoHeader, b, sum)
		}
		rest = rest[4:]
	}
	if flags&greKey != 0 {
		if len(rest) < 4 {
			return rest, false
		}
		g.Key.Set(d.Row, be.Uint32(rest))
		rest = rest[4:]
	}
	if flags&greSeq != 0 {
		if len(rest) < 4 {
			return rest, false
		}
		g.Seq.Set(d.Row, be.Uint32(rest))
		rest = rest[4:]
	}
	if flags&greRouting != 0 {
		return skipRoutes(rest)
	}
	return rest, true
}

// skipRoutes takes the source route entries of RFC 1701, of which one of
// length 0 is the last.
func skipRoutes(b []byte) (rest []byte, ok bool) {
	for len(b) >= 4 {
		family, n := be.Uint16(b), int(b[3])
		if b = b[4:]; family == 0 && n == 0 {
			return b, true
		}
		if n > len(b) {
			break
		}
		b = b[n:]
	}
	return b, false
}

// decodePPTP takes the fields of version 1 in b. The length bounds what
// follows them.
func (g *GRE) decodePPTP(d *Decoder, b []byte, flags uint16) (rest []byte, ok bool) {
	length := -1
	if flags&greKey != 0 {
		if len(b) < 4 {
			return b, false
		}
		length = int(be.Uint16(b))
		g.PayloadLen.Set(d.Row, be.Uint16(b))
		g.CallID.Set(d.Row, be.Uint16(b[2:]))
		b = b[4:]
	}
	if flags&greSeq != 0 {
		if len(b) < 4 {
			return b, false
		}
		g.Seq.Set(d.Row, be.Uint32(b))
		b = b[4:]
	}
	if flags&greAck != 0 {
		if len(b) < 4 {
			return b, false
		}
		g.Ack.Set(d.Row, be.Uint32(b))
		b = b[4:]
	}
	if length >= 0 {
		b = d.CutPadding(b, length)
	}
	return b, true
}
