package layer

import (
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
		"tshark sets ip.version for IPv6 as well; the column is of the IPv4 header",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			return f.Name == "ip_version" && ours == "" && theirs == "6" && c.ours["ipv6_version"] == "6"
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
			return f.Name == "payload_len" && !tcp
		},
	},
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
