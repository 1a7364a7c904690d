package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/capture"
	"github.com/pcapline/pcapline/pcapio/spool"
	"github.com/pcapline/pcapline/transform"
)

// presets are the original's capture tools with its default filters; tcp has
// the ports of both its README (8080) and its code (8010).
var presets = []struct{ name, filter string }{
	{"arp", "arp"},
	{"icmp", "icmp"},
	{"tcp", "tcp and (port 80 or port 443 or port 8080 or port 8443 or port 8010)"},
	{"udp", "udp"},
	{"ssh", "tcp and port 22"},
	{"telnet", "tcp and port 23"},
}

func captureCommand() *cli.Command {
	var names []string
	for _, p := range presets {
		names = append(names, p.name)
	}
	return &cli.Command{
		Name:  "capture",
		Usage: "packets off interfaces into a spool of rotating pcapng segments",
		Description: "A segment is hidden while it is written and gets its name when it is whole. A full disk does not end the\n" +
			"capture: what is lost is counted, in the segment and at the end. SIGUSR1 prints statistics, SIGINT and\n" +
			"SIGTERM close the segment. CAP_NET_RAW is enough; root is given up after the sockets are open with --user.",
		UsageText: "pcapline capture -i lo -w spool -c 1000\n" +
			"pcapline capture -i eth0 -w spool -f 'tcp port 443' -b duration:60 -b filesize:100MB --quota 10GB --user nobody",
		Flags: append([]cli.Flag{
			&cli.StringSliceFlag{Name: "interface", Aliases: []string{"i"}, Usage: "capture on `IFACE` (repeatable, or comma-separated); any: all that are up", EnvVars: []string{"CAP_DEVICE"}},
			&cli.StringFlag{Name: "write", Aliases: []string{"w"}, Usage: "write into the spool `DIR`"},
			&cli.StringFlag{Name: "filter", Aliases: []string{"f"}, Usage: "keep packets that match `EXPR`, in pcap's filter language", EnvVars: []string{"NETWORK_FILTER"}},
			&cli.StringFlag{Name: "preset", Usage: "the filter of AntiNex's capture tool `NAME`: " + strings.Join(names, ", ")},
			&cli.IntFlag{Name: "snaplen", Aliases: []string{"s"}, Usage: "keep the first `BYTES` of each packet (default: all)"},
			&cli.Int64Flag{Name: "count", Aliases: []string{"c"}, Usage: "stop after `N` packets"},
			&cli.BoolFlag{Name: "promiscuous", Usage: "take frames for others, too"},
			&cli.StringFlag{Name: "ring", Usage: "`SIZE` of an interface's ring (default: 64MiB, and 8MiB each for any)"},
			&cli.IntFlag{Name: "fanout", Usage: "spread each interface over `N` rings and threads"},
			&cli.BoolFlag{Name: "keep-loopback-pairs", Usage: "keep both sights of each packet on the loopback interface"},
			&cli.StringFlag{Name: "user", Usage: "become `USER` once the sockets are open; a spool that there is not yet will be that user's"},
			&cli.StringFlag{Name: "sensor", Value: "sensor", Usage: "`NAME` of this sensor, in the segments' names"},
			&cli.StringSliceFlag{Name: "rotate", Aliases: []string{"b"}, Usage: "begin a new segment at `CRITERION`: duration:60, filesize:100MB, packets:N, interval:3600; files:N keeps N (repeatable)"},
		}, quotaFlags()...),
		Action: captureAction,
	}
}

func quotaFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "quota", Usage: "keep the spool below `SIZE`; what consumers have read is deleted first"},
		&cli.DurationFlag{Name: "max-age", Usage: "delete segments older than `TIME`"},
		&cli.StringFlag{Name: "min-free", Usage: "keep `SIZE` free on the file system"},
	}
}

func quotaOf(c *cli.Context) (spool.Quota, error) {
	q := spool.Quota{Age: c.Duration("max-age")}
	for _, size := range []struct {
		flag string
		to   *int64
	}{{"quota", &q.Bytes}, {"min-free", &q.MinFree}} {
		if s := c.String(size.flag); s != "" {
			n, err := spool.ParseSize(s, 1)
			if err != nil {
				return q, usagef("--%s: %v", size.flag, err)
			}
			*size.to = n
		}
	}
	return q, nil
}

// captureConfigs reads the flags.
func captureConfigs(c *cli.Context) (capture.Config, spool.Config, error) {
	cc := capture.Config{
		Filter: c.String("filter"), Snaplen: c.Int("snaplen"), Promiscuous: c.Bool("promiscuous"),
		Fanout: c.Int("fanout"), KeepLoopbackPairs: c.Bool("keep-loopback-pairs"),
		Notify: func(e capture.Event) {
			logger(c).Warn("interface", "event", string(e.Kind), "interface", e.Interface, "error", e.Err)
		},
	}
	sc := spool.Config{
		Dir: c.String("write"), Sensor: c.String("sensor"),
		Section: pcapio.Section{Application: "pcapline " + transform.Version},
		Hold:    true, // in the ring, which counts what it loses
		Notify:  func(e spool.Event) { logSpool(c, e) },
	}
	for _, s := range c.StringSlice("interface") {
		cc.Interfaces = append(cc.Interfaces, strings.Split(s, ",")...)
	}
	if len(cc.Interfaces) == 0 || sc.Dir == "" {
		return cc, sc, usagef("capture: name the interface (-i) and the spool (-w)")
	}
	if name := c.String("preset"); name != "" {
		if cc.Filter != "" {
			return cc, sc, usagef("capture: --preset and --filter are both given (NETWORK_FILTER is a filter, too)")
		}
		for _, p := range presets {
			if p.name == name {
				cc.Filter = p.filter
			}
		}
		if cc.Filter == "" {
			return cc, sc, usagef("capture: no preset %q", name)
		}
	}
	if s := c.String("ring"); s != "" {
		n, err := spool.ParseSize(s, 1)
		if err != nil {
			return cc, sc, usagef("--ring: %v", err)
		}
		cc.RingBytes = int(n)
	}
	var err error
	if sc.Rotation, err = spool.ParseRotation(c.StringSlice("rotate")...); err != nil {
		return cc, sc, usage(err)
	}
	sc.Quota, err = quotaOf(c)
	return cc, sc, err
}

