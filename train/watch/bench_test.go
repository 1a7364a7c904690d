//go:build unix

package watch

import (
	"context"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/replay"
	"github.com/pcapline/pcapline/pcapio/spool"
)

// BenchmarkWatch scores the bundled captures four times from a spool, 514,600
// packets, with and without a table of all scores; run it with -cpu 1. The figure
// is of CPU time, user and system, so that other work on the machine counts little.
func BenchmarkWatch(b *testing.B) {
	paths, err := pcapio.Expand([]string{lab})
	must(b, err)
	dir := filepath.Join(b.TempDir(), "spool")
	var sent int64
	for hour := range int64(4) {
		s := replay.NewSpool(spool.Config{Dir: dir, NoSync: true})
		stats, err := replay.Run(context.Background(), paths, s, replay.Options{Merge: true, ShiftTo: (1 + hour) * int64(time.Hour)})
		must(b, err)
		must(b, s.Close())
		sent += stats.Sent
	}
	for _, kind := range []string{"early", "flows", "packets"} {
		path := model(b, kind)
		for _, out := range []string{"", b.TempDir()} {
			name := kind
			if out != "" {
				name += "+scored"
			}
			b.Run(name, func(b *testing.B) {
				before := cpuSeconds(b)
				for b.Loop() {
					w, err := Open(Options{Spool: dir, Model: path, Once: true, Scored: out})
					must(b, err)
					must(b, w.Run(context.Background()))
					if w.stats.Packets != sent {
						b.Fatalf("%d packets of %d", w.stats.Packets, sent)
					}
				}
				b.ReportMetric(float64(sent)*float64(b.N)/(cpuSeconds(b)-before), "packets/CPU-s")
			})
		}
	}
}

func cpuSeconds(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
