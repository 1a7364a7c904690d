package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/pcapio/spool"
	"github.com/pcapline/pcapline/train/watch"
)

func watchCommand() *cli.Command {
	return &cli.Command{
		Name:  "watch",
		Usage: "score a spool while it grows, and raise alerts",
		Description: "Rows and scores are those that flows and score give for the same segments. An alert is a line of JSON:\n" +
			"score, class, flow with Community ID, the columns that speak most for it, segment and byte offset of its\n" +
			"first packet. Flows are scored once: early, if the model learned from early views, else as they end. A watch\n" +
			"that was stopped or killed goes on where it was; SIGINT and SIGTERM end it. A model file that is replaced is\n" +
			"taken at once, if it wants the same table.",
		UsageText: "pcapline watch --spool spool --model model.pcapline\n" +
			"pcapline watch --spool /var/lib/pcapline/eth0 --model model.pcapline --alerts alerts.jsonl --alerts syslog:///dev/log --scored scored --metrics localhost:9464\n" +
			"pcapline watch --spool spool --model model.pcapline --once --scored scored",
		Flags: append(watchPublishFlags(),
			&cli.StringFlag{Name: "spool", Usage: "follow the spool `DIR`"},
			&cli.StringFlag{Name: "model", Usage: "score with the model in `FILE`"},
			&cli.Float64Flag{Name: "threshold", Usage: "alert from the score `P` on, above 0 (default: the model's own threshold)"},
			&cli.StringFlag{Name: "state", Usage: "keep in `FILE` where to go on (default: .cursors/NAME.state in the spool; none with --once)"},
			&cli.StringFlag{Name: "name", Value: "watch", Usage: "`NAME` of the cursor in the spool: each consumer has its own"},
			&cli.DurationFlag{Name: "checkpoint", Usage: "write the state and the tables of scores every `TIME` (default: 1m)"},
			&cli.BoolFlag{Name: "once", Usage: "end when everything in the spool is scored, and end the flows that are open unless --state is given"},
			&cli.StringFlag{Name: "scored", Usage: "write everything scored into `DIR`, one Parquet table a checkpoint"},
			&cli.StringSliceFlag{Name: "alerts", Usage: "send alerts to `WHERE`: -, a file, syslog://HOST, syslog+tcp://HOST, syslog:///dev/log, http(s)://… (repeatable; default: -)"},
			&cli.DurationFlag{Name: "dedup", Usage: "send alerts of the same source, destination and class once in `TIME`; negative: all (default: 1m)"},
			&cli.Float64Flag{Name: "alert-rate", Usage: "send at most `N` alerts a second in the long run (default: 10)"},
			&cli.IntFlag{Name: "alert-burst", Usage: "and `N` at once (default: 100)"},
			&cli.StringFlag{Name: "metrics", Usage: "serve OpenMetrics at http://`ADDR`/metrics"},
			&cli.StringFlag{Name: "metrics-file", Usage: "write the metrics to `FILE`, for node_exporter's textfile collector (.prom)"},
			&cli.BoolFlag{Name: "tui", Usage: "show a dashboard on the terminal; alerts then go only where --alerts says"},
			&cli.BoolFlag{Name: "no-sandbox", Usage: "keep the right to all files; by default, where the kernel has Landlock, only spool, model and outputs stay"},
			&cli.StringFlag{Name: "shed-above", Usage: "pass over the oldest packets, unscored and counted, when more than `SIZE` of the spool waits (default: never)"},
		),
		Action: watchAction,
	}
}

func watchOptions(c *cli.Context) (watch.Options, error) {
	opt := watch.Options{
		Spool: c.String("spool"), Model: c.String("model"), Threshold: c.Float64("threshold"),
		State: c.String("state"), Consumer: c.String("name"), Checkpoint: c.Duration("checkpoint"), Once: c.Bool("once"),
		Scored: c.String("scored"), Dedup: c.Duration("dedup"), Rate: c.Float64("alert-rate"), Burst: c.Int("alert-burst"),
		Log: logger(c),
	}
	if opt.Spool == "" || opt.Model == "" || c.NArg() > 0 {
		return opt, usagef("watch: name the spool (--spool) and the model (--model), and nothing else")
	}
	if opt.State == "" && !opt.Once {
		opt.State = filepath.Join(opt.Spool, ".cursors", opt.Consumer+".state")
	}
	if err := notNegative(c, "checkpoint"); err != nil {
		return opt, err
	}
	if c.IsSet("threshold") && (opt.Threshold <= 0 || opt.Threshold > 1) || opt.Rate < 0 || opt.Burst < 0 {
		return opt, usagef("watch: a threshold is above 0 and at most 1, a rate is not negative")
	}
	if s := c.String("shed-above"); s != "" {
		n, err := spool.ParseSize(s, 1)
		if err != nil {
			return opt, usagef("--shed-above: %v", err)
		}
		opt.MaxLag = n
	}
	return opt, nil
}

