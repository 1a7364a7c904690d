package main

import (
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features/export"
)

func exportCommand() *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "a labelled packets table as the input of LUCID, ET-BERT or Kitsune",
		ArgsUsage: "TABLE",
		Description: "Writes a new folder with the files that the tool reads and export.json: the split, the counts, and what\n" +
			"was left out and why. Tools:\n" + exportTools(),
		UsageText: "pcapline flatten -o packets.parquet --truth testdata/lab/truth.csv testdata/lab\n" +
			"pcapline export --for lucid -o lucid packets.parquet\n" +
			"pcapline export --for et-bert --level packet -o et-bert packets.parquet",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "for", Usage: "the `TOOL`: " + strings.Join(exportNames(), ", ")},
			outputFlag("write the new folder `DIR`"),
			&cli.StringFlag{Name: "level", Usage: "a sample of et-bert is a `LEVEL`: flow or packet (default: flow)"},
			&cli.IntFlag{Name: "packets", Usage: "`N` packets with payload of a flow for et-bert (default: 5)"},
			&cli.IntFlag{Name: "tokens", Usage: "`N` pairs of bytes of a packet for et-bert (default: 128)"},
		}, splitFlags()...),
		Action: exportAction,
	}
}

func exportNames() (names []string) {
	for _, t := range export.Tools {
		names = append(names, t.Name)
	}
	return names
}

func exportTools() string {
	var lines []string
	for _, t := range export.Tools {
		lines = append(lines, "  "+t.Name+": "+t.Doc)
	}
	return strings.Join(lines, "\n")
}

func exportAction(c *cli.Context) error {
	out := c.String("output")
	if c.NArg() != 1 || out == "" || c.String("for") == "" {
		return usagef("export: name the tool (--for), a labelled packets table, and the folder to write (-o)")
	}
	if err := notNegative(c, "packets", "tokens"); err != nil {
		return err
	}
	split, err := splitSpec(c)
	if err != nil {
		return err
	}
	res, err := export.Run(c.Context, export.Options{
		Table: c.Args().First(), Tool: c.String("for"), Output: out, Split: split,
		Level: c.String("level"), Packets: c.Int("packets"), Tokens: c.Int("tokens"),
	})
	if err != nil {
		return err
	}
	return summarise(c, res, func(w io.Writer) { res.WriteText(w) })
}
