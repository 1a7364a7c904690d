package flow

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
)

func parseFloat(s string) (float64, error) { return strconv.ParseFloat(s, 64) }

// started is a flow of the oracle: one packet, perhaps an answer, in ns.
type started struct {
	time, answer     int64 // answer 0: none
	src, dst         byte
	port             uint16
	rst              bool
	bytes, downBytes int64
}

// The sliding windows agree with counting everything again for each flow.
func TestWindowsAgreeWithCounting(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	var flows []started
	var ds []Digest
	now := int64(1e12)
	for i := range 1500 {
		now += r.Int64N(150) * 1e6
		if r.IntN(50) == 0 {
			now += r.Int64N(30) * 1e9
		}
		s := started{time: now, src: byte(1 + r.IntN(4)), dst: byte(5 + r.IntN(6)), port: uint16(1 + r.IntN(8)), bytes: 42}
		way := fmt.Sprintf("10.0.0.%d:%d>10.0.0.%d:%d", s.src, 10000+i, s.dst, s.port)
		back := fmt.Sprintf("10.0.0.%d:%d>10.0.0.%d:%d", s.dst, s.port, s.src, 10000+i)
		d := pkt(0, way, "S", 0)
		d.Time = now
		ds = append(ds, d)
		if r.IntN(2) == 0 {
			now += r.Int64N(3) * 1e6
			s.answer, s.rst, s.downBytes = now, r.IntN(2) == 0, 42
			a := pkt(0, back, "SA", 0)
			if s.rst {
				a = pkt(0, back, "RA", 0)
			}
			a.Time = now
			ds = append(ds, a)
		}
		flows = append(flows, s)
	}
	rows, stats := flowsOf(t, Config{}, ds)
	if stats.ForgottenEvents+stats.ForgottenHosts+stats.ForgottenPairs+stats.ForgottenServices != 0 {
		t.Fatalf("%+v", stats)
	}
	byPort := map[string]map[string]string{}
	for _, row := range rows {
		byPort[row["src_port"]] = row
	}
	if len(byPort) != len(flows) {
		t.Fatalf("%d rows for %d flows", len(byPort), len(flows))
	}
	for i, f := range flows {
		row := byPort[strconv.Itoa(10000+i)]
		for name, want := range countAgain(flows[:i], f) {
			if got := number(t, row, name); got != want {
				t.Fatalf("flow %d: %s = %v, want %v", i, name, got, want)
			}
		}
	}
}

// countAgain counts what the windows of a flow hold.
func countAgain(earlier []started, f started) map[string]float64 {
	out := map[string]float64{}
	for w, length := range map[string]int64{"1s": 1e9, "10s": 10e9, "60s": 60e9} {
		inside := func(t int64) bool { return t > f.time-length }
		for role, host := range map[string]byte{"src_": f.src, "dst_": f.dst} {
			peers, ports := map[byte]bool{}, map[uint16]bool{}
			var n, rejected float64
			for _, e := range earlier {
				mine, peer := e.src, e.dst
				if role == "dst_" {
					mine, peer = e.dst, e.src
				}
				if mine != host {
					continue
				}
				if inside(e.time) {
					n++
					peers[peer], ports[e.port] = true, true
				}
				if e.rst && inside(e.answer) {
					rejected++
				}
			}
			out[role+w+"_flows"] = n
			out[role+w+"_peers"] = float64(len(peers))
			out[role+w+"_ports"] = float64(len(ports))
			out[role+w+"_rejected"] = rejected
		}
	}
	var n float64
	for _, e := range earlier {
		if e.src == f.src && e.dst == f.dst && e.port == f.port {
			n++
		}
	}
	out["svc_flows"] = n
	return out
}

// Bytes count in steps of a tick: exact but for what is that close to the
// window's edge.
func TestWindowBytes(t *testing.T) {
	var ds []Digest
	for i := range 100 { // 10 packets a second of 142 bytes
		ds = append(ds, pkt(int64(i)*100, "10.0.0.1:1>10.0.0.2:2", "", 100))
	}
	ds = append(ds, pkt(9950, "10.0.0.1:5>10.0.0.2:6", "", 0))
	rows, _ := flowsOf(t, Config{}, ds)
	check(t, rows[1], "src_1s_bytes_sent=1420", "src_10s_bytes_sent=14200", "src_60s_bytes_sent=14200",
		"dst_10s_bytes_received=14200", "src_10s_bytes_received=0", "svc_flows=0")
}

func TestUnansweredAndBeacon(t *testing.T) {
	var ds []Digest
	for i := range 5 {
		ds = append(ds,
			pkt(int64(i)*10000, fmt.Sprintf("10.0.0.1:%d>10.0.0.2:443", 100+i), "S", 0),
			pkt(int64(i)*10000+1, fmt.Sprintf("10.0.0.1:%d>10.0.0.3:%d", 200+i, i), "S", 0))
		ds = append(ds, pkt(int64(i)*10000+2, fmt.Sprintf("10.0.0.2:443>10.0.0.1:%d", 100+i), "SA", 0))
	}
	rows, _ := flowsOf(t, Config{}, ds)
	var last map[string]string
	for _, row := range rows {
		if row["src_port"] == "104" {
			last = row
		}
	}
	check(t, last, "svc_flows=4", "svc_flows_60s=4", "svc_gap=10", "svc_gap_mean=10", "svc_gap_std=0", "svc_gap_cv=0",
		"svc_bytes_mean=84", "src_60s_flows=8", "src_60s_unanswered_ratio=0.5", "src_60s_syn_ratio=1", "dst_60s_peers=1",
		"src_1s_flows=0", "src_1s_syn_ratio=-", "src_10s_flows=1", "src_10s_unanswered_ratio=0")
}

func TestMACWindows(t *testing.T) {
	ds := []Digest{
		arpPkt(0, 2, "10.0.0.9", "10.0.0.1", 1),
		arpPkt(5000, 2, "10.0.0.9", "10.0.0.1", 1),
		arpPkt(5500, 1, "10.0.0.1", "10.0.0.7", 1),
		pkt(5900, "10.0.0.1:1>10.0.0.2:2", "", 4), // from the same card
	}
	rows, _ := flowsOf(t, Config{}, ds)
	check(t, rows[len(rows)-1], "mac_1s_arp_replies=1", "mac_10s_arp_replies=2", "mac_1s_arp_requests=1", "src_arp_macs=1")
}
