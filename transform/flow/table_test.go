package flow

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pcapline/pcapline/transform/schema"
)

// collector keeps rows as text.
type collector struct{ rows []map[string]string }

func (c *collector) take(full *Rows) (*Rows, error) {
	b := full.Batch()
	values := make([]int, len(b.Columns))
	for row := range b.Rows {
		m := map[string]string{}
		for i, col := range b.Columns {
			if col.Presence().Has(row) {
				m[col.Field().Name] = string(col.AppendText(nil, values[i]))
				values[i]++
			}
		}
		c.rows = append(c.rows, m)
	}
	for i, col := range b.Columns {
		if values[i] != col.Len() {
			return full, fmt.Errorf("%s: %d values, %d rows present", col.Field().Name, col.Len(), values[i])
		}
	}
	return full, nil
}

// flowsOf gives the rows of the digests, numbered and in file 0.
func flowsOf(t testing.TB, cfg Config, ds []Digest) ([]map[string]string, Stats) {
	t.Helper()
	var c collector
	cfg.Rows = c.take
	table := NewTable(cfg)
	for i := range ds {
		if ds[i].Number == 0 {
			ds[i].Number = int64(i + 1)
		}
		table.Add(&ds[i])
	}
	if err := table.Finish(); err != nil {
		t.Fatal(err)
	}
	return c.rows, table.Stats()
}

// A packet for tests: ms after the epoch, "src:port>dst:port", flags as
// letters for TCP, payload length.
func pkt(ms int64, way, flags string, payload uint32) Digest {
	src, dst, _ := strings.Cut(way, ">")
	a, b := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	d := Digest{
		Time: ms * 1e6, Src: a.Addr(), Dst: b.Addr(), SrcPort: a.Port(), DstPort: b.Port(),
		Proto: protoUDP, EtherType: etherIPv4, TTL: 64, HeaderLen: 8, PayloadLen: payload,
		IPLen: 28 + payload, WireLen: 42 + payload, DNSRcode: -1,
		SrcMAC: [6]byte{2, 0, 0, 0, 0, a.Addr().As16()[15]}, DstMAC: [6]byte{2, 0, 0, 0, 0, b.Addr().As16()[15]},
	}
	if a.Addr().Is6() {
		d.EtherType = etherIPv6
	}
	if payload > 0 {
		d.Entropy = 4
	}
	if flags != "" {
		d.Proto, d.HeaderLen, d.Window = protoTCP, 20, 1000
		for _, c := range flags {
			d.TCPFlags |= 1 << strings.IndexRune("FSRPAUEC", c)
		}
	}
	return d
}

// seq gives a TCP packet its numbers.
func seq(d Digest, s, a uint32) Digest {
	d.Seq, d.Ack = s, a
	return d
}

const (
	up   = "10.0.0.1:4000>10.0.0.2:80"
	down = "10.0.0.2:80>10.0.0.1:4000"
)

// connection is an ordinary TCP connection with a late ACK behind its end.
func connection(ms int64) []Digest {
	return []Digest{
		seq(pkt(ms, up, "S", 0), 100, 0),
		seq(pkt(ms+10, down, "SA", 0), 500, 101),
		seq(pkt(ms+12, up, "A", 0), 101, 501),
		seq(pkt(ms+13, up, "PA", 200), 101, 501),
		seq(pkt(ms+20, down, "A", 0), 501, 301),
		seq(pkt(ms+30, down, "PA", 1000), 501, 301),
		seq(pkt(ms+31, up, "FA", 0), 301, 1501),
		seq(pkt(ms+40, down, "FA", 0), 1501, 302),
		seq(pkt(ms+41, up, "A", 0), 302, 1502),
	}
}

func intText(n int64) string { return strconv.FormatInt(n, 10) }

// check compares the named columns of a row; "-" is null.
func check(t *testing.T, row map[string]string, want ...string) {
	t.Helper()
	for _, w := range want {
		name, value, _ := strings.Cut(w, "=")
		got, ok := row[name]
		if !ok {
			got = "-"
		}
		if got != value {
			t.Errorf("%s = %s, want %s", name, got, value)
		}
	}
}

