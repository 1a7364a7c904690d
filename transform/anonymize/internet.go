package anonymize

// IANA protocol numbers of what is understood.
const (
	protoHopByHop = 0
	protoICMP     = 1
	protoIGMP     = 2
	protoIPv4     = 4
	protoTCP      = 6
	protoUDP      = 17
	protoIPv6     = 41
	protoRouting  = 43
	protoFragment = 44
	protoGRE      = 47
	protoESP      = 50
	protoAH       = 51
	protoICMPv6   = 58
	protoNone     = 59
	protoDestOpts = 60
	protoSCTP     = 132
	protoMPLS     = 137
	protoEthernet = 143
)

// arp rewrites both addresses of both sides.
func (r *rewriter) arp(at, end int) {
	const hwATM = 19 // whose messages have another form (RFC 2225)
	if !r.deeper() || !r.enough(at, 8, end) {
		return
	}
	hw, proto := int(r.in[at+4]), int(r.in[at+5])
	if be.Uint16(r.in[at:]) == hwATM || !r.enough(at, 8+2*hw+2*proto, end) {
		return
	}
	r.keep(at, 8)
	isIPv4 := proto == 4 && be.Uint16(r.in[at+2:]) == etherIPv4
	if hw != 6 || !isIPv4 {
		r.hide("ARP addresses of another kind", -1)
	}
	at += 8
	for range 2 {
		if hw == 6 {
			r.macAddress(at)
		}
		if isIPv4 {
			r.ipv4Address(at + hw)
		}
		at += hw + proto
	}
	r.kept = max(r.kept, at)
}

// ipv4 rewrites a header with its options, and what it bounds.
func (r *rewriter) ipv4(at, end int) {
	if !r.deeper() {
		return
	}
	if !r.enough(at, 20, end) {
		r.cutIP(4, at, min(end, at+12))
		return
	}
	header, total := int(r.in[at]&15)*4, int(be.Uint16(r.in[at+2:]))
	if total == 0 { // left to the card
		total = end - at
	}
	if r.in[at]>>4 != 4 || header < 20 || total < header {
		r.hide("a header that is cut or damaged", -1)
		return
	}
	end = min(end, at+total)
	if !r.enough(at, header, end) {
		return
	}
	r.keep(at, 12)
	r.ipv4Address(at + 12)
	r.ipv4Address(at + 16)
	r.ipv4Options(at+20, at+header)
	p := pseudo{src: r.sums(at+12, 4), dst: r.sums(r.finalIPv4(at, at+header), 4)}
	if be.Uint16(r.in[at+6:])&0x1fff != 0 {
		r.payload(at+header, end)
	} else {
		r.proto(r.in[at+9], at+header, end, p)
	}
	r.update(at+10, at, at+header, pseudo{})
}

// cutIP keeps what a header that was cut has before its addresses.
func (r *rewriter) cutIP(version byte, at, end int) {
	if at < end && r.in[at]>>4 == version {
		r.keep(at, end-at)
	}
}

// ipv6 rewrites a header and its extensions up to the transport header.
func (r *rewriter) ipv6(at, end int) {
	if !r.deeper() {
		return
	}
	if !r.enough(at, 40, end) {
		r.cutIP(6, at, min(end, at+8))
		return
	}
	if r.in[at]>>4 != 6 {
		r.hide("a header that is cut or damaged", -1)
		return
	}
	length, next := int(be.Uint16(r.in[at+4:])), r.in[at+6]
	all := end - at - 40
	if !(length == 0 && (next == protoHopByHop || all+r.missing > 0xffff)) { // else a jumbogram
		end = min(end, at+40+length)
	}
	r.keep(at, 8)
	r.ipv6Address(at + 8)
	r.ipv6Address(at + 24)
	r.proto(next, at+40, end, pseudo{src: r.sums(at+8, 16), dst: r.sums(at+24, 16)})
}

// proto goes on behind an IP header or one of its extensions.
func (r *rewriter) proto(n byte, at, end int, p pseudo) {
	p.proto = uint32(n)
	switch n {
	case protoTCP:
		r.tcp(at, end, p)
	case protoUDP:
		r.udp(at, end, p)
	case protoICMP:
		r.icmp(at, end)
	case protoICMPv6:
		r.icmpv6(at, end, p)
	case protoIGMP:
		r.igmp(at, end)
	case protoSCTP:
		r.sctp(at, end)
	case protoIPv4:
		r.ipv4(at, end)
	case protoIPv6:
		r.ipv6(at, end)
	case protoMPLS:
		r.mpls(at, end)
	case protoEthernet:
		r.ethernet(at, end)
	case protoGRE:
		r.gre(at, end)
	case protoESP:
		r.esp(at, end)
	case protoHopByHop, protoDestOpts, protoRouting, protoFragment, protoAH:
		r.extension(n, at, end, p)
	case protoNone:
		r.payload(at, end)
	default:
		r.hide("IP protocol", int(n))
	}
}

// extension rewrites an extension header, and goes on behind it.
func (r *rewriter) extension(kind byte, at, end int, p pseudo) {
	if !r.deeper() || !r.enough(at, 8, end) {
		return
	}
	n := 8 + int(r.in[at+1])*8
	switch kind {
	case protoFragment:
		n = 8
	case protoAH:
		n = 8 + int(r.in[at+1])*4
	}
	if !r.enough(at, n, end) {
		return
	}
	switch kind {
	case protoFragment:
		r.keep(at, 8)
		if be.Uint16(r.in[at+2:])&0xfff8 != 0 {
			r.payload(at+8, end)
			return
		}
	case protoAH: // its check value is of the original
		r.keep(at, min(12, n))
		r.kept = max(r.kept, at+n)
	case protoRouting:
		r.keep(at, 4)
		r.routingData(r.in[at+2], at+4, at+n)
		if final := r.finalIPv6(at, n); final > 0 {
			p.dst = r.sums(final, 16)
		}
	default:
		r.keep(at, 2)
		if home := r.ipv6Options(at+2, at+n); home > 0 {
			p.src = r.sums(home, 16)
		}
	}
	r.proto(r.in[at], at+n, end, p)
}
