package names

import (
	"fmt"
	"math"

	"github.com/pcapline/pcapline/transform/schema"
)

const (
	nfGaps     = "Exact, where nfstream has the difference of times cut to ms."
	nfSequence = "As long as there were packets; nfstream fills the list up with -1."
	nfStart    = "the time of the first packet of one direction"
)

// nfstream has the columns of NFStreamer(statistical_analysis=True,
// splt_analysis=20, n_dissections=0). What nDPI adds has no counterpart here.
var nfstream = Dialect{
	Name:  "nfstream",
	Title: "nfstream 6.5, statistical_analysis=True, splt_analysis=20, n_dissections=0",
	Columns: append(append(append([]Column{
		{Name: "id", Kind: schema.Int64, Value: same("flow_id"), Doc: "nfstream counts from 0 in the order in which flows end, which depends on the number of its processes."},
		{Name: "expiration_id", Kind: schema.Int64, Missing: zero, Value: nfExpiration, Doc: "nfstream: 0 idle time-out, 1 active time-out, -1 by a plugin; it does not end flows by FIN or RST."},
		{Name: "src_ip", Kind: schema.IPAddr, Value: same("src_ip"), Doc: "The initiator; nfstream takes the first packet's sender."},
		{Name: "src_mac", Kind: schema.MACAddr, Value: same("src_mac")},
		{Name: "src_oui", Kind: schema.String, Value: oui("src_mac")},
		{Name: "src_port", Kind: schema.Uint16, Missing: zero, Value: same("src_port")},
		{Name: "dst_ip", Kind: schema.IPAddr, Value: same("dst_ip")},
		{Name: "dst_mac", Kind: schema.MACAddr, Value: same("dst_mac")},
		{Name: "dst_oui", Kind: schema.String, Value: oui("dst_mac")},
		{Name: "dst_port", Kind: schema.Uint16, Missing: zero, Value: same("dst_port")},
		{Name: "protocol", Kind: schema.Uint8, Missing: zero, Value: same("ip_proto"), Doc: "0 for ARP, which nfstream does not list."},
		{Name: "ip_version", Kind: schema.Int64, Missing: zero, Value: ipVersion, Doc: "0 for ARP."},
		{Name: "vlan_id", Kind: schema.Uint16, Missing: zero, Value: same("vlan_id")},
		{Name: "tunnel_id", Kind: schema.Float64, Value: absent("the encapsulation, which nfstream numbers")},
	}, nfVolumes()...), nfFlags()...), []Column{
		{Name: "splt_direction", Kind: schema.Uint8, Value: same("splt_direction"), Doc: nfSequence},
		{Name: "splt_ps", Kind: schema.Int64, Unit: "B", Value: each("splt_size", "splt_size without its sign", math.Abs), Doc: "Payload, as with accounting_mode=3. " + nfSequence},
		{Name: "splt_piat_ms", Kind: schema.Float64, Unit: "ms", Value: each("splt_iat", "splt_iat × 1000", func(s float64) float64 { return s * milliseconds }), Doc: nfSequence},
		{Name: "label", Kind: schema.String, Missing: optional, Value: same("label")},
		{Name: "label_category", Kind: schema.String, Missing: optional, Value: same("label_category")},
		{Name: "label_class", Kind: schema.String, Missing: optional, Value: same("label_class")},
	}...),
}

// nfDirections pairs nfstream's prefixes with the flows table's.
var nfDirections = [...]struct{ theirs, ours string }{
	{"bidirectional", "flow"}, {"src2dst", "fwd"}, {"dst2src", "bwd"},
}

// nfVolumes lists the columns that there are for each direction: first the
// times and counts, then the statistics of sizes, then those of gaps.
func nfVolumes() (list []Column) {
	for _, d := range nfDirections {
		list = append(list, nfTimes(d.theirs, d.ours)...)
		list = append(list,
			Column{Name: d.theirs + "_packets", Kind: schema.Int64, Missing: zero, Value: same(d.ours + "_packets")},
			Column{Name: d.theirs + "_bytes", Kind: schema.Int64, Unit: "B", Missing: zero, Value: same(d.ours + "_bytes"), Doc: "Frames, as with accounting_mode=0."})
	}
	for _, d := range nfDirections {
		list = append(list,
			Column{Name: d.theirs + "_min_ps", Kind: schema.Uint32, Unit: "B", Missing: zero, Value: same(d.ours + "_len_min")},
			Column{Name: d.theirs + "_mean_ps", Kind: schema.Float64, Unit: "B", Missing: zero, Value: same(d.ours + "_len_mean")},
			Column{Name: d.theirs + "_stddev_ps", Kind: schema.Float64, Unit: "B", Missing: zero, Value: same(d.ours + "_len_std")},
			Column{Name: d.theirs + "_max_ps", Kind: schema.Uint32, Unit: "B", Missing: zero, Value: same(d.ours + "_len_max")})
	}
	for _, d := range nfDirections {
		list = append(list,
			Column{Name: d.theirs + "_min_piat_ms", Kind: schema.Float64, Unit: "ms", Missing: zero, Value: scaled(d.ours+"_iat_min", milliseconds), Doc: nfGaps},
			Column{Name: d.theirs + "_mean_piat_ms", Kind: schema.Float64, Unit: "ms", Missing: zero, Value: scaled(d.ours+"_iat_mean", milliseconds), Doc: nfGaps},
			Column{Name: d.theirs + "_stddev_piat_ms", Kind: schema.Float64, Unit: "ms", Missing: zero, Value: scaled(d.ours+"_iat_std", milliseconds), Doc: nfGaps},
			Column{Name: d.theirs + "_max_piat_ms", Kind: schema.Float64, Unit: "ms", Missing: zero, Value: scaled(d.ours+"_iat_max", milliseconds), Doc: nfGaps})
	}
	return list
}

