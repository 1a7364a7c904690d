package pcapio

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func inspectJSON(t testing.TB, path string) []byte {
	t.Helper()
	info, err := Inspect(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	info.Path = filepath.ToSlash(info.Path)
	b, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

func TestInspectGolden(t *testing.T) {
	for _, name := range []string{"vxlan.pcap", "suite_le_test202.pcapng", "suite_be_test102.pcapng"} {
		got := inspectJSON(t, filepath.Join("testdata", name))
		golden := filepath.Join("testdata", "info", name+".json")
		if *update {
			if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), string(got)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// What capinfos also says is the same.
func TestInspectLikeCapinfos(t *testing.T) {
	tool, err := exec.LookPath("capinfos")
	if err != nil {
		t.Skip("capinfos is not installed")
	}
	lab, err := Expand([]string{filepath.Join("..", "testdata", "lab"), filepath.Join("testdata", "vxlan.pcap")})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range lab {
		// packets, data size, duration, first, last, byte rate, average size, packet rate, SHA-256, order; times in seconds, no rounding
		out, err := exec.Command(tool, "-T", "-r", "-M", "-S", "-c", "-d", "-u", "-a", "-e", "-y", "-z", "-x", "-H", "-o", path).Output()
		if err != nil {
			t.Fatalf("capinfos %s: %v", path, err)
		}
		got := strings.Split(strings.TrimSpace(string(out)), "\t")
		info, err := Inspect(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		seconds := func(ns int64) string { return fmt.Sprintf("%d.%09d", ns/second, ns%second) }
		in := func(s string) bool { return strings.Contains("\t"+strings.Join(got, "\t")+"\t", "\t"+s) }
		for what, want := range map[string]string{
			"packets": fmt.Sprint(info.Packets), "wire bytes": fmt.Sprint(info.Wire), "SHA-256": info.SHA256,
			"first": seconds(info.First)[:17], "last": seconds(info.Last)[:17], "duration": seconds(info.Duration)[:8],
			"order": map[bool]string{true: "True", false: "False"}[info.InOrder], "average": fmt.Sprintf("%.2f", info.AveragePacket),
		} {
			if !in(want) {
				t.Errorf("%s: %s is %s, capinfos has %q", path, what, want, got)
			}
		}
	}
}

// A damaged capture is described up to the damage, and has its digest.
func TestInspectDamaged(t *testing.T) {
	file, ends := smallPcap(20)
	info, err := Inspect(writeFile(t, "x.pcap", file[:ends[9]+3]), Options{})
	formatError(t, err, ErrTruncated, 11, int64(ends[9]))
	if info.Packets != 10 || !info.Truncated || info.Damage != err.Error() || len(info.SHA256) != 64 || info.Size != int64(ends[9]+3) {
		t.Errorf("%+v", info)
	}
	if info, err := Inspect(writeFile(t, "y", []byte("text")), Options{}); info != nil || err == nil {
		t.Errorf("of a text file: %+v, %v", info, err)
	}
}

func TestInspectOrderAndTimes(t *testing.T) {
	g := ng{lowFirst}
	head := append(g.section(), g.iface(1, 0)...)
	for _, c := range []struct {
		name     string
		body     [][]byte
		order    bool
		untimed  int64
		duration int64
	}{
		{"no packets", nil, true, 0, 0},
		{"rising", [][]byte{g.enhanced(0, 5, nil), g.enhanced(0, 5, nil), g.enhanced(0, 9, nil)}, true, 0, 4000},
		{"falling", [][]byte{g.enhanced(0, 5, nil), g.enhanced(0, 3, nil)}, false, 0, 2000},
		{"untimed between", [][]byte{g.enhanced(0, 5, nil), g.simple(0, nil), g.enhanced(0, 6, nil)}, true, 1, 1000},
		{"untimed only", [][]byte{g.simple(0, nil)}, true, 1, 0},
		{"beyond all times", [][]byte{g.iface(1, 0, g.option(14, g.u64(1<<63))), g.enhanced(0, 1, nil), g.enhanced(1, 1, nil)}, false, 0, math.MaxInt64},
	} {
		file := head
		for _, b := range c.body {
			file = append(file[:len(file):len(file)], b...)
		}
		info, err := Inspect(writeFile(t, "x.pcapng", file), Options{})
		if err != nil {
			t.Fatal(c.name, err)
		}
		if info.InOrder != c.order || info.Untimed != c.untimed || info.Duration != c.duration {
			t.Errorf("%s: in order %v, untimed %d, duration %d", c.name, info.InOrder, info.Untimed, info.Duration)
		}
	}
}
