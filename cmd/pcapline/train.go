package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/prep"
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/transform"
)

func trainCommand() *cli.Command {
	d := train.Config{}.WithDefaults()
	return &cli.Command{
		Name:      "train",
		Usage:     "a dataset to a model, by Gorgonia",
		ArgsUsage: "DATASET",
		Description: "Trains a multi-layer perceptron on the training rows; stops by the validation rows; never sees the test rows.\n" +
			"The same dataset, flags and kernel give the same model, byte for byte.",
		UsageText: "pcapline train -o model.pcapline dataset\n" +
			"pcapline train -o model.pcapline --hidden 64,32 --epochs 20 --seed 7 dataset",
		Flags: []cli.Flag{
			outputFlag("write the model to `FILE`"),
			&cli.StringFlag{Name: "config", Usage: "read the training configuration from the JSON `FILE`; flags come before it"},
			&cli.StringFlag{Name: "hidden", Usage: fmt.Sprintf("`UNITS` of the hidden layers, comma-separated (default: %s)", joinInts(d.Hidden))},
			&cli.IntFlag{Name: "epochs", Usage: fmt.Sprintf("`N` epochs at most (default: %d)", d.Epochs)},
			&cli.IntFlag{Name: "batch", Usage: fmt.Sprintf("`N` rows a step (default: %d)", d.Batch)},
			&cli.Float64Flag{Name: "rate", Usage: fmt.Sprintf("learning `RATE` (default: %g)", d.LearningRate)},
			&cli.Float64Flag{Name: "fpr", Usage: fmt.Sprintf("choose the threshold at this `SHARE` of false alarms on the validation rows (default: %g)", d.TargetFPR)},
			&cli.StringFlag{Name: "scale", Value: string(features.QuantileNormal), Usage: "`METHOD` that scales features: quantile_normal, quantile_uniform, standard, minmax or none"},
			&cli.StringFlag{Name: "kernel", Usage: "arithmetic `KERNEL`: go or avx2-fma (default: the fastest here)"},
			seedFlag(),
		},
		Action: trainAction,
	}
}

func joinInts(v []int) string {
	s := make([]string, len(v))
	for i, n := range v {
		s[i] = strconv.Itoa(n)
	}
	return strings.Join(s, ",")
}

// trainConfig reads the configuration file, if any, and puts the flags over it.
func trainConfig(c *cli.Context) (train.Config, error) {
	var cfg train.Config
	if path := c.String("config"); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return cfg, err
		}
		if cfg, err = train.ParseConfig(text); err != nil {
			return cfg, fmt.Errorf("%s: %w", path, err)
		}
	}
	if c.IsSet("hidden") {
		cfg.Hidden = []int{}
		for s := range strings.SplitSeq(c.String("hidden"), ",") {
			n, err := strconv.Atoi(strings.TrimSpace(s))
			if err != nil {
				return cfg, usagef("--hidden: %q is no number", s)
			}
			cfg.Hidden = append(cfg.Hidden, n)
		}
	}
	if c.IsSet("epochs") {
		cfg.Epochs = c.Int("epochs")
	}
	if c.IsSet("batch") {
		cfg.Batch = c.Int("batch")
	}
	if c.IsSet("rate") {
		cfg.LearningRate = c.Float64("rate")
	}
	if c.IsSet("fpr") {
		cfg.TargetFPR = c.Float64("fpr")
	}
	if c.IsSet("kernel") {
		cfg.Kernel = c.String("kernel")
	}
	if c.IsSet("seed") || c.String("config") == "" {
		cfg.Seed = c.Uint64("seed")
	}
	if err := cfg.Check(); err != nil {
		return cfg, usage(err)
	}
	return cfg, nil
}

func trainAction(c *cli.Context) error {
	out := c.String("output")
	if c.NArg() != 1 || out == "" {
		return usagef("train: name the dataset's folder and the model's file (-o)")
	}
	cfg, err := trainConfig(c)
	if err != nil {
		return err
	}
	m, err := fitDataset(c, c.Args().First(), cfg, features.Method(c.String("scale")))
	if err != nil {
		return err
	}
	if err := m.Save(out); err != nil {
		return err
	}
	return summarise(c, m.Header, func(w io.Writer) { writeTrained(w, m, out) })
}

// fitDataset trains a model on the dataset in a folder.
func fitDataset(c *cli.Context, dir string, cfg train.Config, scale features.Method) (*train.Model, error) {
	ds, err := prep.Load(dir)
	if err != nil {
		return nil, err
	}
	scaling, err := features.Scaler{Method: scale}.Fit(ds.X, ds.Training())
	if err != nil {
		return nil, err
	}
	if err := scaling.Apply(ds.X); err != nil {
		return nil, err
	}
	m, _, err := train.Fit(c.Context, trainData(ds), cfg, func(e train.Epoch) {
		logger(c).Debug("epoch", "n", e.Epoch, "train_loss", e.TrainLoss, "valid_loss", float64(e.ValidLoss), "valid_pr_auc", float64(e.ValidAP))
	})
	if err != nil {
		return nil, err
	}
	m.Table, m.Schema = ds.Meta.Table, ds.Meta.SchemaHash
	if m.Pipeline, err = json.Marshal(ds.Pipeline(scaling)); err != nil {
		return nil, err
	}
	m.Manifest.Tool = "pcapline " + transform.Version
	m.Manifest.Provenance, err = json.Marshal(provenance{ds.Meta.Sources, ds.Meta.Inputs, ds.Meta.Split, ds.Meta.Seeds})
	return m, err
}

// provenance is what a model keeps of its dataset's metadata.
type provenance struct {
	Tables []features.Source `json:"tables"`
	Inputs []transform.Input `json:"inputs"`
	Split  *features.Split   `json:"split"`
	Seeds  map[string]uint64 `json:"seeds"`
}

// trainData is the dataset as the trainer takes it.
func trainData(ds *prep.Dataset) *train.Data {
	return &train.Data{X: ds.X, Class: ds.Class, Part: ds.Parts, Classes: ds.Classes, Benign: 0, Capture: ds.Capture, Captures: ds.Captures}
}

func writeTrained(w io.Writer, m *train.Model, out string) {
	h := m.Manifest.History
	last := h.Epochs[h.Best-1]
	fmt.Fprintf(w, "%d features → %v → %d outputs, kernel %s\n", m.Network.Inputs, m.Network.Hidden, m.Network.Outputs, m.Kernel)
	fmt.Fprintf(w, "best of %d epochs is %d (by validation %s; PR-AUC %.4f); threshold %.4f\nwrote %s\n",
		len(h.Epochs), h.Best, h.Monitor, float64(last.ValidAP), m.Threshold.Value, out)
}
