package antinex

// DNS messages. The first field is there over TCP only.
var (
	dnsOverUDP = dnsLayer("dns", opt(num("length", 2), func(*header) bool { return false }))
	dnsOverTCP = dnsLayer("dns", num("length", 2))

	llmnrQuery    = sized("llmnrquery", carriesDNS, llmnrFields()...)
	llmnrResponse = sized("llmnrresponse", carriesDNS, llmnrFields()...)
)

func dnsLayer(name string, length field) *layer {
	l := plain(name, carriesDNS, length, num("id", 2), bit("qr", 1), bit("opcode", 4), bit("aa", 1), bit("tc", 1), bit("rd", 1), bit("ra", 1),
		bit("z", 1), bit("ad", 1), bit("cd", 1), bit("rcode", 4), num("qdcount", 2), num("ancount", 2), num("nscount", 2), num("arcount", 2))
	for _, name := range []string{"aa", "ad", "cd", "id", "opcode", "qr", "ra", "rcode", "rd", "tc", "z"} {
		l.defaults = set(l.defaults, "default_"+name, intValue(0))
	}
	for _, name := range []string{"an", "ancount", "ar", "arcount", "length", "ns", "nscount", "qd", "qdcount"} {
		l.defaults = set(l.defaults, "default_"+name, Value{})
	}
	return l
}

func llmnrFields() []field {
	return []field{num("id", 2), bit("qr", 1), bit("opcode", 4), bit("c", 1), bit("tc", 2), bit("z", 4), bit("rcode", 4),
		num("qdcount", 2), num("ancount", 2), num("nscount", 2), num("arcount", 2)}
}

func byLLMNR(b []byte) *layer {
	switch {
	case len(b) < 5:
		return nil
	case b[4]&0x80 != 0:
		return llmnrResponse
	}
	return llmnrQuery
}

// followDNS reads questions and records. A message with any, but for one with
// nothing except authority records, ends the conversion.
func (d *Dissector) followDNS(h *header, b []byte) {
	if n, ok := h.get("arcount"); ok && n > 0 {
		h.stop = true
	}
	if len(b) == 0 {
		return
	}
	m := dnsMessage{b: b, budget: dnsBudget}
	for _, section := range []string{"qdcount", "ancount", "nscount", "arcount"} {
		n, _ := h.get(section)
		switch {
		case int(n) > len(b): // kamene forgets where it was
			m.at = 0
			continue
		case n > 0 && section != "nscount":
			h.stop = true
		}
		for range n {
			if !m.name() || !m.entry(section == "qdcount") {
				h.err = errHeader
				return
			}
		}
	}
	d.payload(nil, tail(b, m.at))
}

// dnsBudget bounds the labels that are followed in a message, so that one
// made of pointers cannot keep us busy. No honest message comes near it.
const dnsBudget = 1 << 18

// dnsMessage is the part of a message behind its header.
type dnsMessage struct {
	b      []byte
	at     int
	budget int
}

// name passes over a name as kamene does, which stops in silence where a name
// ends early or turns in circles. It fails where Python would: at an index
// before the beginning.
func (m *dnsMessage) name() bool {
	end, ok := nameEnd(m.b, m.at, &m.budget)
	m.at = end
	return ok
}

func nameEnd(b []byte, at int, budget *int) (end int, ok bool) {
	var seen [64]int
	jumps := seen[:1]
	jumps[0] = at
	end = -1
	for at < len(b) {
		if *budget -= len(jumps); *budget < 0 || at < -len(b) {
			return 0, false
		}
		c := int(b[index(b, at)])
		at++
		switch {
		case c&0xc0 != 0:
			if end < 0 {
				end = at + 1
			}
			if at >= len(b) {
				return end, true
			}
			at = c&0x3f<<8 + int(b[index(b, at)]) - 12
			for _, j := range jumps {
				if j == at {
					return end, true
				}
			}
			jumps = append(jumps, at)
		case c > 0:
			at += c
		default:
			if end < 0 {
				end = at
			}
			return end, true
		}
	}
	if end < 0 {
		end = at
	}
	return end, true
}

// entry passes over what follows a name: type and class of a question, the
// ten bytes and the data of a record.
func (m *dnsMessage) entry(question bool) bool {
	b := head(tail(m.b, m.at), 10)
	if question {
		m.at += 4
		return len(b) >= 4 || len(b)%2 == 0
	}
	if len(b) < 10 {
		return false
	}
	m.at += 10
	typ, n := be.Uint16(b), int(be.Uint16(b[8:]))
	data := head(tail(m.b, m.at), n)
	ok := true
	switch {
	case len(data) == 0:
	case typ == 1:
		ok = len(data) == 4
	case typ == 28:
		ok = len(data) == 16
	case typ == 12:
		_, ok = nameEnd(data, 0, &m.budget)
	}
	if typ >= 2 && typ <= 5 && ok {
		_, ok = nameEnd(m.b, m.at, &m.budget)
	}
	m.at += n
	return ok
}
