package layer

import (
	"path/filepath"
	"testing"

	"github.com/pcapline/pcapline/transform/flow"
)

// BenchmarkAppend decodes captures again and again, in batches as
// transform.Run does; the digest is filled as well.
func BenchmarkAppend(b *testing.B) {
	for _, name := range []string{"web_sqli", "dos_syn_flood", "tunnel_dns"} {
		b.Run(name, func(b *testing.B) { benchmarkAppend(b, name, Options{}) })
	}
}

func benchmarkAppend(b *testing.B, name string, opt Options) {
	packets := readCapture(b, filepath.Join(bundledLab, name+".pcapng.zst"))
	bytes := 0
	for i := range packets {
		bytes += len(packets[i].Data)
	}
	tab := NewTable(opt)
	var d flow.Digest
	pass := func() {
		for i := range packets {
			if tab.Batch().Rows == 8192 {
				tab.Reset()
			}
			tab.Append(&packets[i], 0, &d)
		}
		tab.Batch().Finish()
		tab.Reset()
	}
	pass() // grows the columns
	b.SetBytes(int64(bytes))
	b.ReportAllocs()
	for b.Loop() {
		pass()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(packets)), "ns/packet")
}

// TestAppendAllocatesNothing holds for columns that have grown to their size.
func TestAppendAllocatesNothing(t *testing.T) {
	packets := readCapture(t, filepath.Join(bundledLab, "tunnel_dns.pcapng.zst"))
	for _, name := range []string{"geneve", "vxlan", "various_gre", "forces1"} {
		packets = append(packets, readCapture(t, filepath.Join("testdata/tunnels", name+".pcap"))...)
	}
	tab := NewTable(Options{})
	pass := func() {
		for i := range packets {
			tab.Append(&packets[i], 0, nil)
		}
		tab.Reset()
	}
	pass()
	if n := testing.AllocsPerRun(3, pass); n > 0 {
		t.Errorf("%v allocations for %d packets", n, len(packets))
	}
}

// BenchmarkChecksum sums a segment that fills an Ethernet frame.
func BenchmarkChecksum(b *testing.B) {
	segment := make([]byte, 1480)
	b.SetBytes(int64(len(segment)))
	var sum uint16
	for b.Loop() {
		sum += onesSum(segment)
	}
	_ = sum
}
