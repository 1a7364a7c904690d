package antinex

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/pcapline/pcapline/pcapio"
)

// messagesOf keeps the messages of a capture.
func messagesOf(t testing.TB, path string) (list []*Message) {
	t.Helper()
	var d Dissector
	eachPacket(t, path, func(p *pcapio.Packet) {
		layers, reason := d.Dissect(p)
		if reason != "" {
			t.Fatal(p.Number, reason)
		}
		m := &Message{Created: Time(p.Time), Received: Time(p.Time), Source: "test"}
		for _, l := range layers {
			m.Layers = append(m.Layers, Layer{l.Name, append([]Field{}, l.Fields...)})
		}
		list = append(list, m)
	})
	return list
}

func record(t testing.TB, r *Recorder, list []*Message) {
	t.Helper()
	for _, m := range list {
		sent := *m
		if _, err := r.Message(&sent); err != nil {
			t.Fatal(err)
		}
	}
}

func newRecorder(t testing.TB, cfg Config) *Recorder {
	t.Helper()
	r, err := NewRecorder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSnapshots: after every packet the files are those of a run that ends
// there, as the original's are, which writes everything anew each time.
func TestSnapshots(t *testing.T) {
	dir := t.TempDir()
	list := messagesOf(t, filepath.Join(testdata, "all_layers.pcap"))
	list = append(list, list...)
	cfg := Config{CSV: filepath.Join(dir, "live.csv"), Archive: filepath.Join(dir, "live.json"), Every: 1}
	live := newRecorder(t, cfg)
	defer live.Abort()
	whole := Config{CSV: filepath.Join(dir, "whole.csv"), Archive: filepath.Join(dir, "whole.json")}
	for i := range list {
		record(t, live, list[i:i+1])
		r := newRecorder(t, whole)
		record(t, r, list[:i+1])
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		sameFile(t, cfg.CSV, whole.CSV)
		sameFile(t, cfg.Archive, whole.Archive)
	}
}

// TestSnapshotsAreAdded: once every kind of packet was seen, files are added to
// and not replaced; a file that somebody else changed is written anew.
func TestSnapshotsAreAdded(t *testing.T) {
	dir := t.TempDir()
	list := messagesOf(t, filepath.Join(testdata, "all_layers.pcap"))
	cfg := Config{CSV: filepath.Join(dir, "live.csv"), Archive: filepath.Join(dir, "live.json"), Every: int64(len(list))}
	r := newRecorder(t, cfg)
	defer r.Abort()
	stat := func() (files [2]os.FileInfo) {
		for i, path := range []string{cfg.CSV, cfg.Archive} {
			st, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			files[i] = st
		}
		return files
	}
	record(t, r, list)
	before := stat()
	record(t, r, list)
	after := stat()
	for i := range before {
		if !os.SameFile(before[i], after[i]) || after[i].Size() <= before[i].Size() {
			t.Errorf("%s was replaced", before[i].Name())
		}
	}
	if err := os.Truncate(cfg.CSV, 100); err != nil {
		t.Fatal(err)
	}
	record(t, r, list)
	if now := stat(); os.SameFile(now[0], after[0]) || now[0].Size() < after[0].Size() {
		t.Error("a file that was cut was added to")
	}
}

// TestRecorderLeavesNothing: what is hidden is gone in the end, and nothing is
// visible of a run that was given up.
func TestRecorderLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	list := messagesOf(t, filepath.Join(testdata, "all_layers.pcap"))
	r := newRecorder(t, Config{CSV: filepath.Join(dir, "a.csv"), Archive: filepath.Join(dir, "a.json"), Messages: filepath.Join(dir, "m.json")})
	record(t, r, list)
	r.Abort()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("%v is left: %v", entries, err)
	}
}

// TestEmptyRun: a run without packets has the columns that are always there.
func TestEmptyRun(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{CSV: filepath.Join(dir, "a.csv"), Messages: filepath.Join(dir, "m.json")}
	r := newRecorder(t, cfg)
	if reason, err := r.Message(&Message{Layers: []Layer{{Name: "llc"}}}); err != nil || reason != NoColumns {
		t.Errorf("a message without columns: %q, %v", reason, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		cfg.CSV:      "idx,arp_id,dns_id,eth_id,icmp_id,ip_id,ipvsix_id,pad_id,raw_id,tcp_id,udp_id\n",
		cfg.Messages: "{\n \"dataset\": \"netdata\",\n \"num_packets\": 0,\n \"packets\": []\n}",
	} {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", path, got, err, want)
		}
	}
}

// TestRecorderIsDeterministic: two runs give the same bytes, ids included.
func TestRecorderIsDeterministic(t *testing.T) {
	dir := t.TempDir()
	list := messagesOf(t, filepath.Join(testdata, "all_layers.pcap"))
	var files [2][]byte
	for i := range files {
		path := filepath.Join(dir, "a.json")
		r := newRecorder(t, Config{Archive: path})
		record(t, r, list)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		files[i], _ = os.ReadFile(path)
	}
	if !bytes.Equal(files[0], files[1]) || !bytes.Contains(files[0], []byte(`"id": "`)) {
		t.Error("two runs give two archives, or there are no ids")
	}
}