func TestConnection(t *testing.T) {
	rows, s := flowsOf(t, Config{}, connection(1000))
	if len(rows) != 1 {
		t.Fatalf("%d rows", len(rows))
	}
	check(t, rows[0], "flow_id=1", "first_packet=1", "last_packet=9", "src_ip=10.0.0.1", "dst_ip=10.0.0.2",
		"src_port=4000", "dst_port=80", "proto_name=tcp", "end_reason=fin", "conn_state=SF", "history=ShADadFf",
		"ts_ns=1000000000", "ts_end_ns=1041000000", "duration=0.041", "vlan_id=-",
		"flow_packets=9", "fwd_packets=5", "bwd_packets=4", "fwd_bytes=410", "bwd_bytes=1168",
		"fwd_payload_bytes=200", "bwd_payload_bytes=1000", "fwd_payload_max=200", "fwd_payload_mean=40",
		"fwd_len_min=42", "fwd_len_max=242", "fwd_iat_min=0.001", "fwd_iat_max=0.018",
		"down_up_ratio=0.8", "down_up_bytes_ratio=5", "data_turns=1", "server_first=false",
		"fwd_tcp_syn=1", "bwd_tcp_syn=1", "fwd_tcp_fin=1", "fwd_tcp_ack=4", "fwd_tcp_retransmissions=0",
		"tcp_syn_rtt=0.01", "tcp_ack_rtt=0.002", "active_periods=1", "idle_mean=-", "svc_flows=0",
		"splt_size=0;0;0;200;0;-1000;0;0;0", "fwd_entropy_mean=4", "dns_queries=-", "arp_requests=-")
	if s.Packets != 9 || s.InFlows != 9 || s.Flows != 1 || s.Ended[endFIN] != 1 || s.OpenFlows != 0 {
		t.Errorf("%+v", s)
	}
}

func TestStates(t *testing.T) {
	cases := []struct {
		name, state, history, reason string
		packets                      []Digest
	}{
		{"no answer", "S0", "S", "eof", []Digest{pkt(0, up, "S", 0)}},
		{"refused", "REJ", "Sr", "rst", []Digest{pkt(0, up, "S", 0), pkt(1, down, "RA", 0)}},
		{"half-open scan", "RSTO", "ShR", "rst", []Digest{pkt(0, up, "S", 0), pkt(1, down, "SA", 0), pkt(2, up, "R", 0)}},
		{"open", "S1", "ShA", "eof", []Digest{pkt(0, up, "S", 0), pkt(1, down, "SA", 0), pkt(2, up, "A", 0)}},
		{"aborted by the server", "RSTR", "ShAr", "rst", []Digest{pkt(0, up, "S", 0), pkt(1, down, "SA", 0), pkt(2, up, "A", 0), pkt(3, down, "R", 0)}},
		{"client closed", "S2", "ShF", "eof", []Digest{pkt(0, up, "S", 0), pkt(1, down, "SA", 0), seq(pkt(2, up, "FA", 0), 1, 1)}},
		{"server closed", "S3", "Shf", "eof", []Digest{pkt(0, up, "S", 0), pkt(1, down, "SA", 0), seq(pkt(2, down, "FA", 0), 1, 1)}},
		{"SYN and FIN", "SH", "SF", "eof", []Digest{pkt(0, up, "S", 0), seq(pkt(2, up, "F", 0), 1, 0)}},
		{"SYN and RST", "RSTOS0", "SR", "rst", []Digest{pkt(0, up, "S", 0), pkt(2, up, "R", 0)}},
		{"ACK scan", "RSTRH", "Ar", "rst", []Digest{pkt(0, up, "A", 0), pkt(2, down, "R", 0)}},
		{"SYN/ACK first", "OTH", "^h", "eof", []Digest{pkt(0, down, "SA", 0)}},
		{"null scan", "OTH", "", "eof", []Digest{nullScan()}},
		{"Xmas and SYN/FIN", "SH", "QF", "eof", []Digest{pkt(0, up, "SF", 0), seq(pkt(1, up, "FPU", 0), 2, 0)}},
		{"middle only", "OTH", "AD", "eof", []Digest{pkt(0, up, "A", 0), pkt(0, up, "PA", 9)}},
		{"UDP asked", "S0", "D", "eof", []Digest{pkt(0, up, "", 9)}},
		{"UDP answered", "SF", "Dd", "eof", []Digest{pkt(0, up, "", 9), pkt(0, down, "", 9)}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rows, _ := flowsOf(t, Config{}, c.packets)
			if len(rows) != 1 {
				t.Fatalf("%d rows", len(rows))
			}
			check(t, rows[0], "conn_state="+c.state, "history="+c.history, "end_reason="+c.reason,
				"src_ip=10.0.0.1", "dst_port=80")
		})
	}
}

