package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/prep"
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/train/report"
)

func reportCommand() *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "an evaluation as one HTML page that needs no network",
		ArgsUsage: "DIR | MODEL DATASET EVALUATION",
		Description: "EVALUATION is what eval -o or run wrote (eval.json); it must be of this model. A folder that run wrote has\n" +
			"all three. --matrix adds what eval -o wrote of the model on other datasets.",
		UsageText: "pcapline report -o report.html out\n" +
			"pcapline eval -o eval.json --leave-one-class-out model.pcapline dataset\n" +
			"pcapline report -o report.html model.pcapline dataset eval.json",
		Flags: []cli.Flag{
			outputFlag("write the page to `FILE`"),
			&cli.StringFlag{Name: "matrix", Usage: "also show the evaluation on other datasets in `FILE`"},
		},
		Action: reportAction,
	}
}

func reportAction(c *cli.Context) error {
	args, out := c.Args().Slice(), c.String("output")
	if len(args) == 1 {
		dir := args[0]
		args = []string{filepath.Join(dir, modelName), filepath.Join(dir, datasetName), filepath.Join(dir, evalName)}
	}
	if len(args) != 3 || out == "" {
		return usagef("report: name the model, its dataset and the evaluation, or a folder that pcapline run wrote, and the page to write (-o)")
	}
	for _, in := range append(args, c.String("matrix")) {
		if same(out, in) {
			return usagef("report: %s is an input; it would be overwritten", out)
		}
	}
	in, err := reportInput(args[0], args[1], args[2])
	if err != nil {
		return err
	}
	if path := c.String("matrix"); path != "" {
		if err := readFigures(path, &in.Matrix); err != nil {
			return err
		}
	}
	if err := writeReport(out, in); err != nil {
		return err
	}
	return summarise(c, map[string]any{"output": out}, func(w io.Writer) { fmt.Fprintf(w, "wrote %s\n", out) })
}

func reportInput(model, dir, figures string) (*report.Input, error) {
	m, err := train.LoadModel(model)
	if err != nil {
		return nil, err
	}
	meta, err := features.ReadMeta(filepath.Join(dir, prep.CleanedMetaFile))
	if err != nil {
		return nil, err
	}
	if err := m.Accepts(meta.FeaturesToProcess, meta.SchemaHash); err != nil {
		return nil, fmt.Errorf("%s does not fit %s: %w", model, dir, err)
	}
	r := new(train.Report)
	if err := readFigures(figures, r); err != nil {
		return nil, err
	}
	digest, err := m.Digest()
	if err != nil {
		return nil, err
	}
	if r.Model != digest || len(r.Results) == 0 {
		return nil, fmt.Errorf("%s is not an evaluation of %s", figures, model)
	}
	return &report.Input{Model: &m.Header, Dataset: meta, Evaluation: r}, nil
}

// readFigures reads what eval -o wrote.
func readFigures(path string, to any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	dec := json.NewDecoder(f)
	dec.DisallowUnknownFields()
	if err := dec.Decode(to); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
