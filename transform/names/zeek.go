package names

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"net/netip"

	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
)

// zeek has the columns of conn.log in Zeek's order. Written in the format of
// the same name it is a log that Zeek's tools read.
var zeek = Dialect{
	Name:  "zeek",
	Title: "Zeek 8 conn.log, Conn::Info",
	Log:   "conn",
	Columns: []Column{
		{Name: "ts", Kind: schema.Timestamp, Value: same("ts")},
		{Name: "uid", Kind: schema.String, Value: zeekUID, Doc: "The same in every run over the same captures, where Zeek draws it by chance."},
		{Name: "id.orig_h", Kind: schema.IPAddr, Value: same("src_ip")},
		{Name: "id.orig_p", Kind: schema.Int64, Missing: zero, Value: zeekPort("src_port", 0), Doc: "ICMP: the type of the first packet."},
		{Name: "id.resp_h", Kind: schema.IPAddr, Value: same("dst_ip")},
		{Name: "id.resp_p", Kind: schema.Int64, Missing: zero, Value: zeekPort("dst_port", 1), Doc: "ICMP: the type that answers it, else the code."},
		{Name: "proto", Kind: schema.String, Value: zeekProto, Doc: "unknown_transport for all protocols but TCP, UDP and ICMP, and for ARP, which Zeek does not list."},
		{Name: "service", Kind: schema.String, Value: zeekService, Doc: "What was decoded, as in Zeek, and never guessed by the port; Zeek lists several where there were."},
		{Name: "duration", Kind: schema.Float64, Unit: "s", Value: positive("duration"), Doc: "To the last packet; Zeek stops at the last that carries something new once a side has closed."},
		{Name: "orig_bytes", Kind: schema.Int64, Unit: "B", Value: whenLasting("fwd_payload_bytes"), Doc: "Payload of all packets; Zeek goes by sequence numbers, so that what was sent again counts once."},
		{Name: "resp_bytes", Kind: schema.Int64, Unit: "B", Value: whenLasting("bwd_payload_bytes"), Doc: "Likewise."},
		{Name: "conn_state", Kind: schema.String, Value: same("conn_state")},
		{Name: "local_orig", Kind: schema.Bool, Value: zeekLocal("src_ip"), Doc: "By Site::private_address_space, Zeek's default."},
		{Name: "local_resp", Kind: schema.Bool, Value: zeekLocal("dst_ip"), Doc: "Likewise."},
		{Name: "missed_bytes", Kind: schema.Int64, Unit: "B", Missing: zero, Value: sum("fwd_tcp_gap_bytes", "bwd_tcp_gap_bytes"), Doc: "Zeek leaves out what came late."},
		{Name: "history", Kind: schema.String, Value: same("history"), Doc: "Each letter once a direction; Zeek repeats those of retransmissions, gaps and zero windows at 10, 100, … of them."},
		{Name: "orig_pkts", Kind: schema.Int64, Value: same("fwd_packets")},
		{Name: "orig_ip_bytes", Kind: schema.Int64, Unit: "B", Value: same("fwd_ip_bytes")},
		{Name: "resp_pkts", Kind: schema.Int64, Value: same("bwd_packets")},
		{Name: "resp_ip_bytes", Kind: schema.Int64, Unit: "B", Value: same("bwd_ip_bytes")},
		{Name: "tunnel_parents", Kind: schema.String, Value: absentText("the flow that a tunnelled one is inside of")},
		{Name: "ip_proto", Kind: schema.Uint8, Value: same("ip_proto")},
		{Name: "community_id", Kind: schema.String, Value: same("community_id"), Doc: "As Zeek's policy/protocols/conn/community-id-logging adds it."},
		{Name: "label", Kind: schema.String, Missing: optional, Value: zeekLabel, Doc: "As in IoT-23: Benign or Malicious; unset where no rule covers the flow."},
		{Name: "detailed-label", Kind: schema.String, Missing: optional, Value: same("label"), Doc: "Behind a tab like every column; IoT-23 has three blanks there, which no reader of Zeek's logs understands."},
	},
}

// zeekUID is "C" and 96 bits in base 62, as long as Zeek's.
var zeekUID = formula{
	text: "C and a hash of flow_id, flow_key and ts_ns", from: []string{"flow_id", "flow_key", "ts_ns"},
	write: func(dst []byte, r *row) ([]byte, bool) {
		var b [24]byte
		for i := range 3 {
			v, _ := r.whole(i)
			binary.BigEndian.PutUint64(b[8*i:], uint64(v))
		}
		sum := sha256.Sum256(b[:])
		dst = append(dst, 'C')
		return new(big.Int).SetBytes(sum[:12]).Append(dst, 62), true
	},
}

