package layer

import "github.com/pcapline/pcapline/transform/schema"

// QUIC is the packets with a long header that a datagram begins with. Those
// with a short header cannot be told from other data without knowing the
// connection. What a client says in an Initial packet is in the TLS columns.
type QUIC struct {
	schema.Layer `name:"quic" title:"QUIC" source:"RFC 9000, 17.2"`

	Version  schema.Values[uint32]       `name:"quic_version" ws:"quic.version" store:"dict" source:"RFC 8999, 5.1" doc:"Version: 1 (RFC 9000), 0x6b3343cf (version 2, RFC 9369), 0xff000016 to 0xff000022 drafts, 0x?a?a?a?a reserved to provoke version negotiation, 0 in a version negotiation packet. This and the columns below are of the datagram's first packet."`
	Type     schema.Optional[uint8]      `name:"quic_packet_type" ws:"quic.long.packet_type" store:"dict" source:"RFC 9000, 17.2; RFC 9369, 3.2" doc:"0 Initial, 1 0-RTT, 2 Handshake, 3 Retry, as version 1 numbers them; null in version negotiation and reserved versions."`
	DCIDLen  schema.Values[uint8]        `name:"quic_dcid_len" ws:"quic.dcil" unit:"B" store:"dict" source:"RFC 8999, 5.1" doc:"Length of the destination connection ID."`
	DCID     schema.Values[schema.Bytes] `name:"quic_dcid" ws:"quic.dcid" role:"identity" source:"RFC 8999, 5.1" doc:"Destination connection ID, perhaps of no bytes."`
	SCIDLen  schema.Values[uint8]        `name:"quic_scid_len" ws:"quic.scil" unit:"B" store:"dict" source:"RFC 8999, 5.1" doc:"Length of the source connection ID."`
	SCID     schema.Values[schema.Bytes] `name:"quic_scid" ws:"quic.scid" role:"identity" source:"RFC 8999, 5.1" doc:"Source connection ID, perhaps of no bytes."`
	TokenLen schema.Optional[uint32]     `name:"quic_token_len" ws:"quic.token_length" unit:"B" store:"dict" source:"RFC 9000, 17.2.2" doc:"Length of an Initial packet's token."`
	Len      schema.Optional[uint32]     `name:"quic_len" ws:"quic.length" unit:"B" source:"RFC 9000, 17.2" doc:"Length of packet number and payload; null in Retry and version negotiation."`
	Packets  schema.Values[uint8]        `name:"quic_packets" store:"dict" source:"RFC 9000, 12.2" doc:"Packets with a long header in the datagram, at most 16 counted."`
	Versions schema.List[uint32]         `name:"quic_supported_versions" ws:"quic.supported_version" source:"RFC 9000, 17.2.1" doc:"Versions that a version negotiation packet lists, the first 64."`

	Decrypted    schema.Optional[bool]   `name:"quic_initial_decrypted" source:"RFC 9001, 5" doc:"The first Initial packet of version 1 or 2 could be decrypted with the keys that follow from its own destination connection ID: it is a client's before it heard from the server. Null without such a packet."`
	PacketNumber schema.Optional[uint32] `name:"quic_packet_number" ws:"quic.packet_number" source:"RFC 9000, 17.1" doc:"Packet number of that packet, as truncated in its header; null where it could not be decrypted."`

	versions []uint32 // scratch for the list
	initial  quicInitial
}

// Reached says what leads to QUIC: a long header of a known version, at any
// port.
func (*QUIC) Reached() []Key { return []Key{contentQUIC} }

// Versions.
const (
	quicNegotiation = 0
	quicV1          = 1
	quicV2          = 0x6b3343cf
	quicFirstDraft  = 0xff000016 // the first with the header's form of RFC 9000
	quicLastDraft   = 0xff000022
)

// Packet types, as version 1 numbers them.
const (
	quicInitialType = 0
	quicRetryType   = 3
)

const (
	maxQUICPackets  = 16
	maxQUICVersions = 64
	maxQUICID       = 20   // RFC 9000, 17.2
	minQUICInitial  = 1200 // RFC 9000, 14.1
)

func isQUICVersion(v uint32) bool {
	return v == quicV1 || v == quicV2 || v >= quicFirstDraft && v <= quicLastDraft
}

// isReservedQUIC reports whether a version is one of those with which clients
// provoke version negotiation: 0x?a?a?a?a (RFC 9000, 15).
func isReservedQUIC(v uint32) bool { return v&0x0f0f0f0f == 0x0a0a0a0a }

