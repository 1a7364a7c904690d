package audit

import (
	"strings"

	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/layer"
	"github.com/pcapline/pcapline/transform/schema"
)

// naming is a name, or a part of one, that says what a column identifies.
type naming struct {
	words []string
	names string
	soft  bool // it can be a measurement as well
}

// namings are looked up in columns whose meaning nobody declared.
var namings = []naming{
	{words: []string{"idx", "index", "rowid", "rownum", "unnamed"}, names: "the row's number"},
	{words: []string{"uid", "uuid", "guid", "flowid", "id"}, names: "an identifier"},
	{words: []string{"chksum", "checksum", "csum", "crc", "fcs"}, names: "a checksum"},
	{words: []string{"timestamp", "tsval", "tsecr", "ts", "stime", "ltime", "datetime", "epoch"}, names: "a clock"},
	{words: []string{"ip", "srcip", "dstip", "saddr", "daddr", "addr", "psrc", "pdst"}, names: "an address"},
	{words: []string{"mac", "smac", "dmac", "hwsrc", "hwdst"}, names: "a link address"},
	{words: []string{"seq", "ack", "stcpb", "dtcpb"}, names: "a sequence number"},
	{words: []string{"sport", "dport", "port", "dsport", "srcport", "dstport"}, names: "a port", soft: true},
	{words: []string{"ttl", "sttl", "dttl", "hlim"}, names: "a TTL", soft: true},
}

// measured are words of names that count or measure what they go with: a
// number of ACK flags is no sequence number.
var measured = []string{
	"cnt", "count", "ct", "flag", "flags", "mean", "avg", "std", "var", "min", "max", "sum", "tot", "total", "len", "length",
	"size", "rate", "ratio", "bytes", "byts", "pkts", "packets", "duration", "dur", "iat", "delta",
}

// antinex says what columns of AntiNex's recorder really hold: a defect wrote
// some fields of a header under the name of the field before.
// Source: network-pipeline, convert_pkt_to_json.py; see the values of its
// datasets, in which ip_len has thousands of values for a few lengths.
var antinex = map[string]string{
	"idx": "the row's number", "ip_len": "IPv4's checksum", "tcp_seq": "TCP's checksum", "udp_len": "UDP's checksum",
	"icmp_code": "the echo's identifier", "tcp_fields_options.Timestamp": "the clock of a host",
}

// namedBy says what a column of an unknown table identifies, by its name.
func namedBy(name string) (names string, soft bool) {
	if n, known := antinex[name]; known {
		return n, false
	}
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !('a' <= r && r <= 'z' || '0' <= r && r <= '9') })
	if hasAny(words, measured...) {
		return "", false
	}
	for _, n := range namings {
		for _, w := range n.words {
			// An address by the name of its protocol: ip_src, but not ip_ttl.
			if w == "ip" && len(words) > 1 && !hasAny(words, "src", "dst", "source", "destination", "addr", "client", "server") {
				continue
			}
			if hasAny(words, w) {
				return n.names, n.soft
			}
		}
	}
	if f := declared(name); f != nil && f.Role != schema.Feature && f.Role != schema.Label {
		return "role " + string(f.Role), false
	}
	return "", false
}

func hasAny(words []string, any ...string) bool {
	for _, w := range words {
		for _, a := range any {
			if w == a {
				return true
			}
		}
	}
	return false
}

// declared finds a column of our tables by our name or AntiNex's.
func declared(name string) *schema.Field {
	for _, s := range []schema.Schema{flow.Schema(), layer.Schema()} {
		for _, f := range s {
			if f.Name == name || f.AntiNex == name {
				return f
			}
		}
	}
	return nil
}
