package layer

import "github.com/pcapline/pcapline/transform/schema"

// ICMP is a message of the Internet Control Message Protocol. What the second
// word of its header means depends on the type; the columns that do not
// apply are null. The packet that an error message quotes is payload.
type ICMP struct {
	schema.Layer `name:"icmp" title:"Internet Control Message Protocol" source:"RFC 792"`

	Type     schema.Values[uint8]         `name:"icmp_type" ws:"icmp.type" antinex:"icmp_type" store:"dict" doc:"Type: 8 echo, 0 echo reply, 3 unreachable, 5 redirect, 11 time exceeded."`
	Code     schema.Values[uint8]         `name:"icmp_code" ws:"icmp.code" antinex:"icmp_code" store:"dict" doc:"Code, which says more of the type."`
	Checksum schema.Values[uint16]        `name:"icmp_checksum" ws:"icmp.checksum" role:"identity" store:"plain" doc:"Checksum as captured."`
	Status   schema.Optional[uint8]       `name:"icmp_checksum_status" ws:"icmp.checksum.status" role:"provenance" store:"dict" doc:"0 bad, 1 good, 3 absent (0 in the packet); null where it cannot be verified (fragment, capture cut). Numbers as Wireshark's."`
	ID       schema.Optional[uint16]      `name:"icmp_id" ws:"icmp.ident" role:"identity" store:"dict" doc:"Identifier of echo, extended echo, timestamp, information and mask messages."`
	Seq      schema.Optional[uint16]      `name:"icmp_seq" ws:"icmp.seq" antinex:"icmp_seq" role:"identity" store:"dict" doc:"Sequence number of the same, but for extended echo."`
	Gateway  schema.Optional[schema.IPv4] `name:"icmp_gateway" ws:"icmp.redir_gw" antinex:"icmp_gw" role:"identity" store:"dict" doc:"Gateway that a redirect names."`
	Pointer  schema.Optional[uint8]       `name:"icmp_pointer" ws:"icmp.pointer" antinex:"icmp_ptr" store:"dict" unit:"B" doc:"Offset of what a parameter problem is about."`
	MTU      schema.Optional[uint16]      `name:"icmp_mtu" ws:"icmp.mtu" store:"dict" unit:"B" source:"RFC 1191" doc:"MTU of the next hop, of the message that a fragment was needed."`
	Unused   schema.Optional[uint32]      `name:"icmp_unused" antinex:"icmp_unused" store:"dict" doc:"Second word of the header of types that give it no other meaning in RFC 792, usually 0."`
	TSOrig   schema.Optional[uint32]      `name:"icmp_ts_orig" antinex:"icmp_ts_ori" role:"time" unit:"ms" doc:"Timestamp message: when the sender sent it, since midnight UTC."`
	TSRecv   schema.Optional[uint32]      `name:"icmp_ts_recv" antinex:"icmp_ts_rx" role:"time" unit:"ms" doc:"Timestamp reply: when the request came."`
	TSTrans  schema.Optional[uint32]      `name:"icmp_ts_trans" antinex:"icmp_ts_tx" role:"time" unit:"ms" doc:"Timestamp reply: when it was sent."`
	Mask     schema.Optional[schema.IPv4] `name:"icmp_addr_mask" ws:"icmp.address_mask" antinex:"icmp_addr_mask" store:"dict" source:"RFC 950" doc:"Mask of an address mask message."`
}

// Reached says what leads to an ICMP message.
func (*ICMP) Reached() []Key { return []Key{IPProto(1)} }

// Decode takes the header.
func (m *ICMP) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 4 {
		return d.Short(b)
	}
	m.Mark(d.Row)
	m.Type.Append(b[0])
	m.Code.Append(b[1])
	m.Checksum.Append(be.Uint16(b[2:]))
	d.setChecksum(&m.Status, noPseudoHeader, b, be.Uint16(b[2:]))
	d.Digest.ICMPType, d.Digest.ICMPCode, d.Digest.HeaderLen = b[0], b[1], 8
	if len(b) < 8 {
		return d.Short(b[4:])
	}
	n := 8
	switch b[0] {
	case 0, 8:
		d.Digest.ICMPID = be.Uint16(b[4:])
		m.setQuery(d.Row, b)
	case 13, 14:
		n = 20
		m.setQuery(d.Row, b)
		if len(b) < n {
			return d.Short(b[8:])
		}
		m.TSOrig.Set(d.Row, be.Uint32(b[8:]))
		m.TSRecv.Set(d.Row, be.Uint32(b[12:]))
		m.TSTrans.Set(d.Row, be.Uint32(b[16:]))
	case 15, 16:
		m.setQuery(d.Row, b)
	case 42, 43: // extended echo (RFC 8335): its sequence number has one byte
		m.ID.Set(d.Row, be.Uint16(b[4:]))
	case 17, 18:
		n = 12
		m.setQuery(d.Row, b)
		if len(b) < n {
			return d.Short(b[8:])
		}
		m.Mask.Set(d.Row, schema.IPv4(b[8:]))
	default:
		m.setError(d.Row, b)
	}
	d.Digest.HeaderLen = uint16(n)
	return 0, b[n:]
}

func (m *ICMP) setQuery(row int, b []byte) {
	m.ID.Set(row, be.Uint16(b[4:]))
	m.Seq.Set(row, be.Uint16(b[6:]))
}

func (m *ICMP) setError(row int, b []byte) {
	switch b[0] {
	case 5:
		m.Gateway.Set(row, schema.IPv4(b[4:]))
	case 12:
		m.Pointer.Set(row, b[4])
	case 3:
		if b[1] == 4 {
			m.MTU.Set(row, be.Uint16(b[6:]))
		}
		fallthrough
	default:
		m.Unused.Set(row, be.Uint32(b[4:]))
	}
}
