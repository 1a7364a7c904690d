package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
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
		ArgsUsage: "MODEL... DATASET...",
		Description: "The baselines are fitted on the same training rows: majority class, one rule, logistic regression,\n" +
			"gradient-boosted trees. All thresholds are chosen on validation rows. Intervals are of 95 %, by a bootstrap\n" +
			"that draws whole captures or conversations.\n\n" +
			"With several models (files) or datasets (folders) each model is judged on each dataset, whose rows get the\n" +
			"features that the model learned; baselines of the model's own dataset stand beside it where that is named.\n\n" +
			"A gate is a YAML or JSON file of what must be reached; where it is not, the exit status is 4. --gate default\n" +
			"is one that no model passes that learned nothing:\n\n" + indented(train.DefaultGate),
		UsageText: "pcapline eval model.pcapline dataset\n" +
			"pcapline eval --html report.html --gate gate.yaml model.pcapline dataset\n" +
			"pcapline eval model.pcapline dataset other-dataset\n" +
			"pcapline eval --leave-one-class-out --base-rate 0.001 --rows-per-day 5e6 model.pcapline dataset",
		Flags: append(evalFlags(), gateFlag(), anyFlowsFlag(), seedFlag(),
			&cli.StringFlag{Name: "part", Value: features.Test.String(), Usage: "`PART` of the dataset to judge on: test, valid or train"},
			&cli.StringFlag{Name: "html", Usage: "write the report to `FILE`, one page that needs no network"},
			outputFlag("write the figures to `FILE`, as JSON"),
			&cli.BoolFlag{Name: "leave-one-class-out", Usage: "also train anew without each attack class in turn, and see whether it is found"},
		),
		Action: evalAction,
	}
}

// indented is text as an indented block.
func indented(text []byte) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n  ")
}

func evalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "baselines", DefaultText: "all", Usage: "`NAMES` of the baselines, comma-separated; none for none"},
		&cli.Float64SliceFlag{Name: "base-rate", DefaultText: "0.01, 0.001, 0.0001", Usage: "`SHARE` of attacks in operation, for precision and alerts a day (repeatable)"},
		&cli.Float64Flag{Name: "rows-per-day", DefaultText: "1e6", Usage: "`N` rows a day in operation"},
		&cli.IntFlag{Name: "resamples", DefaultText: "200", Usage: "`N` resamples of the bootstrap"},
		&cli.StringFlag{Name: "resample", DefaultText: "capture where ten or more have rows", Usage: "what the bootstrap draws whole (`UNIT`): " + strings.Join(train.Units, ", ")},
		&cli.IntFlag{Name: "importance", Value: defaultImportance, Usage: "shuffle each column `N` times for its importance; 0: not at all"},
	}
}

// defaultImportance is the number of shuffles of a column.
const defaultImportance = 3

func gateFlag() cli.Flag {
	return &cli.StringFlag{Name: "gate", Usage: "end with status 4 unless the model reaches what `FILE` asks for; default: the built-in gate"}
}

// evalConfig reads evalFlags.
func evalConfig(c *cli.Context) (train.EvalConfig, error) {
	e := train.EvalConfig{
		Seed: c.Uint64("seed"), BaseRates: c.Float64Slice("base-rate"), RowsPerDay: c.Float64("rows-per-day"),
		Resamples: c.Int("resamples"), Unit: c.String("resample"), Importance: c.Int("importance"),
	}
	switch names := c.String("baselines"); {
	case names == "none":
		e.Baselines = []string{}
	case names != "":
		e.Baselines = strings.Split(names, ",")
	}
	if len(e.BaseRates) == 0 {
		e.BaseRates = nil
	}
	if err := notNegative(c, "resamples", "importance"); err != nil {
		return e, err
	}
	if err := e.Check(); err != nil {
		return e, usage(err)
	}
	return e, nil
}

// readGate reads the gate that was named; nil: none was.
func readGate(c *cli.Context) (*train.Gate, error) {
	path := c.String("gate")
	text := train.DefaultGate
	switch path {
	case "":
		return nil, nil
	case "default":
	default:
		var err error
		if text, err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	return train.ParseGate(path, text)
}

func evalAction(c *cli.Context) error {
	if c.NArg() < 2 {
		return usagef("eval: name the model and the dataset's folder, or several of both")
	}
	config, err := evalConfig(c)
	if err != nil {
		return err
	}
	if config.Part, err = features.ParsePart(c.String("part")); err != nil {
		return usage(err)
	}
	config.OnTraining = config.Part == features.Train
	if c.NArg() > 2 {
		return matrixAction(c, config)
	}
	gate, err := readGate(c)
	if err != nil {
		return err
	}
	judged, err := evaluate(c, c.Args().Get(0), c.Args().Get(1), config)
	if err != nil {
		return err
	}
	r := judged.Evaluation
	if c.Bool("leave-one-class-out") {
		if r.LeaveOneOut, err = leaveOneClassOut(c, c.Args().Get(0), c.Args().Get(1), config); err != nil {
			return err
		}
	}
	if gate != nil {
		r.Gate = gate.Judge(r)
	}
	if path := c.String("html"); path != "" {
		if err := writeReport(path, judged); err != nil {
			return err
		}
	}
	if path := c.String("output"); path != "" {
		if err := writeFigures(path, r); err != nil {
			return err
		}
	}
	if err := summarise(c, r, func(w io.Writer) { writeEvaluation(w, r) }); err != nil {
		return err
	}
	return gateError(r)
}

// gateError is what a gate that failed ends the program with.
func gateError(r *train.Report) error {
	if r.Gate == nil || r.Gate.Passed {
		return nil
	}
	return gateFailed(fmt.Errorf("the model does not pass the gate: %d of %d checks failed", len(r.Gate.Failed()), len(r.Gate.Checks)))
}

// writeFigures writes a report as JSON.
func writeFigures(path string, r *train.Report) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return sink.WriteFile(path, append(text, '\n'))
}