func nullScan() Digest {
	d := pkt(0, up, "A", 0)
	d.TCPFlags = 0
	return d
}

func TestTailAndReuse(t *testing.T) {
	tail := append(connection(0),
		seq(pkt(200, down, "FA", 0), 1501, 302), // sent again
		seq(pkt(201, up, "A", 0), 302, 1502),
		pkt(30000, up, "R", 0))
	rows, _ := flowsOf(t, Config{}, tail)
	if len(rows) != 1 {
		t.Fatalf("the tail made %d rows", len(rows))
	}
	check(t, rows[0], "flow_packets=12", "bwd_tcp_retransmissions=1", "end_reason=fin")

	again := append(connection(0), connection(5000)...)
	rows, _ = flowsOf(t, Config{}, again)
	if len(rows) != 2 {
		t.Fatalf("a new SYN made %d rows", len(rows))
	}
	check(t, rows[0], "flow_id=1", "flow_packets=9", "last_packet=9", "end_reason=fin")
	check(t, rows[1], "flow_id=2", "flow_packets=9", "first_packet=10", "svc_flows=1", "svc_gap=5", "svc_bytes_mean=1578")
}

func TestTimeouts(t *testing.T) {
	at := func(s ...int64) (ds []Digest) {
		for _, v := range s {
			ds = append(ds, pkt(v*1000, up, "", 5))
		}
		return ds
	}
	rows, _ := flowsOf(t, Config{}, at(0, 120, 241))
	if len(rows) != 2 {
		t.Fatalf("%d rows", len(rows))
	}
	check(t, rows[0], "end_reason=idle", "flow_packets=2", "idle_max=120", "active_periods=2")
	check(t, rows[1], "end_reason=eof", "flow_packets=1", "duration=0", "flow_packets_per_s=-", "flow_len_std=-")

	var long []int64
	for s := int64(0); s <= 3600; s += 60 {
		long = append(long, s)
	}
	rows, _ = flowsOf(t, Config{}, at(long...))
	if len(rows) != 2 {
		t.Fatalf("%d rows", len(rows))
	}
	check(t, rows[0], "end_reason=active", "duration=1800", "flow_packets=31")
	check(t, rows[1], "end_reason=eof", "duration=1740", "flow_packets=30")
}

func TestICMP(t *testing.T) {
	echo := func(ms int64, src, dst string, typ uint8, id uint16) Digest {
		d := pkt(ms, src+":0>"+dst+":0", "", 56)
		d.Proto, d.ICMPType, d.ICMPID = protoICMP, typ, id
		return d
	}
	rows, _ := flowsOf(t, Config{}, []Digest{
		echo(0, "10.0.0.2", "10.0.0.1", 0, 7), // the answer is seen first
		echo(1, "10.0.0.1", "10.0.0.2", 8, 7),
		echo(2, "10.0.0.1", "10.0.0.2", 8, 9),
		echo(3, "10.0.0.2", "10.0.0.1", 3, 0), // an error
	})
	if len(rows) != 3 {
		t.Fatalf("%d rows", len(rows))
	}
	check(t, rows[0], "src_ip=10.0.0.1", "fwd_packets=1", "bwd_packets=1", "icmp_type=0", "src_port=-", "conn_state=OTH", "history=-", "fwd_tcp_syn=-")
	check(t, rows[1], "fwd_packets=1", "bwd_packets=0", "icmp_type=8")
	check(t, rows[2], "src_ip=10.0.0.2", "icmp_type=3", "fwd_packets=1")
}

func arpPkt(ms int64, op uint16, sender, target string, mac byte) Digest {
	return Digest{
		Time: ms * 1e6, EtherType: etherARP, Src: netip.MustParseAddr(sender), Dst: netip.MustParseAddr(target),
		SrcMAC: [6]byte{2, 0, 0, 0, 0, mac}, ARPOp: op, WireLen: 42, DNSRcode: -1,
	}
}

