package main

import (
	"fmt"
	"time"

	"github.com/pcapline/pcapline/transform"
	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"
)

// newProgress shows bytes, packets a second and the time left on a terminal,
// and nothing elsewhere or under --quiet. The returned function ends it.
func newProgress(c *cli.Context) (show func(transform.Progress), done func()) {
	if !isTerminal(c.App.ErrWriter) || c.Bool("quiet") {
		return nil, func() {}
	}
	var bar *progressbar.ProgressBar
	start := time.Now()
	show = func(p transform.Progress) {
		if bar == nil {
			bar = progressbar.NewOptions64(p.TotalBytes,
				progressbar.OptionSetWriter(c.App.ErrWriter), progressbar.OptionShowBytes(true),
				progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
				progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth())
		}
		rate := float64(p.Packets) / max(time.Since(start).Seconds(), 1e-3)
		bar.Describe(fmt.Sprintf("%d packets, %.0f packets/s", p.Packets, rate))
		_ = bar.Set64(p.Bytes) // a bar that cannot be drawn is no reason to stop
	}
	return show, func() {
		if bar != nil {
			_ = bar.Finish()
		}
	}
}
