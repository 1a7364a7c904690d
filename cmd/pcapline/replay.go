package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/replay"
	"github.com/pcapline/pcapline/pcapio/spool"
	"github.com/pcapline/pcapline/transform"
)

func replayCommand() *cli.Command {
	return &cli.Command{
		Name:      "replay",
		Usage:     "captures into a spool or onto an interface, with their own gaps",
		ArgsUsage: "FILE|DIR...",
		Description: "By default file after file; --merge puts the packets of all files in order of time. Onto an interface\n" +
			"packets are sent as they were captured: use one of your own, such as a veth pair's end.",
		UsageText: "pcapline replay --spool spool --speed max testdata/lab\n" +
			"pcapline replay -i veth0 --speed 10x capture.pcapng",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "spool", Aliases: []string{"w"}, Usage: "write into the spool `DIR`"},
			&cli.StringFlag{Name: "interface", Aliases: []string{"i"}, Usage: "send on `IFACE`"},
			&cli.StringFlag{Name: "speed", Value: "1x", Usage: "`FACTOR` of the original speed, such as 10x; max: no gaps"},
			&cli.StringFlag{Name: "shift", Usage: "`TIME` that the first packet gets: now, or in RFC 3339 (default: times stay)"},
			mergeFlag(),
			&cli.DurationFlag{Name: "max-gap", Usage: "shorten longer gaps to this `TIME`"},
			&cli.Int64Flag{Name: "count", Aliases: []string{"c"}, Usage: "stop after `N` packets"},
			&cli.StringFlag{Name: "sensor", Value: "replay", Usage: "`NAME` of the sensor in the segments' names"},
			&cli.StringSliceFlag{Name: "rotate", Aliases: []string{"b"}, Usage: "begin a new segment at `CRITERION`, as capture takes it (repeatable)"},
		}, quotaFlags()...),
		Action: replayAction,
	}
}

func replayOptions(c *cli.Context) (opt replay.Options, err error) {
	opt = replay.Options{Merge: c.Bool("merge"), MaxGap: c.Duration("max-gap"), Limit: c.Int64("count")}
	if opt.Speed, err = replay.ParseSpeed(c.String("speed")); err != nil {
		return opt, usage(err)
	}
	switch s := c.String("shift"); s {
	case "":
	case "now":
		opt.ShiftTo = time.Now().UnixNano()
	default:
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return opt, usagef("--shift: %q is neither now nor a time such as 2026-01-31T12:00:00Z", s)
		}
		opt.ShiftTo = t.UnixNano()
	}
	return opt, nil
}

func replayAction(c *cli.Context) error {
	dir, iface := c.String("spool"), c.String("interface")
	if c.NArg() == 0 || (dir == "") == (iface == "") {
		return usagef("replay: name the captures, and either a spool (--spool) or an interface (-i)")
	}
	opt, err := replayOptions(c)
	if err != nil {
		return err
	}
	paths, err := pcapio.Expand(c.Args().Slice())
	if err != nil {
		return err
	}
	sink, err := replaySink(c, dir, iface)
	if err != nil {
		return err
	}
	stats, err := replay.Run(c.Context, paths, sink, opt)
	if err := errors.Join(err, sink.Close()); err != nil {
		return err
	}
	if stats.Packets == 0 && len(stats.Damaged) > 0 {
		return fmt.Errorf("%w: %s", transform.ErrNothing, strings.Join(stats.Damaged, "\n"))
	}
	if err := summarise(c, stats, func(w io.Writer) { writeReplayed(w, stats) }); err != nil {
		return err
	}
	if len(stats.Damaged) > 0 {
		return damaged(errors.New(strings.Join(stats.Damaged, "\n")))
	}
	return nil
}

type closingSink interface {
	replay.Sink
	io.Closer
}

// replaySink opens where the packets go.
func replaySink(c *cli.Context, dir, iface string) (closingSink, error) {
	if iface != "" {
		return replay.OpenInterface(iface)
	}
	cfg := spool.Config{
		Dir: dir, Sensor: c.String("sensor"),
		Section: pcapio.Section{Application: "pcapline " + transform.Version},
		Notify:  func(e spool.Event) { logSpool(c, e) },
	}
	var err error
	if cfg.Rotation, err = spool.ParseRotation(c.StringSlice("rotate")...); err != nil {
		return nil, usage(err)
	}
	if cfg.Quota, err = quotaOf(c); err != nil {
		return nil, err
	}
	return replay.NewSpool(cfg), nil
}

func writeReplayed(w io.Writer, s replay.Stats) {
	var skipped int64
	for _, n := range s.Skipped {
		skipped += n
	}
	fmt.Fprintf(w, "%d packets of %d files = %d sent + %d skipped, in %s\n", s.Packets, s.Files, s.Sent, skipped, s.Elapsed.Round(time.Millisecond))
	for _, k := range slices.Sorted(maps.Keys(s.Skipped)) {
		fmt.Fprintf(w, "  skipped: %s: %d\n", k, s.Skipped[k])
	}
	if s.OutOfOrder > 0 {
		fmt.Fprintf(w, "  out of order: %d\n", s.OutOfOrder)
	}
}
