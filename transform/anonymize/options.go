package anonymize

import "time"

// Options of IPv4 (IANA IP option numbers).
const (
	ipRecordRoute  = 7
	ipTimestamp    = 68
	ipLooseRoute   = 131
	ipStreamID     = 136
	ipStrictRoute  = 137
	ipRouterAlert  = 148
	ipOptionHeader = 3 // of routes: kind, length, pointer
)

// option gives the length of an option of kind and length that begins at at,
// or 0 where it does not fit.
func (r *rewriter) option(at, end int) int {
	if end-at < 2 || r.in[at+1] < 2 || int(r.in[at+1]) > end-at {
		r.hide("a malformed option", -1)
		return 0
	}
	return int(r.in[at+1])
}

// ipv4Options rewrites the addresses in routes and timestamps; of options that
// are not known kind and length stay.
func (r *rewriter) ipv4Options(at, end int) {
	for at < end && r.in[at] != 0 {
		if r.in[at] == 1 { // no operation
			r.keep(at, 1)
			at++
			continue
		}
		n := r.option(at, end)
		if n == 0 {
			return
		}
		r.keep(at, 2)
		switch r.in[at] {
		case ipRecordRoute, ipLooseRoute, ipStrictRoute:
			r.keep(at, min(ipOptionHeader, n))
			for a := at + ipOptionHeader; a+4 <= at+n; a += 4 {
				r.ipv4Address(a)
			}
		case ipTimestamp:
			r.ipv4Timestamps(at, n)
		case ipRouterAlert, ipStreamID:
			r.keep(at, n)
		default:
			r.hide("IPv4 option", int(r.in[at]))
		}
		at += n
	}
	r.kept = max(r.kept, end)
}

// ipv4Timestamps rewrites the option of RFC 791: times, each with an address
// before it unless the flag is 0.
func (r *rewriter) ipv4Timestamps(at, n int) {
	if n < 4 {
		return
	}
	r.keep(at, 4)
	addressed := r.in[at+3]&15 != 0
	for a := at + 4; a+4 <= at+n; a += 4 {
		if addressed {
			if a+8 > at+n {
				return
			}
			r.ipv4Address(a)
			a += 4
		}
		r.timeOfDay(a)
	}
}

// timeOfDay shifts milliseconds since midnight UTC as other times. With the
// highest bit set they are something else (RFC 792); 0 is what nobody filled in.
func (r *rewriter) timeOfDay(at int) {
	r.keep(at, 4)
	be.PutUint32(r.out[at:], shiftTimeOfDay(be.Uint32(r.in[at:]), r.shift))
}

func shiftTimeOfDay(ms uint32, shift int64) uint32 {
	const day = 24 * 60 * 60 * 1000
	if ms == 0 || ms >= day {
		return ms
	}
	return uint32(((int64(ms)+shift/int64(time.Millisecond))%day + day) % day)
}

// finalIPv4 is where the address is that the transport's pseudo-header has: of
// a packet on its source route the last of the route, else the destination
// (RFC 1122 3.2.1.8).
func (r *rewriter) finalIPv4(at, end int) int {
	for o := at + 20; end-o >= ipOptionHeader && r.in[o] != 0; {
		if r.in[o] == 1 {
			o++
			continue
		}
		n := int(r.in[o+1])
		if n < 2 || n > end-o {
			break
		}
		route := r.in[o] == ipLooseRoute || r.in[o] == ipStrictRoute
		if route && n >= 7 && int(r.in[o+2])+3 <= n {
			return o + n - 4
		}
		o += n
	}
	return at + 16
}

// ipv6Options rewrites the options of a hop-by-hop or destination header, and
// returns where a home address is (RFC 6275 6.3), 0 without.
func (r *rewriter) ipv6Options(at, end int) (home int) {
	const pad1, padN, limit, alert, homeAddress, jumbo = 0, 1, 4, 5, 0xc9, 0xc2
	for at < end {
		if r.in[at] == pad1 {
			at++
			continue
		}
		if end-at < 2 || 2+int(r.in[at+1]) > end-at {
			r.hide("a malformed option", -1)
			break
		}
		n := 2 + int(r.in[at+1])
		r.keep(at, 2)
		switch r.in[at] {
		case padN:
		case limit, alert, jumbo:
			r.keep(at, n)
		case homeAddress:
			if n == 18 {
				r.ipv6Address(at + 2)
				home = at + 2
			}
		default:
			r.hide("IPv6 option", int(r.in[at]))
		}
		at += n
	}
	r.kept = max(r.kept, end)
	return home
}

// routingData rewrites what depends on the type of a routing header: the
// addresses of types 0, 2 (RFC 8200 4.4, RFC 6275 6.4) and 4 (RFC 8754). at is
// behind the first four bytes.
func (r *rewriter) routingData(typ byte, at, end int) {
	r.kept = max(r.kept, end)
	if end-at < 4 {
		return
	}
	r.keep(at, 4)
	addresses := at + 4
	switch typ {
	case 0, 2:
	case 4: // the last entry's number, flags, tag; then segments, then TLVs
		end = min(end, addresses+16*(int(r.in[at])+1))
	default:
		r.hide("routing header", int(typ))
		return
	}
	for ; addresses+16 <= end; addresses += 16 {
		r.ipv6Address(addresses)
	}
}

// finalIPv6 is where a routing header of n bytes has the final destination of a
// packet that is on its way, which the checksum covers; 0 where that is not known.
func (r *rewriter) finalIPv6(at, n int) int {
	data := n - 4
	switch typ := r.in[at+2]; {
	case r.in[at+3] == 0:
	case (typ == 0 || typ == 2) && data >= 20 && data%16 == 4:
		return at + n - 16
	case typ == 4 && data >= 20:
		return at + 8
	}
	return 0
}

// tcpOptions keeps the options that say how a stack sends, and of others kind
// and length: they may hold addresses (Multipath TCP) or keys and cookies.
func (r *rewriter) tcpOptions(at, end int) {
	for at < end && r.in[at] != 0 {
		if r.in[at] == 1 {
			r.keep(at, 1)
			at++
			continue
		}
		n := r.option(at, end)
		if n == 0 {
			return
		}
		switch r.in[at] {
		case 2, 3, 4, 5, 8, 14, 15, 27, 28: // MSS, scale, SACK, timestamps, checksum request, quick start, time-out
			r.keep(at, n)
		default:
			r.keep(at, 2)
			r.hide("TCP option", int(r.in[at]))
		}
		at += n
	}
	r.kept = max(r.kept, end)
}
