package pcapio

import "strconv"

// LinkType is a number of the LINKTYPE_ registry that pcap and pcapng files
// carry (https://www.tcpdump.org/linktypes.html). It is 16 bits wide:
// gopacket's 8 bits read SLL2 (276) as 20.
type LinkType uint16

// The link types that pcapline decodes; packets of others are kept as rows
// with their frame columns and counted.
const (
	LinkNull           LinkType = 0
	LinkEthernet       LinkType = 1
	LinkPPP            LinkType = 9
	LinkRaw            LinkType = 101
	LinkIEEE80211      LinkType = 105
	LinkLoop           LinkType = 108
	LinkSLL            LinkType = 113
	LinkIEEE80211Radio LinkType = 127
	LinkIPv4           LinkType = 228
	LinkIPv6           LinkType = 229
	LinkSLL2           LinkType = 276
)

var linkNames = map[LinkType]string{
	LinkNull: "NULL", LinkEthernet: "ETHERNET", LinkPPP: "PPP", LinkRaw: "RAW",
	LinkIEEE80211: "IEEE802_11", LinkLoop: "LOOP", LinkSLL: "LINUX_SLL",
	LinkIEEE80211Radio: "IEEE802_11_RADIOTAP", LinkIPv4: "IPV4", LinkIPv6: "IPV6",
	LinkSLL2: "LINUX_SLL2",
}

// String gives the registry's name without LINKTYPE_, or the number.
func (l LinkType) String() string {
	if n, ok := linkNames[l]; ok {
		return n
	}
	return strconv.Itoa(int(l))
}