// loadJudged reads a model and the dataset that it fits.
func loadJudged(c *cli.Context, model, dir string) (*train.Model, *prep.Dataset, error) {
	m, err := train.LoadModel(model)
	if err != nil {
		return nil, nil, err
	}
	ds, err := prep.Load(dir)
	if err != nil {
		return nil, nil, err
	}
	if err := m.Accepts(ds.X.Names, ds.Meta.SchemaHash); err != nil {
		return nil, nil, fmt.Errorf("%s does not fit %s: %w", model, dir, err)
	}
	return m, ds, checkFlows(c, m, dir, ds.Meta.Flow)
}

// evaluate judges the model in a file on the dataset in a folder, and gives
// what a report is made of.
func evaluate(c *cli.Context, model, dir string, config train.EvalConfig) (*report.Input, error) {
	m, ds, err := loadJudged(c, model, dir)
	if err != nil {
		return nil, err
	}
	if err := scaleFor(m, ds); err != nil {
		return nil, err
	}
	rep, err := train.Evaluate(c.Context, m, judgedData(ds), config)
	if err != nil {
		return nil, err
	}
	return &report.Input{Model: &m.Header, Dataset: ds.Meta, Evaluation: rep}, nil
}

// scaleFor scales a dataset as the model's training rows were.
func scaleFor(m *train.Model, ds *prep.Dataset) error {
	p, err := m.FeaturePipeline()
	if err != nil || p == nil || p.Scaling == nil {
		return err
	}
	return p.Scaling.Apply(ds.X)
}

// leaveOneClassOut trains as the model was trained, but for one class.
func leaveOneClassOut(c *cli.Context, model, dir string, config train.EvalConfig) (*train.LeaveOneOut, error) {
	m, ds, err := loadJudged(c, model, dir)
	if err != nil {
		return nil, err
	}
	scale, err := scalingOf(m)
	if err != nil {
		return nil, err
	}
	return train.LeaveOneClassOut(c.Context, judgedData(ds), scale, m.Manifest.Config, config, func(u train.UnseenClass) {
		logger(c).Info("left out", "class", u.Class, "rows", u.Rows, "recall", float64(u.Results[0].Recall))
	})
}

// judgedData is the dataset as the evaluation takes it: with times and
// conversations.
func judgedData(ds *prep.Dataset) *train.Data {
	d := trainData(ds)
	d.Start, d.Sources = ds.Start, ds.Meta.Transforms.Sources()
	type talk struct {
		capture int32
		group   int64
	}
	known := make(map[talk]int32)
	next := int32(0)
	for i, g := range ds.Group {
		key := talk{ds.Capture[i], g}
		id, met := known[key]
		if g == 0 || !met {
			id = next
			next++
		}
		if g != 0 {
			known[key] = id
		}
		d.Conversation = append(d.Conversation, id)
	}
	if int(next) == len(ds.Group) {
		d.Conversation = nil // each row is one of its own
	}
	return d
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
	for _, said := range r.Conclusions() {
		fmt.Fprintln(w, said)
	}
	fmt.Fprintln(w)
	tw = tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "class\tn\tcalled attack\tshare\t95 % interval\t")
	for _, d := range r.Results[0].Detections {
		if d.N > 0 {
			fmt.Fprintf(tw, "%s\t%d\t%d\t%.3f\t%.3f–%.3f\t\n", d.Class, d.N, d.Detected, float64(d.Recall), float64(d.Interval.Low), float64(d.Interval.High))
		}
	}
	_ = tw.Flush()
	writeOperation(w, r)
	if r.LeaveOneOut != nil {
		writeLeaveOneOut(w, r.LeaveOneOut)
	}
	if r.Gate != nil {
		fmt.Fprintln(w)
		r.Gate.WriteText(w)
	}
}

func writeOperation(w io.Writer, r *train.Report) {
	fmt.Fprintln(w)
	for _, o := range r.Results[0].Operation {
		fmt.Fprintf(w, "where %g %% of %g rows a day are attacks: %.0f alerts a day, %.0f of them false, precision %.3f\n",
			100*o.BaseRate, o.RowsPerDay, float64(o.AlertsPerDay), float64(o.FalseAlertsPerDay), float64(o.Precision))
	}
}

// writeLeaveOneOut writes the recall of each class by detectors that never
// saw it.
func writeLeaveOneOut(w io.Writer, l *train.LeaveOneOut) {
	fmt.Fprintf(w, "\ntrained without the class, recall at %g %% false alarms:\n", 100*l.TargetFPR)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(tw, "class\tn\t")
	for _, m := range l.Mean {
		fmt.Fprintf(tw, "%s\t", m.Name)
	}
	fmt.Fprintln(tw)
	for _, u := range l.Classes {
		fmt.Fprintf(tw, "%s\t%d\t", u.Class, u.Rows)
		for _, r := range u.Results {
			fmt.Fprintf(tw, "%.3f\t", float64(r.RecallAtFPR))
		}
		fmt.Fprintln(tw)
	}
	fmt.Fprint(tw, "mean\t\t")
	for _, m := range l.Mean {
		fmt.Fprintf(tw, "%.3f\t", float64(m.RecallAtFPR))
	}
	fmt.Fprintln(tw)
	_ = tw.Flush()
	if len(l.Skipped) > 0 {
		fmt.Fprintf(w, "no rows, or nothing left to train on: %s\n", strings.Join(l.Skipped, ", "))
	}
}