func TestARP(t *testing.T) {
	rows, s := flowsOf(t, Config{}, []Digest{
		arpPkt(0, 1, "10.0.0.1", "10.0.0.2", 1),
		arpPkt(1, 2, "10.0.0.2", "10.0.0.1", 2),
		arpPkt(500, 2, "10.0.0.2", "10.0.0.1", 9), // the liar
		arpPkt(600, 1, "10.0.0.3", "10.0.0.3", 3),
		{EtherType: 0x88cc, WireLen: 60, DNSRcode: -1},
		{EtherType: etherARP, DNSRcode: -1},
		{EtherType: etherIPv6, DNSRcode: -1},
	})
	if len(rows) != 2 {
		t.Fatalf("%d rows", len(rows))
	}
	check(t, rows[0], "proto_name=arp", "ip_proto=-", "community_id=-", "arp_requests=1", "arp_replies=2", "src_arp_macs=1",
		"dst_arp_macs=2", "bwd_mac_changes=1", "fwd_ttl_min=-", "src_port=-")
	check(t, rows[1], "arp_gratuitous=1", "src_arp_macs=1")
	if s.NonFlow != [ReasonCount]int64{1, 1, 1} || s.InFlows != 4 {
		t.Errorf("%+v", s)
	}
}

func TestFragments(t *testing.T) {
	frag := func(ms int64, offset uint16, id uint32) Digest {
		d := pkt(ms, up, "", 1472)
		d.Fragment, d.FragOffset, d.FragID = true, offset, id
		if offset > 0 {
			d.SrcPort, d.DstPort = 0, 0
		}
		return d
	}
	rows, s := flowsOf(t, Config{}, []Digest{frag(0, 0, 1), frag(1, 1480, 1), frag(2, 2960, 1), frag(3, 1480, 2)})
	if len(rows) != 2 || s.JoinedFragments != 2 || s.OrphanFragments != 1 {
		t.Fatalf("%d rows, %+v", len(rows), s)
	}
	check(t, rows[0], "flow_packets=3", "fragments=3", "dst_port=80")
	check(t, rows[1], "flow_packets=1", "fragments=1", "dst_port=-", "proto_name=udp")
}

func TestDNS(t *testing.T) {
	q, r := pkt(0, up, "", 40), pkt(5, down, "", 80)
	q.DNSNameLen, q.DNSLabels, q.DNSQType = 30, 4, dnsTXT
	r.DNSNameLen, r.DNSLabels, r.DNSQType, r.DNSRcode = 30, 4, dnsTXT, 3
	rows, _ := flowsOf(t, Config{}, []Digest{q, r})
	check(t, rows[0], "dns_queries=1", "dns_responses=1", "dns_nxdomain=1", "dns_bulk_queries=1", "dns_name_len_mean=30",
		"dns_labels_max=4", "dns_first_qtype=16")
}

func TestFilesAreApartUnlessSpanned(t *testing.T) {
	ds := connection(0)
	for i := range ds {
		ds[i].Number = int64(i + 1)
		if i >= 4 {
			ds[i].File, ds[i].Number = 1, int64(i-3)
		}
	}
	rows, _ := flowsOf(t, Config{}, append([]Digest(nil), ds...))
	if len(rows) != 2 {
		t.Fatalf("%d rows", len(rows))
	}
	check(t, rows[0], "file_id=0", "flow_id=1", "flow_packets=4", "end_reason=eof")
	check(t, rows[1], "file_id=1", "flow_id=4294967297", "flow_packets=5", "end_reason=fin", "svc_flows=0")
	rows, _ = flowsOf(t, Config{Span: true}, ds)
	if len(rows) != 1 {
		t.Fatalf("%d rows", len(rows))
	}
	check(t, rows[0], "flow_packets=9", "last_packet=5", "conn_state=SF")
}

func TestEviction(t *testing.T) {
	var ds []Digest
	for i := range 10 {
		ds = append(ds, pkt(int64(i), fmt.Sprintf("10.0.0.1:%d>10.0.0.2:53", 1000+i), "", 5))
	}
	rows, s := flowsOf(t, Config{MaxFlows: 4}, ds)
	if len(rows) != 10 || s.Ended[endEvicted] != 6 || s.Ended[endEOF] != 4 {
		t.Fatalf("%d rows, %+v", len(rows), s)
	}
	check(t, rows[0], "end_reason=evicted", "src_port=1000")
}

func TestEarly(t *testing.T) {
	var early collector
	ds := append(connection(0), pkt(50, "10.0.0.9:1>10.0.0.2:53", "", 4))
	rows, _ := flowsOf(t, Config{Early: 4, EarlyRows: early.take}, ds)
	if len(rows) != 2 || len(early.rows) != 2 {
		t.Fatalf("%d rows, %d early", len(rows), len(early.rows))
	}
	check(t, early.rows[0], "end_reason=early", "flow_packets=4", "history=ShAD", "conn_state=S1")
	check(t, early.rows[1], "end_reason=eof", "flow_packets=1")
}

