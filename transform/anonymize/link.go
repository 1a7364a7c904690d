package anonymize

import "github.com/pcapline/pcapline/pcapio"

// EtherTypes (IEEE 802 numbers) of what is understood.
const (
	etherLLC       = 4 // Linux's ETH_P_802_2, where a length stands instead
	etherIPv4      = 0x0800
	etherARP       = 0x0806
	etherRARP      = 0x8035
	etherBridged   = 0x6558
	etherVLAN      = 0x8100
	etherQinQ      = 0x88a8
	etherQinQOld   = 0x9100
	etherIPv6      = 0x86dd
	etherMPLS      = 0x8847
	etherMPLSMulti = 0x8848
	etherDiscovery = 0x8863 // PPPoE
	etherSession   = 0x8864
	etherPPP       = 0x880b // in GRE
	etherWCCP      = 0x883e // likewise
	firstEtherType = 0x600  // smaller numbers are lengths
)

// link rewrites a packet by its link type.
func (r *rewriter) link(t pcapio.LinkType, at, end int) {
	switch t {
	case pcapio.LinkEthernet:
		r.ethernet(at, end)
	case pcapio.LinkNull, pcapio.LinkLoop:
		r.loopback(t, at, end)
	case pcapio.LinkPPP, 50, 204:
		r.ppp(at, end)
	case pcapio.LinkRaw, 12, 14:
		r.ip(at, end)
	case pcapio.LinkIPv4:
		r.ipv4(at, end)
	case pcapio.LinkIPv6:
		r.ipv6(at, end)
	case pcapio.LinkSLL:
		r.sll(at, end)
	case pcapio.LinkSLL2:
		r.sll2(at, end)
	case pcapio.LinkIEEE80211:
		r.wlan(at, end)
	case pcapio.LinkIEEE80211Radio:
		r.radiotap(at, end)
	default:
		r.hide("link type", int(t))
	}
}

func (r *rewriter) ethernet(at, end int) {
	if !r.deeper() || !r.enough(at, 14, end) {
		return
	}
	r.macAddress(at)
	r.macAddress(at + 6)
	r.keep(at+12, 2)
	r.typeOrLength(be.Uint16(r.in[at+12:]), at+14, end)
}

// typeOrLength goes on behind the two bytes that are an EtherType or the
// length of an LLC frame.
func (r *rewriter) typeOrLength(n uint16, at, end int) {
	if n < firstEtherType {
		r.llc(at, min(end, at+int(n)))
		return
	}
	r.etherType(n, at, end)
}

func (r *rewriter) etherType(n uint16, at, end int) {
	switch n {
	case etherIPv4:
		r.ipv4(at, end)
	case etherIPv6:
		r.ipv6(at, end)
	case etherARP, etherRARP:
		r.arp(at, end)
	case etherVLAN, etherQinQ, etherQinQOld:
		if r.deeper() && r.enough(at, 4, end) {
			r.keep(at, 4)
			r.typeOrLength(be.Uint16(r.in[at+2:]), at+4, end)
		}
	case etherMPLS, etherMPLSMulti:
		r.mpls(at, end)
	case etherDiscovery, etherSession:
		r.pppoe(at, end)
	case etherBridged:
		r.ethernet(at, end)
	case etherLLC:
		r.llc(at, end)
	default:
		r.hide("EtherType", int(n))
	}
}

func (r *rewriter) llc(at, end int) {
	const sapIP, sapSNAP, sapGlobal = 0x06, 0xaa, 0xff
	if !r.deeper() || !r.enough(at, 3, end) {
		return
	}
	sap, n := r.in[at], 3
	if sap == sapGlobal && r.in[at+1] == sapGlobal {
		r.hide("raw IEEE 802.3", -1)
		return
	}
	if r.in[at+2]&3 != 3 { // not an unnumbered frame: two bytes of control
		if n = 4; !r.enough(at, n, end) {
			return
		}
	}
	r.keep(at, n)
	at += n
	switch {
	case sap == sapIP:
		r.ipv4(at, end)
	case sap != sapSNAP:
		r.hide("LLC service access point", int(sap))
	case r.enough(at, 5, end):
		r.keep(at, 5)
		if r.in[at]|r.in[at+1]|r.in[at+2] != 0 {
			r.hide("SNAP protocol of another organisation", -1)
			return
		}
		r.etherType(be.Uint16(r.in[at+3:]), at+5, end)
	}
}

