package anonymize

func (r *rewriter) tcp(at, end int, p pseudo) {
	if end-at < 20 { // an ICMP error quotes 8 bytes, in which nobody is named
		r.keep(at, max(end-at, 0))
		return
	}
	r.keep(at, 20)
	header := int(r.in[at+12]>>4) * 4
	switch {
	case header < 20 || header > end-at:
		r.tcpOptions(at+20, min(max(at+header, at+20), end))
		if header < 20 {
			r.payload(at+20, end)
		}
		r.hide("a header that is cut or damaged", -1)
	default:
		r.tcpOptions(at+20, at+header)
		r.payload(at+header, end)
	}
	r.update(at+16, at, end, p)
}

// udp rewrites a datagram, which need not fill the IP packet, and the tunnels
// that are known by their port.
func (r *rewriter) udp(at, end int, p pseudo) {
	if end-at < 8 {
		r.keep(at, max(end-at, 0))
		return
	}
	r.keep(at, 8)
	length := int(be.Uint16(r.in[at+4:]))
	if length > 0 && length < 8 {
		r.hide("a header that is cut or damaged", -1)
		return
	}
	if length > 0 {
		end = min(end, at+length)
	}
	switch tunnelPort(be.Uint16(r.in[at:]), be.Uint16(r.in[at+2:])) {
	case portVXLAN, portVXLANLinux:
		r.vxlan(at+8, end)
	case portGeneve:
		r.geneve(at+8, end)
	case portGTPU:
		r.gtp(at+8, end)
	case portESP:
		r.udpESP(at+8, end)
	default:
		r.payload(at+8, end)
	}
	r.update(at+6, at, end, p)
}

// sctp keeps the common header and of chunks the numbers (RFC 9260 3.3); user
// data, cookies and what else has no number's form are masked.
func (r *rewriter) sctp(at, end int) {
	if end-at < 12 {
		r.keep(at, max(min(end-at, 8), 0))
		return
	}
	r.keep(at, 12)
	for chunk := at + 12; end-chunk >= 4; {
		n := int(be.Uint16(r.in[chunk+2:]))
		if n < 4 {
			r.hide("a header that is cut or damaged", -1)
			break
		}
		r.keep(chunk, 4)
		r.sctpChunk(r.in[chunk], chunk+4, min(chunk+n, end))
		chunk += (n + 3) &^ 3
	}
	r.crc32c(at+8, at, end)
}

// sctpChunk rewrites what is behind a chunk's header.
func (r *rewriter) sctpChunk(kind byte, at, end int) {
	const data, initiate, initiateAck, sack, shutdown = 0, 1, 2, 3, 7
	switch kind {
	case data:
		r.keep(at, max(min(12, end-at), 0))
		r.payload(at+12, end)
	case sack, shutdown:
		r.keep(at, max(end-at, 0))
	case initiate, initiateAck:
		if end-at >= 16 {
			r.keep(at, 16)
			r.sctpParameters(at+16, end)
		}
	default:
		r.payload(at, end)
	}
}

// sctpParameters rewrites the addresses of a multihomed side; of other
// parameters kind and length stay.
func (r *rewriter) sctpParameters(at, end int) {
	for end-at >= 4 {
		n := int(be.Uint16(r.in[at+2:]))
		if n < 4 || n > end-at {
			r.hide("a malformed option", -1)
			return
		}
		r.keep(at, 4)
		switch kind := be.Uint16(r.in[at:]); {
		case kind == 5 && n == 8:
			r.ipv4Address(at + 4)
		case kind == 6 && n == 20:
			r.ipv6Address(at + 4)
		case n > 4:
			r.hide("SCTP parameter", int(kind))
		}
		at += (n + 3) &^ 3
	}
}

// igmp rewrites groups and sources.
func (r *rewriter) igmp(at, end int) {
	if !r.enough(at, 8, end) {
		return
	}
	r.keep(at, 4)
	switch typ := r.in[at]; typ {
	case 0x11, 0x12, 0x16, 0x17, 0x1e, 0x1f: // query, reports 1 and 2, leave, traces
		r.ipv4Address(at + 4)
		if typ == 0x11 && end-at >= 12 { // a query of version 3
			r.keep(at+8, 4)
			r.ipv4List(at+12, end, int(be.Uint16(r.in[at+10:])))
		}
	case 0x22: // report 3: records of kind, auxiliary words, sources, group
		r.keep(at+4, 4)
		a := at + 8
		for range be.Uint16(r.in[at+6:]) {
			if end-a < 8 {
				break
			}
			r.keep(a, 4)
			r.ipv4Address(a + 4)
			aux, sources := int(r.in[a+1]), int(be.Uint16(r.in[a+2:]))
			r.ipv4List(a+8, end, sources)
			a += 8 + 4*(sources+aux)
		}
	default:
		r.hide("IGMP type", int(typ))
	}
	r.update(at+2, at, end, pseudo{})
}

// ipv4List rewrites n addresses, as far as they are there.
func (r *rewriter) ipv4List(at, end, n int) {
	for ; n > 0 && at+4 <= end; n-- {
		r.ipv4Address(at)
		at += 4
	}
}

// ipv6List does the same.
func (r *rewriter) ipv6List(at, end, n int) {
	for ; n > 0 && at+16 <= end; n-- {
		r.ipv6Address(at)
		at += 16
	}
}
