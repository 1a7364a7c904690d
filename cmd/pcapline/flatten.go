package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features/label"
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/sink"
)

// Flag groups that several commands share.

func workersFlag() cli.Flag {
	return &cli.IntFlag{Name: "workers", Aliases: []string{"j"}, Usage: "decode with `N` goroutines (0: one a core)", EnvVars: []string{"PCAPLINE_WORKERS"}}
}

func mergeFlag() cli.Flag {
	return &cli.BoolFlag{Name: "merge", Usage: "take the packets of all captures in order of time; flows then go across captures"}
}

func truthFlag() cli.Flag {
	return &cli.StringFlag{Name: "truth", Usage: "label rows by the rules in `FILE`"}
}

func outputFlag(usage string) cli.Flag {
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: usage}
}

func tableFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "format", Usage: "`FORMAT` of the table: " + strings.Join(formatNames(), ", ") + " (default: by the file's ending)"},
		&cli.StringFlag{Name: "compression", Usage: "`CODEC` of the table, with a level where it has one (" + compressionNames() + ")"},
		&cli.StringSliceFlag{Name: "bloom", Usage: "Parquet: a bloom filter for `COLUMN` (repeatable)"},
		&cli.StringSliceFlag{Name: "nprint", Usage: "nPrint: the bits of `HEADER`: " + strings.Join(sink.NPrintHeaders, ", ") + " (repeatable; default: ipv4, tcp, udp, icmp)"},
		&cli.IntFlag{Name: "nprint-payload", Usage: "nPrint: the bits of `N` bytes of payload"},
		&cli.StringSliceFlag{Name: "column", Aliases: []string{"e"}, Usage: "write only `COLUMN`, in the order given (repeatable; default: all)"},
	}
}

func flattenCommand() *cli.Command {
	return &cli.Command{
		Name:      "flatten",
		Usage:     "captures to the packets table, one row a packet",
		ArgsUsage: "FILE|DIR...",
		Description: "Reads pcap and pcapng, plain or compressed (by content, not by name); - is standard input.\n" +
			"Every packet becomes a row; what could not be decoded is said in decode_error.",
		UsageText: "pcapline flatten -o packets.parquet testdata/lab\n" +
			"pcapline flatten -o packets.csv.gz -e ts -e ip_src -e ip_dst capture.pcapng\n" +
			"pcapline flatten -o packets.parquet --bloom ip_src --bloom ip_dst --compression zstd:7 capture.pcapng\n" +
			"pcapline flatten -o bits.npt --nprint ipv4 --nprint tcp --nprint-payload 20 capture.pcapng",
		Flags: append(tableFlags(), outputFlag("write the table to `FILE`"), truthFlag(), mergeFlag(), workersFlag()),
		Action: func(c *cli.Context) error {
			return tablesAction(c, func(o *transform.Options, out transform.Output) { o.Packets = out })
		},
	}
}

func flowsCommand() *cli.Command {
	return &cli.Command{
		Name:      "flows",
		Usage:     "captures to the flows table, one row a bidirectional flow",
		ArgsUsage: "FILE|DIR...",
		UsageText: "pcapline flows -o flows.parquet testdata/lab\n" +
			"pcapline flows -o flows.csv --idle-timeout 15s capture.pcapng",
		Flags: append(append(tableFlags(), outputFlag("write the table to `FILE`"), truthFlag(), mergeFlag(), workersFlag()), flowFlags()...),
		Action: func(c *cli.Context) error {
			return tablesAction(c, func(o *transform.Options, out transform.Output) { o.Flows = out })
		},
	}
}

// tablesAction is flatten and flows: place puts the output where it belongs.
func tablesAction(c *cli.Context, place func(*transform.Options, transform.Output)) error {
	opt, err := transformOptions(c)
	if err != nil {
		return err
	}
	path, err := outputPath(c, append(opt.Inputs, c.String("truth"))...)
	if err != nil {
		return err
	}
	place(&opt, outputOf(c, path))
	res, err := transformRun(c, opt)
	if err != nil && !errors.Is(err, transform.ErrDamaged) {
		return err
	}
	if serr := summarise(c, res, func(w io.Writer) {
		res.Ledger.WriteText(w)
		fmt.Fprintf(w, "wrote %s\n", path)
	}); serr != nil {
		return serr
	}
	return damagedOnly(err)
}

