package flow_test

import (
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/layer"
	"github.com/pcapline/pcapline/transform/schema"
)

// conv is what tshark -z conv says of a pair of endpoints: packets and bytes
// from the first to the second and back.
type conv struct {
	packets, bytes [2]int64
	unit           [2]float64 // what tshark rounded bytes to
}

// Packets and bytes of each conversation and direction are tshark's. Several
// flows of the same endpoints are one conversation here, because tshark and
// this package end TCP connections in different ways.
func TestConversationsAreTsharks(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed")
	}
	files := labFiles(t)
	if testing.Short() {
		files = files[:min(len(files), 3)]
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			ours, pairs, fragments := map[string]conv{}, map[string]conv{}, map[string]bool{}
			stats := flowsOfFile(t, file, func(b *schema.Batch) { collect(b, ours, pairs, fragments) })
			var nonFlow int64
			for _, n := range stats.NonFlow {
				nonFlow += n
			}
			if stats.Packets != stats.InFlows+nonFlow || stats.InFlows == 0 {
				t.Fatalf("ledger: %+v", stats)
			}
			theirs, theirPairs := tsharkConversations(t, file)
			compare(t, ours, theirs, fragments)
			compare(t, pairs, theirPairs, nil)
		})
	}
}

func compare(t *testing.T, ours, theirs map[string]conv, fragments map[string]bool) {
	t.Helper()
	wrong := 0
	for key, want := range theirs {
		got, ok := ours[key]
		if fragments[key] {
			continue // tshark has the ports of first fragments only, this package of all
		}
		if !ok || got.packets != want.packets || !near(got.bytes[0], want, 0) || !near(got.bytes[1], want, 1) {
			if wrong++; wrong < 10 {
				t.Errorf("%s: %v packets %v bytes, tshark %v %v", key, got.packets, got.bytes, want.packets, want.bytes)
			}
		}
	}
	for key := range ours {
		if _, ok := theirs[key]; !ok && !fragments[key] {
			if wrong++; wrong < 10 {
				t.Errorf("%s: not in tshark's list", key)
			}
		}
	}
	if len(theirs) == 0 {
		t.Error("nothing to compare")
	}
}

func near(got int64, want conv, dir int) bool {
	return math.Abs(float64(got-want.bytes[dir])) < max(want.unit[dir], 1)
}

// labFiles lists the bundled captures and, where they are, those of the lab.
func labFiles(t *testing.T) []string {
	t.Helper()
	files, _ := filepath.Glob("../../testdata/lab/*.pcapng.zst")
	if os.Getenv("PCAPLINE_LAB") != "" {
		more, _ := filepath.Glob("../../../shared/data/lab/*.pcapng.zst")
		files = append(files, more...)
	}
	if len(files) == 0 {
		t.Skip("no captures in testdata/lab")
	}
	return files
}

