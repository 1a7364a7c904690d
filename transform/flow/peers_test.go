package flow_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/pcapline/pcapline/transform/pythontest"
	"github.com/pcapline/pcapline/transform/schema"
)

// volume is what a program counts between two endpoints: packets and bytes of
// frames from the first to the second and back.
type volume struct {
	packets, bytes [2]int64
	flows          int
	fragments      bool // known of our own only
}

func (v volume) total() [2]int64 {
	return [2]int64{v.packets[0] + v.packets[1], v.bytes[0] + v.bytes[1]}
}

// peerDifference is where another program counts something else, and why that
// is no error of ours.
type peerDifference struct {
	peer, why string
	expected  func(proto string, ours, theirs volume) bool
}

var peerDifferences = []peerDifference{
	{
		peer: "nfstream",
		why:  "It passes over the fragments of a datagram behind the first, and over no bytes else: less of each direction.",
		expected: func(_ string, ours, theirs volume) bool {
			return ours.fragments && theirs.packets[0] <= ours.packets[0] && theirs.packets[1] <= ours.packets[1] &&
				theirs.total()[0] < ours.total()[0]
		},
	},
	{
		peer: "argus",
		why:  "It takes the side of a fragmented ICMP message from its first record, not from each packet's addresses: the sum is ours, and tshark's conv,ip has our directions.",
		expected: func(proto string, ours, theirs volume) bool {
			return ours.fragments && proto == "1" && ours.total() == theirs.total()
		},
	},
}

// Packets and bytes between endpoints, each way, are those of nfstream and of
// argus with the same time-outs, but for the differences listed; and so is the
// number of UDP flows of nfstream, which ends flows by time alone and tells no
// ICMP messages apart.
func TestPeersCountTheSame(t *testing.T) {
	peers := map[string]func(t *testing.T, captures []string) []map[string]volume{"nfstream": nfstreamVolumes, "argus": argusVolumes}
	for name, volumes := range peers {
		t.Run(name, func(t *testing.T) {
			files := labFiles(t)
			if testing.Short() {
				files = files[:min(len(files), 4)]
			}
			var plain []string
			for _, file := range files {
				plain = append(plain, decompressed(t, file))
			}
			used := map[string]bool{}
			for i, theirs := range volumes(t, plain) {
				comparePeer(t, name, files[i], ourVolumes(t, files[i]), theirs, used)
			}
			for _, d := range peerDifferences {
				if d.peer == name && !used[d.why] && !testing.Short() {
					t.Errorf("this difference does not occur any more: %s", d.why)
				}
			}
		})
	}
}

func comparePeer(t *testing.T, peer, file string, ours, theirs map[string]volume, used map[string]bool) {
	t.Helper()
	if len(theirs) == 0 {
		t.Fatalf("%s: nothing to compare", file)
	}
	keys := map[string]bool{}
	for k := range ours {
		keys[k] = true
	}
	for k := range theirs {
		keys[k] = true
	}
	wrong := 0
	for k := range keys {
		a, b := ours[k], theirs[k]
		proto, _, _ := strings.Cut(k, " ")
		if a.packets == b.packets && a.bytes == b.bytes && (peer != "nfstream" || proto != "17" || a.flows == b.flows) {
			continue
		}
		if why := explained(peer, proto, a, b); why != "" {
			used[why] = true
			continue
		}
		if wrong++; wrong < 10 {
			t.Errorf("%s: %s: %+v, %s %+v", filepath.Base(file), k, a, peer, b)
		}
	}
}

func explained(peer, proto string, ours, theirs volume) string {
	for _, d := range peerDifferences {
		if d.peer == peer && d.expected(proto, ours, theirs) {
			return d.why
		}
	}
	return ""
}

// addVolume adds a flow to what is between its endpoints.
func addVolume(to map[string]volume, proto int, src, dst netip.AddrPort, packets, bytes [2]int64, fragments bool) {
	key, turned := convKey(proto, src, dst)
	v := to[key]
	for dir := range 2 {
		at := dir
		if turned {
			at = 1 - dir
		}
		v.packets[at] += packets[dir]
		v.bytes[at] += bytes[dir]
	}
	v.flows++
	v.fragments = v.fragments || fragments
	to[key] = v
}

