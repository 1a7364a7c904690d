package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/prep"
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/layer"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/source"
)

func scoreCommand() *cli.Command {
	return &cli.Command{
		Name:      "score",
		Usage:     "add a model's scores to a table, or to the flows of captures",
		ArgsUsage: "MODEL TABLE|FILE|DIR...",
		Description: "A table is scored as it is; captures are first made into the table that the model was trained on, flows\n" +
			"with the settings of the flows that it learned from: timeouts, early view and all. A table with another\n" +
			"schema is refused, and one whose flows were made with other settings.",
		UsageText: "pcapline score -o scored.parquet model.pcapline flows.parquet\n" +
			"pcapline score -o scored.csv model.pcapline capture.pcapng",
		Flags: append(tableFlags(), outputFlag("write the scored table to `FILE`"), workersFlag(), anyFlowsFlag(),
			&cli.StringFlag{Name: "request", Usage: "score the predict_rows of the AntiNex request in `FILE`, as JSON or CSV by -o's ending"},
			&cli.StringFlag{Name: "compat", Usage: "with --request: scale the rows as `WHO` does, antinex-v1: by themselves"}),
		Action: scoreAction,
	}
}

func scoreAction(c *cli.Context) error {
	if c.String("request") != "" {
		return scoreRequest(c)
	}
	if c.NArg() < 2 {
		return usagef("score: name the model, and a table or captures")
	}
	path, err := outputPath(c, c.Args().Slice()...)
	if err != nil {
		return err
	}
	out := outputOf(c, path)
	m, err := train.LoadModel(c.Args().First())
	if err != nil {
		return err
	}
	inputs := c.Args().Tail()
	if !slices.ContainsFunc(inputs, source.IsTable) {
		return scoreCaptures(c, m, inputs, out)
	}
	if len(inputs) > 1 {
		return usagef("score: one table at a time, and no captures beside it")
	}
	return scoreTable(c, m, inputs[0], out)
}

func anyFlowsFlag() cli.Flag {
	return &cli.BoolFlag{Name: "any-flow-settings", Usage: "take flows that were made with other settings than those that the model learned from"}
}

// checkFlows holds what a table or dataset says of how its flows were made
// against the model.
func checkFlows(c *cli.Context, m *train.Model, path string, settings json.RawMessage) error {
	p, err := m.FeaturePipeline()
	if err != nil || p == nil {
		return err
	}
	compared, err := p.CheckFlows(settings)
	var other *features.FlowsError
	switch {
	case errors.As(err, &other) && c.Bool("any-flow-settings"):
		logger(c).Warn("other flows than the model was trained on", "file", path, "settings", other.Got, "model", other.Want)
	case errors.As(err, &other):
		return fmt.Errorf("%s: %w; make the flows anew, or take them as they are with --any-flow-settings", path, err)
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	case !compared && m.Table == transform.FlowsTable:
		logger(c).Warn("it is not known whether these flows were made as those that the model was trained on", "file", path)
	}
	return nil
}

func scoreTable(c *cli.Context, m *train.Model, path string, out transform.Output) error {
	t, err := source.Open(path)
	if err != nil {
		return err
	}
	known := prep.SchemaOf(t)
	s, err := train.NewScorer(m, known)
	settings := t.Metadata()[transform.MetaFlow]
	t.Close()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := checkFlows(c, m, path, json.RawMessage(settings)); err != nil {
		return err
	}
	rows, err := transform.RewriteAs(c.Context, path, known, out, s, func(string) (map[string]string, error) { return nil, s.Err() })
	if err != nil {
		return err
	}
	return summarise(c, map[string]any{"rows": rows, "output": out.Path}, func(w io.Writer) {
		fmt.Fprintf(w, "scored %d rows\nwrote %s\n", rows, out.Path)
	})
}

// flowsOf says how flows are made for a model.
func flowsOf(m *train.Model) (flow.Config, error) {
	p, err := m.FeaturePipeline()
	if err != nil || p == nil {
		return flow.Config{}, err
	}
	return p.FlowConfig()
}

func scoreCaptures(c *cli.Context, m *train.Model, paths []string, out transform.Output) error {
	inputs, err := pcapio.Expand(paths)
	if err != nil {
		return err
	}
	opt := transform.Options{Inputs: inputs, Workers: c.Int("workers")}
	var s schema.Schema
	switch m.Table {
	case transform.PacketsTable:
		opt.Packets, s = out, layer.NewTable(opt.Layer).Batch().Schema()
	case transform.FlowsTable:
		opt.Flows, s = out, flow.Schema()
		if opt.Flow, err = flowsOf(m); err != nil {
			return err
		}
	default:
		return fmt.Errorf("the model was trained on a %q table, which is not made of captures", m.Table)
	}
	scorer, err := train.NewScorer(m, s)
	if err != nil {
		return err
	}
	opt.Annotate = func() transform.Annotator { return scorer.Clone() }
	opt.Describe = func(string) (map[string]string, error) { return nil, scorer.Err() }
	res, err := transformRun(c, opt)
	if err != nil && !errors.Is(err, transform.ErrDamaged) {
		return err
	}
	if serr := summarise(c, res, func(w io.Writer) {
		res.Ledger.WriteText(w)
		fmt.Fprintf(w, "wrote %s\n", out.Path)
	}); serr != nil {
		return serr
	}
	return damagedOnly(err)
}