// flowsOfFile gives take the flows of a capture.
func flowsOfFile(t *testing.T, file string, take func(*schema.Batch)) flow.Stats {
	t.Helper()
	table := flow.NewTable(flow.Config{Rows: flow.EachBatch(func(b *schema.Batch) error {
		take(b)
		return nil
	})})
	r, err := pcapio.Open(file, pcapio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	decoder := layer.NewTable(layer.Options{Payload: layer.PayloadNone})
	var digest flow.Digest
	var p pcapio.Packet
	for {
		if err := r.Next(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		decoder.Append(&p, 0, &digest)
		table.Add(&digest)
		decoder.Reset()
	}
	if err := table.Finish(); err != nil {
		t.Fatal(err)
	}
	return table.Stats()
}

// collect adds flows to the conversations of their endpoints, if they have
// ports, and to those of their addresses, as pairs of port 0 and protocol 0.
func collect(b *schema.Batch, out, pairs map[string]conv, fragments map[string]bool) {
	src, dst := schema.Walk[netip.Addr](b.Column("src_ip")), schema.Walk[netip.Addr](b.Column("dst_ip"))
	srcPort, dstPort := schema.Walk[uint16](b.Column("src_port")), schema.Walk[uint16](b.Column("dst_port"))
	proto, frags := schema.Walk[uint8](b.Column("ip_proto")), schema.Walk[uint32](b.Column("fragments"))
	counts := [2][2]schema.Cursor[int64]{
		{schema.Walk[int64](b.Column("fwd_packets")), schema.Walk[int64](b.Column("bwd_packets"))},
		{schema.Walk[int64](b.Column("fwd_bytes")), schema.Walk[int64](b.Column("bwd_bytes"))},
	}
	for row := range b.Rows {
		p, ok := proto.At(row)
		sp, ports := srcPort.At(row)
		dp, _ := dstPort.At(row)
		if !ok {
			continue
		}
		var c conv
		for dir := range 2 {
			c.packets[dir], _ = counts[0][dir].At(row)
			c.bytes[dir], _ = counts[1][dir].At(row)
		}
		a, _ := src.At(row)
		z, _ := dst.At(row)
		c.addTo(pairs, 0, netip.AddrPortFrom(a, 0), netip.AddrPortFrom(z, 0))
		n, _ := frags.At(row)
		if ports && (p == 6 || p == 17) {
			key := c.addTo(out, int(p), netip.AddrPortFrom(a, sp), netip.AddrPortFrom(z, dp))
			fragments[key] = fragments[key] || n > 0
		}
	}
}

// addTo adds what went from a to b and back.
func (c conv) addTo(out map[string]conv, proto int, a, b netip.AddrPort) (key string) {
	key, turned := convKey(proto, a, b)
	sum := out[key]
	for dir := range 2 {
		to := dir
		if turned {
			to = 1 - dir
		}
		sum.packets[to] += c.packets[dir]
		sum.bytes[to] += c.bytes[dir]
		sum.unit[to] += c.unit[dir]
	}
	out[key] = sum
	return key
}

func convKey(proto int, a, b netip.AddrPort) (key string, turned bool) {
	if b.Compare(a) < 0 {
		a, b, turned = b, a, true
	}
	return fmt.Sprintf("%d %s %s", proto, a, b), turned
}

// A line of tshark -z conv: A <-> B, frames and bytes from B, from A, total.
var convLine = regexp.MustCompile(`^(\S+)\s+<->\s+(\S+)\s+(\d+) ([\d,]+) (\w+)\s+(\d+) ([\d,]+) (\w+)\s`)

// tsharkConversations gives those of TCP and UDP ports, and those of addresses.
func tsharkConversations(t *testing.T, file string) (out, pairs map[string]conv) {
	t.Helper()
	raw, err := exec.Command("tshark", "-r", file, "-q", "-o", "ip.defragment:FALSE",
		"-z", "conv,tcp", "-z", "conv,udp", "-z", "conv,ip", "-z", "conv,ipv6").Output()
	if err != nil {
		t.Fatal(err)
	}
	out, pairs = map[string]conv{}, map[string]conv{}
	number := 0
	for line := range strings.Lines(string(raw)) {
		switch strings.TrimSpace(line) {
		case "TCP Conversations":
			number = 6
		case "UDP Conversations":
			number = 17
		case "IPv4 Conversations", "IPv6 Conversations":
			number = 0
		}
		m := convLine.FindStringSubmatch(line)
		if m == nil {
			if strings.Contains(line, "<->") {
				t.Fatalf("not understood: %s", line)
			}
			continue
		}
		var c conv
		for i, at := range []int{6, 3} { // from A, from B
			bytes, _ := strconv.ParseInt(strings.ReplaceAll(m[at+1], ",", ""), 10, 64)
			unit, ok := map[string]float64{"bytes": 0, "byte": 0, "kB": 1e3, "MB": 1e6, "GB": 1e9}[m[at+2]]
			if !ok {
				t.Fatalf("unit %q", m[at+2])
			}
			c.packets[i], _ = strconv.ParseInt(m[at], 10, 64)
			c.bytes[i], c.unit[i] = bytes*int64(max(unit, 1)), unit
		}
		if number == 0 {
			c.addTo(pairs, 0, addrPort(t, m[1], "0"), addrPort(t, m[2], "0"))
			continue
		}
		a, b := strings.LastIndexByte(m[1], ':'), strings.LastIndexByte(m[2], ':')
		c.addTo(out, number, addrPort(t, m[1][:a], m[1][a+1:]), addrPort(t, m[2][:b], m[2][b+1:]))
	}
	return out, pairs
}

func addrPort(t *testing.T, addr, port string) netip.AddrPort {
	t.Helper()
	a, err := netip.ParseAddr(addr)
	if err != nil {
		t.Fatal(err)
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return netip.AddrPortFrom(a, uint16(p))
}