func ourVolumes(t *testing.T, file string) map[string]volume {
	t.Helper()
	out := map[string]volume{}
	flowsOfFile(t, file, func(b *schema.Batch) {
		src, dst := schema.Walk[netip.Addr](b.Column("src_ip")), schema.Walk[netip.Addr](b.Column("dst_ip"))
		srcPort, dstPort := schema.Walk[uint16](b.Column("src_port")), schema.Walk[uint16](b.Column("dst_port"))
		proto, frags := schema.Walk[uint8](b.Column("ip_proto")), schema.Walk[uint32](b.Column("fragments"))
		var counts [4]schema.Cursor[int64]
		for i, name := range []string{"fwd_packets", "bwd_packets", "fwd_bytes", "bwd_bytes"} {
			counts[i] = schema.Walk[int64](b.Column(name))
		}
		for row := range b.Rows {
			p, ok := proto.At(row)
			if !ok {
				continue // ARP, which nfstream does not know
			}
			var n [4]int64
			for i := range counts {
				n[i], _ = counts[i].At(row)
			}
			a, _ := src.At(row)
			z, _ := dst.At(row)
			sp, _ := srcPort.At(row)
			dp, _ := dstPort.At(row)
			f, _ := frags.At(row)
			addVolume(out, int(p), netip.AddrPortFrom(a, sp), netip.AddrPortFrom(z, dp), [2]int64(n[:2]), [2]int64(n[2:]), f > 0)
		}
	})
	return out
}

// nfstreamVolumes runs nfstream.
func nfstreamVolumes(t *testing.T, captures []string) []map[string]volume {
	t.Helper()
	python := pythontest.Interpreter(t, "nfstream")
	raw, err := exec.Command(python, append([]string{"testdata/nfstream_flows.py"}, captures...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	byCapture := map[string]map[string]volume{}
	for _, r := range table(t, raw) {
		if byCapture[r[0]] == nil {
			byCapture[r[0]] = map[string]volume{}
		}
		n := numbers(t, r[6:10])
		addVolume(byCapture[r[0]], int(numbers(t, r[1:2])[0]), addrPort(t, r[2], r[3]), addrPort(t, r[4], r[5]),
			[2]int64(n[:2]), [2]int64(n[2:]), false)
	}
	var out []map[string]volume
	for _, c := range captures {
		out = append(out, byCapture[c])
	}
	return out
}

// argusVolumes runs argus and ra.
func argusVolumes(t *testing.T, captures []string) (out []map[string]volume) {
	t.Helper()
	for _, tool := range []string{"argus", "ra"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is not installed: make tools")
		}
	}
	for _, c := range captures {
		out = append(out, argusVolumesOf(t, c))
	}
	return out
}

// argusVolumesOf has argus write to a file: read from a pipe, ra drops the
// last flow.
func argusVolumesOf(t *testing.T, capture string) map[string]volume {
	t.Helper()
	file := filepath.Join(t.TempDir(), "argus")
	if text, err := exec.Command("argus", "-X", "-r", capture, "-w", file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	raw, err := exec.Command("ra", "-X", "-n", "-r", file, "-c", ",", "-s", "proto", "saddr", "sport", "daddr", "dport",
		"spkts", "dpkts", "sbytes", "dbytes", "-", "ip", "or", "ipv6").Output()
	if err != nil {
		t.Fatal(err)
	}
	numberOf := map[string]int{"tcp": 6, "udp": 17, "icmp": 1, "ipv6-icmp": 58, "igmp": 2}
	out := map[string]volume{}
	for _, r := range table(t, raw)[1:] {
		proto, ok := numberOf[r[0]]
		if !ok {
			t.Fatalf("protocol %q", r[0])
		}
		if proto != 6 && proto != 17 {
			r[2], r[4] = "0", "0" // ICMP type and code are in their places
		}
		n := numbers(t, r[5:9])
		addVolume(out, proto, addrPort(t, r[1], r[2]), addrPort(t, r[3], r[4]), [2]int64(n[:2]), [2]int64(n[2:]), false)
	}
	return out
}

func table(t *testing.T, raw []byte) [][]string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func numbers(t *testing.T, texts []string) []int64 {
	t.Helper()
	var out []int64
	for _, s := range texts {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

// decompressed gives a capture as tools can read it.
func decompressed(t *testing.T, file string) string {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	z, err := zstd.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	path := filepath.Join(t.TempDir(), strings.TrimSuffix(filepath.Base(file), ".zst"))
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, z)
	if err := errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}
