package layer

import (
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
)

// GTP is the header of the GPRS Tunnelling Protocol for user data (GTP-U),
// version 1, in LTE and 5G networks as well.
type GTP struct {
	schema.Layer `name:"gtp" title:"GPRS Tunnelling Protocol, user plane" source:"3GPP TS 29.281, 5"`

	Flags   schema.Values[uint8]    `name:"gtp_flags" ws:"gtp.flags" store:"dict" doc:"First byte: version in the upper three bits, GTP and not GTP' 16, extension header 4, sequence number 2, N-PDU number 1."`
	Message schema.Values[uint8]    `name:"gtp_message" ws:"gtp.message" store:"dict" doc:"Type: 255 a user's packet, 1 echo request, 2 echo response, 26 error indication, 254 end marker."`
	Len     schema.Values[uint16]   `name:"gtp_len" ws:"gtp.length" unit:"B" doc:"Length of what is behind the first eight bytes."`
	TEID    schema.Values[uint32]   `name:"gtp_teid" ws:"gtp.teid" role:"identity" store:"dict" doc:"Identifier of the tunnel at the receiver."`
	Seq     schema.Optional[uint16] `name:"gtp_seq" ws:"gtp.seq_number" role:"identity" store:"delta" doc:"Sequence number; null without its flag."`
	NPDU    schema.Optional[uint8]  `name:"gtp_npdu" ws:"gtp.npdu_number" store:"dict" doc:"N-PDU number; null without its flag."`
	ExtType schema.List[uint8]      `name:"gtp_ext_types" store:"dict" source:"3GPP TS 29.281, 5.2.1" doc:"Types of the extension headers, in order: 133 PDU session container, 192 PDCP number; null without any."`
	QFI     schema.Optional[uint8]  `name:"gtp_qfi" ws:"gtp.ext_hdr.pdu_ses_con.qos_flow_id" store:"dict" source:"3GPP TS 38.415, 5.5.2" doc:"QoS flow identifier of a PDU session container; null without one."`

	types []uint8 // scratch for the list
}

const (
	gtpVersion    = 0xe0 // of the flags
	gtpIsGTP      = 0x10
	gtpHasExt     = 0x04
	gtpHasSeq     = 0x02
	gtpHasNPDU    = 0x01
	gtpUserPacket = 255
	gtpPDUSession = 0x85
)

// Reached says what leads to a GTP-U header.
func (*GTP) Reached() []Key { return []Key{UDPPort(2152)} }

// Decode takes the header and its extension headers. Nothing says what the
// user's packet is; IP's version does.
func (g *GTP) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 8 {
		return d.Short(b)
	}
	flags, message, length := b[0], b[1], int(be.Uint16(b[2:]))
	if flags&(gtpVersion|gtpIsGTP) != 0x20|gtpIsGTP {
		return d.Fail("not version 1", b)
	}
	g.Mark(d.Row)
	g.Flags.Append(flags)
	g.Message.Append(message)
	g.Len.Append(uint16(length))
	g.TEID.Append(be.Uint32(b[4:]))
	rest := d.Cut(b[8:], length)
	if flags&(gtpHasExt|gtpHasSeq|gtpHasNPDU) != 0 {
		var ok bool
		if rest, ok = g.decodeOptional(d, rest, flags); !ok {
			return d.Short(rest)
		}
	}
	if message != gtpUserPacket {
		return 0, rest
	}
	d.Enter(flow.TunnelGTPU, 0)
	if len(rest) > 0 {
		switch rest[0] >> 4 {
		case 4:
			return EtherType(etherIPv4), rest
		case 6:
			return EtherType(etherIPv6), rest
		}
	}
	return 0, rest
}

// decodeOptional takes the four bytes of which the flags say what counts, and
// the extension headers.
func (g *GTP) decodeOptional(d *Decoder, b []byte, flags uint8) (rest []byte, ok bool) {
	if len(b) < 4 {
		return b, false
	}
	if flags&gtpHasSeq != 0 {
		g.Seq.Set(d.Row, be.Uint16(b))
	}
	if flags&gtpHasNPDU != 0 {
		g.NPDU.Set(d.Row, b[2])
	}
	next := b[3]
	b = b[4:]
	if flags&gtpHasExt == 0 || next == 0 {
		return b, true
	}
	g.types, ok = g.types[:0], true
	for next != 0 {
		if len(b) < 4 || b[0] == 0 || int(b[0])*4 > len(b) {
			ok = false
			break
		}
		g.types = append(g.types, next)
		if next == gtpPDUSession && !g.QFI.Has(d.Row) {
			g.QFI.Set(d.Row, b[2]&0x3f)
		}
		n := int(b[0]) * 4
		next, b = b[n-1], b[n:]
	}
	g.ExtType.Set(d.Row, g.types...)
	return b, ok
}
