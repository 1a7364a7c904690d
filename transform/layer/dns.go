package layer

import (
	"net/netip"

	"github.com/pcapline/pcapline/transform/schema"
)

// DNS is a message of the Domain Name System, of multicast DNS or of LLMNR,
// which share its form.
type DNS struct {
	schema.Layer `name:"dns" title:"Domain Name System" source:"RFC 1035, 4.1"`

	ID      schema.Values[uint16]  `name:"dns_id" ws:"dns.id" antinex:"dns_id" role:"identity" store:"plain" doc:"Identifier that a response shares with its query."`
	QR      schema.Values[bool]    `name:"dns_qr" ws:"dns.flags.response" antinex:"dns_qr" doc:"The message is a response."`
	Opcode  schema.Values[uint8]   `name:"dns_opcode" ws:"dns.flags.opcode" antinex:"dns_opcode" store:"dict" doc:"Kind of query: 0 standard, 4 notify, 5 update."`
	AA      schema.Optional[bool]  `name:"dns_aa" ws:"dns.flags.authoritative" antinex:"dns_aa" doc:"Authoritative answer; null in queries."`
	TC      schema.Values[bool]    `name:"dns_tc" ws:"dns.flags.truncated" antinex:"dns_tc" doc:"The message was cut to fit."`
	RD      schema.Values[bool]    `name:"dns_rd" ws:"dns.flags.recdesired" antinex:"dns_rd" doc:"Recursion desired."`
	RA      schema.Optional[bool]  `name:"dns_ra" ws:"dns.flags.recavail" antinex:"dns_ra" doc:"Recursion available; null in queries."`
	Z       schema.Values[bool]    `name:"dns_z" ws:"dns.flags.z" antinex:"dns_z" doc:"Reserved bit."`
	AD      schema.Values[bool]    `name:"dns_ad" ws:"dns.flags.authenticated" antinex:"dns_ad" source:"RFC 4035, 3.2.3" doc:"Authentic data."`
	CD      schema.Values[bool]    `name:"dns_cd" ws:"dns.flags.checkdisable" antinex:"dns_cd" source:"RFC 4035, 3.2.2" doc:"Checking disabled."`
	Rcode   schema.Optional[uint8] `name:"dns_rcode" ws:"dns.flags.rcode" antinex:"dns_rcode" store:"dict" doc:"Response code: 0 no error, 2 server failure, 3 no such name; null in queries."`
	QDCount schema.Values[uint16]  `name:"dns_qdcount" ws:"dns.count.queries" antinex:"dns_qdcount" store:"dict" doc:"Entries in the question section, as the header says."`
	ANCount schema.Values[uint16]  `name:"dns_ancount" ws:"dns.count.answers" antinex:"dns_ancount" store:"dict" doc:"Records in the answer section, as the header says."`
	NSCount schema.Values[uint16]  `name:"dns_nscount" ws:"dns.count.auth_rr" antinex:"dns_nscount" store:"dict" doc:"Records in the authority section, as the header says."`
	ARCount schema.Values[uint16]  `name:"dns_arcount" ws:"dns.count.add_rr" antinex:"dns_arcount" store:"dict" doc:"Records in the additional section, as the header says."`

	QName       schema.Optional[schema.Text] `name:"dns_qname" ws:"dns.qry.name" role:"payload" store:"dict" source:"RFC 4343, 2.1" doc:"Name in the first question, without the final dot, . for the root; bytes that do not print, dots, backslashes and semicolons within labels are written \\DDD, as are all bytes beyond ASCII."`
	QType       schema.Optional[uint16]      `name:"dns_qtype" ws:"dns.qry.type" store:"dict" doc:"Type in the first question: 1 A, 28 AAAA, 12 PTR, 16 TXT, 255 any."`
	QClass      schema.Optional[uint16]      `name:"dns_qclass" ws:"dns.qry.class" store:"dict" doc:"Class in the first question, 1 for the Internet; in multicast DNS without the top bit."`
	QNameLen    schema.Optional[uint16]      `name:"dns_qname_len" ws:"dns.qry.name.len" unit:"B" doc:"Length of that name with dots between labels, before escaping; 0 for the root."`
	QNameLabels schema.Optional[uint8]       `name:"dns_qname_labels" ws:"dns.count.labels" store:"dict" doc:"Labels of that name; 0 for the root."`
	AnswerTypes schema.List[uint16]          `name:"dns_answer_types" ws:"dns.resp.type" source:"RFC 1035, 4.1.3" doc:"Types of the records in the answer section, the first 64, as far as they could be read; null in queries."`
	AnswerTTLs  schema.List[uint32]          `name:"dns_answer_ttls" ws:"dns.resp.ttl" unit:"s" source:"RFC 1035, 4.1.3" doc:"Times to live of those records."`
	AnswerNames schema.List[schema.Text]     `name:"dns_answer_names" ws:"dns.resp.name" role:"payload" source:"RFC 1035, 4.1.3" doc:"Names of those records, written as dns_qname is."`
	AnswerIPs   schema.List[netip.Addr]      `name:"dns_answer_ips" role:"identity" source:"RFC 1035, 3.4.1; RFC 3596, 2.2" doc:"Addresses of the A and AAAA records among them; null in queries."`
	CNAMEs      schema.List[schema.Text]     `name:"dns_answer_cnames" ws:"dns.cname" role:"payload" source:"RFC 1035, 3.3.1" doc:"Canonical names of the CNAME records among them; null in queries."`
	EDNSSize    schema.Optional[uint16]      `name:"dns_edns_size" ws:"dns.rr.udp_payload_size" store:"dict" unit:"B" source:"RFC 6891" doc:"Size of UDP messages that the sender accepts; null without EDNS."`

	answers dnsAnswers
	name    dnsName
}