func logSpool(c *cli.Context, e spool.Event) {
	log := logger(c).Info
	if e.Kind == spool.Stopped || e.Kind == spool.Failed {
		log = logger(c).Warn
	}
	log("spool", "event", string(e.Kind), "segment", e.Segment, "packets", e.Packets, "bytes", e.Bytes, "error", e.Err)
}

// captureSummary is what capture says at the end, and on SIGUSR1.
type captureSummary struct {
	Interfaces []interfaceSummary `json:"interfaces"`
	Spool      spool.Stats        `json:"spool"`
}

type interfaceSummary struct {
	Name string `json:"name"`
	capture.Stats
}

func captureAction(c *cli.Context) error {
	cc, sc, err := captureConfigs(c)
	if err != nil {
		return err
	}
	h, err := capture.Open(cc)
	if err != nil {
		return err
	}
	user := c.String("user")
	if user != "" {
		err := makeSpool(sc.Dir, user)
		if err == nil {
			err = capture.DropPrivileges(user)
		}
		if err != nil {
			return errors.Join(err, h.Close())
		}
	}
	sc.Interfaces = h.Interfaces()
	for i := range sc.Interfaces {
		sc.Interfaces[i].Filter = cc.Filter
	}
	sc.Counters = func(i int) spool.Counters {
		s := h.Stats(i)
		return spool.Counters{Received: s.Received, DroppedByInterface: s.DroppedByInterface, DroppedByOS: s.Dropped}
	}
	w, err := spool.Open(sc)
	if err != nil {
		if user != "" {
			err = fmt.Errorf("as user %s: %w", user, err)
		}
		return errors.Join(err, h.Close())
	}
	summary := func() *captureSummary {
		s := &captureSummary{Spool: w.Stats()}
		for i, iface := range h.Interfaces() {
			s.Interfaces = append(s.Interfaces, interfaceSummary{iface.Name, h.Stats(i)})
		}
		return s
	}
	stop := onStatisticsSignal(func() { writeCaptured(c.App.ErrWriter, summary()) })
	err = pump(c.Context, h, w, c.Int64("count"))
	stop()
	err = errors.Join(err, w.Close())
	sum := summary()
	err = errors.Join(err, h.Close(), summarise(c, sum, func(out io.Writer) { writeCaptured(out, sum) }))
	if err != nil { // a signal is how a capture ends: with it, too, this is a failure
		return &codedError{exitFailed, err}
	}
	return nil
}

// makeSpool makes a spool's folder, and those above it that are missing, for
// the user who is going to write there.
func makeSpool(dir, user string) error {
	uid, gid, err := capture.UserIDs(user)
	if err != nil {
		return err
	}
	var missing []string
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		if _, err := os.Lstat(d); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		missing = append(missing, d)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("make spool: %w", err)
	}
	for _, d := range missing {
		if err := os.Lchown(d, uid, gid); err != nil {
			return fmt.Errorf("make spool for user %s: %w", user, err)
		}
	}
	return nil
}

// pump moves packets from the ring to the spool until ctx ends or count is
// reached. While the spool's queue is full they stay in the ring; what the
// ring has no room for, the kernel counts, what the disk does not take, the spool.
func pump(ctx context.Context, h *capture.Handle, w *spool.Writer, count int64) error {
	var taken atomic.Int64
	err := h.Run(ctx, func(pkts []pcapio.Packet) error {
		done := false
		if count > 0 {
			n := taken.Add(int64(len(pkts)))
			if over := n - count; over >= 0 {
				pkts, done = pkts[:max(0, len(pkts)-int(over))], true
			}
		}
		if _, err := w.WriteBatch(pkts); err != nil && !errors.Is(err, spool.ErrDropped) {
			return err
		}
		if done {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) || errors.Is(err, context.Canceled) {
		return nil // as was asked for
	}
	return err
}

var errEnough = errors.New("enough packets")

// onStatisticsSignal calls f on SIGUSR1 until the returned function is called.
func onStatisticsSignal(f func()) (stop func()) {
	if statisticsSignal == nil {
		return func() {}
	}
	ch := make(chan os.Signal, 1)
	quit := make(chan struct{})
	signal.Notify(ch, statisticsSignal)
	go func() {
		for {
			select {
			case <-ch:
				f()
			case <-quit:
				return
			}
		}
	}()
	return func() { signal.Stop(ch); close(quit) }
}

func writeCaptured(w io.Writer, s *captureSummary) {
	for _, i := range s.Interfaces {
		fmt.Fprintf(w, "%s: %s\n", i.Name, i.Stats)
	}
	fmt.Fprintf(w, "spool: %d packets offered = %d written + %d dropped for the queue + %d dropped for the disk; %d segments\n",
		s.Spool.Offered, s.Spool.Written, s.Spool.DroppedQueue, s.Spool.DroppedDisk, s.Spool.Segments)
}
