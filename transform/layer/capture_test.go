package layer

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/pcapline/pcapline/pcapio"
)

// Captures that the tests read: the bundled ones, and those beside the
// repository where they are there.
const (
	bundledLab  = "../../testdata/lab"
	sharedLab   = "../../../shared/data/lab"
	sharedFiles = "../../../shared/data/captures"
	goldenMixed = "../../testdata/antinex/all_layers.pcap"
)

// readCapture returns the packets of a capture, with data of their own, up to
// its end or to where it is damaged.
func readCapture(t testing.TB, path string) []pcapio.Packet {
	t.Helper()
	r, err := pcapio.Open(path, pcapio.Options{})
	if err != nil {
		var format *pcapio.FormatError
		if errors.As(err, &format) {
			return nil
		}
		t.Fatal(err)
	}
	defer r.Close()
	var packets []pcapio.Packet
	for {
		var p pcapio.Packet
		if err := r.Next(&p); err != nil {
			var format *pcapio.FormatError
			if err != io.EOF && !errors.As(err, &format) {
				t.Fatal(err)
			}
			return packets
		}
		p.Data = bytes.Clone(p.Data)
		packets = append(packets, p)
	}
}

// plainCopy decompresses a capture to a file that any tool reads.
func plainCopy(t testing.TB, path string) string {
	t.Helper()
	if !strings.HasSuffix(path, ".zst") {
		return path
	}
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	z, err := zstd.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	name := filepath.Join(t.TempDir(), strings.TrimSuffix(filepath.Base(path), ".zst"))
	out, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, z); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

// decodeAll appends the packets to a new table.
func decodeAll(packets []pcapio.Packet) *Table {
	tab := NewTable(Options{})
	for i := range packets {
		tab.Append(&packets[i], 0, nil)
	}
	return tab
}