// zeekPort is a port, or of ICMP what Zeek has in its place, which is what a
// flow's key has there (0 the sender's side, 1 the other's).
func zeekPort(column string, side int) formula {
	return formula{
		text: column + ", of ICMP icmp_type and what answers it",
		from: []string{column, "icmp_type", "icmp_code", "ip_proto"},
		whole: func(r *row) (int64, bool) {
			if port, ok := r.whole(0); ok {
				return port, true
			}
			typ, ok := r.whole(1)
			if !ok {
				return 0, false
			}
			code, _ := r.whole(2)
			proto, _ := r.whole(3)
			// The sender's address is the lower one, so that the key keeps its ports in order.
			key := flow.KeyOf(&flow.Digest{
				Src: netip.AddrFrom4([4]byte{1}), Dst: netip.AddrFrom4([4]byte{2}),
				Proto: uint8(proto), ICMPType: uint8(typ), ICMPCode: uint8(code),
			})
			return int64([2]uint16{key.PortA, key.PortB}[side]), true
		},
	}
}

var zeekProto = formula{
	text: "ip_proto as tcp, udp, icmp or unknown_transport", from: []string{"ip_proto"},
	write: func(dst []byte, r *row) ([]byte, bool) {
		name := "unknown_transport"
		switch n, _ := r.whole(0); n {
		case 6:
			name = "tcp"
		case 17:
			name = "udp"
		case 1, 58:
			name = "icmp"
		}
		return append(dst, name...), true
	},
}

var zeekService = formula{
	text: "app_proto (tls as ssl), else dns where there were DNS messages", from: []string{"app_proto", "dns_queries"},
	write: func(dst []byte, r *row) ([]byte, bool) {
		name, ok := r.text(0)
		_, dns := r.whole(1)
		switch {
		case string(name) == "tls":
			name = schema.Text("ssl")
		case !ok && dns:
			name, ok = schema.Text("dns"), true
		}
		return append(dst, name...), ok
	},
}

// positive is a number, where it is more than 0.
func positive(column string) formula {
	return formula{
		text: column + " if that is more than 0", from: []string{column},
		number: func(r *row) (float64, bool) { v, ok := r.float(0); return v, ok && v > 0 },
	}
}

// whenLasting is a count, where the flow has a duration: Zeek logs sizes with
// the duration only.
func whenLasting(column string) formula {
	return formula{
		text: column + " if duration is more than 0", from: []string{column, "duration"},
		whole: func(r *row) (int64, bool) {
			v, ok := r.whole(0)
			d, _ := r.float(1)
			return v, ok && d > 0
		},
	}
}

// absentText is absent for a column of text.
func absentText(why string) formula {
	f := absent(why)
	f.number, f.write = nil, func(dst []byte, _ *row) ([]byte, bool) { return dst, false }
	return f
}

// zeekLocal reports whether an address is of a private network.
func zeekLocal(column string) formula {
	return formula{
		text: column + " is private", from: []string{column},
		whole: func(r *row) (int64, bool) {
			a, ok := r.addr(0)
			if isPrivate(a) {
				return 1, ok
			}
			return 0, ok
		},
	}
}

// isPrivate reports whether an address, or the IPv4 address in a 6to4 one, is
// in the private space.
func isPrivate(a netip.Addr) bool {
	if b := a.AsSlice(); len(b) == 16 && b[0] == 0x20 && b[1] == 0x02 {
		a = netip.AddrFrom4([4]byte(b[2:6]))
	}
	for _, p := range privateSpace {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// privateSpace is Zeek's Site::private_address_space: what IANA's registries
// of special-purpose addresses say is not routed.
var privateSpace = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/128"), netip.MustParsePrefix("::1/128"),
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10"),
}

var zeekLabel = formula{
	text: "label_class as Benign or Malicious", from: []string{"label_class"},
	write: func(dst []byte, r *row) ([]byte, bool) {
		switch class, _ := r.text(0); string(class) {
		case "benign":
			return append(dst, "Benign"...), true
		case "attack":
			return append(dst, "Malicious"...), true
		}
		return dst, false
	},
}