func TestEarlyByTime(t *testing.T) {
	var early collector
	ds := append(connection(0),
		pkt(10, "10.0.0.9:1>10.0.0.2:53", "", 4),   // is open for long
		pkt(3000, "10.0.0.9:1>10.0.0.2:53", "", 4), // too late for the view
		pkt(3000, "10.0.0.8:1>10.0.0.2:53", "", 4))
	slices.SortStableFunc(ds, func(a, b Digest) int { return cmp.Compare(a.Time, b.Time) })
	rows, _ := flowsOf(t, Config{EarlyTime: 20 * time.Millisecond, EarlyRows: early.take}, ds)
	if len(rows) != 3 || len(early.rows) != 3 {
		t.Fatalf("%d rows, %d early", len(rows), len(early.rows))
	}
	check(t, early.rows[0], "end_reason=early", "flow_packets=5", "history=ShADa", "src_port=4000") // 20 ms are inside
	check(t, early.rows[1], "end_reason=early", "flow_packets=1", "src_ip=10.0.0.9")
	check(t, early.rows[2], "end_reason=early", "flow_packets=1", "src_ip=10.0.0.8")
}

// The early rows are the same with a clock that runs along, and each flow has one.
func TestEarlyDoesNotDependOnTheClock(t *testing.T) {
	for seed := range uint64(6) {
		ds := randomDigests(seed, 400)
		now := int64(1.7e18)
		for i := range ds {
			now += int64(ds[i].Seq) * 50
			ds[i].Time = now
		}
		cfg := Config{Early: 3, EarlyTime: 30 * time.Second, MaxFlows: 6}
		run := func(clock bool) (early []map[string]string, flows int64) {
			var c collector
			cfg := cfg
			cfg.EarlyRows = c.take
			table := NewTable(cfg)
			for i := range ds {
				if clock {
					table.Advance(ds[i].Time)
					table.Flush()
				}
				table.Add(&ds[i])
			}
			if err := table.Finish(); err != nil {
				t.Fatal(err)
			}
			return c.rows, table.Stats().Flows
		}
		want, flows := run(false)
		got, _ := run(true)
		if !reflect.DeepEqual(got, want) {
			t.Fatal("the clock changes early rows")
		}
		if int64(len(want)) != flows {
			t.Fatalf("%d early rows of %d flows", len(want), flows)
		}
		seen := map[string]bool{}
		for _, row := range want {
			if row["end_reason"] == "early" && number(t, row, "flow_packets") > 3 || seen[row["flow_id"]] || number(t, row, "duration") > 30 {
				t.Fatalf("%v", row)
			}
			seen[row["flow_id"]] = true
		}
	}
}

// CICFlowMeter's bulks and subflows, and what else is of one direction.
func TestDirections(t *testing.T) {
	var ds []Digest
	for i := range 5 { // a bulk of 5 packets of 100 bytes in 40 ms
		ds = append(ds, pkt(int64(i)*10, down, "", 100))
	}
	ds = append(ds, pkt(50, up, "", 7))
	for i := range 3 { // no bulk: the fourth packet comes too late
		ds = append(ds, pkt(int64(60+i), down, "", 50))
	}
	ds = append(ds, pkt(2000, down, "", 50))
	for i := range 4 { // the fourth of this run makes a bulk of 4 × 20 bytes in 3 ms
		ds = append(ds, pkt(int64(5000+i), up, "", 20))
	}
	ds[5].TOS = 0xb8
	rows, _ := flowsOf(t, Config{Sequence: 6}, ds)
	check(t, rows[0], "src_ip=10.0.0.2", "subflows=3",
		"fwd_bulks=1", "fwd_bulk_packets_mean=5", "fwd_bulk_bytes_mean=500", "fwd_bulk_rate=12500", "fwd_duration=2",
		"bwd_bulks=1", "bwd_bulk_packets_mean=4", "bwd_bulk_bytes_mean=80", "bwd_duration=4.953", "bwd_ip_tos=184", "fwd_ip_tos=0",
		"fwd_subflow_packets_mean=3", "bwd_header_min=8", "fwd_ip_bytes=952", "flow_ip_bytes=1179",
		"splt_direction=0;0;0;0;0;1", "splt_size=100;100;100;100;100;-7")
}

