package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/prep"
)

func prepareCommand() *cli.Command {
	return &cli.Command{
		Name:      "prepare",
		Usage:     "labelled tables to a dataset with a split, full and cleaned, and metadata",
		ArgsUsage: "TABLE...",
		Description: "The split is by time inside each capture, with a purge gap, and never cuts a flow. What is fitted is\n" +
			"fitted on training rows only. Addresses, ids, absolute times and payload are no features.",
		UsageText: "pcapline prepare -o dataset flows.parquet\n" +
			"pcapline prepare -o dataset --split capture --seed 7 flows.parquet",
		Flags: append(append(splitFlags(), compatFlags()...), outputFlag("write the dataset into the folder `DIR`"),
			&cli.StringSliceFlag{Name: "drop", Usage: "leave `COLUMN` out (repeatable)"},
			&cli.StringSliceFlag{Name: "add", Usage: "take `COLUMN` though it is no feature by its role (repeatable)"},
			&cli.BoolFlag{Name: "drop-duplicates", Usage: "purge validation and test rows whose features a training row has"},
			&cli.BoolFlag{Name: "csv", Usage: "write fulldata.csv and cleaned.csv too"}),
		Action: prepareAction,
	}
}

func splitFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "split", Value: string(features.ByTime), Usage: "`KIND` of split: time, start, capture, flow, class or random"},
		&cli.StringFlag{Name: "shares", Value: "60/20/20", Usage: "training/validation/test in `PERCENT`"},
		&cli.DurationFlag{Name: "gap", Value: features.DefaultGap, Usage: "purge this `TIME` behind each cut of a split by time"},
		&cli.StringFlag{Name: "holdout", Usage: "with --split class: the `CLASS` that is met in the test only"},
		seedFlag(),
	}
}

func seedFlag() cli.Flag {
	return &cli.Uint64Flag{Name: "seed", Value: 42, Usage: "`SEED` of everything that is drawn", EnvVars: []string{"PCAPLINE_SEED"}}
}

func splitSpec(c *cli.Context) (features.SplitSpec, error) {
	s := features.SplitSpec{Kind: features.Kind(c.String("split")), Gap: c.Duration("gap"), Seed: c.Uint64("seed"), Holdout: c.String("holdout")}
	if s.Gap == 0 {
		s.Gap = -1 // none was asked for
	}
	if err := s.Kind.Check(); err != nil {
		return s, usage(err)
	}
	if (s.Kind == features.ByClass) != (s.Holdout != "") {
		return s, usagef("--split class and --holdout CLASS belong together")
	}
	shares := strings.Split(c.String("shares"), "/")
	if len(shares) != 3 {
		return s, usagef("--shares is three numbers such as 60/20/20, not %q", c.String("shares"))
	}
	for i, to := range []*float64{&s.Train, &s.Valid, &s.Test} {
		v, err := strconv.ParseFloat(shares[i], 64)
		if err != nil {
			return s, usagef("--shares: %q is no number", shares[i])
		}
		*to = v / 100
	}
	if sum := s.Train + s.Valid + s.Test; s.Train <= 0 || s.Valid < 0 || s.Test < 0 || sum < 0.999 || sum > 1.001 {
		return s, usagef("--shares are percentages that add up to 100, with some training, not %q", c.String("shares"))
	}
	return s, nil
}

func prepareAction(c *cli.Context) error {
	if c.String("compat") != "" {
		return prepareAntiNex(c)
	}
	dir := c.String("output")
	if c.NArg() == 0 || dir == "" {
		return usagef("prepare: name the labelled tables and the folder to write to (-o)")
	}
	spec, err := splitSpec(c)
	if err != nil {
		return err
	}
	for i, t := range c.Args().Slice() {
		for _, u := range c.Args().Slice()[:i] {
			if same(t, u) {
				return usagef("prepare: %s and %s are one table", u, t)
			}
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	res, err := prep.Prepare(c.Context, prep.Options{
		Tables: c.Args().Slice(), Dir: dir, Split: spec,
		Encode:         features.EncodeSpec{Exclude: c.StringSlice("drop"), Add: c.StringSlice("add")},
		DropDuplicates: c.Bool("drop-duplicates"), CSV: c.Bool("csv"),
	})
	if err != nil {
		return err
	}
	for _, w := range res.Cleaned.Split.Warnings {
		logger(c).Warn(w)
	}
	return summarise(c, res.Cleaned, func(w io.Writer) { writePrepared(w, res.Cleaned, dir) })
}

func writePrepared(w io.Writer, m *features.Meta, dir string) {
	r := m.Rows
	fmt.Fprintf(w, "rows in %d = train %d + valid %d + test %d + purged %d + duplicates dropped %d + unknown %d\n",
		r.In, r.Train, r.Valid, r.Test, r.Purged, r.DuplicatesDropped, r.Unknown)
	fmt.Fprintf(w, "%d features, %d classes\nwrote %s\n", len(m.FeaturesToProcess), len(m.Classes), dir)
}
