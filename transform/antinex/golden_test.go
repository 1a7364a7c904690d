package antinex

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/pcapline/pcapline/pcapio"
)

const testdata = "../../testdata/antinex"

// shared is where wider corpora lie, for those who have them.
const shared = "../../../shared/data"

// needShared skips a test that needs a file of the wider corpora.
func needShared(t testing.TB, path string) string {
	t.Helper()
	path = filepath.Join(shared, path)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("wider corpora are not here: %v", err)
	}
	return path
}

// eachPacket reads a capture.
func eachPacket(t testing.TB, path string, f func(*pcapio.Packet)) {
	t.Helper()
	r, err := pcapio.Open(path, pcapio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		b, err := r.NextBlock()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Packets {
			f(&b.Packets[i])
		}
		b.Release()
	}
}

// sameFile fails at the first byte in which two files differ.
func sameFile(t testing.TB, got, want string) {
	t.Helper()
	a, err := os.ReadFile(got)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(a, b) {
		return
	}
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	from, show := max(n-60, 0), func(s []byte) []byte { return s[min(max(n-60, 0), len(s)):min(n+60, len(s))] }
	t.Fatalf("%s (%d bytes) and %s (%d bytes) differ at byte %d; from %d on\n got: %q\nwant: %q", got, len(a), want, len(b), n, from, show(a), show(b))
}

// TestAllLayers: the capture with every layer gives the messages and the table
// that the original's converter and processor made of it.
func TestAllLayers(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{
		CSV: filepath.Join(dir, "flat.csv"), Messages: filepath.Join(dir, "nested.json"),
		Source: "golden", Created: "2018-01-01 00:00:00",
	}
	r, err := NewRecorder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	eachPacket(t, filepath.Join(testdata, "all_layers.pcap"), func(p *pcapio.Packet) {
		if reason, err := r.Packet(p); err != nil || reason != "" {
			t.Fatal(p.Number, reason, err)
		}
	})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	sameFile(t, cfg.Messages, filepath.Join(testdata, "all_layers.nested.json"))
	sameFile(t, cfg.CSV, filepath.Join(testdata, "all_layers.flat.csv"))
}
