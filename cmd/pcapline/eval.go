package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/prep"
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/train/report"
	"github.com/pcapline/pcapline/transform/sink"
)

func evalCommand() *cli.Command {
	return &cli.Command{
		Name:      "eval",
		Usage:     "judge a model on the rows held out, beside the baselines",
		ArgsUsage: "MODEL DATASET",
		Description: "The baselines are fitted on the same training rows: majority class, one rule, logistic regression,\n" +
			"gradient-boosted trees. All thresholds are chosen on validation rows.",
		UsageText: "pcapline eval model.pcapline dataset\n" +
			"pcapline eval --html report.html model.pcapline dataset",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "part", Value: features.Test.String(), Usage: "`PART` of the dataset to judge on: test, valid or train"},
			&cli.StringFlag{Name: "html", Usage: "write the report to `FILE`, one page that needs no network"},
			&cli.Uint64Flag{Name: "seed", Value: 42, Usage: "`SEED` of the bootstrap"},
			anyFlowsFlag(),
		},
		Action: func(c *cli.Context) error {
			if c.NArg() != 2 {
				return usagef("eval: name the model and the dataset's folder")
			}
			judged, err := evaluate(c, c.Args().Get(0), c.Args().Get(1), c.String("part"))
			if err != nil {
				return err
			}
			if path := c.String("html"); path != "" {
				if err := writeReport(path, judged); err != nil {
					return err
				}
			}
			return summarise(c, judged.Evaluation, func(w io.Writer) { writeEvaluation(w, judged.Evaluation) })
		},
	}
}

// evaluate judges the model in a file on a part of the dataset in a folder,
// and gives what a report is made of.
func evaluate(c *cli.Context, model, dir, part string) (*report.Input, error) {
	p, err := features.ParsePart(part)
	if err != nil {
		return nil, usage(err)
	}
	m, err := train.LoadModel(model)
	if err != nil {
		return nil, err
	}
	ds, err := prep.Load(dir)
	if err != nil {
		return nil, err
	}
	if err := m.Accepts(ds.X.Names, ds.Meta.SchemaHash); err != nil {
		return nil, fmt.Errorf("%s does not fit %s: %w", model, dir, err)
	}
	if err := checkFlows(c, m, dir, ds.Meta.Flow); err != nil {
		return nil, err
	}
	pipeline, err := m.FeaturePipeline()
	if err != nil {
		return nil, err
	}
	if pipeline != nil && pipeline.Scaling != nil {
		if err := pipeline.Scaling.Apply(ds.X); err != nil {
			return nil, err
		}
	}
	rep, err := train.Evaluate(c.Context, m, trainData(ds), train.EvalConfig{
		Part: p, OnTraining: p == features.Train, Seed: c.Uint64("seed"),
	})
	if err != nil {
		return nil, err
	}
	return &report.Input{Model: &m.Header, Dataset: ds.Meta, Evaluation: rep}, nil
}

// writeReport writes the HTML page of an evaluation.
func writeReport(path string, judged *report.Input) error {
	page, err := report.Page(*judged)
	if err != nil {
		return err
	}
	return sink.WriteFile(path, page)
}

func writeEvaluation(w io.Writer, r *train.Report) {
	seen := ""
	if r.SeenInTraining {
		seen = " (rows seen in TRAINING: these figures say nothing of new traffic)"
	}
	fmt.Fprintf(w, "%d %s rows, %d of them attacks%s\n\n", r.Rows, r.Part, r.Attacks, seen)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(tw, "detector\tPR-AUC\tROC-AUC\trecall\tfalse alarms\tmacro recall\trecall at %g %% FPR\tmacro\t\n", 100*r.TargetFPR)
	for _, d := range r.Results {
		fmt.Fprintf(tw, "%s\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t\n", d.Name, float64(d.PRAUC), float64(d.ROCAUC),
			float64(d.AtThreshold.Recall), float64(d.AtThreshold.FPR), float64(d.MacroRecall), float64(d.RecallAtFPR), float64(d.MacroRecallAtFPR))
	}
	_ = tw.Flush() // to the same writer as the rest
	fmt.Fprintln(w)
	tw = tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "class\tn\tcalled attack\tshare\t95 % interval\t")
	for _, d := range r.Results[0].Detections {
		if d.N > 0 {
			fmt.Fprintf(tw, "%s\t%d\t%d\t%.3f\t%.3f–%.3f\t\n", d.Class, d.N, d.Detected, float64(d.Recall), float64(d.Interval.Low), float64(d.Interval.High))
		}
	}
	_ = tw.Flush()
}
