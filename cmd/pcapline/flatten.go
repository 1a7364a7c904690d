package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/pcapio/spool"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/antinex"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/layer"
	"github.com/pcapline/pcapline/transform/names"
	"github.com/pcapline/pcapline/transform/sink"
)

// Flag groups that several commands share.

func workersFlag() cli.Flag {
	return &cli.IntFlag{Name: "workers", Aliases: []string{"j"}, Usage: "decode with `N` goroutines (0: one a core)", EnvVars: []string{"PCAPLINE_WORKERS"}}
}

func mergeFlag() cli.Flag {
	return &cli.BoolFlag{Name: "merge", Usage: "take the packets of all captures in order of time; flows then go across captures"}
}

// captureFlags say how captures are read.
func captureFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "filter", Aliases: []string{"f"}, Usage: "take only packets that match `EXPRESSION`, in the pcap filter language"},
		mergeFlag(),
		&cli.StringFlag{Name: "memory", Usage: "take about `SIZE` at most, as 512MB, by smaller row groups and fewer workers (default: 256 MB and 100 MB a worker; open flows come on top, 2 kB each)"},
		workersFlag(),
	}
}

func payloadFlag() cli.Flag {
	return &cli.StringFlag{Name: "payload", Value: "full", Usage: "keep `WHAT` of payloads: " + layer.PayloadModes}
}

func outputFlag(usage string) cli.Flag {
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: usage}
}

func tableFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "format", Usage: "`FORMAT` of the table: " + strings.Join(formatNames(), ", ") + " (default: by the file's ending)"},
		&cli.StringFlag{Name: "compression", Usage: "`CODEC` of the table, with a level where it has one (" + compressionNames() + ")"},
		&cli.StringFlag{Name: "partition", Usage: "write a folder with a file for each `KEY`: " + partitionHelp()},
		&cli.StringSliceFlag{Name: "bloom", Usage: "Parquet: a bloom filter for `COLUMN` (repeatable)"},
		&cli.StringSliceFlag{Name: "nprint", Usage: "nPrint: the bits of `HEADER`: " + strings.Join(sink.NPrintHeaders, ", ") + " (repeatable; default: ipv4, tcp, udp, icmp)"},
		&cli.IntFlag{Name: "nprint-payload", Usage: "nPrint: the bits of `N` bytes of payload"},
		&cli.StringSliceFlag{Name: "column", Aliases: []string{"e"}, Usage: "write only `COLUMN`, in the order given (repeatable; default: all)"},
	}
}

func namesFlag() cli.Flag {
	return &cli.StringFlag{Name: "names", Usage: "columns under the names, in the units and in the order of `TOOL`: " + strings.Join(names.Known(), ", ")}
}

func flattenCommand() *cli.Command {
	return &cli.Command{
		Name:      "flatten",
		Usage:     "captures to the packets table, one row a packet",
		ArgsUsage: "FILE|DIR...",
		Description: "Reads pcap and pcapng, plain or compressed (by content, not by name); - is standard input.\n" +
			"Every packet becomes a row; what could not be decoded is said in decode_error." + antinexHelp,
		UsageText: "pcapline flatten -o packets.parquet testdata/lab\n" +
			"pcapline flatten -o packets.csv.gz -e ts -e ip_src -e ip_dst capture.pcapng\n" +
			"pcapline flatten -o packets.parquet --bloom ip_src --bloom ip_dst --compression zstd:7 capture.pcapng\n" +
			"pcapline flatten -o bits.npt --nprint ipv4 --nprint tcp --nprint-payload 20 capture.pcapng\n" +
			"pcapline flatten -o netdata.csv --dialect antinex-v1 packets-netdata-2018-01-29-11-30-02.json",
		Flags: slices.Concat(tableFlags(), []cli.Flag{outputFlag("write the table to `FILE`"), payloadFlag(), commentsFlag()},
			captureFlags(), labelFlags(), dialectFlags()),
		Action: func(c *cli.Context) error {
			if err := checkDialect(c); err != nil {
				return err
			}
			if c.String("dialect") == antinex.V1 {
				return antinexAction(c)
			}
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
			"pcapline flows -o flows.csv --idle-timeout 15s capture.pcapng\n" +
			"pcapline flows -o conn.log --names zeek capture.pcapng",
		Flags: slices.Concat(tableFlags(), []cli.Flag{namesFlag(), outputFlag("write the table to `FILE`"), commentsFlag()},
			captureFlags(), labelFlags(), flowFlags(), openFlowFlags()),
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
	if opt.Digests != "" {
		return digestsAction(c, opt)
	}
	path, err := outputPath(c, slices.Concat(opt.Inputs, opt.FromDigests, c.StringSlice("truth"), []string{opt.LoadState})...)
	if err != nil {
		return err
	}
	labels, err := addLabels(c, &opt, "")
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
		if labels != nil {
			labels.report().WriteText(w)
		}
		fmt.Fprintf(w, "wrote %s\n", path)
	}); serr != nil {
		return serr
	}
	return damagedOnly(err)
}

