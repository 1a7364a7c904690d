package layer

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/pcapline/pcapline/transform/schema"
)

// difference is a reason why we differ from tshark and are right.
type difference struct {
	why     string
	applies func(f *schema.Field, c *comparison, ours, theirs string) bool
}

// differences lists every one there is.
var differences = []difference{
	{
		"tshark shows fields of the packet that an ICMP error quotes; they are not this packet's",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			return ours == "" && isICMPError(c)
		},
	},
	{
		"tshark shows no AD bit in queries; the header has it, and RFC 6840, 5.7 gives it a meaning there",
		func(f *schema.Field, c *comparison, _, theirs string) bool {
			return f.Name == "dns_ad" && theirs == "" && c.ours["dns_qr"] == "false"
		},
	},
	{
		"tshark counts the offset in units of 8 bytes, as the header does; ours is in bytes",
		func(f *schema.Field, _ *comparison, ours, theirs string) bool {
			o, err1 := strconv.Atoi(ours)
			n, err2 := strconv.Atoi(theirs)
			return f.Name == "ip_frag_offset" && err1 == nil && err2 == nil && o == 8*n
		},
	},
	{
		"tshark's number for what it cannot verify is null",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			_, ok := isStatus(f, c)
			return ok && ours == "" && theirs == "2"
		},
	},
	{
		"tshark takes a checksum of 0 that is wrong for bad; ours is absent, because the card was to fill it",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			checksum, ok := isStatus(f, c)
			return ok && ours == "3" && theirs == "0" && checksum == "0"
		},
	},
	{
		"tshark wants 0 where TCP has 0xffff; to a receiver, which adds up, they are the same (RFC 1624)",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			checksum, ok := isStatus(f, c)
			return ok && ours == "1" && theirs == "0" && checksum == "65535"
		},
	},
	{
		"tshark knows no partial checksums: the sum of the pseudo-header, which a card completes, is bad to it",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			_, ok := isStatus(f, c)
			return ok && ours == "5" && theirs == "0"
		},
	},
	{
		"tshark verifies what is there where the IP length claims more; ours is null",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			_, ok := isStatus(f, c)
			n, _ := strconv.Atoi(c.ours["ip_len"])
			return ok && ours == "" && theirs == "0" && n+14 > int(c.packet.WireLen)
		},
	},
	{
		"tshark goes by IP's version against the EtherType; a host drops what does not agree",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			return ours == "" && c.ours["decode_error"] == "ip: version is not 4" && strings.Contains(c.tshark["frame.protocols"], "ip:ipv6")
		},
	},
	{
		"tshark stops at the lengths of 0 that segments above 65,535 bytes have before a card cuts them (BIG TCP)",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			return theirs == "" && c.packet.WireLen > 0xffff && (c.ours["udp_len"] == "0" || c.ours["ipv6_plen"] == "0")
		},
	},
	{
		"tshark calls a UDP checksum of 0 over IPv6 illegal; tunnels may have none (RFC 6935)",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			return isField(f, "udp_checksum_status") && ours == "3" && theirs == "4"
		},
	},
	{
		"tshark gives a first fragment no tcp.len",
		func(f *schema.Field, c *comparison, _, theirs string) bool {
			return f.Name == "payload_len" && theirs == "" && c.ours["ip_flag_mf"] == "true"
		},
	},
	{
		"tshark shows the end of a source route as the destination; ours is the header's",
		func(f *schema.Field, c *comparison, _, _ string) bool {
			return f.Name == "ip_dst" && (strings.HasPrefix(c.ours["ip_options"], "83") || strings.HasPrefix(c.ours["ip_options"], "89"))
		},
	},
	{
		"tshark has one field for the 802.3 length of all headers; here the one in the tunnel has a length, the outer one a type",
		func(f *schema.Field, c *comparison, _, _ string) bool {
			return isField(f, "eth_len") && c.ours["eth_len"] == "" && c.ours["inner_eth_len"] != ""
		},
	},
	{
		"tshark verifies no datagram in a packet that was cut; this one was cut behind it",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			return isField(f, "udp_checksum_status") && ours != "" && theirs == "2" && int(c.packet.WireLen) > len(c.packet.Data)
		},
	},
	{
		"tshark sets ip.version for IPv6 as well; the column is of the IPv4 header",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			return isField(f, "ip_version") && ours != "6" && theirs == "6"
		},
	},
	{
		"tshark takes names for UTF-8 and replaces what is not by U+FFFD; ours keep every byte, escaped",
		func(f *schema.Field, _ *comparison, ours, theirs string) bool {
			return f.Name == "dns_qname" && !isASCII(unescape(ours)) && within(unescape(ours), theirs)
		},
	},
	{
		"tshark takes a host's later packets for TFTP because earlier ones were; these go to a DNS port",
		func(f *schema.Field, c *comparison, _, theirs string) bool {
			return f.Layer == "dns" && theirs == "" && strings.HasSuffix(c.tshark["frame.protocols"], ":udp:tftp")
		},
	},
	{
		"pcap files have one interface; tshark gives it no number",
		func(f *schema.Field, _ *comparison, ours, theirs string) bool {
			return f.Name == "frame_interface_id" && ours == "0" && theirs == ""
		},
	},
	{
		"Wireshark has the length of the payload as a field of TCP only",
		func(f *schema.Field, c *comparison, _, theirs string) bool {
			_, tcp := c.ours["tcp_src_port"]
			_, innerTCP := c.ours["inner_tcp_src_port"]
			return f.Name == "payload_len" && !tcp && !innerTCP
		},
	},
	{
		"tshark calls the length of a tagged 802.3 frame vlan.len",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			n, err := strconv.Atoi(ours)
			return f.Name == "vlan_type" && theirs == "" && err == nil && n < firstEtherType
		},
	},
	{
		"tshark has the service provider's tag under ieee8021ad",
		func(f *schema.Field, c *comparison, _, _ string) bool {
			return f.Layer == "vlan" && strings.Contains(c.tshark["frame.protocols"], "ieee8021ad")
		},
	},
	{
		"tshark writes <Root> for the root and counts its letters; ours is a dot, of length 0",
		func(f *schema.Field, c *comparison, ours, _ string) bool {
			return c.ours["dns_qname"] == "." && c.tshark["dns.qry.name"] == "<Root>" &&
				(f.Name == "dns_qname" || ours == "0" && (f.Name == "dns_qname_len" || f.Name == "dns_qname_labels"))
		},
	},
	{
		"tshark shows the length that it works out where the header says 0 (TSO, BIG TCP)",
		func(f *schema.Field, _ *comparison, ours, _ string) bool { return f.Name == "ip_len" && ours == "0" },
	},
	{
		"tshark takes the three bits of accurate ECN for one number; ours are the header's bits",
		func(f *schema.Field, c *comparison, _, theirs string) bool {
			return theirs == "" && (f.Name == "tcp_flag_ns" || f.Name == "tcp_flag_cwr" || f.Name == "tcp_flag_ece")
		},
	},
	{
		"the cooked header of a GRE interface has a GRE protocol, which tshark calls sll.gretype",
		func(f *schema.Field, c *comparison, _, theirs string) bool {
			return f.Name == "sll_protocol" && theirs == "" && c.ours["sll_hw_type"] == "778"
		},
	},
	{
		"a direction of 0 says that it is not known: null",
		func(f *schema.Field, _ *comparison, ours, theirs string) bool {
			return f.Name == "frame_direction" && ours == "" && theirs == "0"
		},
	},
	{
		"tshark counts interfaces from 0 in each section; ours are numbered in the file",
		func(f *schema.Field, c *comparison, _, theirs string) bool {
			n, err := strconv.Atoi(theirs)
			return f.Name == "frame_interface_id" && err == nil && int(c.packet.Interface) > n
		},
	},
	{
		"a simple packet block has no time; the reader gives 0",
		func(f *schema.Field, c *comparison, _, theirs string) bool {
			return f.Role == schema.Time && theirs == "" && c.packet.Time == 0
		},
	},
	{
		"the file's fractions of a second are more than a second, which the reader carries over",
		func(f *schema.Field, c *comparison, _, _ string) bool {
			_, fraction, _ := strings.Cut(c.tshark["frame.time_epoch"], ".")
			return f.Role == schema.Time && f.Layer == "frame" && (len(fraction) > 9 || fraction == "000000000" || strings.HasPrefix(c.tshark["frame.time_epoch"], "-"))
		},
	},
	{
		"tshark stops at what is malformed; ours keep what the fixed part of the header says",
		func(f *schema.Field, c *comparison, _, theirs string) bool {
			return theirs == "" && c.ours["decode_error"] != ""
		},
	},
	{
		"tshark shows the front of a header that is cut or not of its version; ours has whole ones only",
		func(f *schema.Field, c *comparison, ours, _ string) bool {
			return ours == "" && strings.HasPrefix(c.ours["decode_error"], f.Layer+": ")
		},
	},
	{
		"we decode at most MaxDepth headers",
		func(_ *schema.Field, c *comparison, ours, _ string) bool {
			return ours == "" && c.ours["decode_error"] == "frame: too many headers"
		},
	},
	{
		"tshark guesses DNS at ports that are not DNS's",
		func(f *schema.Field, c *comparison, ours, _ string) bool {
			return f.Layer == "dns" && ours == "" && strings.HasSuffix(c.ours["frame_protocols"], ":udp") &&
				c.ours["udp_dst_port"] != "53" && c.ours["udp_src_port"] != "53"
		},
	},
	{
		"tshark removes the pseudo-header of ATM captures from the length",
		func(f *schema.Field, c *comparison, _, _ string) bool {
			return f.Layer == "frame" && strings.HasPrefix(c.tshark["frame.protocols"], "atm")
		},
	},
	{
		"the link type is not decoded",
		func(_ *schema.Field, c *comparison, ours, _ string) bool {
			return ours == "" && c.ours["decode_error"] == "frame: link type not decoded"
		},
	},
	{
		"tshark sets ip.version also where what should be IPv6 is of another version",
		func(f *schema.Field, c *comparison, ours, _ string) bool {
			return f.Name == "ip_version" && ours == "" && strings.HasPrefix(c.ours["decode_error"], "ipv6: ")
		},
	},
	{
		"tshark has fields of their own for DVMRP and version 1 of PIM, which share IGMP's number",
		func(f *schema.Field, c *comparison, _, theirs string) bool {
			return f.Layer == "igmp" && theirs == "" && (c.ours["igmp_type"] == "19" || c.ours["igmp_type"] == "20")
		},
	},
	{
		"tshark decodes the floating-point code of the response time; ours is as coded",
		func(f *schema.Field, _ *comparison, ours, _ string) bool {
			n, _ := strconv.Atoi(ours)
			return f.Name == "igmp_max_resp" && n >= 128
		},
	},
	{
		"tshark hides six-byte addresses of ARP whose hardware type is not Ethernet's",
		func(f *schema.Field, c *comparison, _, theirs string) bool {
			return f.Layer == "arp" && f.Kind == schema.MACAddr && theirs == "" && c.ours["arp_hw_type"] != "1"
		},
	},
	{
		"tshark stops at a UDP length that does not fit the packet; the header has a checksum",
		func(f *schema.Field, c *comparison, _, theirs string) bool {
			return f.Name == "udp_checksum" && theirs == ""
		},
	},
	{
		"tshark drops tcp.len when the protocol above TCP is malformed",
		func(f *schema.Field, c *comparison, _, theirs string) bool {
			return f.Name == "payload_len" && theirs == "" && c.tshark["_ws.malformed"] != ""
		},
	},
	{
		"tshark takes off Cisco's ISL header, which looks like 802.3",
		func(f *schema.Field, c *comparison, _, _ string) bool {
			return f.Layer == "eth" && strings.HasPrefix(c.tshark["frame.protocols"], "eth:eth:")
		},
	},
	{
		"tshark works out the data rate of 802.11n from the MCS; ours is the header's field",
		func(f *schema.Field, c *comparison, ours, _ string) bool {
			return f.Name == "radiotap_rate" && ours == "" && c.ours["radiotap_mcs_index"] != ""
		},
	},
	{
		"tshark goes on behind a radiotap header of a version that nobody has defined",
		func(_ *schema.Field, c *comparison, ours, _ string) bool {
			return ours == "" && c.ours["decode_error"] == "radiotap: version not 0"
		},
	},
	{
		"tshark shows an SSID's bytes in hexadecimal, and one of length 0 as missing; ours is text",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			_, present := c.ours["wlan_ssid"]
			return f.Name == "wlan_ssid" && present && (hex.EncodeToString([]byte(unescape(ours))) == theirs || ours == "" && theirs == "<MISSING>")
		},
	},
	{
		"the protocol is not in the list: tshark finds more in it",
		func(f *schema.Field, c *comparison, ours, _ string) bool { return ours == "" && c.undecoded() },
	},
}

