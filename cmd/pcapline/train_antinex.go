package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/train/antinex"
	"github.com/pcapline/pcapline/transform"
	v1 "github.com/pcapline/pcapline/transform/antinex"
	"github.com/pcapline/pcapline/transform/sink"
)

// requestFlags are for AntiNex's requests and networks.
func requestFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "keras", Usage: "take the hidden layers of the Keras architecture (JSON) in `FILE`"},
		&cli.StringFlag{Name: "request", Usage: "train as the AntiNex request in `FILE` says, on the CSV table named or on the request's"},
		&cli.StringFlag{Name: "preset", Usage: "train as a stock request of AntiNex, `NAME` keras-dnn or antinex-full"},
		&cli.StringFlag{Name: "compat", Usage: "with --request or --preset: with the flaws of `WHO`, antinex-v1; figures then mean little"},
		&cli.StringFlag{Name: "metadata", Usage: "with --request or --preset: the table's metadata `FILE`, which lists the features (default: the request's)"},
		&cli.StringFlag{Name: "predictions", Usage: "with --request or --preset: write every row and its prediction to `FILE`, JSON or CSV by its ending"},
	}
}

// wantsCompat reads --compat.
func wantsCompat(c *cli.Context) (bool, error) {
	if who := c.String("compat"); who != "" && who != v1.V1 {
		return false, usagef("%s: --compat is %s, not %q", c.Command.Name, v1.V1, who)
	}
	return c.String("compat") != "", nil
}

func readRequest(path string) (*antinex.Request, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r, err := antinex.ParseRequest(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// findRequest is that of --request or --preset. The environment of keras-dnn
// counts for its preset.
func findRequest(c *cli.Context) (*antinex.Request, error) {
	if path := c.String("request"); path != "" {
		if c.String("preset") != "" {
			return nil, usagef("train: --request or --preset, not both")
		}
		return readRequest(path)
	}
	name := c.String("preset")
	r := antinex.Preset(name)
	if r == nil {
		return nil, usagef("train: --preset is one of %s, not %q", strings.Join(antinex.Presets, ", "), name)
	}
	for variable, to := range map[string]*string{"CSV_FILE": &r.Dataset, "CSV_META_FILE": &r.Meta, "PREDICT_FEATURE": &r.PredictFeature} {
		if v := os.Getenv(variable); v != "" && name == "keras-dnn" {
			*to = v
		}
	}
	if v := os.Getenv("TEST_SIZE"); v != "" && name == "keras-dnn" {
		share, err := strconv.ParseFloat(v, 64)
		if err != nil || !(share > 0 && share < 1) {
			return nil, usagef("train: TEST_SIZE is a share between 0 and 1, not %q", v)
		}
		r.TestSize = share
	}
	if _, err := os.Stat(r.Meta); err != nil && os.Getenv("CSV_META_FILE") == "" {
		r.Meta = "" // the script's own path, where nothing is
	}
	return r, nil
}

// trainRequest is train --request and --preset.
func trainRequest(c *cli.Context) error {
	out := c.String("output")
	if c.NArg() > 1 || out == "" {
		return usagef("train: name one CSV table at most, and the model's file (-o)")
	}
	if c.String("checkpoint") != "" || c.IsSet("scale") || c.IsSet("memory") || searches(c) || c.String("results") != "" {
		return usagef("train: --checkpoint, --memory, --scale and comparisons have no use with a request")
	}
	compat, err := wantsCompat(c)
	if err != nil {
		return err
	}
	r, err := findRequest(c)
	if err != nil {
		return err
	}
	if meta := c.String("metadata"); meta != "" {
		r.Meta, r.Features = meta, nil
	}
	if c.IsSet("seed") {
		r.Seed = c.Uint64("seed")
	}
	opt := antinex.Options{Table: c.Args().First(), Compat: compat, Progress: func(e train.Epoch) {
		logger(c).Debug("epoch", "n", e.Epoch, "train_loss", e.TrainLoss, "valid_loss", float64(e.ValidLoss))
	}}
	if opt.Config, err = r.Config(); err != nil {
		return err
	}
	if opt.Config, err = trainConfig(c, opt.Config); err != nil {
		return err
	}
	res, err := antinex.Train(c.Context, r, opt)
	if err != nil {
		return err
	}
	for _, w := range res.Warnings {
		logger(c).Warn(w)
	}
	return finishRequest(c, r, res, out)
}

// finishRequest judges the model on the test rows and writes what was asked for.
func finishRequest(c *cli.Context, r *antinex.Request, res *antinex.Result, out string) error {
	rep, err := train.Evaluate(c.Context, res.Model, res.Data, train.EvalConfig{Seed: r.Seed})
	if err != nil {
		return err
	}
	res.Model.Manifest.Tool = "pcapline " + transform.Version
	if path := c.String("predictions"); path != "" {
		rows, err := res.Predictions()
		if err != nil {
			return err
		}
		if err := writePredictions(rows, path, r.MaxRecords); err != nil {
			return err
		}
	}
	if err := res.Model.Save(out); err != nil {
		return err
	}
	return summarise(c, rep, func(w io.Writer) {
		fmt.Fprintf(w, "test rows: accuracy %.2f %%, balanced %.2f %%\n", 100*float64(rep.ClassAccuracy), 100*float64(rep.ClassBalanced))
		writeEvaluation(w, rep)
		fmt.Fprintf(w, "\n%d features → %v → %d outputs; wrote %s\n", res.Model.Network.Inputs, res.Model.Network.Hidden, res.Model.Network.Outputs, out)
	})
}

func writePredictions(rows *antinex.Rows, path string, limit int) error {
	write := rows.JSON
	if strings.HasSuffix(path, ".csv") {
		write = rows.CSV
	}
	text, err := write(limit)
	if err != nil {
		return err
	}
	return sink.WriteFile(path, text)
}

// scoreRequest is score --request: the predict_rows of a request.
func scoreRequest(c *cli.Context) error {
	out := c.String("output")
	if c.NArg() != 1 || out == "" {
		return usagef("score: with --request, name the model and the file to write to (-o)")
	}
	compat, err := wantsCompat(c)
	if err != nil {
		return err
	}
	r, err := readRequest(c.String("request"))
	if err != nil {
		return err
	}
	m, err := train.LoadModel(c.Args().First())
	if err != nil {
		return err
	}
	rows, warnings, err := antinex.Predict(r, m, compat)
	if err != nil {
		return fmt.Errorf("%s: %w", c.String("request"), err)
	}
	for _, w := range warnings {
		logger(c).Warn(w)
	}
	if err := writePredictions(rows, out, r.MaxRecords); err != nil {
		return err
	}
	return summarise(c, map[string]any{"rows": rows.X.Rows, "output": out}, func(w io.Writer) {
		fmt.Fprintf(w, "scored %d rows\nwrote %s\n", rows.X.Rows, out)
	})
}
