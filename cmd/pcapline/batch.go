package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml/ast"
	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features/label"
	"github.com/pcapline/pcapline/features/strictyaml"
	"github.com/pcapline/pcapline/pcapio/store"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/lake"
)

func sourceFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "spool", Usage: "take the finished segments of the spool `DIR` (repeatable)"},
		&cli.StringSliceFlag{Name: "corpus", Usage: "take the captures in `DIR`, a bucket as s3://bucket/prefix, or one file or pattern (repeatable)"},
		&cli.StringFlag{Name: "out", Aliases: []string{"output", "o"}, Usage: "the lake: a `DIR` of runs"},
		&cli.StringFlag{Name: "config", Usage: "what is made of them, in the YAML `FILE`"},
		&cli.BoolFlag{Name: "schema", Usage: "print the JSON schema of the configuration and end"},
	}
}

func batchCommand() *cli.Command {
	return &cli.Command{
		Name:  "batch",
		Usage: "captures that are not in a lake yet into it: tables by date and sensor, labels, a model",
		Description: "What a scheduler calls every night. Finished segments of spools, and captures of a corpus, that no run has\n" +
			"yet become the tables packets and flows in one new run, which appears at once. It may be called again, be\n" +
			"killed at any moment; one that is called while another is at work ends with status 1. A capture that cannot\n" +
			"be read is quarantined with the reason, the rest goes on, and the status is 3. A configuration is checked\n" +
			"before work starts (status 2). Plans of many machines that were left unfinished are finished.",
		UsageText: "pcapline batch --spool spool --out nightly --config batch.yaml\n" +
			"pcapline batch --corpus captures/ --out lake\n" +
			"pcapline batch --schema",
		Flags: append(sourceFlags(), workersFlag(),
			&cli.StringFlag{Name: "mirror", Usage: "also copy runs to `PLACE`, as s3://bucket/prefix, each with its manifest last"}),
		Action: intoLake(batchAction),
	}
}

// batchSummary is what batch says with --json.
type batchSummary struct {
	Runs     []*lake.Manifest `json:"runs"`
	Mirrored []string         `json:"mirrored,omitempty"` // runs that were copied to --mirror
	Model    *modelRun        `json:"model,omitempty"`
}

// intoLake is what batch and plan begin with: the schema, if that is all that is
// wanted, else the lake and what goes into it.
func intoLake(do func(*cli.Context, *lake.Lake, lake.Sources, *lake.Config) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.Bool("schema") {
			_, err := c.App.Writer.Write(lake.ConfigSchema())
			return err
		}
		from, cfg, err := batchInputs(c)
		if err != nil {
			return err
		}
		l, err := lake.Create(c.String("out"))
		if err != nil {
			return err
		}
		return do(c, l, from, cfg)
	}
}

func batchAction(c *cli.Context, l *lake.Lake, from lake.Sources, cfg *lake.Config) (err error) {
	show, done := newProgress(c)
	sum := &batchSummary{}
	sum.Runs, err = l.Batch(c.Context, lake.Batch{
		From: from, Config: *cfg, Label: labeller(c), Workers: c.Int("workers"), Progress: show,
		Shard: func(n, of int) { logger(c).Debug("shard", "done", n, "of", of) },
	})
	done()
	if err != nil {
		return interrupted(c, err)
	}
	if sum.Mirrored, err = mirrorLake(c, l); err != nil {
		return interrupted(c, err)
	}
	gate := error(nil)
	if cfg.Model != nil {
		if sum.Model, err = modelOfLake(c, l, cfg.Model); err != nil {
			return err
		}
		gate = sum.Model.gateError()
	}
	if err := summarise(c, sum, func(w io.Writer) { writeBatch(w, sum) }); err != nil {
		return err
	}
	if gate != nil {
		return gate
	}
	return damagedRuns(sum.Runs)
}

// mirrorLake copies the lake's runs to where --mirror says.
func mirrorLake(c *cli.Context, l *lake.Lake) ([]string, error) {
	place := c.String("mirror")
	if place == "" {
		return nil, nil
	}
	to, err := store.Open(place)
	if err != nil {
		return nil, usage(err)
	}
	return l.Mirror(c.Context, to)
}