// Reached says what leads to a DNS message: DNS, multicast DNS and LLMNR.
func (*DNS) Reached() []Key {
	return []Key{UDPPort(53), TCPPort(53), UDPPort(portMDNS), UDPPort(5355)}
}

const (
	portMDNS = 5353
	protoTCP = 6
)

// Decode takes the message.
func (m *DNS) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) == 0 {
		return 0, nil
	}
	whole := !d.Digest.Fragment // else the rest is in later fragments
	if d.Digest.Proto == protoTCP {
		if len(b) < 2 || be.Uint16(b) < 12 {
			return 0, b // not the beginning of a message
		}
		n := int(be.Uint16(b))
		b = b[2:]
		if n > len(b) {
			whole = false // the rest is in later segments
		} else {
			b = b[:n]
		}
	}
	if len(b) < 12 {
		if !whole {
			return 0, b
		}
		return d.Short(b)
	}
	d.name(appDNS)
	response := m.appendHeader(d, b)
	if ok := m.decodeSections(d, b, response); !ok && whole {
		d.NoteShort()
	}
	return 0, nil
}

// appendHeader fills the columns of the 12 bytes at the front of b.
func (m *DNS) appendHeader(d *Decoder, b []byte) (response bool) {
	flags := be.Uint16(b[2:])
	response = flags&0x8000 != 0
	m.Mark(d.Row)
	m.ID.Append(be.Uint16(b))
	m.QR.Append(response)
	m.Opcode.Append(uint8(flags >> 11 & 15))
	m.TC.Append(flags&0x200 != 0)
	m.RD.Append(flags&0x100 != 0)
	m.Z.Append(flags&0x40 != 0)
	m.AD.Append(flags&0x20 != 0)
	m.CD.Append(flags&0x10 != 0)
	if response {
		m.AA.Set(d.Row, flags&0x400 != 0)
		m.RA.Set(d.Row, flags&0x80 != 0)
		m.Rcode.Set(d.Row, uint8(flags&15))
		d.Digest.DNSRcode = int8(flags & 15)
	}
	m.QDCount.Append(be.Uint16(b[4:]))
	m.ANCount.Append(be.Uint16(b[6:]))
	m.NSCount.Append(be.Uint16(b[8:]))
	m.ARCount.Append(be.Uint16(b[10:]))
	return response
}

// decodeSections reads questions and records until they end or do not fit,
// and reports which.
func (m *DNS) decodeSections(d *Decoder, b []byte, response bool) (ok bool) {
	at := 12
	for i := range int(be.Uint16(b[4:])) {
		if at, ok = m.decodeQuestion(d, b, at, i == 0); !ok {
			return false
		}
	}
	answers := int(be.Uint16(b[6:]))
	others := int(be.Uint16(b[8:])) + int(be.Uint16(b[10:]))
	m.answers.reset()
	ok = true
	for i := 0; i < answers && ok; i++ {
		at, ok = m.decodeRecord(d, b, at, response && i < maxDNSAnswers)
	}
	if response {
		m.setAnswers(d.Row)
	}
	for i := 0; i < others && ok; i++ {
		at, ok = m.decodeRecord(d, b, at, false)
	}
	return ok
}

func (m *DNS) decodeQuestion(d *Decoder, b []byte, at int, first bool) (next int, ok bool) {
	if !first {
		next = skipName(b, at) + 4
		return next, next >= 4 && next <= len(b)
	}
	next = m.name.read(b, at)
	if next < 0 {
		return 0, false
	}
	m.QName.Set(d.Row, d.Text(m.name.text))
	m.QNameLen.Set(d.Row, uint16(m.name.length))
	m.QNameLabels.Set(d.Row, uint8(m.name.labels))
	if d.flows {
		d.app("dns").DNSName = appText(m.name.text)
	}
	d.Digest.DNSNameLen, d.Digest.DNSLabels = uint16(m.name.length), uint8(m.name.labels)
	if next+4 > len(b) {
		return 0, false
	}
	typ, class := be.Uint16(b[next:]), be.Uint16(b[next+2:])
	if d.Digest.DstPort == portMDNS || d.Digest.SrcPort == portMDNS {
		class &= 0x7fff // the top bit asks for a unicast answer (RFC 6762, 5.4)
	}
	m.QType.Set(d.Row, typ)
	m.QClass.Set(d.Row, class)
	d.Digest.DNSQType = typ
	return next + 4, true
}

// decodeRecord reads the record at b[at:]; it is listed where it is an answer.
func (m *DNS) decodeRecord(d *Decoder, b []byte, at int, listed bool) (next int, ok bool) {
	const typeOPT = 41
	start := at
	at = skipName(b, at)
	if at < 0 || at+10 > len(b) {
		return 0, false
	}
	typ, data := be.Uint16(b[at:]), at+10
	next = data + int(be.Uint16(b[at+8:]))
	if typ == typeOPT && !listed && !m.EDNSSize.Has(d.Row) {
		m.EDNSSize.Set(d.Row, be.Uint16(b[at+2:]))
	}
	if listed {
		name, named := m.recordName(d, b, start)
		if !named {
			return 0, false
		}
		m.answers.types = append(m.answers.types, typ)
		m.answers.ttls = append(m.answers.ttls, be.Uint32(b[at+4:]))
		m.answers.names = append(m.answers.names, name)
		if next <= len(b) && !m.decodeData(d, b[:next], data, typ) {
			return 0, false
		}
	}
	return next, next <= len(b)
}
