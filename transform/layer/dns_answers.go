package layer

import (
	"net/netip"

	"github.com/pcapline/pcapline/transform/schema"
)

// maxDNSAnswers bounds the lists of a message's answers.
const maxDNSAnswers = 64

// dnsAnswers is scratch for the lists of a response's answers.
type dnsAnswers struct {
	types  []uint16
	ttls   []uint32
	names  []schema.Text
	ips    []netip.Addr
	cnames []schema.Text
}

func (a *dnsAnswers) reset() {
	a.types, a.ttls, a.names, a.ips, a.cnames = a.types[:0], a.ttls[:0], a.names[:0], a.ips[:0], a.cnames[:0]
}

// setAnswers fills the columns of a response.
func (m *DNS) setAnswers(row int) {
	a := &m.answers
	m.AnswerTypes.Set(row, a.types...)
	m.AnswerTTLs.Set(row, a.ttls...)
	m.AnswerNames.Set(row, a.names...)
	m.AnswerIPs.Set(row, a.ips...)
	m.CNAMEs.Set(row, a.cnames...)
}

// recordName reads the name of the record at b[at:], which mostly points to
// that of the first question.
func (m *DNS) recordName(d *Decoder, b []byte, at int) (schema.Text, bool) {
	const firstQuestion = 0xc000 | 12
	if be.Uint16(b[at:]) == firstQuestion && m.QName.Has(d.Row) {
		return last(m.QName.V), true
	}
	if m.name.read(b, at) < 0 {
		return nil, false
	}
	return d.Text(m.name.text), true
}

// decodeData takes the data of an address or of an alias, from b[data:] to
// the end of b; addresses of another length are passed over.
func (m *DNS) decodeData(d *Decoder, b []byte, data int, typ uint16) (ok bool) {
	const (
		typeA     = 1
		typeCNAME = 5
		typeAAAA  = 28
	)
	v := b[data:]
	switch {
	case typ == typeA && len(v) == 4:
		m.answers.ips = append(m.answers.ips, netip.AddrFrom4([4]byte(v)))
	case typ == typeAAAA && len(v) == 16:
		m.answers.ips = append(m.answers.ips, netip.AddrFrom16([16]byte(v)))
	case typ == typeCNAME:
		if m.name.read(b, data) < 0 {
			return false
		}
		m.answers.cnames = append(m.answers.cnames, d.Text(m.name.text))
	}
	return true
}
