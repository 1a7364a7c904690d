package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/audit"
	"github.com/pcapline/pcapline/features/prep"
)

func prepareCommand() *cli.Command {
	return &cli.Command{
		Name:      "prepare",
		Usage:     "labelled tables to a dataset with a split, full and cleaned, and metadata",
		ArgsUsage: "TABLE...",
		Description: "The split is by time inside each capture, with a purge gap, and never cuts a flow. What is fitted is\n" +
			"fitted on training rows only. Addresses, ids, absolute times and payload are no features. The folder is\n" +
			"laid out as the Hugging Face hub has it, with a card, Croissant metadata and the verdicts of an audit.",
		UsageText: "pcapline prepare -o dataset labelled/flows.parquet\n" +
			"pcapline prepare -o dataset --split capture --seed 7 labelled/flows.parquet\n" +
			"pcapline prepare -o dataset --split kfold --group source --folds 5 --fold 0 labelled/flows.parquet",
		Flags: slices.Concat(splitFlags(), datasetFlags(), compatFlags(), []cli.Flag{
			outputFlag("write the dataset into the folder `DIR`"),
			&cli.BoolFlag{Name: "schema", Usage: "print the JSON Schema of the metadata files, and do nothing else"},
			&cli.StringFlag{Name: "format", Value: "parquet", Usage: "`FORMATS` of the tables: parquet, csv or parquet,csv"},
		}),
		Action: prepareAction,
	}
}

func splitFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "split", Value: string(features.ByTime), Usage: "`KIND` of split: time, start, capture, host, flow, class, kfold or random"},
		&cli.StringFlag{Name: "shares", Value: "60/20/20", Usage: "training/validation/test in `PERCENT`"},
		&cli.DurationFlag{Name: "gap", Value: features.DefaultGap, Usage: "purge this `TIME` behind each cut of a split by time"},
		&cli.StringFlag{Name: "holdout", Usage: "with --split class: the `CLASS` that is met in the test only"},
		&cli.StringFlag{Name: "group", Usage: "what stays together: with --split host `WHAT` is source or pair, with kfold flow, source, pair or capture"},
		&cli.IntFlag{Name: "folds", DefaultText: "5", Usage: "with --split kfold: `N` folds"},
		&cli.IntFlag{Name: "fold", Usage: "with --split kfold: fold `K` is the test, from 0"},
		seedFlag(),
	}
}

// datasetFlags say what becomes of columns and rows.
func datasetFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "drop", Usage: "leave `COLUMN` out (repeatable)"},
		&cli.StringSliceFlag{Name: "add", Usage: "take `COLUMN` though it is no feature by its role: the dataset warns of it (repeatable)"},
		&cli.StringFlag{Name: "impute", Value: "median", Usage: "fill missing numbers with the training median, mean, or a `NUMBER`"},
		&cli.IntFlag{Name: "max-categories", DefaultText: "32", Usage: "one-hot encode the `N` most frequent values of a column"},
		&cli.IntFlag{Name: "hash-buckets", DefaultText: "never", Usage: "encode columns of more values by a hash into `N` features"},
		&cli.StringFlag{Name: "non-finite", Value: "impute", Usage: "NaN and infinite values: impute, or fail (`POLICY`)"},
		&cli.StringFlag{Name: "duplicates", Value: string(prep.OneSide), Usage: "rows with equal features: `POLICY` one-side, drop or keep"},
		&cli.StringFlag{Name: "attempted", Value: string(prep.AttemptedDrop), Usage: "attacks that came to nothing (label_attempted): `POLICY` " + strings.Join(prep.AttemptedPolicies, ", ")},
		&cli.Int64Flag{Name: "max-per-class", DefaultText: "all", Usage: "draw at most `N` training rows of each class"},
	}
}

// datasetOptions reads datasetFlags.
func datasetOptions(c *cli.Context) (opt prep.Options, err error) {
	opt = prep.Options{
		Encode: features.EncodeSpec{
			Exclude: c.StringSlice("drop"), Add: c.StringSlice("add"), Impute: c.String("impute"),
			MaxCategories: c.Int("max-categories"), HashBuckets: c.Int("hash-buckets"),
		},
		Duplicates: prep.Policy(c.String("duplicates")), Attempted: prep.Attempted(c.String("attempted")), MaxPerClass: c.Int64("max-per-class"),
	}
	switch c.String("non-finite") {
	case "impute":
	case "fail":
		opt.RefuseBroken = true
	default:
		return opt, usagef("--non-finite is impute or fail, not %q", c.String("non-finite"))
	}
	if err := errors.Join(opt.Duplicates.Check(), opt.Attempted.Check()); err != nil {
		return opt, usage(err)
	}
	if err := opt.Encode.Check(); err != nil {
		return opt, usage(err)
	}
	return opt, notNegative(c, "max-categories", "hash-buckets", "max-per-class")
}

func seedFlag() cli.Flag {
	return &cli.Uint64Flag{Name: "seed", Value: 42, Usage: "`SEED` of everything that is drawn", EnvVars: []string{"PCAPLINE_SEED"}}
}

func splitSpec(c *cli.Context) (features.SplitSpec, error) {
	s := features.SplitSpec{Kind: features.Kind(c.String("split")), Gap: c.Duration("gap"), Seed: c.Uint64("seed"), Holdout: c.String("holdout"),
		Group: features.GroupBy(c.String("group")), Folds: c.Int("folds"), Fold: c.Int("fold")}
	if s.Gap == 0 {
		s.Gap = -1 // none was asked for
	}
	if err := s.CheckGroups(); err != nil {
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
	if c.Bool("schema") {
		_, err := c.App.Writer.Write(features.MetaSchema)
		return err
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
	opt, err := datasetOptions(c)
	if err != nil {
		return err
	}
	opt.Tables, opt.Dir, opt.Split = c.Args().Slice(), dir, spec
	opt.Formats = strings.Split(c.String("format"), ",")
	for _, f := range opt.Formats {
		if !slices.Contains(prep.Formats, f) {
			return usagef("--format is parquet, csv or parquet,csv, not %q", c.String("format"))
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	res, err := prepareDataset(c, opt)
	if err != nil {
		return err
	}
	return summarise(c, res.Cleaned, func(w io.Writer) { writePrepared(w, res.Cleaned, dir) })
}

// prepareDataset makes a dataset, audits it, and passes warnings on.
func prepareDataset(c *cli.Context, opt prep.Options) (*prep.Result, error) {
	res, err := prep.Prepare(c.Context, opt)
	if err != nil {
		return nil, err
	}
	for _, w := range res.Cleaned.Warnings() {
		logger(c).Warn(w)
	}
	found, err := auditPrepared(c, opt.Dir, res)
	if err != nil {
		return nil, err
	}
	for _, check := range found.Checks {
		if check.Verdict == audit.Fail {
			logger(c).Warn("audit: "+check.Name+" fails", "says", check.Findings[0])
		}
	}
	return res, nil
}

func writePrepared(w io.Writer, m *features.Meta, dir string) {
	r := m.Rows
	fmt.Fprintf(w, "rows in %d = train %d + valid %d + test %d + purged %d + duplicates dropped %d + loopback twins dropped %d + sampled out %d + attempted %d + unknown %d\n",
		r.In, r.Train, r.Valid, r.Test, r.Purged, r.DuplicatesDropped, r.TwinsDropped, r.SampledOut, r.Attempted, r.Unknown)
	fmt.Fprintf(w, "%d features, %d classes\nwrote %s\n", len(m.FeaturesToProcess), len(m.Classes), dir)
}
