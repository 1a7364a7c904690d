package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/label"
	"github.com/pcapline/pcapline/features/prep"
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/sink"
)

// The names of what run leaves in its folder.
const (
	packetsName = "packets.parquet"
	flowsName   = "flows.parquet"
	datasetName = "dataset"
	modelName   = "model.pcapline"
	evalName    = "eval.json"
	reportName  = "report.html"
	runName     = "run.json"
	truthName   = "truth.csv"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "the whole line: captures in; tables, dataset, model, evaluation and report out",
		ArgsUsage: "FILE|DIR...",
		Description: "Rows are labelled by --truth, or by a truth.csv in the folder named. Without labels only the tables are\n" +
			"made. The model learns from flows. Everything that it writes is the same, byte for byte, for the same\n" +
			"captures, flags and seed, whatever -j is.",
		UsageText: "pcapline run testdata/lab\npcapline run -o out --truth truth.csv captures/",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "out", Usage: "write into the folder `DIR`"},
			&cli.BoolFlag{Name: "csv", Usage: "write the tables as CSV, too"},
			gateFlag(),
			commentsFlag(), payloadFlag(),
		}, labelFlags(), captureFlags(), splitFlags(), flowFlags()),
		Action: runAction,
	}
}

// runSummary is what run says with --json, and in run.json.
type runSummary struct {
	Tables     *transform.Result `json:"tables"`
	Labels     *label.Report     `json:"labels"`     // null: no truth file
	Rows       any               `json:"rows"`       // of the dataset; null without labels
	Evaluation *train.Report     `json:"evaluation"` // null without labels
	Output     string            `json:"-"`
	gate       *train.Gate       // nil: none was asked for
}

