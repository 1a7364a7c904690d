package antinex

// The internet layers.
var (
	ip       = ipv4Layer("ip")
	ipError  = ipv4Layer("iperror")
	ipv6     = ipv6Layer("ipv6")
	ip6Error = ipv6Layer("iperror6")

	icmp      = icmpLayer("icmp")
	icmpError = icmpLayer("icmperror")

	hopByHop = sized("ipv6exthdrhopbyhop", carriesExtension, num("nh", 1), num("len", 1), as("autopad", phantom))
	destOpt  = sized("ipv6exthdrdestopt", carriesExtension, num("nh", 1), num("len", 1), as("autopad", phantom))
	routing  = sized("ipv6exthdrrouting", carriesExtension, num("nh", 1), num("len", 1), num("type", 1), num("segleft", 1), bit("reserved", 32))
	fragment = plain("ipv6exthdrfragment", carriesExtension, num("nh", 1), bit("res1", 8), bit("offset", 13), bit("res2", 2), bit("m", 1), num("id", 4))

	sctp = opaque("sctp")
	vrrp = opaque("vrrp")
)

func ipv4Layer(name string) *layer {
	return plain(name, carriesIPv4, bit("version", 4), bit("ihl", 4), num("tos", 1), num("len", 2), num("id", 2), bit("flags", 3),
		bit("frag", 13), num("ttl", 1), num("proto", 1), num("chksum", 2), as("src", ip4), as("dst", ip4))
}

func ipv6Layer(name string) *layer {
	return plain(name, carriesIPv6, bit("version", 4), bit("tc", 8), bit("fl", 20), num("plen", 2), num("nh", 1), num("hlim", 1), as("src", ip6), as("dst", ip6))
}

func icmpLayer(name string) *layer {
	query := oneOf("type", 0, 8, 13, 14, 15, 16, 17, 18)
	times := oneOf("type", 13, 14)
	redirect, problem, mask := oneOf("type", 5), oneOf("type", 12), oneOf("type", 17, 18)
	return plain(name, carriesICMP, num("type", 1), num("code", 1), num("chksum", 2), opt(num("id", 2), query), opt(num("seq", 2), query),
		opt(num("ts_ori", 4), times), opt(num("ts_rx", 4), times), opt(num("ts_tx", 4), times), opt(as("gw", ip4), redirect),
		opt(num("ptr", 1), problem), opt(num("reserved", 3), problem), opt(as("addr_mask", ip4), mask),
		opt(num("unused", 4), func(h *header) bool { return !query(h) && !redirect(h) && !problem(h) }))
}

func oneOf(name string, of ...uint64) func(*header) bool {
	return func(h *header) bool {
		for _, n := range of {
			if h.is(name, n) {
				return true
			}
		}
		return false
	}
}

func (d *Dissector) followIPv4(h *header, b []byte) {
	ihl, _ := h.get("ihl")
	total, ok := h.get("len")
	if !ok {
		h.err = errHeader
		return
	}
	if len(b) > 0 {
		n := int(ihl)*4 - 20
		d.ipOptions(h, head(b, n))
		b = tail(b, n)
	}
	n := int(total) - int(ihl)*4
	d.padded(byIPv4(h), head(b, n), tail(b, n))
}

// byIPv4 is what a protocol number leads to. Of fragments only the first is
// followed by a header, but for some protocols.
func byIPv4(h *header) *layer {
	first, quoted := h.is("frag", 0), h.layer == ipError
	switch proto, _ := h.get("proto"); {
	case proto == 1 && first:
		return either(quoted, icmpError, icmp)
	case proto == 4 && first:
		return either(quoted, ipError, ip)
	case proto == 6 && first:
		return either(quoted, tcpError, tcp)
	case proto == 17 && first:
		return either(quoted, udpError, udp)
	case proto == 47 && first && !quoted:
		return gre
	case proto == 41 && !quoted:
		return ipv6
	case proto == 112 && !quoted:
		return vrrp
	case proto == 132 && !quoted:
		return sctp
	}
	return nil
}

func either(yes bool, a, b *layer) *layer {
	if yes {
		return a
	}
	return b
}

func byICMP(h *header) *layer {
	if oneOf("type", 3, 4, 5, 11, 12)(h) {
		return ipError
	}
	return nil
}

func (d *Dissector) followIPv6(h *header, b []byte) {
	n, ok := h.get("plen")
	if !ok {
		h.err = errHeader
		return
	}
	d.padded(byNext(h, b), head(b, int(n)), tail(b, int(n)))
}

// byNext is what an IPv6 next header leads to; kamene has no regard for the
// offset of a fragment.
func byNext(h *header, b []byte) *layer {
	quoted := h.layer == ip6Error
	switch nh, _ := h.get("nh"); nh {
	case 0:
		return hopByHop
	case 4:
		return ip
	case 6:
		return either(quoted, tcpError, tcp)
	case 17:
		return either(quoted, udpError, udp)
	case 41:
		if !quoted {
			return ipv6
		}
	case 43:
		return routing
	case 44:
		return fragment
	case 58:
		return byICMPv6(b)
	case 60:
		return destOpt
	case 135:
		if len(b) > 3 {
			return opaque("mip6mh")
		}
	}
	return nil
}

// followExtension passes over an extension header's variable part.
func (d *Dissector) followExtension(h *header, b []byte) {
	n, ok := h.get("len")
	switch {
	case h.layer == fragment:
		d.payload(byNext(h, b), b)
		return
	case !ok:
		if len(b) > 0 {
			h.err = errHeader
		}
		return
	case h.layer == routing:
		b = tail(b, 8*int(n))
	default:
		b = tail(b, 8*(int(n)+1)-2)
	}
	d.payload(byNext(h, b), b)
}
