package layer

import "github.com/pcapline/pcapline/transform/schema"

// IGMP is a message of the Internet Group Management Protocol, versions 1 to
// 3.
type IGMP struct {
	schema.Layer `name:"igmp" title:"Internet Group Management Protocol" source:"RFC 9776, 4"`

	Type     schema.Values[uint8]         `name:"igmp_type" ws:"igmp.type" store:"dict" doc:"17 query, 18, 22 and 34 report of versions 1, 2 and 3, 23 leave."`
	MaxResp  schema.Optional[uint8]       `name:"igmp_max_resp" ws:"igmp.max_resp" store:"dict" unit:"0.1 s" doc:"Maximum response time of a version 2 message or query, as coded (128 and above: RFC 9776, 4.1.1); null for other messages."`
	Checksum schema.Values[uint16]        `name:"igmp_checksum" ws:"igmp.checksum" role:"identity" store:"plain" doc:"Checksum as captured."`
	Status   schema.Optional[uint8]       `name:"igmp_checksum_status" ws:"igmp.checksum.status" role:"provenance" store:"dict" doc:"0 bad, 1 good, 3 absent (0 in the packet); null where it cannot be verified (fragment, capture cut). Numbers as Wireshark's."`
	Group    schema.Optional[schema.IPv4] `name:"igmp_group" ws:"igmp.maddr" role:"identity" store:"dict" doc:"Multicast address, of the first record in version 3 reports; null for other protocols that share the number, as DVMRP."`
	Records  schema.Optional[uint16]      `name:"igmp_records" ws:"igmp.num_grp_recs" store:"dict" doc:"Records in a version 3 report."`
}

// Types of IGMP messages (IANA).
const (
	igmpQuery    = 0x11
	igmpReportV1 = 0x12
	igmpReportV2 = 0x16
	igmpLeave    = 0x17
	igmpMtraceR  = 0x1e
	igmpMtrace   = 0x1f
	igmpReportV3 = 0x22
)

// Reached says what leads to an IGMP message.
func (*IGMP) Reached() []Key { return []Key{IPProto(2)} }

// Decode takes the message; the sources that a version 3 message lists are
// payload.
func (m *IGMP) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 8 {
		return d.Short(b)
	}
	m.Mark(d.Row)
	m.Type.Append(b[0])
	m.Checksum.Append(be.Uint16(b[2:]))
	d.setChecksum(&m.Status, noPseudoHeader, b, be.Uint16(b[2:]))
	d.Digest.HeaderLen = 8
	switch b[0] {
	case igmpQuery, igmpReportV1, igmpReportV2, igmpLeave:
		if b[1] != 0 || b[0] == igmpReportV2 || b[0] == igmpLeave { // version 1 has no time
			m.MaxResp.Set(d.Row, b[1])
		}
		m.Group.Set(d.Row, schema.IPv4(b[4:]))
	case igmpMtraceR, igmpMtrace:
		m.Group.Set(d.Row, schema.IPv4(b[4:]))
	case igmpReportV3:
		records := be.Uint16(b[6:])
		m.Records.Set(d.Row, records)
		if records == 0 {
			break
		}
		if len(b) < 16 {
			return d.Short(b[8:])
		}
		m.Group.Set(d.Row, schema.IPv4(b[12:]))
	}
	return 0, b[8:]
}