func runAction(c *cli.Context) error {
	out := c.String("output")
	opt, err := transformOptions(c)
	if err != nil {
		return err
	}
	split, err := splitSpec(c)
	if err != nil {
		return err
	}
	gate, err := readGate(c)
	if err != nil {
		return err
	}
	if err := clearOutputs(out); err != nil {
		return err
	}
	sum := &runSummary{Output: out, gate: gate}
	damage, err := runTables(c, opt, sum)
	if err != nil {
		return err
	}
	if sum.Labels != nil {
		if err := runModel(c, split, sum); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(sum, "", "  ")
	if err != nil {
		return err
	}
	if err := sink.WriteFile(filepath.Join(out, runName), append(text, '\n')); err != nil {
		return err
	}
	if err := summarise(c, sum, func(w io.Writer) { writeRun(w, sum) }); err != nil {
		return err
	}
	if err := sum.gateError(); err != nil {
		return err
	}
	return damagedOnly(damage)
}

// gateError is what a gate that failed, or that found no model, ends the
// program with.
func (s *runSummary) gateError() error {
	switch {
	case s.gate == nil:
		return nil
	case s.Evaluation == nil:
		return gateFailed(errors.New("there is no model to hold against the gate: the rows have no labels"))
	}
	return gateError(s.Evaluation)
}

// runTables makes the packets and flows tables; damage is ErrDamaged or nil.
func runTables(c *cli.Context, opt transform.Options, sum *runSummary) (damage, err error) {
	truth, err := findTruth(c)
	if err != nil {
		return nil, err
	}
	labels, err := addLabels(c, &opt, truth)
	if err != nil {
		return nil, err
	}
	if labels == nil {
		logger(c).Warn("no truth file: the tables are made without labels, and nothing is trained (--truth FILE)")
	}
	opt.Packets.Path = filepath.Join(sum.Output, packetsName)
	opt.Flows.Path = filepath.Join(sum.Output, flowsName)
	sum.Tables, err = transformRun(c, opt)
	if err != nil && !errors.Is(err, transform.ErrDamaged) {
		return nil, err
	}
	if labels != nil {
		sum.Labels = labels.report().Brief()
	}
	if c.Bool("csv") {
		return err, copyAsCSV(c, opt.Packets.Path, opt.Flows.Path)
	}
	return err, nil
}

// findTruth is a truth.csv beside the captures, "" where there is none or
// where labels are named otherwise.
func findTruth(c *cli.Context) (string, error) {
	for _, named := range []string{"truth", "pack", "label-by", "label-comments", "label-constant"} {
		if c.IsSet(named) {
			return "", nil
		}
	}
	found := ""
	for _, dir := range c.Args().Slice() {
		t := filepath.Join(dir, truthName)
		if st, err := os.Stat(t); err != nil || !st.Mode().IsRegular() {
			continue
		}
		if found != "" {
			return "", usagef("run: %s and %s: name the one that counts with --truth", found, t)
		}
		found = t
	}
	return found, nil
}

// clearOutputs makes the folder and removes what an earlier run left in it,
// so that nothing old lies beside what this one writes.
func clearOutputs(out string) error {
	if err := os.MkdirAll(filepath.Join(out, datasetName), 0o755); err != nil {
		return err
	}
	if err := prep.Remove(filepath.Join(out, datasetName)); err != nil {
		return err
	}
	for _, name := range []string{packetsName, flowsName, modelName, evalName, reportName, runName} {
		if err := os.Remove(filepath.Join(out, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// runModel prepares, trains and judges.
func runModel(c *cli.Context, spec features.SplitSpec, sum *runSummary) error {
	dataset := filepath.Join(sum.Output, datasetName)
	model := filepath.Join(sum.Output, modelName)
	res, err := prepareDataset(c, prep.Options{
		Tables: []string{filepath.Join(sum.Output, flowsName)}, Dir: dataset, Split: spec,
	})
	if err != nil {
		return err
	}
	sum.Rows = res.Cleaned.Rows
	logger(c).Info("dataset", "train", res.Cleaned.Rows.Train, "valid", res.Cleaned.Rows.Valid, "test", res.Cleaned.Rows.Test, "purged", res.Cleaned.Rows.Purged, "features", len(res.Cleaned.FeaturesToProcess))
	m, err := fitDataset(c, dataset, train.Config{Seed: c.Uint64("seed")}, features.QuantileNormal)
	if err != nil {
		return err
	}
	if err := m.Save(model); err != nil {
		return err
	}
	logger(c).Info("model", "epochs", len(m.Manifest.History.Epochs), "best", m.Manifest.History.Best, "kernel", m.Kernel)
	judged, err := evaluate(c, model, dataset, train.EvalConfig{Seed: c.Uint64("seed"), Importance: defaultImportance})
	if err != nil {
		return err
	}
	sum.Evaluation = judged.Evaluation
	if sum.gate != nil {
		sum.Evaluation.Gate = sum.gate.Judge(sum.Evaluation)
	}
	if err := writeFigures(filepath.Join(sum.Output, evalName), sum.Evaluation); err != nil {
		return err
	}
	return writeReport(filepath.Join(sum.Output, reportName), judged)
}

func writeRun(w io.Writer, sum *runSummary) {
	sum.Tables.Ledger.WriteText(w)
	if sum.Labels != nil {
		sum.Labels.WriteText(w)
	}
	if sum.Evaluation == nil {
		fmt.Fprintf(w, "\ntables: %s, %s\n", filepath.Join(sum.Output, packetsName), filepath.Join(sum.Output, flowsName))
		return
	}
	fmt.Fprintln(w)
	writeEvaluation(w, sum.Evaluation)
	fmt.Fprintf(w, "\nOpen %s; the tables, the dataset and the model lie beside it.\n", filepath.Join(sum.Output, reportName))
}

// copyAsCSV writes each table beside itself as CSV.
func copyAsCSV(c *cli.Context, tables ...string) error {
	for _, t := range tables {
		out := transform.Output{Path: strings.TrimSuffix(t, filepath.Ext(t)) + ".csv"}
		if _, err := transform.Rewrite(c.Context, t, out, nil, nil); err != nil {
			return err
		}
	}
	return nil
}