// nfTimes lists the times of a direction. Of a single direction the flows
// table keeps how long it lasted, not when.
func nfTimes(theirs, ours string) []Column {
	if ours == "flow" {
		return []Column{
			{Name: theirs + "_first_seen_ms", Kind: schema.Int64, Unit: "ms", Value: millis("ts_ns")},
			{Name: theirs + "_last_seen_ms", Kind: schema.Int64, Unit: "ms", Value: millis("ts_end_ns")},
			{Name: theirs + "_duration_ms", Kind: schema.Int64, Unit: "ms", Missing: zero, Value: millisBetween("ts_ns", "ts_end_ns")},
		}
	}
	return []Column{
		{Name: theirs + "_first_seen_ms", Kind: schema.Int64, Unit: "ms", Value: absent(nfStart)},
		{Name: theirs + "_last_seen_ms", Kind: schema.Int64, Unit: "ms", Value: absent(nfStart)},
		{Name: theirs + "_duration_ms", Kind: schema.Float64, Unit: "ms", Missing: zero, Value: scaled(ours+"_duration", milliseconds), Doc: nfGaps},
	}
}

func nfFlags() (list []Column) {
	for _, d := range nfDirections {
		for _, flag := range []string{"syn", "cwr", "ece", "urg", "ack", "psh", "rst", "fin"} {
			value := sum("fwd_tcp_"+flag, "bwd_tcp_"+flag)
			if d.ours != "flow" {
				value = sum(d.ours + "_tcp_" + flag)
			}
			list = append(list, Column{Name: d.theirs + "_" + flag + "_packets", Kind: schema.Int64, Missing: zero, Value: value})
		}
	}
	return list
}

var nfExpiration = formula{
	text: "end_reason: 1 active; 0 idle, eof, evicted; -1 fin, rst, early", from: []string{"end_reason"},
	whole: func(r *row) (int64, bool) {
		reason, ok := r.text(0)
		switch string(reason) {
		case "active":
			return 1, ok
		case "fin", "rst", "early":
			return -1, ok
		}
		return 0, ok
	},
}

// ipVersion follows from the address; ARP, too, has IPv4 addresses.
var ipVersion = formula{
	text: "4 or 6, of src_ip", from: []string{"src_ip", "ip_proto"},
	whole: func(r *row) (int64, bool) {
		a, _ := r.addr(0)
		_, isIP := r.whole(1)
		if a.Is4() {
			return 4, isIP
		}
		return 6, isIP
	},
}

// oui is the upper half of a MAC address: who made the interface.
func oui(mac string) formula {
	return formula{
		text: "first three bytes of " + mac, from: []string{mac},
		write: func(dst []byte, r *row) ([]byte, bool) {
			m, ok := r.mac(0)
			return fmt.Appendf(dst, "%02x:%02x:%02x", m[0], m[1], m[2]), ok
		},
	}
}

// millis is a time in ns cut to ms.
func millis(ns string) formula {
	return formula{
		text: ns + " / 1e6, rounded down", from: []string{ns},
		whole: func(r *row) (int64, bool) { v, ok := r.whole(0); return floorMillis(v), ok },
	}
}

// millisBetween is the difference of two times, each cut to ms.
func millisBetween(from, to string) formula {
	return formula{
		text: fmt.Sprintf("%s / 1e6 − %s / 1e6, each rounded down", to, from), from: []string{from, to},
		whole: func(r *row) (int64, bool) {
			a, ok := r.whole(0)
			b, has := r.whole(1)
			return floorMillis(b) - floorMillis(a), ok && has
		},
	}
}

func floorMillis(ns int64) int64 {
	ms := ns / 1e6
	if ns%1e6 < 0 {
		ms--
	}
	return ms
}
