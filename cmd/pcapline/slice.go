package main

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/slice"
)

func sliceCommand() *cli.Command {
	return &cli.Command{
		Name:      "slice",
		Usage:     "packets of a label, flow, time or filter, cut out of captures into pcapng",
		ArgsUsage: "FILE|DIR...",
		Description: "Conditions of different kinds must all be met, of several values of one kind any. Labels come from a\n" +
			"labelled table of these captures; flow ids are those of a flows table made with the same options.\n" +
			"--split writes a folder with a file for each flow, in a folder for each label if there are any, or a\n" +
			"file for each label.",
		UsageText: "pcapline slice --table labelled/flows.parquet --label scan_syn -o scan.pcapng testdata/lab\n" +
			"pcapline slice --time 2026-11-23T10:47:00Z..2026-11-23T10:48:00Z -f 'tcp port 443' -o minute.pcapng capture.pcapng\n" +
			"pcapline slice --split flow -o flows capture.pcapng",
		Flags: append([]cli.Flag{
			outputFlag("write `FILE`, or with --split a new folder; -: standard output"),
			&cli.StringFlag{Name: "table", Usage: "look labels and flows up in the packets or flows table `FILE`"},
			&cli.StringSliceFlag{Name: "label", Usage: "rows of the table with `LABEL` (repeatable)"},
			&cli.StringSliceFlag{Name: "class", Usage: "rows of the table of `CLASS`: benign, attack, unknown (repeatable)"},
			&cli.Int64SliceFlag{Name: "flow", Usage: "the flow with the flow_id `ID` (repeatable)"},
			&cli.StringSliceFlag{Name: "community-id", Usage: "packets with the Community ID `ID` (repeatable)"},
			&cli.StringFlag{Name: "time", Usage: "packets from A on and before B, `A..B`, in RFC 3339 or seconds since 1970; either may be missing"},
			&cli.StringFlag{Name: "filter", Aliases: []string{"f"}, Usage: "packets that `FILTER` accepts, in the pcap filter language"},
			&cli.StringFlag{Name: "split", Usage: "a file for each of `WHAT`: flow or label"},
			&cli.BoolFlag{Name: "pcapml", Usage: "give each packet pcapml's comment: sample id, label"},
			&cli.IntFlag{Name: "max-files", Usage: "give up when --split makes more than `N` files (default: 100000)"},
		}, sliceFlowFlags()...),
		Action: sliceAction,
	}
}

// sliceFlowFlags are the flags that say what a flow is, without the one that
// makes a packet's flow known too late.
func sliceFlowFlags() []cli.Flag {
	return slices.DeleteFunc(flowFlags(), func(f cli.Flag) bool { return slices.Contains(f.Names(), "reorder") })
}

func sliceAction(c *cli.Context) error {
	opt, err := sliceOptions(c)
	if err != nil {
		return err
	}
	res, err := slice.Run(c.Context, opt)
	if err != nil && !errors.Is(err, transform.ErrDamaged) {
		return err
	}
	if serr := summarise(c, res, func(w io.Writer) { res.WriteText(w) }); serr != nil {
		return serr
	}
	if err != nil {
		return damaged(errors.New(strings.Join(res.Damaged, "\n")))
	}
	return nil
}

func sliceOptions(c *cli.Context) (opt slice.Options, err error) {
	if c.NArg() == 0 {
		return opt, usagef("slice: name a capture or a folder of captures")
	}
	if err := notNegative(c, "idle-timeout", "active-timeout", "max-flows", "max-files"); err != nil {
		return opt, err
	}
	if opt.Inputs, err = pcapio.Expand(c.Args().Slice()); err != nil {
		return opt, err
	}
	if opt.Output, err = sliceOutput(c, append(opt.Inputs, c.String("table"))); err != nil {
		return opt, err
	}
	opt.Flow = flowConfig(c)
	opt.Split, opt.PcapML, opt.MaxFiles = slice.Split(c.String("split")), c.Bool("pcapml"), c.Int("max-files")
	opt.Select = slice.Selection{
		Table: c.String("table"), Labels: c.StringSlice("label"), Classes: c.StringSlice("class"),
		Flows: c.Int64Slice("flow"), CommunityIDs: c.StringSlice("community-id"), Filter: c.String("filter"),
	}
	if t := c.String("time"); t != "" {
		if opt.Select.From, opt.Select.To, err = slice.ParseTimes(t); err != nil {
			return opt, usagef("slice: --%v", err)
		}
	}
	return opt, nil
}

// sliceOutput is the file or folder named by -o. Captures, unlike tables, have
// one format, so standard output needs no name for it.
func sliceOutput(c *cli.Context, inputs []string) (string, error) {
	if c.String("output") != "-" {
		return outputPath(c, inputs...)
	}
	if c.String("split") != "" {
		return "", usagef("slice: a split is a folder; name one with -o")
	}
	if isTerminal(c.App.Writer) {
		return "", usagef("slice: a capture on a terminal? Name a file with -o")
	}
	c.App.Writer = c.App.ErrWriter
	return stdoutPath, nil
}
