package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features/antinex"
	table "github.com/pcapline/pcapline/transform/antinex"
)

// compatFlags follow AntiNex's prepare-dataset.py and its REST API; the
// variables are those of its environment.
func compatFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "compat", Usage: "prepare as `WHO` does: antinex-v1, from AntiNex's CSV files, byte for byte"},
		&cli.StringFlag{Name: "metadata", Usage: "antinex-v1: by the rules and files of the metadata or prepare config in `FILE` (default: those of prepare-dataset.py)"},
		&cli.StringFlag{Name: "dataset-dir", Value: "/opt/antinex/datasets", Usage: "antinex-v1: without tables named, take those below `DIR`", EnvVars: []string{"DS_DIR"}},
		&cli.StringFlag{Name: "dataset-glob", Usage: "antinex-v1: or those that `PATTERN` finds, sorted (default: DIR/*/*.csv)", EnvVars: []string{"DS_GLOB_PATH"}},
		&cli.StringFlag{Name: "fulldata-file", Usage: "antinex-v1: write the full table to `FILE` (default: in -o, $OUTPUT_DIR or /tmp)", EnvVars: []string{"FULLDATA_FILE"}},
		&cli.StringFlag{Name: "cleaned-file", Usage: "antinex-v1: write the cleaned table to `FILE`, likewise", EnvVars: []string{"CLEANED_FILE"}},
		&cli.StringFlag{Name: "created", Usage: "antinex-v1: `TIME` in the metadata (default: that of --metadata, else 1970)"},
		&cli.BoolFlag{Name: "show-summary", Value: true, Usage: "antinex-v1: say what was written", EnvVars: []string{"SHOW_SUMMARY"}},
	}
}

// prepareAntiNex is prepare --compat antinex-v1.
func prepareAntiNex(c *cli.Context) error {
	if who := c.String("compat"); who != table.V1 {
		return usagef("prepare: --compat is %s, not %q", table.V1, who)
	}
	rules, err := antinexRules(c)
	if err != nil {
		return err
	}
	opt := antinex.Options{Rules: rules}
	if opt.Files, err = antinexTables(c, rules); err != nil {
		return err
	}
	if len(rules.Files) > 0 {
		opt.Names = rules.Files
	}
	if c.IsSet("seed") {
		seed := c.Uint64("seed")
		opt.Seed = &seed
	}
	if err := placeAntiNex(c, &opt); err != nil {
		return err
	}
	res, err := antinex.Prepare(c.Context, opt)
	if errors.Is(err, antinex.ErrSeed) {
		return usagef("prepare: %v with --seed", err)
	}
	if err != nil {
		return err
	}
	for _, w := range res.Warnings {
		logger(c).Warn(w)
	}
	return summarise(c, res, func(w io.Writer) {
		if c.Bool("show-summary") {
			writeAntiNexDataset(w, res)
		}
	})
}

// antinexRules are those of --metadata, else the script's.
func antinexRules(c *cli.Context) (*antinex.Rules, error) {
	rules := antinex.DefaultRules()
	if path := c.String("metadata"); path != "" {
		var err error
		if rules, err = antinex.ReadRules(path); err != nil {
			return nil, err
		}
	}
	if created := c.String("created"); created != "" {
		if _, err := time.Parse(time.DateTime, created); err != nil {
			return nil, usagef("--created is a time such as 2018-02-15 17:22:24, not %q", created)
		}
		rules.Created = created
	}
	if rules.Created == "" {
		rules.Created = table.Time(0)
	}
	return rules, nil
}

// antinexTables are the tables named, in the order of the metadata; or those
// that the metadata names; or those that are found.
func antinexTables(c *cli.Context, rules *antinex.Rules) ([]string, error) {
	switch {
	case c.NArg() > 0 && len(rules.Files) > 0:
		files, err := rules.Order(c.Args().Slice())
		if err != nil {
			return nil, usagef("prepare: %v", err)
		}
		return files, nil
	case c.NArg() > 0:
		return c.Args().Slice(), nil
	case len(rules.Files) > 0:
		return rules.Files, nil
	}
	pattern := c.String("dataset-glob")
	if pattern == "" {
		pattern = rules.Pattern
	}
	if pattern == "" {
		pattern = filepath.Join(c.String("dataset-dir"), "*", "*.csv")
	}
	return antinex.Find(pattern)
}

// placeAntiNex decides where the tables go: to the files named, else to -o or
// the environment's folder, under the names that the config or the metadata's
// name gives; none may be an input.
func placeAntiNex(c *cli.Context, opt *antinex.Options) error {
	dir := c.String("output")
	if dir == "" {
		dir = os.Getenv("OUTPUT_DIR")
	}
	full, clean := antinex.Names(opt.Rules.MetaSuffix)
	for _, f := range []struct {
		to               *string
		flag, conf, name string
	}{{&opt.Full, "fulldata-file", opt.Rules.Full, full}, {&opt.Clean, "cleaned-file", opt.Rules.Cleaned, clean}} {
		switch {
		case c.String(f.flag) != "":
			*f.to = c.String(f.flag)
		case f.conf != "" && dir == "":
			*f.to = f.conf
		case f.conf != "":
			*f.to = filepath.Join(dir, filepath.Base(f.conf))
		case dir == "":
			*f.to = filepath.Join("/tmp", f.name)
		default:
			*f.to = filepath.Join(dir, f.name)
		}
		for _, in := range opt.Files {
			if same(*f.to, in) {
				return usagef("prepare: %s is an input; it would be overwritten", *f.to)
			}
		}
		if err := os.MkdirAll(filepath.Dir(*f.to), 0o755); err != nil {
			return err
		}
	}
	return nil
}

func writeAntiNexDataset(w io.Writer, res *antinex.Result) {
	fmt.Fprintf(w, "rows %d = cleaned %d + with a gap %d\n", res.Rows, res.Cleaned, res.Dropped)
	fmt.Fprintf(w, "predicts %q from %d features; %d columns ignored\n", res.Clean.FeatureToPredict, len(res.Clean.Features()), len(res.Full.IgnoreFeatures))
	for _, path := range res.Files {
		fmt.Fprintf(w, "wrote %s\n", path)
	}
}