func TestApplications(t *testing.T) {
	say := func(d Digest, a App) Digest {
		d.App = &a
		return d
	}
	rows, _ := flowsOf(t, Config{}, []Digest{
		say(pkt(0, up, "PA", 10), App{Name: "tls", TLSVersion: 0x304, SNI: "a.example.org", ALPN: "h2", JA3: "aa", JA4: "t13"}),
		say(pkt(1, down, "PA", 10), App{Name: "tls", TLSVersion: 0x303, ALPN: "http/1.1", JA3S: "bb"}),
		pkt(2, down, "PA", 10),
	})
	check(t, rows[0], "app_proto=tls", "tls_version=771", "tls_sni=a.example.org", "tls_sni_len=13", "tls_sni_labels=3",
		"tls_alpn=http/1.1", "tls_ja3=aa", "tls_ja3s=bb", "tls_ja4=t13", "http_requests=-", "quic_version=-", "ssh_client=-")

	long := strings.Repeat("x", maxText-1) + "é"
	rows, _ = flowsOf(t, Config{}, []Digest{
		say(pkt(0, up, "PA", 10), App{Name: "http", HTTPMethod: "GET", HTTPHost: "h", HTTPURI: "/abc", HTTPUserAgent: long}),
		say(pkt(1, down, "PA", 10), App{Name: "http", HTTPStatus: 200}),
		say(pkt(2, up, "PA", 10), App{Name: "http", HTTPMethod: "POST", HTTPURI: "/"}),
		say(pkt(3, down, "PA", 10), App{Name: "http", HTTPStatus: 404}),
		say(pkt(4, down, "PA", 10), App{Name: "http", HTTPStatus: 999}),
	})
	check(t, rows[0], "http_requests=2", "http_responses=3", "http_2xx=1", "http_4xx=1", "http_5xx=0", "http_status=200",
		"http_method=GET", "http_host=h", "http_uri=/abc", "http_uri_len_mean=2.5", "http_uri_len_max=4",
		"http_user_agent="+long[:maxText-1], "http_user_agent_len=254")

	rows, _ = flowsOf(t, Config{}, []Digest{
		say(pkt(0, "10.0.0.9:1>10.0.0.2:53", "", 30), App{Name: "dns", DNSName: "aabb"}),
		say(pkt(1, "10.0.0.9:1>10.0.0.2:53", "", 30), App{Name: "dns", DNSName: "aaaa\xff"}),
		say(pkt(2, "10.0.0.9:7>10.0.0.2:22", "PA", 30), App{Name: "ssh", SSHBanner: "SSH-2.0-a\xff"}),
		say(pkt(3, "10.0.0.2:22>10.0.0.9:7", "PA", 30), App{Name: "ssh", SSHBanner: "SSH-2.0-b"}),
	})
	check(t, rows[1], "ssh_client=SSH-2.0-a?", "ssh_server=SSH-2.0-b", "app_proto=ssh", "dns_first_name=-")
	check(t, rows[0], "dns_first_name=aabb")
}

// The entropy of texts is that of the definition.
func TestTextEntropy(t *testing.T) {
	for text, want := range map[string]float64{"": 0, "aaaa": 0, "ab": 1, "aabb": 1, "abcd": 2, "aaab": 0.8112781244591328} {
		if got := textEntropy(text); math.Abs(got-want) > 1e-12 {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestReceiverError(t *testing.T) {
	table := NewTable(Config{Rows: EachBatch(func(*schema.Batch) error { return fmt.Errorf("disk full") })})
	for _, d := range connection(0) {
		table.Add(&d)
	}
	if err := table.Finish(); err == nil || err.Error() != "disk full" {
		t.Error(err)
	}
}

func TestSchema(t *testing.T) {
	s := Schema()
	for _, f := range s {
		if f.Doc == "" || f.Name == "" {
			t.Errorf("%+v", f)
		}
	}
	for name, role := range map[string]schema.Role{
		"src_ip": schema.Identity, "dst_port": schema.Identity, "ts": schema.Time, "file_id": schema.Provenance,
		"flow_id": schema.Identity, "fwd_packets": schema.Feature, "fwd_ttl_min": schema.Identity,
	} {
		if i := s.Index(name); i < 0 || s[i].Role != role {
			t.Errorf("%s is not %q", name, role)
		}
	}
	t.Logf("%d columns", len(s))
}
