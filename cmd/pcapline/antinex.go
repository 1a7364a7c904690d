package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/antinex"
	"github.com/pcapline/pcapline/transform/names"
)

// dialectFlags choose the names of the packets table's columns, and say how
// AntiNex's processor is to be followed. The variables are those of its
// environment.
func dialectFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "dialect", Value: names.Native, Usage: "columns as `WHO` has them: native, antinex (its names, true values), antinex-v1 (its values byte for byte, see above)"},
		&cli.StringFlag{Name: "archive", Usage: "antinex-v1: keep the messages in `FILE`, as JSON", EnvVars: []string{"ARCHIVE_JSON"}},
		&cli.StringFlag{Name: "dataset", Value: antinex.DefaultDataset, Usage: "antinex-v1: `NAME` of the dataset", EnvVars: []string{"DS_NAME"}},
		&cli.StringFlag{Name: "dataset-dir", Value: "/tmp", Usage: "antinex-v1: without -o, write into `DIR`", EnvVars: []string{"DS_DIR"}},
		&cli.StringFlag{Name: "source-host", Value: antinex.DefaultSource, Usage: "antinex-v1: `NAME` of the sensor in messages", EnvVars: []string{"SOURCE_HOST"}},
		&cli.StringFlag{Name: "created", Usage: "antinex-v1: `TIME` in messages (default: each packet's own)"},
		&cli.Int64Flag{Name: "save-after", Value: 100, Usage: "antinex-v1: bring the files up to date every `N` rows; with -o only when asked for", EnvVars: []string{"SAVE_AFTER_NUM"}},
		&cli.Int64Flag{Name: "stop-after", Value: -1, Usage: "antinex-v1: end after `N` rows (negative: never)", EnvVars: []string{"STOP_AFTER_NUM"}},
		&cli.StringFlag{Name: "stop-file", Value: "/tmp/stop-recording-csv", Usage: "antinex-v1: without -o, end as soon as `FILE` is there", EnvVars: []string{"STOP_FILE"}},
	}
}

const antinexHelp = "\n\nWith --dialect antinex-v1 the inputs are captures or AntiNex's JSON archives, and -o names a CSV file, or a JSON\n" +
	"file of messages. Without -o it records as AntiNex's processor does: to $OUTPUT_CSV and $ARCHIVE_JSON or to files in\n" +
	"the dataset's folder named after the present time, up to date every --save-after rows."

// v1Only are the flags of antinex-v1; notV1 are those that it has no use for.
var (
	v1Only = []string{"archive", "dataset", "dataset-dir", "source-host", "created", "save-after", "stop-after", "stop-file"}
	notV1  = []string{"column", "compression", "partition", "payload", "truth", "memory", "workers"}
)

// onLine reports whether a flag is on the command line; a variable of the
// environment may be there for other programs.
func onLine(c *cli.Context, name string) bool {
	for _, n := range c.LocalFlagNames() {
		if n == name {
			return c.IsSet(name) && !fromEnvironment(c, name)
		}
	}
	return false
}

func fromEnvironment(c *cli.Context, name string) bool {
	f, ok := lookup(c.Command.Flags, name).(cli.DocGenerationFlag)
	if !ok {
		return false
	}
	for _, v := range f.GetEnvVars() {
		if s, there := os.LookupEnv(v); there && s == fmt.Sprint(c.Value(name)) {
			return true
		}
	}
	return false
}

// checkDialect refuses flags that the dialect has no use for.
func checkDialect(c *cli.Context) error {
	dialect := c.String("dialect")
	var useless []string
	switch dialect {
	case names.Native, antinex.Dialect:
		useless = v1Only
	case antinex.V1:
		useless = notV1
	default:
		return usagef("flatten: no dialect %q; known: %s, %s, %s", dialect, names.Native, antinex.Dialect, antinex.V1)
	}
	for _, name := range useless {
		if onLine(c, name) {
			return usagef("flatten: --%s has no use with --dialect %s", name, dialect)
		}
	}
	return nil
}

