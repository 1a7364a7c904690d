package layer

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pcapline/pcapline/transform/schema"
)

func init() { differences = append(differences, applicationDifferences...) }

// applicationDifferences lists the differences above the transport layer.
var applicationDifferences = []difference{
	{
		"Wireshark's fields of DNS records are of all sections; ours are of the answers, the first 64",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			switch f.Name {
			case "dns_answer_types", "dns_answer_ttls", "dns_answer_names", "dns_answer_cnames":
				return isPrefix(ours, strings.ReplaceAll(theirs, "<Root>", "."))
			}
			return false
		},
	},
	{
		"SSDP is HTTP over UDP, which is not decoded",
		func(f *schema.Field, c *comparison, ours, _ string) bool {
			return f.Layer == "http" && ours == "" && strings.HasSuffix(c.tshark["frame.protocols"], ":ssdp")
		},
	},
	{
		"Wireshark has one field for the cipher suites offered and for the one chosen",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			first, _, _ := strings.Cut(c.ours["tls_ciphers"], ";")
			return ours == "" && (f.Name == "tls_ciphers" && theirs == c.ours["tls_cipher"] || f.Name == "tls_cipher" && theirs == first)
		},
	},
	{
		"Wireshark has the signature algorithms of key exchanges and certificate requests in the field of the ClientHello's",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			types := strings.Split(c.ours["tls_handshake_types"], ";")
			return f.Name == "tls_signature_algorithms" && ours == "" && !slices.Contains(types, "1") &&
				(slices.Contains(types, "12") || slices.Contains(types, "13") || slices.Contains(types, "15"))
		},
	},
	{
		"without reassembly tshark shows nothing of a record that its segment does not hold whole",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			return f.Layer == "tls" && theirs == "" && c.tshark["tls.record.length"] == "" && c.cutRecord()
		},
	},
	{
		"without reassembly tshark shows nothing of a key exchange that its segment does not hold whole",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			return f.Layer == "ssh" && theirs == "" && c.cutKexInit()
		},
	},
	{
		"tshark cannot show a value of no bytes",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			_, present := c.ours[f.Name]
			return present && ours == "" && theirs == ""
		},
	},
	{
		"tshark takes SSL 2 for granted where a connection's later bytes could be it; it is not decoded",
		func(f *schema.Field, c *comparison, ours, _ string) bool {
			return f.Layer == "tls" && ours == "" && c.tshark["tls.record.version"] == "2"
		},
	},
	{
		"tshark takes the middle of a record for the header of one, of a version that is none",
		func(f *schema.Field, c *comparison, ours, _ string) bool {
			v, err := strconv.ParseUint(c.tshark["tls.record.version"], 0, 16)
			return f.Layer == "tls" && ours == "" && err == nil && v>>8 != 3
		},
	},
	{
		"ours escape backslashes and what does not print",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			return f.Layer == "http" && strings.Contains(ours, `\`) && unescape(ours) == theirs
		},
	},
	{
		"tshark shows the front of a target that its segment does not hold whole",
		func(f *schema.Field, c *comparison, ours, _ string) bool {
			return f.Name == "http_target" && ours == "" && c.ours["http_method"] != "" && c.ours["http_version"] == ""
		},
	},
	{
		"tshark lists padding as an option",
		func(f *schema.Field, _ *comparison, ours, theirs string) bool {
			return f.Name == "dhcp_options" && ours == strings.ReplaceAll(theirs, ";0", "")
		},
	},
	{
		"tshark shows nothing of a DHCP message that the capture cut",
		func(f *schema.Field, c *comparison, _, theirs string) bool {
			return f.Layer == "dhcp" && theirs == "" && int(c.packet.WireLen) > len(c.packet.Data)
		},
	},
	{
		"tshark shows the transaction of the message that a relay agent quotes",
		func(f *schema.Field, c *comparison, ours, _ string) bool {
			m := c.ours["dhcpv6_message_type"]
			return f.Name == "dhcpv6_xid" && ours == "" && (m == "12" || m == "13")
		},
	},
	{
		"tshark shows the peers' fields that private messages list as those of the header",
		func(f *schema.Field, c *comparison, ours, _ string) bool {
			return f.Layer == "ntp" && ours == "" && c.ours["ntp_mode"] == "7"
		},
	},
	{
		"tshark keeps a connection's first keys, which open a server's Initial packets, and no client's that follow Retry or version negotiation",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			switch c.ours["quic_initial_decrypted"] {
			case "false":
				return ours == "" && (f.Layer == "tls" || f.Name == "quic_packet_number")
			case "true":
				return c.tshark["tls.handshake.type"] == "" && (f.Layer == "tls" || f.Name == "quic_packet_number")
			}
			return false
		},
	},
	{
		"tshark knows from a connection's long headers how long the ID in its short ones is; those are not decoded",
		func(f *schema.Field, c *comparison, ours, _ string) bool {
			return f.Name == "quic_dcid" && ours == "" && c.ours["quic_version"] == "" && c.ours["payload"] < "8"
		},
	},
	{
		"tshark shows no key exchange in the subflows that it makes an MPTCP stream of",
		func(f *schema.Field, c *comparison, _, theirs string) bool {
			return f.Layer == "ssh" && theirs == "" && strings.Contains(c.tshark["frame.protocols"], ":mptcp:")
		},
	},
	{
		"Wireshark has the packet types of version 2 in another field, as the header numbers them",
		func(f *schema.Field, c *comparison, ours, theirs string) bool {
			first, _, _ := strings.Cut(c.tshark["quic.long.packet_type_v2"], valueSep)
			n, err := strconv.Atoi(first)
			return f.Name == "quic_packet_type" && theirs == "" && err == nil && ours == strconv.Itoa((n+3)&3)
		},
	},
	{
		"tshark goes by ports, and by its guesses for some; ours look at the first bytes at any port",
		func(f *schema.Field, c *comparison, _, theirs string) bool {
			switch f.Layer {
			case "tls", "http", "ssh", "quic":
				return theirs == "" && !slices.Contains(strings.Split(c.tshark["frame.protocols"], ":"), f.Layer)
			}
			return false
		},
	},
	{
		"tshark takes RTSP and SIP at HTTP's ports for HTTP",
		func(f *schema.Field, c *comparison, ours, _ string) bool {
			version := c.tshark["http.request.version"]
			return f.Layer == "http" && ours == "" && version != "" && !strings.HasPrefix(version, "HTTP/")
		},
	},
	{
		"tshark takes a segment that the capture has twice for one that the connection's state has left behind",
		func(f *schema.Field, c *comparison, _, theirs string) bool {
			return c.repeated && (f.Layer == "tls" || f.Layer == "ssh") && (theirs == "" || f.Name == "tls_handshake_types")
		},
	},
	{
		"tshark takes packets of a version that is reserved for QUIC's of version 1",
		func(f *schema.Field, c *comparison, ours, _ string) bool {
			return f.Layer == "quic" && ours == "" && isReservedQUIC(uint32(c.number("quic_version")))
		},
	},
}

// cutKexInit reports whether the packet's SSH key exchange is longer than its
// payload.
func (c *comparison) cutKexInit() bool {
	b := unhex(c.ours["payload"])
	if at := bytes.IndexByte(b, '\n'); b[0] == 'S' {
		b = b[at+1:]
	}
	return len(b) >= 4 && int(be.Uint32(b))+4 > len(b)
}

// segment identifies a TCP segment with data, "" others.
func (c *comparison) segment() string {
	if c.ours["tcp_seq"] == "" || c.ours["payload_len"] == "0" {
		return ""
	}
	var id []string
	for _, column := range []string{"ip_src", "ip_dst", "tcp_src_port", "tcp_dst_port", "tcp_seq", "payload_len"} {
		id = append(id, c.ours[column])
	}
	return strings.Join(id, " ")
}

// cutRecord reports whether the packet's first TLS record is longer than its
// payload.
func (c *comparison) cutRecord() bool {
	return c.number("tls_record_len")+tlsRecordHeader > c.number("payload_len")
}

// isPrefix reports whether the list ours is the front of theirs.
func isPrefix(ours, theirs string) bool {
	return ours == "" || ours == theirs || strings.HasPrefix(theirs, ours+";")
}

// normaliseNTP turns a time in words into nanoseconds, fixed-point numbers into
// seconds, and exponents that tshark shows without their sign into ours.
func normaliseNTP(f *schema.Field, s string) string {
	if n, err := strconv.ParseUint(s, 0, 32); err == nil && f.Kind == schema.Float64 {
		return strconv.FormatFloat(float64(n)/(1<<16), 'g', -1, 64)
	}
	if s == "NULL" {
		return ""
	}
	if n, err := strconv.ParseUint(s, 0, 8); err == nil {
		return strconv.Itoa(int(int8(n)))
	}
	if t, err := time.Parse("Jan _2, 2006 15:04:05.000000000 MST", s); err == nil {
		return strconv.FormatInt(t.UnixNano(), 10)
	}
	return s
}