// loopback has an address family in the byte order of the capturing host.
func (r *rewriter) loopback(t pcapio.LinkType, at, end int) {
	if !r.enough(at, 4, end) {
		return
	}
	r.keep(at, 4)
	family := be.Uint32(r.in[at:])
	if t == pcapio.LinkNull && family > 0xffff {
		family = le.Uint32(r.in[at:])
	}
	switch family {
	case 2:
		r.ipv4(at+4, end)
	case 10, 24, 28, 30: // Linux; NetBSD and OpenBSD; FreeBSD; Darwin
		r.ipv6(at+4, end)
	default:
		r.hide("address family", int(min(family, 1<<20)))
	}
}

// ip goes by the version in the first four bits.
func (r *rewriter) ip(at, end int) {
	if at >= end {
		return
	}
	switch r.in[at] >> 4 {
	case 4:
		r.ipv4(at, end)
	case 6:
		r.ipv6(at, end)
	default:
		r.hide("neither IPv4 nor IPv6", -1)
	}
}

func (r *rewriter) ppp(at, end int) {
	if !r.deeper() {
		return
	}
	if end-at >= 2 && r.in[at] == 0xff { // address and control
		r.keep(at, 2)
		at += 2
	}
	var proto uint16
	switch {
	case end-at >= 1 && r.in[at]&1 == 1: // compressed (RFC 1661 6.5)
		r.keep(at, 1)
		proto, at = uint16(r.in[at]), at+1
	case r.enough(at, 2, end):
		r.keep(at, 2)
		proto, at = be.Uint16(r.in[at:]), at+2
	default:
		return
	}
	switch proto {
	case 0x21:
		r.ipv4(at, end)
	case 0x57:
		r.ipv6(at, end)
	case 0x281, 0x283:
		r.mpls(at, end)
	default:
		r.hide("PPP protocol", int(proto))
	}
}

func (r *rewriter) pppoe(at, end int) {
	if !r.deeper() || !r.enough(at, 6, end) {
		return
	}
	r.keep(at, 6)
	end = min(end, at+6+int(be.Uint16(r.in[at+4:])))
	if r.in[at+1] != 0 {
		r.hide("PPPoE discovery", -1)
		return
	}
	r.ppp(at+6, end)
}

// mpls takes the label stack; the first bits behind it tell IP from others.
func (r *rewriter) mpls(at, end int) {
	if !r.deeper() {
		return
	}
	for bottom := false; !bottom; at += 4 {
		if !r.enough(at, 4, end) {
			return
		}
		r.keep(at, 4)
		bottom = r.in[at+2]&1 == 1
	}
	r.ip(at, end)
}

func (r *rewriter) sll(at, end int) {
	if !r.enough(at, 16, end) {
		return
	}
	r.keep(at, 6)
	r.keep(at+14, 2)
	r.sllAddress(at+6, be.Uint16(r.in[at+4:]))
	r.sllProtocol(be.Uint16(r.in[at+2:]), be.Uint16(r.in[at+14:]), at+16, end)
}

func (r *rewriter) sll2(at, end int) {
	if !r.enough(at, 20, end) {
		return
	}
	r.keep(at, 12)
	r.sllAddress(at+12, uint16(r.in[at+11]))
	r.kept = max(r.kept, at+20)
	r.sllProtocol(be.Uint16(r.in[at+8:]), be.Uint16(r.in[at:]), at+20, end)
}

// sllAddress is a field of eight bytes, of which n are the sender's address.
func (r *rewriter) sllAddress(at int, n uint16) {
	if n == 6 {
		r.macAddress(at)
	}
}

// sllProtocol goes on by the protocol, where the kind of interface (Linux's
// ARPHRD_) lets it mean an EtherType.
func (r *rewriter) sllProtocol(hardware, proto uint16, at, end int) {
	switch hardware {
	case 770, 803, 824: // frame relay, radiotap, netlink
		r.hide("Linux interface type", int(hardware))
		return
	}
	r.etherType(proto, at, end)
}
