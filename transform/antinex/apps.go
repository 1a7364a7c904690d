package antinex

// The application layers that kamene knows by their ports, and that decide by
// their lengths what is payload behind them.
var (
	bootp = sized("bootp", carriesNothing, num("op", 1), num("htype", 1), num("hlen", 1), num("hops", 1), num("xid", 4), num("secs", 2), num("flags", 2),
		as("ciaddr", ip4), as("yiaddr", ip4), as("siaddr", ip4), as("giaddr", ip4), num("chaddr", 16), num("sname", 64), num("file", 128))
	hsrp = sized("hsrp", carriesNothing, num("version", 1), num("opcode", 1), num("state", 1), num("hellotime", 1), num("holdtime", 1),
		num("priority", 1), num("group", 1), num("reserved", 1), field{name: "auth", form: fixed, size: 8}, as("virtualIP", ip4))
	isakmp = sized("isakmp", carriesNothing, field{name: "init_cookie", form: fixed, size: 8}, field{name: "resp_cookie", form: fixed, size: 8},
		num("next_payload", 1), num("version", 1), num("exch_type", 1), num("flags", 1), num("id", 4), num("length", 4))
	nbnsQuery    = sized("nbnsqueryrequest", carriesPayload, nbnsHeader()...)
	nbnsResponse = sized("nbnsqueryresponse", carriesPayload, append(nbnsHeader(), num("TTL", 4), num("RDLENGTH", 2), num("NB_FLAGS", 2), as("NB_ADDRESS", ip4))...)
	nbtDatagram  = sized("nbtdatagram", carriesPayload, num("Type", 1), num("Flags", 1), num("ID", 2), as("SourceIP", ip4), num("SourcePort", 2), num("Length", 2), num("Offset", 2),
		nbtName("SourceName"), num("SUFFIX1", 2), num("NULL1", 1), nbtName("DestinationName"), num("SUFFIX2", 2), num("NULL2", 1))
	nbtSession = sized("nbtsession", carriesNothing, num("TYPE", 1), bit("RESERVED", 7), bit("LENGTH", 17))
	ntp        = sized("ntp", carriesPayload, bit("leap", 2), bit("version", 3), bit("mode", 3), num("stratum", 1), num("poll", 1), num("precision", 1),
		num("delay", 4), num("dispersion", 4), as("id", ip4), num("ref", 8), num("orig", 8), num("recv", 8), num("sent", 8))
	rip      = plain("rip", carriesRIP, num("cmd", 1), num("version", 1), num("null", 2))
	ripEntry = plain("ripentry", carriesRIP, num("AF", 2), num("RouteTag", 2), as("addr", ip4), as("mask", ip4), as("nextHop", ip4), num("metric", 4))
	skinny   = sized("skinny", carriesPayload, field{name: "len", form: little, size: 4}, field{name: "res", form: little, size: 4}, field{name: "msg", form: little, size: 4})
	snmp     = &layer{name: "snmp", carries: carriesSNMP}
	tftp     = plain("tftp", carriesTFTP, num("op", 2))
	tftpData = sized("tftp_data", carriesPayload, num("block", 2))
	tftpAck  = sized("tftp_ack", carriesPayload, num("block", 2))
)

func nbtName(name string) field { return field{name: name, form: fixed, size: 31} }

func nbnsHeader() []field {
	return []field{num("NAME_TRN_ID", 2), num("FLAGS", 2), num("QDCOUNT", 2), num("ANCOUNT", 2), num("NSCOUNT", 2), num("ARCOUNT", 2),
		nbtName("NAME"), num("SUFFIX", 2), num("NULL", 1), num("QUESTION_TYPE", 2), num("QUESTION_CLASS", 2)}
}

// followSNMP reads a message as far as kamene does: a sequence in BER of a
// version, a community and a PDU. Where something else is in the place of the
// PDU, as in version 3, payload begins there.
func (d *Dissector) followSNMP(h *header, b []byte) {
	body, behind, ok := berElement(b, 0x30)
	for range 2 {
		if ok {
			_, body, ok = berElement(body, 0)
		}
	}
	if !ok {
		h.err = errHeader
		return
	}
	if len(body) > 0 && (body[0] < 0xa0 || body[0] > 0xa8) {
		d.payload(nil, body)
		return
	}
	d.payload(nil, behind)
}

// berElement splits the first element off b; a tag of 0 is any.
func berElement(b []byte, tag byte) (value, behind []byte, ok bool) {
	if len(b) < 2 || tag != 0 && b[0] != tag {
		return nil, nil, false
	}
	n, at := int(b[1]), 2
	if n >= 0x80 {
		k := n & 0x7f
		if k > 4 || len(b) < 2+k {
			return nil, nil, false
		}
		n, at = 0, 2+k
		for _, c := range b[2:at] {
			n = n<<8 | int(c)
		}
	}
	if n > len(b)-at {
		return nil, nil, false
	}
	return b[at : at+n], b[at+n:], true
}

func (d *Dissector) followTFTP(h *header, b []byte) {
	switch op, _ := h.get("op"); op {
	case 1, 2, 5, 6:
		d.payload(opaque("tftp message"), b)
	case 3:
		d.payload(tftpData, b)
	case 4:
		d.payload(tftpAck, b)
	default:
		d.payload(nil, b)
	}
}
