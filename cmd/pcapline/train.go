package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/prep"
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/transform"
)

func trainCommand() *cli.Command {
	flags := []cli.Flag{
		outputFlag("write the model to `FILE`"),
		&cli.StringFlag{Name: "config", Usage: "read the training configuration from the YAML or JSON `FILE`; flags come before it"},
	}
	for _, f := range configFlags() {
		flags = append(flags, f.Flag)
	}
	return &cli.Command{
		Name:      "train",
		Usage:     "a dataset to a model, by Gorgonia",
		ArgsUsage: "DATASET",
		Description: "Trains a multi-layer perceptron on the training rows; stops by the validation rows; never sees the test rows.\n" +
			"The same dataset, flags and kernel give the same model, byte for byte, also when it was stopped and resumed.",
		UsageText: "pcapline train -o model.pcapline dataset\n" +
			"pcapline train -o model.pcapline --hidden 64,32 --epochs 20 --seed 7 dataset\n" +
			"pcapline train -o model.pcapline --config train.yaml --checkpoint state --resume dataset\n" +
			"pcapline train -o antinex.pcapline --request full-django.json --predictions rows.json v1_django_cleaned.csv\n" +
			"pcapline train -o antinex.pcapline --preset antinex-full v1_django_cleaned.csv",
		Flags: append(append(flags, requestFlags()...),
			&cli.StringFlag{Name: "scale", Value: string(features.QuantileNormal), Usage: "`METHOD` that scales features: quantile_normal, quantile_uniform, standard, minmax or none"},
			&cli.StringFlag{Name: "checkpoint", Usage: "keep the state of the training in `FILE`"},
			&cli.IntFlag{Name: "checkpoint-every", Value: 1, Usage: "write it after every `N` epochs"},
			&cli.BoolFlag{Name: "resume", Usage: "go on from the checkpoint if there is one; the dataset and all else must be the same"},
			seedFlag(),
		),
		Action: trainAction,
	}
}

func trainAction(c *cli.Context) error {
	out := c.String("output")
	if c.String("request") != "" || c.String("preset") != "" {
		return trainRequest(c)
	}
	if c.String("compat") != "" || c.String("predictions") != "" || c.String("metadata") != "" {
		return usagef("train: --compat, --metadata and --predictions belong to --request and --preset")
	}
	if c.NArg() != 1 || out == "" {
		return usagef("train: name the dataset's folder and the model's file (-o)")
	}
	base := defaultConfig()
	base.Seed = c.Uint64("seed")
	cfg, err := trainConfig(c, *base)
	if err != nil {
		return err
	}
	if c.Int("checkpoint-every") < 1 || c.Bool("resume") && c.String("checkpoint") == "" {
		return usagef("train: --resume goes on from --checkpoint FILE, which is written every so many epochs (--checkpoint-every)")
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
	m, _, err := train.FitFrom(c.Context, trainData(ds), cfg, checkpoints(c), func(e train.Epoch) {
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

// checkpoints are none where the command has no such flags.
func checkpoints(c *cli.Context) train.Checkpoints {
	return train.Checkpoints{Path: c.String("checkpoint"), Every: c.Int("checkpoint-every"), Resume: c.Bool("resume")}
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