// watchOutputs opens where alerts go.
func watchOutputs(c *cli.Context) ([]watch.Output, error) {
	where := c.StringSlice("alerts")
	if len(where) == 0 && !c.Bool("tui") {
		where = []string{"-"}
	}
	if c.Bool("tui") && slices.Contains(where, "-") {
		return nil, usagef("watch: --tui and alerts on standard output do not go together")
	}
	var outputs []watch.Output
	for _, s := range where {
		o, err := watch.ParseOutput(s, c.App.Writer)
		if err != nil {
			return nil, usagef("--alerts: %v", err)
		}
		outputs = append(outputs, o)
	}
	if slices.Contains(where, "-") {
		c.App.Writer = c.App.ErrWriter // alerts are the data, the summary is not
	}
	return outputs, nil
}

func watchAction(c *cli.Context) error {
	opt, err := watchOptions(c)
	if err != nil {
		return err
	}
	if opt.Outputs, err = watchOutputs(c); err != nil {
		return err
	}
	report, stop, err := watchMetrics(c)
	if err != nil {
		return err
	}
	defer stop()
	opt.Stats = report
	publish, err := watchPublish(c, opt.Scored) // before the sandbox: it reads secrets and certificates
	if err != nil {
		return err
	}
	if err := watchSandbox(c, opt); err != nil {
		return err
	}
	run := runWatch
	if c.Bool("tui") {
		run = watchDashboard
	}
	s, err := run(c, opt)
	publish()
	if err != nil {
		return err
	}
	if err := summarise(c, s, func(out io.Writer) { writeWatched(out, s) }); err != nil {
		return err
	}
	if s.Tail.Damaged+s.Tail.Missing > 0 {
		return damaged(fmt.Errorf("%d segments ended in something unreadable (%d bytes), %d were gone before they were read",
			s.Tail.Damaged, s.Tail.Skipped, s.Tail.Missing))
	}
	return nil
}

// watchSandbox leaves the watch the files that it is there for: it reads what
// strangers send.
func watchSandbox(c *cli.Context, opt watch.Options) error {
	if c.Bool("no-sandbox") {
		return nil
	}
	cursors := filepath.Join(opt.Spool, ".cursors")
	writable := []string{cursors}
	for _, dir := range []string{cursors, opt.Scored} {
		if dir == "" || opt.State == "" && dir == cursors {
			continue
		}
		if _, err := os.Stat(opt.Spool); err != nil {
			return fmt.Errorf("watch: %w", err) // a consumer does not make a spool
		}
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
	}
	for _, o := range opt.Outputs {
		if file := o.String(); file != "-" && !strings.Contains(file, "://") {
			writable = append(writable, filepath.Dir(file))
		}
	}
	for _, file := range []string{opt.State, c.String("metrics-file")} {
		if file != "" {
			writable = append(writable, filepath.Dir(file))
		}
	}
	if opt.Scored != "" {
		writable = append(writable, opt.Scored)
	}
	if c.String("publish") != "" {
		writable = append(writable, publishQueue(c, opt.Scored))
	}
	readable := []string{opt.Spool, filepath.Dir(opt.Model)}
	if target, err := filepath.EvalSymlinks(opt.Model); err == nil {
		readable = append(readable, filepath.Dir(target))
	}
	return sandbox(readable, writable)
}

func runWatch(c *cli.Context, opt watch.Options) (*watch.Stats, error) {
	w, err := watch.Open(opt)
	if err != nil {
		return nil, err
	}
	if err := w.Run(c.Context); err != nil {
		return nil, &codedError{exitFailed, err} // a signal is how a watch ends: with it, too, this is a failure
	}
	return w.Stats(), nil
}

func writeWatched(w io.Writer, s *watch.Stats) {
	fmt.Fprintf(w, "packets %d = decoded %d + shed %d; lost before the spool %d\n", s.Packets, s.Packets-s.Shed, s.Shed, s.Tail.Dropped)
	fmt.Fprintf(w, "scored %d rows; alerts %d = sent %d + alike %d + above the rate %d\n",
		s.Rows, s.Alerts, s.Sent, s.Suppressed["duplicate"], s.Suppressed["rate"])
	fmt.Fprintf(w, "at %s, %d bytes behind; %d flows open\n", cmp.Or(s.Segment, "no segment"), s.LagBytes, s.OpenFlows)
}
