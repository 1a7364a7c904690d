package flow

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"

	"github.com/pcapline/pcapline/transform/schema"
)

// mix is packets of 2,000 connections that run beside each other, 20 packets
// each, begun by and by.
func mix() []Digest {
	const width, length = 200, 20
	var ds []Digest
	now := int64(1.7e18)
	for block := range 10 {
		for p := range length {
			for c := range width {
				way := fmt.Sprintf("10.0.%d.%d:%d>10.1.0.%d:443", block, c, 2000+c, c%17)
				back := fmt.Sprintf("10.1.0.%d:443>10.0.%d.%d:%d", c%17, block, c, 2000+c)
				d := pkt(0, way, "A", uint32(p*40))
				switch {
				case p == 0:
					d = pkt(0, way, "S", 0)
				case p == 1:
					d = pkt(0, back, "SA", 0)
				case p == length-2:
					d = pkt(0, way, "FA", 0)
				case p == length-1:
					d = pkt(0, back, "FA", 0)
				case p%2 == 1:
					d = pkt(0, back, "A", 1400)
				}
				now += 20e3
				d.Time, d.Number = now, int64(len(ds)+1)
				ds = append(ds, d)
			}
		}
	}
	return ds
}

// Time and bytes of frames for packets of ordinary connections.
func BenchmarkMix(b *testing.B) {
	ds := mix()
	var bytes int64
	for i := range ds {
		bytes += int64(ds[i].WireLen)
	}
	rows := 0
	table := NewTable(Config{Rows: EachBatch(func(batch *schema.Batch) error { rows += batch.Rows; return nil })})
	span := ds[len(ds)-1].Time - ds[0].Time + 10e9
	b.SetBytes(bytes / int64(len(ds)))
	b.ReportAllocs()
	b.ResetTimer()
	shift := int64(0)
	for i := 0; i < b.N; i++ {
		k := i % len(ds)
		if k == 0 {
			shift += span
		}
		d := ds[k]
		d.Time += shift
		table.Add(&d)
	}
	b.ReportMetric(float64(rows)/float64(b.N), "rows/op")
}

// Each packet is another 5-tuple, all to one target: the table is at its cap
// and every packet evicts a flow and makes a row.
func BenchmarkSYNFlood(b *testing.B) {
	table := NewTable(Config{Rows: EachBatch(func(*schema.Batch) error { return nil })})
	d := pkt(0, up, "S", 0)
	for i := range 600_000 {
		flood(&d, i)
		table.Add(&d)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		flood(&d, 600_000+i)
		table.Add(&d)
	}
}

func flood(d *Digest, i int) {
	d.Time += 10e3
	d.Src = netip.AddrFrom4([4]byte{byte(i >> 22), byte(i >> 14), byte(i >> 6), byte(i)})
	d.SrcPort = uint16(i)
}

func BenchmarkReorder(b *testing.B) {
	ds := mix()
	table := NewTable(Config{Rows: EachBatch(func(*schema.Batch) error { return nil }), Reorder: 10e6})
	b.ReportAllocs()
	b.ResetTimer()
	shift := int64(0)
	for i := 0; i < b.N; i++ {
		k := i % len(ds)
		if k == 0 {
			shift += ds[len(ds)-1].Time - ds[0].Time + 10e9
		}
		d := ds[k]
		d.Time += shift
		table.Add(&d)
	}
}

// Saving and restoring some open flows; ns/flow is the way there and back.
func BenchmarkSaveAndRestore(b *testing.B) {
	table := NewTable(Config{})
	d := pkt(0, up, "S", 0)
	const flows = 5000
	for i := range flows {
		flood(&d, i)
		table.Add(&d)
	}
	var file bytes.Buffer
	for b.Loop() {
		file.Reset()
		if err := table.Save(&file, nil); err != nil {
			b.Fatal(err)
		}
		if _, _, err := Restore(bytes.NewReader(file.Bytes()), Config{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/flows, "ns/flow")
	b.ReportMetric(float64(file.Len())/flows, "B/flow")
}