// isQUICLong reports whether b begins with a long header: of a known version
// with the fixed bit, of a reserved one in a datagram as long as a client's
// first must be, or of version negotiation that lists a known one.
func isQUICLong(b []byte) bool {
	if len(b) < 7 || b[0]&0x80 == 0 {
		return false
	}
	v := be.Uint32(b[1:])
	switch {
	case isReservedQUIC(v):
		return b[0]&0x40 != 0 && len(b) >= minQUICInitial && b[5] <= maxQUICID
	case v != quicNegotiation:
		return b[0]&0x40 != 0 && isQUICVersion(v)
	}
	c := cursor{b: b[5:]}
	c.vector8()
	c.vector8()
	for !c.short && len(c.b) >= 4 {
		if isQUICVersion(uint32(c.u32())) {
			return true
		}
	}
	return false
}

// Decode takes the datagram's packets. What the first Initial packets say of
// TLS follows.
func (q *QUIC) Decode(d *Decoder, b []byte) (Key, []byte) {
	q.initial.reset()
	q.Mark(d.Row)
	version := be.Uint32(b[1:])
	q.Version.Append(version)
	if d.flows {
		d.app("quic").QUIC = version
	}
	n := 0
	for first := true; len(b) >= 7 && b[0]&0x80 != 0 && be.Uint32(b[1:]) == version && n < maxQUICPackets; first = false {
		n++
		if b = q.decodePacket(d, b, version, first); b == nil {
			break
		}
	}
	q.Packets.Append(uint8(n))
	stream := q.initial.stream()
	if len(stream) == 0 {
		return 0, nil
	}
	d.bareTLS = true
	return contentHello, d.Text(stream)
}

// decodePacket takes one packet and returns what is behind it, nil where that
// is not known.
func (q *QUIC) decodePacket(d *Decoder, b []byte, version uint32, first bool) (rest []byte) {
	c := cursor{b: b[5:]}
	dcid, scid := c.vector8(), c.vector8()
	if first {
		q.appendIDs(dcid, scid)
	}
	switch {
	case c.short:
		d.noteEnd(d.whole())
		return nil
	case version == quicNegotiation:
		q.decodeVersions(d, &c)
		return nil
	case isReservedQUIC(version):
		return nil // what follows is not defined
	case len(dcid) > maxQUICID || len(scid) > maxQUICID:
		d.Note("connection ID longer than 20 bytes")
		return nil
	}
	typ := quicType(b[0], version)
	if first {
		q.Type.Set(d.Row, typ)
	}
	if typ == quicRetryType {
		return nil // all that follows is its token
	}
	p := quicPacket{version: version, dcid: dcid}
	if typ == quicInitialType {
		token := c.sized(c.varint())
		if first && !c.short {
			q.TokenLen.Set(d.Row, uint32(len(token)))
		}
	}
	length := c.varint()
	p.header = len(b) - len(c.b)
	if first && !c.short && length <= maxUint32 {
		q.Len.Set(d.Row, uint32(length))
	}
	if c.sized(length); c.short {
		d.noteEnd(d.whole())
		return nil
	}
	p.bytes = b[:len(b)-len(c.b)]
	if typ == quicInitialType {
		q.decrypt(d, &p)
	}
	return c.b
}

func (q *QUIC) appendIDs(dcid, scid []byte) {
	q.DCIDLen.Append(uint8(len(dcid)))
	q.DCID.Append(schema.Bytes(dcid))
	q.SCIDLen.Append(uint8(len(scid)))
	q.SCID.Append(schema.Bytes(scid))
}

const maxUint32 = 1<<32 - 1

// quicType gives the type in the first byte of a long header. Version 2
// numbers the types otherwise (RFC 9369, 3.2).
func quicType(first byte, version uint32) uint8 {
	typ := first >> 4 & 3
	if version == quicV2 {
		return (typ + 3) & 3
	}
	return typ
}

// decodeVersions takes the list of a version negotiation packet.
func (q *QUIC) decodeVersions(d *Decoder, c *cursor) {
	q.versions = q.versions[:0]
	if len(c.b)%4 != 0 {
		d.noteEnd(d.whole())
	}
	for len(c.b) >= 4 && len(q.versions) < maxQUICVersions {
		q.versions = append(q.versions, uint32(c.u32()))
	}
	q.Versions.Set(d.Row, q.versions...)
}

// decrypt opens an Initial packet and keeps what it adds to the crypto stream.
func (q *QUIC) decrypt(d *Decoder, p *quicPacket) {
	if !quicHasKeys(p.version) {
		return
	}
	frames, number, ok := p.open()
	if !q.Decrypted.Has(d.Row) {
		q.Decrypted.Set(d.Row, ok)
		if ok {
			q.PacketNumber.Set(d.Row, number)
		}
	}
	if ok && !q.initial.take(frames) {
		d.Note("malformed frame in an Initial packet")
	}
}