func writeBatch(w io.Writer, sum *batchSummary) {
	if len(sum.Runs) == 0 {
		fmt.Fprintln(w, "nothing new")
	}
	for _, m := range sum.Runs {
		m.WriteText(w)
	}
	for _, run := range sum.Mirrored {
		fmt.Fprintf(w, "mirrored %s\n", run)
	}
	if sum.Model != nil {
		fmt.Fprintf(w, "model of the run %s: %s\n", sum.Model.Run, sum.Model.Dir)
	}
}

// damagedRuns is the status 3 of runs with damaged or quarantined captures.
func damagedRuns(runs []*lake.Manifest) error {
	for _, m := range runs {
		if m.Damaged() {
			return damaged(fmt.Errorf("run %s: %d captures damaged, %d quarantined; see its manifest", m.Run, len(m.Ledger.Damaged), len(m.Quarantined)))
		}
	}
	return nil
}

// interrupted says that the user ended the work, if so.
func interrupted(c *cli.Context, err error) error {
	if errors.Is(err, context.Canceled) && c.Context.Err() != nil {
		return fmt.Errorf("interrupted: %w", err)
	}
	return err
}

// batchInputs reads the flags, and checks the configuration before any work.
func batchInputs(c *cli.Context) (from lake.Sources, cfg *lake.Config, err error) {
	from = lake.Sources{Spools: c.StringSlice("spool"), Corpus: c.StringSlice("corpus")}
	switch {
	case c.NArg() > 0:
		return from, nil, usagef("%s: %q is no flag's; captures are named with --spool and --corpus", c.Command.Name, c.Args().First())
	case len(from.Spools)+len(from.Corpus) == 0:
		return from, nil, usagef("%s: name where captures come from, with --spool or --corpus", c.Command.Name)
	case c.String("out") == "":
		return from, nil, usagef("%s: name the lake with --out", c.Command.Name)
	}
	if err := notNegative(c, "workers"); err != nil {
		return from, nil, err
	}
	for _, place := range append(from.Corpus[:len(from.Corpus):len(from.Corpus)], c.String("mirror")) {
		if _, err := store.Open(place); store.IsRemote(place) && err != nil {
			return from, nil, usage(err)
		}
	}
	cfg = new(lake.Config)
	file := new(ast.File)
	if path := c.String("config"); path != "" {
		if file, err = readBatchConfig(path, cfg); err != nil {
			return from, nil, err
		}
	}
	labels, err := labeller(c)(cfg, nil)
	if err != nil {
		return from, nil, usage(err)
	}
	if err := cfg.CheckColumns(labels); err != nil {
		return from, nil, configError(c.String("config"), file, err)
	}
	return from, cfg, checkModelConfig(cfg.Model)
}

// configError says at which line the key stands that is wrong.
func configError(path string, file *ast.File, err error) error {
	var wrong *lake.ConfigError
	if errors.As(err, &wrong) {
		if line := strictyaml.LineOf(file, wrong.Key); line > 0 {
			return usagef("%s: line %d: %w", path, line, err)
		}
	}
	return usagef("%s: %w", path, err)
}

// readBatchConfig reads a configuration; paths in it are relative to it.
func readBatchConfig(path string, cfg *lake.Config) (*ast.File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usage(err)
	}
	file, err := strictyaml.Parse(text)
	if err != nil {
		return nil, usagef("%s: %w", path, err)
	}
	if len(file.Docs) > 0 && file.Docs[0].Body != nil {
		if err := strictyaml.Decode(file.Docs[0].Body, cfg); err != nil {
			return nil, usagef("%s: %w", path, err)
		}
	}
	if err := cfg.Check(); err != nil {
		return nil, configError(path, file, err)
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	relative := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	for i := range cfg.Labels.Rules {
		relative(&cfg.Labels.Rules[i])
	}
	if cfg.Model != nil {
		relative(&cfg.Model.Train)
		relative(&cfg.Model.Gate)
	}
	return file, nil
}

