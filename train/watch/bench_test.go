package watch

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/replay"
	"github.com/pcapline/pcapline/pcapio/spool"
)

// BenchmarkWatch scores the bundled captures from a spool, file after file;
// run it with -cpu 1.
func BenchmarkWatch(b *testing.B) {
	paths, err := pcapio.Expand([]string{lab})
	must(b, err)
	dir := filepath.Join(b.TempDir(), "spool")
	s := replay.NewSpool(spool.Config{Dir: dir, NoSync: true})
	sent, err := replay.Run(context.Background(), paths, s, replay.Options{Merge: true})
	must(b, err)
	must(b, s.Close())
	for _, kind := range []string{"early", "flows", "packets"} {
		path := model(b, kind)
		b.Run(kind, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w, err := Open(Options{Spool: dir, Model: path, Once: true, Scored: b.TempDir()})
				must(b, err)
				must(b, w.Run(context.Background()))
				if w.stats.Packets != sent.Sent {
					b.Fatalf("%d packets of %d", w.stats.Packets, sent.Sent)
				}
			}
			b.ReportMetric(float64(sent.Sent)*float64(b.N)/b.Elapsed().Seconds(), "packets/s")
		})
	}
}
