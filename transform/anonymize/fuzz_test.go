package anonymize

import (
	"testing"

	"github.com/pcapline/pcapline/pcapio"
)

// FuzzRewriter: whatever a packet holds, its copy is as long, is the same
// again, and has no address but the pseudonym of the original's.
func FuzzRewriter(f *testing.F) {
	for _, path := range bundled(f) {
		packets := readCapture(f, path)
		for i := range min(2, len(packets)) {
			p := &packets[i]
			f.Add(p.Data[:min(len(p.Data), 300)], uint16(p.LinkType), uint32(0))
		}
	}
	o := testOptions(f)
	r, or := newRewriter(o), newOracle(o)
	cut := *o
	cut.Mask = MaskCut
	c := newRewriter(&cut)
	f.Fuzz(func(t *testing.T, data []byte, link uint16, missing uint32) {
		was := pcapio.Packet{Data: data, LinkType: pcapio.LinkType(link), WireLen: uint32(len(data)) + missing%100_000}
		is := was
		is.Data = r.packet(nil, &was, 4*int(missing&1))
		if len(is.Data) != len(data) {
			t.Fatalf("%d bytes became %d", len(data), len(is.Data))
		}
		if again := r.packet(nil, &was, 4*int(missing&1)); string(again) != string(is.Data) {
			t.Fatal("the second time it is another packet")
		}
		if err := or.compare(&was, &is, false); err != nil {
			t.Fatal(err)
		}
		short := c.packet(nil, &was, 0)
		if len(short) > len(data) {
			t.Fatalf("cut to %d of %d bytes", len(short), len(data))
		}
	})
}

// BenchmarkRewriter measures packets of real traffic.
func BenchmarkRewriter(b *testing.B) {
	packets := readCapture(b, bundledLab+"/web_sqli.pcapng.zst")
	r := newRewriter(testOptions(b))
	var out []byte
	bytes := 0
	for i := range packets {
		bytes += len(packets[i].Data)
	}
	b.SetBytes(int64(bytes / len(packets)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		out = r.packet(out[:0], &packets[i%len(packets)], 0)
	}
}
