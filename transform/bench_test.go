package transform_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/layer"
)

// BenchmarkRun makes tables of one plain capture, beside a walk of its record
// headers, which is the limit for every reader. PCAPLINE_BENCH names the
// capture; without it the bundled lab's are put one behind another.
func BenchmarkRun(b *testing.B) {
	path := os.Getenv("PCAPLINE_BENCH")
	if path == "" {
		path = benchCapture(b)
	}
	packets := walk(b, path)
	st, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	bench := func(name string, f func() int64) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(st.Size())
			for b.Loop() {
				if n := f(); n != packets {
					b.Fatalf("%d packets, want %d", n, packets)
				}
			}
			b.ReportMetric(float64(packets)*float64(b.N)/b.Elapsed().Seconds(), "packets/s")
		})
	}
	run := func(opt transform.Options) func() int64 {
		return func() int64 {
			opt.Inputs = []string{path}
			res, err := transform.Run(context.Background(), opt)
			if err != nil {
				b.Fatal(err)
			}
			return res.Ledger.PacketsIn
		}
	}
	table := transform.Output{Path: filepath.Join(b.TempDir(), "t.parquet")}
	bench("walk", func() int64 { return walk(b, path) })
	bench("packets/no-payload", run(transform.Options{Packets: table, Layer: layer.Options{Payload: layer.PayloadNone}}))
	bench("packets/payload", run(transform.Options{Packets: table}))
	bench("packets/payload/1-worker", run(transform.Options{Packets: table, Workers: 1}))
	bench("flows", run(transform.Options{Flows: table}))
}

// walk reads a capture's record headers and nothing else.
func walk(b *testing.B, path string) (packets int64) {
	r, err := pcapio.Open(path, pcapio.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	for {
		block, err := r.NextBlock()
		if err == io.EOF {
			return packets
		}
		if err != nil {
			b.Fatal(err)
		}
		packets += int64(len(block.Packets))
		block.Release()
	}
}

// benchCapture writes the bundled captures' packets to one plain pcapng file.
func benchCapture(b *testing.B) string {
	captures, err := filepath.Glob(filepath.Join("..", "testdata", "lab", "*.pcapng.zst"))
	if err != nil || len(captures) == 0 {
		b.Fatal("no bundled captures: ", err)
	}
	path := filepath.Join(b.TempDir(), "lab.pcapng")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	ethernet := pcapio.Interface{LinkType: pcapio.LinkEthernet, TicksPerSecond: 1e9}
	w, err := pcapio.NewWriter(f, pcapio.WriterOptions{}, ethernet)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range captures {
		r, err := pcapio.Open(c, pcapio.Options{})
		if err != nil {
			b.Fatal(err)
		}
		var p pcapio.Packet
		for r.Next(&p) == nil {
			p.Interface = 0
			if err := w.Write(&p); err != nil {
				b.Fatal(err)
			}
		}
		r.Close()
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}