// isField reports whether the column has the name, on either side of a tunnel.
func isField(f *schema.Field, name string) bool {
	return strings.TrimPrefix(f.Name, "inner_") == name
}

// isStatus reports whether the column says what a checksum is worth, and gives
// the checksum.
func isStatus(f *schema.Field, c *comparison) (checksum string, ok bool) {
	name, ok := strings.CutSuffix(f.Name, "_status")
	return c.ours[name], ok
}

// notInList are the protocols of tshark's through which it reaches headers
// that we count as payload.
var notInList = []string{
	"arcnet", "atm", "avsp", "chdlc", "clip", "cmd", "erspan", "eth:eth", "fr", "ipcomp", "ipnet", "ipoib", "juniper", "lwapp",
	"macsec", "nflog", "nhrp", "nsh", "openflow", "pim", "pktap", "ppi", "sflow", "user_dlt", "wpan", "udp:mpls",
}

// undecoded reports whether tshark went through a protocol that is not in the
// list.
func (c *comparison) undecoded() bool {
	chain := ":" + c.tshark["frame.protocols"] + ":"
	for _, p := range notInList {
		if strings.Contains(chain, ":"+p+":") {
			return true
		}
	}
	return false
}

// isICMPError reports whether the packet quotes another.
func isICMPError(c *comparison) bool {
	switch c.ours["icmp_type"] {
	case "3", "4", "5", "11", "12":
		return true
	}
	switch c.ours["icmpv6_type"] {
	case "1", "2", "3", "4":
		return true
	}
	return strings.HasSuffix(c.ours["frame_protocols"], "icmpv6") && c.ours["icmpv6_type"] == "137"
}

// unescape undoes the escapes of a name of ours.
func unescape(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] != '\\' || i+3 >= len(name) {
			b.WriteByte(name[i])
			continue
		}
		n, _ := strconv.Atoi(name[i+1 : i+4])
		b.WriteByte(byte(n))
		i += 3
	}
	return b.String()
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}

// within reports whether the ASCII characters of name are in shown, in order.
// In names that are not UTF-8 tshark even decodes overlong sequences as ASCII,
// so that there may be more of them.
func within(name, shown string) bool {
	for i := range len(name) {
		if name[i] >= 0x80 {
			continue
		}
		at := strings.IndexByte(shown, name[i])
		if at < 0 {
			return false
		}
		shown = shown[at+1:]
	}
	return true
}
