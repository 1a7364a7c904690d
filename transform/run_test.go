package transform_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/source"
)

// lab gives captures of the bundled lab, in the order of the run.
func lab(names ...string) []string {
	for i, n := range names {
		names[i] = filepath.Join("..", "testdata", "lab", n+".pcapng.zst")
	}
	return names
}

func tables(dir string) (packets, flows transform.Output) {
	return transform.Output{Path: filepath.Join(dir, "packets.parquet")}, transform.Output{Path: filepath.Join(dir, "flows.parquet")}
}

func TestBytesDoNotDependOnWorkers(t *testing.T) {
	inputs := lab("dos_frag", "scan_sweep", "scan_udp", "web_xss")
	var want [2][]byte
	for _, workers := range []int{1, 2, 7} {
		dir := t.TempDir()
		opt := transform.Options{Inputs: inputs, Workers: workers, UnitRows: 1000}
		opt.Packets, opt.Flows = tables(dir)
		res, err := transform.Run(context.Background(), opt)
		if err != nil {
			t.Fatal(err)
		}
		if res.Ledger.PacketsIn != 8128 || res.Ledger.Rows != 8128 {
			t.Errorf("%d workers: %d packets, %d rows, want 8128", workers, res.Ledger.PacketsIn, res.Ledger.Rows)
		}
		for i, o := range []transform.Output{opt.Packets, opt.Flows} {
			got, err := os.ReadFile(o.Path)
			if err != nil {
				t.Fatal(err)
			}
			if want[i] == nil {
				want[i] = got
			}
			if !bytes.Equal(got, want[i]) {
				t.Errorf("%d workers: %s has other bytes than with 1", workers, filepath.Base(o.Path))
			}
		}
	}
}

// TestUnitsDoNotChangeRows cuts the input at other places; the rows stay.
func TestUnitsDoNotChangeRows(t *testing.T) {
	var want []byte
	for _, opt := range []transform.Options{{}, {UnitRows: 1}, {UnitRows: 700}, {UnitSize: 10_000}} {
		opt.Inputs = lab("scan_udp", "web_xss")
		opt.Reader.BlockPackets = 113
		opt.Packets.Path = filepath.Join(t.TempDir(), "packets.csv")
		if _, err := transform.Run(context.Background(), opt); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(opt.Packets.Path)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("units of %d packets, %d bytes give other rows", opt.UnitRows, opt.UnitSize)
		}
	}
}

func TestDamageIsNamedAndTheRestKept(t *testing.T) {
	dir := t.TempDir()
	whole, err := os.ReadFile(filepath.Join("..", "testdata", "antinex", "all_layers.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	opt := transform.Options{Inputs: []string{
		write("a_torn.pcap", whole[:len(whole)-10]), write("b_whole.pcap", whole), write("c_text.pcap", []byte("a letter")),
	}}
	opt.Packets, opt.Flows = tables(dir)
	res, err := transform.Run(context.Background(), opt)
	if !errors.Is(err, transform.ErrDamaged) {
		t.Fatalf("error %v, want ErrDamaged", err)
	}
	l := res.Ledger
	if l.Files != 1 || l.Rows != 26+27 || len(l.Damaged) != 2 {
		t.Errorf("%d sound files, %d rows, %d damaged; want 1, 53, 2", l.Files, l.Rows, len(l.Damaged))
	}
	if d := l.Damaged[0]; d.File != "a_torn.pcap" || d.Packets != 26 || !strings.Contains(d.Error, "packet 27 at byte ") {
		t.Errorf("the torn file is named as %+v", d)
	}
	tab, err := source.Open(opt.Packets.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer tab.Close()
	if in, err := transform.Captures(tab.Metadata()); err != nil || len(in) != 3 || in[1].SHA256 == "" || in[1].Packets != 27 {
		t.Errorf("the table's captures are %+v, %v", in, err)
	}
}

func TestNothingReadableLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pcap")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	opt := transform.Options{Inputs: []string{empty}}
	opt.Packets, opt.Flows = tables(dir)
	if _, err := transform.Run(context.Background(), opt); !errors.Is(err, transform.ErrNothing) {
		t.Errorf("error %v, want ErrNothing", err)
	}
	leftOnly(t, dir, "empty.pcap")
}

func TestCancelledLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	opt := transform.Options{Inputs: lab("dos_syn_flood", "scan_udp"), UnitRows: 500}
	opt.Packets, opt.Flows = tables(dir)
	opt.Progress = func(transform.Progress) { cancel() }
	if _, err := transform.Run(ctx, opt); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	leftOnly(t, dir)
}

func leftOnly(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("left behind: %v, want %v", got, names)
	}
}

func TestLedgerFindsWhatIsLost(t *testing.T) {
	sound := transform.Ledger{PacketsIn: 5, Rows: 3, Skipped: map[string]int64{"filter": 2}}
	if err := sound.Check(); err != nil {
		t.Error(err)
	}
	lost := sound
	lost.Rows = 2
	if lost.Check() == nil {
		t.Error("a lost row is not found")
	}
	lost = sound
	lost.InFlows, lost.NonFlow = 1, map[string]int64{"not_ip": 1}
	if lost.Check() == nil {
		t.Error("a packet in no flow and under no reason is not found")
	}
}

func TestCaptureNames(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"/data/a/x.pcap /data/a/y.pcap", "x.pcap y.pcap"},
		{"/data/a/x.pcap /data/b/x.pcap", "a/x.pcap b/x.pcap"},
		{"x.pcap", "x.pcap"},
		{"lab/x.pcap ./lab/sub/y.pcap", "x.pcap sub/y.pcap"},
		{"-", "-"},
	} {
		if got := strings.Join(transform.CaptureNames(strings.Fields(c.in)), " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.in, got, c.want)
		}
	}
}