// labeller reads the rules that a configuration names.
func labeller(c *cli.Context) lake.Labeller {
	return func(cfg *lake.Config, captures []string) (*lake.Labelling, error) {
		rules, err := batchRules(&cfg.Labels)
		if err != nil || rules == nil {
			return nil, err
		}
		a, err := label.NewAnnotator(rules, captures)
		if err != nil {
			return nil, err
		}
		l := &labelling{rules: rules, annotator: a.WithAlignment()}
		return &lake.Labelling{
			Annotate: func() transform.Annotator { return l.annotator.Clone() },
			Describe: l.describeRun(c, cfg.Labels.Strict),
			Report:   func() any { return l.report().Brief() },
		}, nil
	}
}

// batchRules is nil where a configuration names none.
func batchRules(cfg *lake.LabelsConfig) (*label.Rules, error) {
	var all []*label.Rules
	for _, f := range cfg.Rules {
		r, err := label.LoadWith(f, label.Options{Zone: cfg.Zone, Slack: cfg.Slack})
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	for _, name := range cfg.Packs {
		r, err := label.Pack(name)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	if cfg.Constant != "" {
		r, err := label.Constant(cfg.Constant)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	if all == nil {
		return nil, nil
	}
	return label.Merge(all...), nil
}

// describeRun gives tables the report of how labels fit. Of the flows, which
// are all of a sensor's, a misfit is told, and with strict ends the batch.
func (l *labelling) describeRun(c *cli.Context, strict bool) transform.Describe {
	return func(table string) (map[string]string, error) {
		if err := l.annotator.Err(); err != nil {
			return nil, err
		}
		if p := l.report().Problem(); p != "" && table == transform.FlowsTable {
			if strict {
				return nil, gateFailed(fmt.Errorf("labels: %s", p))
			}
			logger(c).Warn("labels do not fit", "problem", p)
		}
		return describeLabels(l.rules, l.annotator)(table)
	}
}

func planCommand() *cli.Command {
	return &cli.Command{
		Name:  "plan",
		Usage: "what batch would do, as a plan whose shards any machines may do in any order",
		Description: "Writes the plan into the lake and its path on standard output. pcapline shard does its shards, pcapline commit\n" +
			"publishes the run. A plan that was not committed is given again.",
		UsageText: "pcapline plan --corpus captures/ --out nightly --config batch.yaml\npcapline plan --json --spool spool --out nightly",
		Flags: append(sourceFlags(),
			&cli.BoolFlag{Name: "discard", Usage: "give up a plan that was not committed, and what was done for it"}),
		Action: intoLake(planAction),
	}
}

// planned is what plan says with --json.
type planned struct {
	Plan    string `json:"plan"` // path
	Run     string `json:"run"`
	Shards  int    `json:"shards"`
	Sensors int    `json:"sensors"`
	Bytes   int64  `json:"bytes"`
}

func planAction(c *cli.Context, l *lake.Lake, from lake.Sources, cfg *lake.Config) error {
	if c.Bool("discard") {
		if err := l.Discard(); err != nil {
			return err
		}
	}
	p, err := l.Plan(c.Context, from, *cfg)
	if errors.Is(err, lake.ErrNothingNew) {
		return summarise(c, planned{}, func(w io.Writer) { fmt.Fprintln(w, "nothing new") })
	}
	if err != nil {
		return interrupted(c, err)
	}
	path, err := filepath.Abs(p.Path())
	if err != nil {
		return err
	}
	out := planned{Plan: path, Run: p.Run, Shards: len(p.Shards), Sensors: len(p.Streams)}
	for _, s := range p.Streams {
		for _, in := range s.Inputs {
			out.Bytes += in.Bytes
		}
	}
	logger(c).Info("plan", "run", out.Run, "shards", out.Shards, "sensors", out.Sensors, "bytes", out.Bytes)
	return summarise(c, out, func(w io.Writer) { fmt.Fprintln(w, out.Plan) })
}
