package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

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
		Description: "A table is scored as it is; captures are first made into the table that the model was trained on, with\n" +
			"the default timeouts; for a model trained on flows with others, make the flows first and score that table.\n" +
			"A table whose schema differs from the model's is refused.",
		UsageText: "pcapline score -o scored.parquet model.pcapline flows.parquet\n" +
			"pcapline score -o scored.csv model.pcapline capture.pcapng",
		Flags: append(tableFlags(), outputFlag("write the scored table to `FILE`"), workersFlag(),
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

func scoreTable(c *cli.Context, m *train.Model, path string, out transform.Output) error {
	t, err := source.Open(path)
	if err != nil {
		return err
	}
	s, err := train.NewScorer(m, t.Schema())
	t.Close()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	rows, err := transform.Rewrite(c.Context, path, out, s, func(string) (map[string]string, error) { return nil, s.Err() })
	if err != nil {
		return err
	}
	return summarise(c, map[string]any{"rows": rows, "output": out.Path}, func(w io.Writer) {
		fmt.Fprintf(w, "scored %d rows\nwrote %s\n", rows, out.Path)
	})
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