// transformOptions reads the flags that flatten, flows and run share.
func transformOptions(c *cli.Context) (transform.Options, error) {
	opt := transform.Options{Workers: c.Int("workers"), Merge: c.Bool("merge"), Filter: c.String("filter")}
	if c.NArg() == 0 {
		return opt, usagef("%s: name a capture or a folder of captures", c.Command.Name)
	}
	if err := notNegative(c, "workers", "idle-timeout", "active-timeout", "reorder", "max-flows", "early-packets", "early-time"); err != nil {
		return opt, err
	}
	opt.Flow = flowConfig(c)
	err := placeInputs(c, &opt)
	if err != nil {
		return opt, err
	}
	if opt.Memory, err = memoryBound(c); err != nil {
		return opt, err
	}
	if mode := c.String("payload"); mode != "" {
		if err := opt.Layer.ParsePayload(mode); err != nil {
			return opt, usage(err)
		}
	}
	return opt, checkLabelReports(c)
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

// memoryBound reads --memory and has the garbage collector keep to it.
func memoryBound(c *cli.Context) (int64, error) {
	s := c.String("memory")
	if s == "" {
		return 0, nil
	}
	n, err := spool.ParseSize(s, 1)
	if err != nil {
		return 0, usage(err)
	}
	if n < transform.MinMemory {
		return 0, usagef("--memory %s: at least %d MB are needed", s, transform.MinMemory/1_000_000)
	}
	debug.SetMemoryLimit(n - n/4) // the rest is for pages of mapped captures
	return n, nil
}

func partitionHelp() string {
	var known []string
	for _, p := range sink.Partitions {
		known = append(known, p.Name+" ("+p.Doc+")")
	}
	return strings.Join(known, ", ")
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
		&cli.BoolFlag{Name: "drop-duplicates", Usage: "leave packets that were captured twice out of flows (default: count them in dup_packets)"},
		&cli.IntFlag{Name: "splt", Value: 20, Usage: "keep size, direction and gap of the first `N` packets of a flow, at most 255"},
		&cli.IntFlag{Name: "early-packets", Usage: "rows show flows as they stood after `N` packets"},
		&cli.DurationFlag{Name: "early-time", Usage: "rows show flows as they stood after `TIME`, or --early-packets if that is sooner"},
	}
}

func flowConfig(c *cli.Context) flow.Config {
	sequence := c.Int("splt")
	if c.IsSet("splt") && sequence <= 0 {
		sequence = -1 // none
	}
	return flow.Config{
		IdleTimeout: c.Duration("idle-timeout"), ActiveTimeout: c.Duration("active-timeout"),
		Reorder: c.Duration("reorder"), MaxFlows: c.Int("max-flows"), Span: c.Bool("span"),
		Sequence: sequence, DropDuplicates: c.Bool("drop-duplicates"),
		Early: c.Int("early-packets"), EarlyTime: c.Duration("early-time"),
	}
}
