package antinex

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/pcapio"
)

// TestKamene: the messages of the lab captures are those that the original's
// converter makes of them on kamene. testdata/kamene.txt has their digests,
// which testdata/oracle.py wrote; a packet that differs is found by running
// both on a capture and comparing line by line.
func TestKamene(t *testing.T) {
	want, err := os.ReadFile("testdata/kamene.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(want)) {
		var name, digest string
		var packets int
		if _, err := fmt.Sscan(line, &name, &packets, &digest); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join("../../testdata/lab", name+".pcapng.zst")
			if name == "all_layers.pcap" {
				path = filepath.Join(testdata, name)
			} else if _, err := os.Stat(path); err != nil {
				if testing.Short() {
					t.Skip("one of the wider corpora's captures")
				}
				path = needShared(t, "lab/"+name+".pcapng.zst")
			}
			if n, got := messageDigest(t, path); n != packets || got != digest {
				t.Errorf("%d packets with messages of digest %s, kamene's are %d and %s", n, got, packets, digest)
			}
		})
	}
}

// messageDigest does what oracle.py does.
func messageDigest(t *testing.T, path string) (packets int, digest string) {
	var d Dissector
	h := sha256.New()
	var line []byte
	eachPacket(t, path, func(p *pcapio.Packet) {
		packets++
		line = line[:0]
		layers, _ := d.Dissect(p)
		data := Value{Kind: Map}
		for _, l := range layers {
			if prefixes[l.Name] != "" {
				data.Fields = set(data.Fields, l.Name, Value{Kind: Map, Fields: l.Fields})
			}
		}
		if len(data.Fields) == 0 {
			line = append(line, "null"...)
		} else {
			line = data.appendJSON(line, 0, "")
			line = bytes.ReplaceAll(bytes.ReplaceAll(line, []byte("\n"), nil), []byte(": "), []byte(":"))
		}
		h.Write(append(line, '\n'))
	})
	return packets, hex.EncodeToString(h.Sum(nil))
}
