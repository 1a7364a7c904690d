package antinex

// The transport layers; what they quote in an ICMP error is read the same way.
var (
	tcp      = tcpLayer("tcp")
	tcpError = tcpLayer("tcperror")
	udp      = udpLayer("udp")
	udpError = udpLayer("udperror")
)

func tcpLayer(name string) *layer {
	return plain(name, carriesTCP, num("sport", 2), num("dport", 2), num("seq", 4), num("ack", 4), bit("dataofs", 4),
		bit("reserved", 4), bit("flags", 8), num("window", 2), num("chksum", 2), num("urgptr", 2))
}

func udpLayer(name string) *layer {
	return plain(name, carriesUDP, num("sport", 2), num("dport", 2), num("len", 2), num("chksum", 2))
}

func (d *Dissector) followTCP(h *header, b []byte) {
	offset, ok := h.get("dataofs")
	d.broken = d.broken || !ok
	if len(b) == 0 {
		return
	}
	n := max(int(offset)*4-20, 0)
	if !h.tcpOptions(head(b, n)) {
		h.err = errHeader
		return
	}
	d.payload(byTCPPort(h), tail(b, n))
}

func byTCPPort(h *header) *layer {
	switch {
	case h.is("dport", 53), h.is("sport", 53):
		return dnsOverTCP
	case h.is("dport", 139):
		return nbtSession
	case h.is("dport", 2000), h.is("sport", 2000):
		return skinny
	}
	return nil
}

func (d *Dissector) followUDP(h *header, b []byte) {
	length, ok := h.get("len")
	if !ok {
		h.err = errHeader
		return
	}
	n := int(length) - 8
	body := head(b, n)
	d.padded(byUDPPort(h, body), body, tail(b, n))
}

// byUDPPort is what ports lead to; the first that fits counts.
func byUDPPort(h *header, b []byte) *layer {
	src, _ := h.get("sport")
	dst, _ := h.get("dport")
	switch {
	case dst == 67 && (src == 67 || src == 68), dst == 68 && src == 67:
		return bootp
	case dst == 53 || src == 53:
		return dnsOverUDP
	case dst == 1985 && src == 1985:
		return hsrp
	case dst == 500 && src == 500:
		return isakmp
	case dst == 1701 && src == 1701:
		return opaque("l2tp")
	case dst == 2727 || src == 2727:
		return opaque("mgcp")
	case dst == 434 || src == 434:
		return opaque("mobileip")
	case dst == 137:
		return nbnsQuery
	case src == 137:
		return nbnsResponse
	case dst == 138:
		return nbtDatagram
	case dst == 123 && src == 123:
		return ntp
	case dst == 520 || src == 520:
		return rip
	case dst == 1101 || src == 1101:
		return opaque("sebekhead")
	case dst == 161 || src == 161 || dst == 162 || src == 162:
		return snmp
	case dst == 69:
		return tftp
	case dst == 546 || dst == 547:
		return opaque("dhcp6")
	case dst == 5355 || src == 5355:
		return byLLMNR(b)
	}
	return nil
}