// transformOptions reads the flags that flatten, flows and run share.
func transformOptions(c *cli.Context) (transform.Options, error) {
	opt := transform.Options{Workers: c.Int("workers"), Merge: c.Bool("merge")}
	if c.NArg() == 0 {
		return opt, usagef("%s: name a capture or a folder of captures", c.Command.Name)
	}
	if err := notNegative(c, "workers", "idle-timeout", "active-timeout", "reorder", "max-flows"); err != nil {
		return opt, err
	}
	inputs, err := pcapio.Expand(c.Args().Slice())
	if err != nil {
		return opt, err
	}
	opt.Inputs = inputs
	opt.Flow = flowConfig(c)
	if truth := c.String("truth"); truth != "" {
		_, err = addLabels(&opt, truth)
	}
	return opt, err
}

// labelling is a truth file at work on the tables of one run.
type labelling struct {
	rules     *label.Rules
	annotator *label.Annotator
}

func (l *labelling) report() *label.Report { return label.NewReport(l.rules, l.annotator.Hits()...) }

// addLabels makes opt label its tables by a file of rules.
func addLabels(opt *transform.Options, truth string) (*labelling, error) {
	rules, err := label.Load(truth)
	if err != nil {
		return nil, err
	}
	a, err := label.NewAnnotator(rules, transform.CaptureNames(opt.Inputs))
	if err != nil {
		return nil, err
	}
	a = a.WithAlignment()
	opt.Annotate = func() transform.Annotator { return a.Clone() }
	opt.Describe = describeLabels(rules, a)
	return &labelling{rules, a}, nil
}

// transformRun runs with a progress bar and logs what was damaged.
func transformRun(c *cli.Context, opt transform.Options) (*transform.Result, error) {
	show, done := newProgress(c)
	opt.Progress = show
	res, err := transform.Run(c.Context, opt)
	done()
	if res != nil {
		for _, d := range res.Ledger.Damaged {
			logger(c).Warn("damaged input", "error", d.Error, "packets_kept", d.Packets)
		}
	}
	if err != nil && errors.Is(err, context.Canceled) && c.Context.Err() != nil {
		return res, fmt.Errorf("interrupted: %w", err)
	}
	return res, err
}

// damagedOnly keeps ErrDamaged as the exit code for damaged input.
func damagedOnly(err error) error {
	if errors.Is(err, transform.ErrDamaged) {
		return damaged(fmt.Errorf("%w; see the ledger", err))
	}
	return err
}

func formatNames() []string {
	var names []string
	for _, f := range sink.Formats {
		names = append(names, f.Name)
	}
	return names
}

// compressionNames lists what each format can be compressed with.
func compressionNames() string {
	var known []string
	for _, f := range sink.Formats {
		known = append(known, f.Name+": "+strings.Join(f.Compressions, " "))
	}
	return strings.Join(known, "; ")
}

// flowFlags say what a flow is; what is not set has package flow's default.
func flowFlags() []cli.Flag {
	return []cli.Flag{
		&cli.DurationFlag{Name: "idle-timeout", Usage: "a flow ends after this `TIME` without a packet (default: 120s)"},
		&cli.DurationFlag{Name: "active-timeout", Usage: "a flow is cut after this `TIME` (default: 30m)"},
		&cli.DurationFlag{Name: "reorder", Usage: "put packets in order of time within this `TIME`"},
		&cli.IntFlag{Name: "max-flows", Usage: "at most `N` open flows; the one silent longest ends for a new one"},
		&cli.BoolFlag{Name: "span", Usage: "flows go on from one capture to the next"},
	}
}

func flowConfig(c *cli.Context) flow.Config {
	return flow.Config{
		IdleTimeout: c.Duration("idle-timeout"), ActiveTimeout: c.Duration("active-timeout"),
		Reorder: c.Duration("reorder"), MaxFlows: c.Int("max-flows"), Span: c.Bool("span"),
	}
}
