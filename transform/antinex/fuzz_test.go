package antinex

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/pcapline/pcapline/pcapio"
)

// FuzzDissect: whatever a packet holds, there is a message or a reason, and a
// message's text reads back as the same message.
func FuzzDissect(f *testing.F) {
	eachPacket(f, filepath.Join(testdata, "all_layers.pcap"), func(p *pcapio.Packet) { f.Add(bytes.Clone(p.Data)) })
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0x4f, 0, 0, 60, 0, 0, 0, 0, 64, 6, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x94, 4, 0, 0, 0x83, 7, 4, 1, 1, 1, 1, 0, 1, 1})
	var d Dissector
	f.Fuzz(func(t *testing.T, data []byte) {
		layers, reason := d.Dissect(&pcapio.Packet{Data: data, LinkType: pcapio.LinkEthernet})
		if (len(layers) == 0) != (reason != "") && len(data) > 0 {
			t.Fatalf("%d layers, reason %q", len(layers), reason)
		}
		m := &Message{Layers: layers}
		text := m.appendJSON(nil, 0, " ")
		back, err := ReadArchive(bytes.NewReader(text)).Next()
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if again := back.appendJSON(nil, 0, " "); !bytes.Equal(again, text) {
			t.Fatalf("%s\nreads back as\n%s", text, again)
		}
	})
}

// FuzzArchive: whatever an archive holds, reading ends, and what was read can
// be recorded and read again.
func FuzzArchive(f *testing.F) {
	nested, err := os.ReadFile(filepath.Join(testdata, "all_layers.nested.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(nested[:2000])
	f.Add([]byte(`{"packets":[{"data":{"ip":{"a":1e3,"b":[{}],"c":{"d":null}}}}],"dataset":"x"}`))
	f.Add([]byte(`{"data":{"tcp":{"fields_options":{"SAck":[1,2]}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		table := &table{byName: map[string]int{}, spool: discardSpool(t)}
		defer table.spool.remove()
		a := ReadArchive(bytes.NewReader(data))
		for {
			m, err := a.Next()
			if err != nil {
				break
			}
			if _, err := table.add(m.Layers); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := table.spool.mark(); err != nil {
			t.Fatal(err)
		}
		l := table.layout()
		if _, err := table.write(io.Discard, &l, 0, 0); err != nil {
			t.Fatal(err)
		}
	})
}

func discardSpool(t *testing.T) *spool {
	s, err := newSpool(filepath.Join(t.TempDir(), "fuzz"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
