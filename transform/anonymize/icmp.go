package anonymize

// icmp rewrites a message and the packet that it quotes.
func (r *rewriter) icmp(at, end int) {
	if end-at < 8 {
		if r.enough(at, 4, end) {
			r.keep(at, 4)
			r.update(at+2, at, end, pseudo{})
		}
		return
	}
	r.keep(at, 4)
	switch typ := r.in[at]; typ {
	case 3, 4, 11, 12: // errors
		r.keep(at+4, 4)
		r.quote(at+8, end, r.ipv4)
	case 5: // redirect
		r.ipv4Address(at + 4)
		r.quote(at+8, end, r.ipv4)
	case 9: // router advertisement: entries of some words, an address first (RFC 1256)
		r.keep(at+4, 4)
		for a, n := at+8, 4*int(r.in[at+5]); n >= 8 && a+n <= end; a += n {
			r.ipv4Address(a)
			r.keep(a+4, 4)
		}
	case 13, 14: // timestamp
		r.keep(at+4, 4)
		for a := at + 8; a < at+20 && a+4 <= end; a += 4 {
			r.timeOfDay(a)
		}
		r.payload(at+20, end)
	case 17, 18: // address mask
		r.keep(at+4, min(8, end-at-4))
		r.payload(at+12, end)
	case 0, 8, 10, 15, 16, 42, 43: // echo, solicitation, information
		r.keep(at+4, 4)
		r.payload(at+8, end)
	default:
		r.hide("ICMP type", int(typ))
	}
	r.update(at+2, at, end, pseudo{})
}

// quote rewrites the packet that an error is about. What follows it, as
// extensions (RFC 4884) do, is zeros.
func (r *rewriter) quote(at, end int, packet func(at, end int)) {
	if at < end {
		packet(at, end)
	}
}

// icmpv6 rewrites a message: the packet that an error quotes, the groups of
// listeners, the addresses of neighbour discovery.
func (r *rewriter) icmpv6(at, end int, p pseudo) {
	if end-at < 8 {
		if r.enough(at, 4, end) {
			r.keep(at, 4)
			r.update(at+2, at, end, p)
		}
		return
	}
	r.keep(at, 4)
	switch typ := r.in[at]; {
	case typ >= 1 && typ <= 4: // errors
		r.keep(at+4, 4)
		r.quote(at+8, end, r.ipv6)
	case typ == 128, typ == 129, typ == 160, typ == 161: // echo
		r.keep(at+4, 4)
		r.payload(at+8, end)
	case typ >= 130 && typ <= 132, typ == 143: // multicast listeners
		r.keep(at+4, 4)
		r.listeners(typ, at, end)
	case typ >= 133 && typ <= 137:
		r.discovery(typ, at, end)
	default:
		r.hide("ICMPv6 type", int(typ))
	}
	r.update(at+2, at, end, p)
}

// listeners rewrites messages of RFC 2710 and RFC 3810.
func (r *rewriter) listeners(typ byte, at, end int) {
	if typ != 143 {
		if !r.enough(at, 24, end) {
			return
		}
		r.ipv6Address(at + 8)
		if typ == 130 && end-at >= 28 { // a query of version 2
			r.keep(at+24, 4)
			r.ipv6List(at+28, end, int(be.Uint16(r.in[at+26:])))
		}
		return
	}
	a := at + 8 // records of kind, auxiliary words, sources, group
	for range be.Uint16(r.in[at+6:]) {
		if !r.enough(a, 20, end) {
			return
		}
		r.keep(a, 4)
		r.ipv6Address(a + 4)
		aux, sources := int(r.in[a+1]), int(be.Uint16(r.in[a+2:]))
		r.ipv6List(a+20, end, sources)
		a += 20 + 16*sources + 4*aux
	}
}

// discoveryFixed is the length of each discovery message before its options,
// from type 133 on (RFC 4861 4).
var discoveryFixed = [...]int{8, 16, 24, 24, 40}

// discovery rewrites a neighbour discovery message.
func (r *rewriter) discovery(typ byte, at, end int) {
	n := discoveryFixed[typ-133]
	if !r.enough(at, n, end) {
		return
	}
	r.keep(at+4, 4)
	switch {
	case typ == 134:
		r.keep(at+8, 8)
	case n >= 24:
		r.ipv6List(at+8, at+n, 2) // target, and the destination of a redirect
	}
	r.discoveryOptions(at+n, end)
}

func (r *rewriter) discoveryOptions(at, end int) {
	for at < end {
		if end-at < 8 || r.in[at+1] == 0 || int(r.in[at+1])*8 > end-at {
			r.hide("a malformed option", -1)
			return
		}
		n := int(r.in[at+1]) * 8
		r.keep(at, 2)
		switch kind := r.in[at]; {
		case (kind == 1 || kind == 2) && n == 8: // link-layer addresses
			r.macAddress(at + 2)
		case kind == 3 && n == 32: // prefix
			r.keep(at, 16)
			r.ipv6Address(at + 16)
		case kind == 4: // what is redirected
			r.keep(at, 8)
			r.quote(at+8, at+n, r.ipv6)
		case kind == 5, kind == 14: // MTU, nonce
			r.keep(at, n)
		case kind == 24: // route (RFC 4191), of 0, 8 or 16 bytes
			r.keep(at, 8)
			r.ipv6Prefix(at+8, n-8)
		case kind == 25: // DNS servers (RFC 8106)
			r.keep(at, 8)
			r.ipv6List(at+8, at+n, n/16)
		default:
			r.hide("neighbour discovery option", int(kind))
		}
		at += n
	}
	r.kept = max(r.kept, end)
}

// ipv6Prefix rewrites the first n bytes of an address.
func (r *rewriter) ipv6Prefix(at, n int) {
	var a [16]byte
	copy(a[:], r.in[at:at+min(n, 16)])
	a = r.names.IPv6(a)
	copy(r.out[at:at+min(n, 16)], a[:])
	r.counts.addresses[1]++
}