// antinexAction is flatten in the dialect antinex-v1.
func antinexAction(c *cli.Context) error {
	opt, err := antinexOptions(c)
	if err != nil {
		return err
	}
	show, done := newProgress(c)
	opt.Progress = show
	res, err := transform.AntiNexV1(c.Context, opt)
	done()
	if err != nil && !errors.Is(err, transform.ErrDamaged) {
		return err
	}
	for _, d := range res.Ledger.Damaged {
		logger(c).Warn("damaged input", "error", d.Error, "packets_kept", d.Packets)
	}
	if serr := summarise(c, res, func(w io.Writer) { writeAntiNex(w, res, opt.Record) }); serr != nil {
		return serr
	}
	return damagedOnly(err)
}

func writeAntiNex(w io.Writer, res *transform.AntiNexResult, cfg antinex.Config) {
	res.Ledger.WriteText(w)
	for _, name := range slices.Sorted(maps.Keys(res.Dropped)) {
		fmt.Fprintf(w, "  layer without columns: %s: %d\n", name, res.Dropped[name])
	}
	if res.Stopped != "" {
		fmt.Fprintf(w, "stopped: %s; the rest of the input was not read\n", res.Stopped)
	}
	for _, path := range []string{cfg.CSV, cfg.Messages, cfg.Archive} {
		if path != "" {
			fmt.Fprintf(w, "wrote %s\n", path)
		}
	}
}

// antinexOptions reads the flags.
func antinexOptions(c *cli.Context) (transform.AntiNexOptions, error) {
	opt := transform.AntiNexOptions{Merge: c.Bool("merge"), Filter: c.String("filter"), StopAfter: max(c.Int64("stop-after"), 0)}
	if c.NArg() == 0 {
		return opt, usagef("flatten: name a capture, a folder of captures or a JSON archive")
	}
	var err error
	if opt.Inputs, err = pcapio.Expand(c.Args().Slice()); err != nil {
		return opt, err
	}
	cfg := &opt.Record
	cfg.Dataset, cfg.Source, cfg.Created, cfg.Archive = c.String("dataset"), c.String("source-host"), c.String("created"), c.String("archive")
	if cfg.Created != "" {
		if _, err := time.Parse(time.DateTime, cfg.Created); err != nil {
			return opt, usagef("--created is a time such as 2018-01-29 13:36:35, not %q", cfg.Created)
		}
	}
	every := c.Int64("save-after")
	if every < 0 {
		every = 1 // as the original has it
	}
	if c.String("output") == "" {
		opt.StopFile, cfg.Every = c.String("stop-file"), every
		recordPaths(c, cfg, time.Now())
		return opt, nil
	}
	if c.IsSet("save-after") {
		cfg.Every = every
	}
	return opt, chosenPath(c, cfg, opt.Inputs)
}

// recordPaths are the files of a recording: named by the environment, else
// after the time at which it begins.
func recordPaths(c *cli.Context, cfg *antinex.Config, now time.Time) {
	name := cfg.Dataset + "-" + now.Format("2006-01-02-15-04-05")
	if cfg.CSV = os.Getenv("OUTPUT_CSV"); cfg.CSV == "" {
		cfg.CSV = filepath.Join(c.String("dataset-dir"), name+".csv")
	}
	if cfg.Archive == "" {
		cfg.Archive = filepath.Join(c.String("dataset-dir"), "packets-"+name+".json")
	}
}

// chosenPath puts the file named by -o where it belongs, by --format or its ending.
func chosenPath(c *cli.Context, cfg *antinex.Config, inputs []string) error {
	format := c.String("format")
	if format == "" && c.String("output") != "-" {
		format = strings.TrimPrefix(strings.ToLower(filepath.Ext(c.String("output"))), ".")
	}
	if format != "csv" && format != "json" {
		return usagef("flatten: antinex-v1 is written as csv or json, not as %q", format)
	}
	path, err := outputPath(c, append(inputs, cfg.Archive)...)
	if err != nil {
		return err
	}
	for _, in := range inputs {
		if cfg.Archive != "" && in != "-" && same(cfg.Archive, in) {
			return usagef("flatten: %s is an input; it would be overwritten", cfg.Archive)
		}
	}
	if format == "json" {
		cfg.Messages = path
	} else {
		cfg.CSV = path
	}
	return nil
}
