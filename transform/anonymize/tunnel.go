package anonymize

// UDP ports of tunnels (IANA; 8472 is Linux's VXLAN of before).
const (
	portGTPU       = 2152
	portESP        = 4500
	portVXLAN      = 4789
	portGeneve     = 6081
	portVXLANLinux = 8472
)

// tunnelPort gives the port that tells what a datagram holds if it is a
// tunnel's, else 0: the lower port if that is of a known protocol, as in
// layer.Decoder.ByPort, so that the same packets are tunnels in a table.
func tunnelPort(src, dst uint16) uint16 {
	low, high := min(src, dst), max(src, dst)
	switch low {
	case portGTPU, portESP, portVXLAN, portGeneve, portVXLANLinux:
		return low
	case 53, 67, 68, 123, 546, 547, 5353, 5355: // DNS, DHCP, NTP, DHCPv6, DNS on the link
		return 0
	}
	switch high {
	case portGTPU, portESP, portVXLAN, portGeneve, portVXLANLinux:
		return high
	}
	return 0
}

func (r *rewriter) vxlan(at, end int) {
	if !r.deeper() || !r.enough(at, 8, end) {
		return
	}
	r.keep(at, 8)
	if r.in[at]&0x08 == 0 {
		r.hide("VXLAN without a network", -1)
		return
	}
	r.ethernet(at+8, end)
}

// geneve keeps the header; options are zeros of their length.
func (r *rewriter) geneve(at, end int) {
	if !r.deeper() || !r.enough(at, 8, end) {
		return
	}
	r.keep(at, 8)
	n := 8 + int(r.in[at]&0x3f)*4
	if r.in[at]>>6 != 0 || !r.enough(at, n, end) {
		return
	}
	if n > 8 {
		r.hide("Geneve options", -1)
	}
	r.kept = max(r.kept, at+n)
	r.etherType(be.Uint16(r.in[at+2:]), at+n, end)
}

// gtp rewrites version 1 (3GPP TS 29.281); only packets of users are a tunnel.
func (r *rewriter) gtp(at, end int) {
	const userPacket, pduSession = 255, 0x85
	if !r.deeper() || !r.enough(at, 8, end) {
		return
	}
	flags := r.in[at]
	if flags>>4 != 3 {
		r.hide("GTP that is not version 1", -1)
		return
	}
	r.keep(at, 8)
	end = min(end, at+8+int(be.Uint16(r.in[at+2:])))
	message := r.in[at+1]
	at += 8
	if flags&7 != 0 {
		if !r.enough(at, 4, end) {
			return
		}
		r.keep(at, 4)
		next := r.in[at+3]
		at += 4
		for flags&4 != 0 && next != 0 {
			if end-at < 4 || r.in[at] == 0 || !r.enough(at, int(r.in[at])*4, end) {
				return
			}
			n := int(r.in[at]) * 4
			if next == pduSession {
				r.keep(at, n)
			}
			r.keep(at, 1)
			r.keep(at+n-1, 1)
			next, at = r.in[at+n-1], at+n
		}
	}
	if message != userPacket {
		r.payload(at, end)
		return
	}
	r.ip(at, end)
}

// esp keeps the two numbers before what is encrypted.
func (r *rewriter) esp(at, end int) {
	if r.deeper() && r.enough(at, 8, end) {
		r.keep(at, 8)
		r.payload(at+8, end)
	}
}

// udpESP is ESP unless zeros stand in place of its first number, as before a
// message of IKE (RFC 3948), which is payload.
func (r *rewriter) udpESP(at, end int) {
	if end-at < 4 || be.Uint32(r.in[at:]) == 0 {
		r.payload(at, end)
		return
	}
	r.esp(at, end)
}

// Bits of GRE's first two bytes.
const (
	greChecksum = 0x8000
	greRouting  = 0x4000
	greKey      = 0x2000
	greSeq      = 0x1000
	greAck      = 0x0080
	greVersion  = 0x0007
)

// gre rewrites versions 0 (RFC 2784) and 1 (RFC 2637).
func (r *rewriter) gre(at, end int) {
	if !r.deeper() || !r.enough(at, 4, end) {
		return
	}
	flags, proto := be.Uint16(r.in[at:]), be.Uint16(r.in[at+2:])
	n := 4
	for _, field := range [...]uint16{greChecksum | greRouting, greKey, greSeq, greAck} {
		if flags&field != 0 && (field != greAck || flags&greVersion == 1) {
			n += 4
		}
	}
	if version := flags & greVersion; version > 1 || version == 1 && flags&(greChecksum|greRouting) != 0 {
		r.hide("GRE version", int(version))
		return
	}
	if !r.enough(at, n, end) {
		return
	}
	r.keep(at, n)
	inner := end
	if flags&greVersion == 1 && flags&greKey != 0 {
		inner = min(end, at+n+int(be.Uint16(r.in[at+4:])))
	}
	switch {
	case flags&greRouting != 0:
		r.hide("GRE source routes", -1)
	case flags&(greVersion|greSeq) == 1: // an acknowledgement alone
	case proto == etherPPP:
		r.ppp(at+n, inner)
	case proto == etherWCCP:
		r.wccp(at+n, inner)
	case proto >= firstEtherType:
		r.etherType(proto, at+n, inner)
	}
	if flags&greChecksum != 0 {
		r.update(at+4, at, end, pseudo{})
	}
}

// wccp takes IPv4, behind a redirect header of version 2 or alone
// (draft-wilson-wrec-wccp-v2 4.12): the header does not begin as IPv4 does.
func (r *rewriter) wccp(at, end int) {
	if end-at >= 4 && r.in[at]>>4 != 4 {
		r.keep(at, 4)
		at += 4
	}
	r.ipv4(at, end)
}
