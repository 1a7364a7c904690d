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
			ours, fragments, stats := flowsOfFile(t, file)
			var nonFlow int64
			for _, n := range stats.NonFlow {
				nonFlow += n
			}
			if stats.Packets != stats.InFlows+nonFlow || stats.InFlows == 0 {
				t.Fatalf("ledger: %+v", stats)
			}
			compare(t, ours, tsharkConversations(t, file), fragments)
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

// flowsOfFile gives the flows of a capture by endpoints, with those that hold
// fragments.
func flowsOfFile(t *testing.T, file string) (map[string]conv, map[string]bool, flow.Stats) {
	t.Helper()
	out, fragments := map[string]conv{}, map[string]bool{}
	table := flow.NewTable(flow.Config{Rows: func(b *schema.Batch) error {
		collect(b, out, fragments)
		return nil
	}})
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
	return out, fragments, table.Stats()
}

func collect(b *schema.Batch, out map[string]conv, fragments map[string]bool) {
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
		if !ok || !ports || p != 6 && p != 17 {
			continue
		}
		a, _ := src.At(row)
		z, _ := dst.At(row)
		key, turned := convKey(int(p), netip.AddrPortFrom(a, sp), netip.AddrPortFrom(z, dp))
		c := out[key]
		for dir := range 2 {
			to := dir
			if turned {
				to = 1 - dir
			}
			n, _ := counts[0][dir].At(row)
			m, _ := counts[1][dir].At(row)
			c.packets[to] += n
			c.bytes[to] += m
		}
		out[key] = c
		if n, _ := frags.At(row); n > 0 {
			fragments[key] = true
		}
	}
}

func convKey(proto int, a, b netip.AddrPort) (key string, turned bool) {
	if b.Compare(a) < 0 {
		a, b, turned = b, a, true
	}
	return fmt.Sprintf("%d %s %s", proto, a, b), turned
}

// A line of tshark -z conv: A <-> B, frames and bytes from B, from A, total.
var convLine = regexp.MustCompile(`^(\S+):(\d+)\s+<->\s+(\S+):(\d+)\s+(\d+) ([\d,]+) (\w+)\s+(\d+) ([\d,]+) (\w+)\s`)

func tsharkConversations(t *testing.T, file string) map[string]conv {
	t.Helper()
	raw, err := exec.Command("tshark", "-r", file, "-q", "-o", "ip.defragment:FALSE", "-z", "conv,tcp", "-z", "conv,udp").Output()
	if err != nil {
		t.Fatal(err)
	}
	out, number := map[string]conv{}, 0
	for line := range strings.Lines(string(raw)) {
		switch strings.TrimSpace(line) {
		case "TCP Conversations":
			number = 6
		case "UDP Conversations":
			number = 17
		}
		m := convLine.FindStringSubmatch(line)
		if m == nil {
			if strings.Contains(line, "<->") {
				t.Fatalf("not understood: %s", line)
			}
			continue
		}
		key, turned := convKey(number, addrPort(t, m[1], m[2]), addrPort(t, m[3], m[4]))
		c := out[key]
		for i, at := range []int{8, 5} { // from A, from B
			to := i
			if turned {
				to = 1 - i
			}
			n, _ := strconv.ParseInt(m[at], 10, 64)
			bytes, _ := strconv.ParseInt(strings.ReplaceAll(m[at+1], ",", ""), 10, 64)
			unit, ok := map[string]float64{"bytes": 0, "byte": 0, "kB": 1e3, "MB": 1e6, "GB": 1e9}[m[at+2]]
			if !ok {
				t.Fatalf("unit %q", m[at+2])
			}
			c.packets[to] += n
			c.bytes[to] += bytes * int64(max(unit, 1))
			c.unit[to] += unit
		}
		out[key] = c
	}
	return out
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
