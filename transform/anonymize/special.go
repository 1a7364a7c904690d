package anonymize

import (
	"math/bits"
	"net/netip"
)

// special is a range of addresses that pseudonyms map to itself.
type special struct {
	prefix [16]byte
	bits   int
	keep   int // leading bits of its addresses that stay; all of them: the address
}

// The special ranges, the narrower before the wider around it. Sources: IANA
// special-purpose and multicast address registries; RFC 3306, RFC 3956 (groups
// that hold a unicast prefix), RFC 4291 2.7.1 (solicited-node groups).
var (
	special4 = specials(
		"0.0.0.0/32", 32, // unspecified
		"0.0.0.0/8", 8, // a host on this network
		"127.0.0.0/8", 32, // loopback
		"169.254.0.0/16", 16, // link-local
		"224.0.0.0/4", 32, // multicast
		"255.255.255.255/32", 32, // limited broadcast
	)
	special6 = specials(
		"::/128", 128, // unspecified
		"::1/128", 128, // loopback
		"::ffff:0:0/96", 96, // IPv4-mapped; see [Pseudonyms.IPv6]
		"fe80::/64", 64, // link-local
		"fe80::/10", 10,
		"ff02::1:ff00:0/104", 104, // solicited-node
		"ff30::/12", 32, "ff70::/12", 32, // with a unicast prefix, or a rendezvous point
		"ff00::/8", 128, // multicast
	)
)

var mapped = netip.MustParsePrefix("::ffff:0:0/96")

// specials takes pairs of a prefix and the bits that stay.
func specials(pairs ...any) (list []special) {
	for i := 0; i < len(pairs); i += 2 {
		p := netip.MustParsePrefix(pairs[i].(string))
		s := special{bits: p.Bits(), keep: pairs[i+1].(int)}
		copy(s.prefix[:], p.Addr().AsSlice())
		list = append(list, s)
	}
	return list
}

// keptBits says how many leading bits of an address stay: those of the
// narrowest special range that it is in, else the bits that it shares with any
// special range and the one that tells it from there. So the set of addresses
// that begin as a range does is mapped to itself, and nothing else into it.
func keptBits(a *[16]byte, list []special) int {
	keep := 0
	for i := range list {
		s := &list[i]
		common := commonBits(a, &s.prefix)
		if common >= s.bits {
			return max(keep, s.keep)
		}
		keep = max(keep, common+1)
	}
	return keep
}

// commonBits is the length of the prefix that two addresses share.
func commonBits(a, b *[16]byte) int {
	for i := range a {
		if x := a[i] ^ b[i]; x != 0 {
			return i*8 + bits.LeadingZeros8(x)
		}
	}
	return len(a) * 8
}
