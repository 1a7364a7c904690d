package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"
	"slices"

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
			"The same dataset, flags and kernel give the same model, byte for byte, also when it was stopped and resumed.\n" +
			"A dataset that would take more than --memory is streamed from its Parquet files: the network then sees the rows in\n" +
			"another order, shuffled across a buffer instead of as a whole, and the model is another one.",
		UsageText: "pcapline train -o model.pcapline dataset\n" +
			"pcapline train -o model.pcapline --hidden 64,32 --epochs 20 --seed 7 dataset\n" +
			"pcapline train -o model.pcapline --config train.yaml --checkpoint state --resume dataset\n" +
			"pcapline train -o model.pcapline --search space.yaml --cv time --folds 4 --seeds 3 --results search.json dataset\n" +
			"pcapline train -o antinex.pcapline --request full-django.json --predictions rows.json v1_django_cleaned.csv\n" +
			"pcapline train -o antinex.pcapline --preset antinex-full v1_django_cleaned.csv",
		Flags: append(slices.Concat(flags, searchFlags(), requestFlags()),
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
	base := defaultConfig()
	base.Seed = c.Uint64("seed")
	cfg, err := trainConfig(c, *base)
	if err != nil {
		return err
	}
	if searches(c) {
		return trainSearch(c, cfg)
	}
	if c.NArg() != 1 || out == "" || c.String("results") != "" {
		return usagef("train: name the dataset's folder and the model's file (-o); --results belongs to --search, --cv and --seeds")
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

// fitDataset trains a model on the dataset in a folder: in memory where it
// fits into what the configuration allows, else streamed.
func fitDataset(c *cli.Context, dir string, cfg train.Config, scale features.Method) (*train.Model, error) {
	meta, err := features.ReadMeta(filepath.Join(dir, prep.CleanedMetaFile))
	if err != nil {
		return nil, err
	}
	fit := fitLoaded
	if cfg.Streams(meta.Rows.Used(), len(meta.FeaturesToProcess)) {
		fit = fitStreamed
	}
	m, scaling, err := fit(c, dir, cfg, scale)
	if err != nil {
		return nil, err
	}
	m.Table, m.Schema = meta.Table, meta.SchemaHash
	if m.Pipeline, err = json.Marshal(meta.Pipeline(scaling)); err != nil {
		return nil, err
	}
	m.Manifest.Tool = "pcapline " + transform.Version
	m.Manifest.Provenance, err = json.Marshal(provenance{meta.Sources, meta.Inputs, meta.Split, meta.Seeds})
	return m, err
}

func fitLoaded(c *cli.Context, dir string, cfg train.Config, scale features.Method) (*train.Model, *features.Scaling, error) {
	ds, err := prep.Load(dir)
	if err != nil {
		return nil, nil, err
	}
	scaling, err := features.Scaler{Method: scale}.Fit(ds.X, ds.Training())
	if err != nil {
		return nil, nil, err
	}
	if err := scaling.Apply(ds.X); err != nil {
		return nil, nil, err
	}
	m, _, err := train.FitFrom(c.Context, trainData(ds), cfg, checkpoints(c), logEpoch(c))
	return m, scaling, err
}

func fitStreamed(c *cli.Context, dir string, cfg train.Config, scale features.Method) (*train.Model, *features.Scaling, error) {
	ds, err := prep.OpenStream(dir)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = ds.Close() }() // it was only read
	memory := cfg.WithDefaults().Memory
	debug.SetMemoryLimit(memory - memory/8) // the rest is what the program is made of
	logger(c).Info("streaming: the dataset would take more than --memory, so rows are shuffled by parts", "rows", ds.Meta.Rows.Used())
	scaling, err := ds.Scaling(c.Context, features.Scaler{Method: scale}, cfg.ScalerMemory())
	if err != nil {
		return nil, nil, err
	}
	m, _, err := train.FitStream(c.Context, &train.Stream{
		Names: ds.Meta.FeaturesToProcess, Classes: ds.Meta.Classes,
		Train: ds.Part(features.Train, scaling), Valid: ds.Part(features.Valid, scaling),
	}, cfg, checkpoints(c), logEpoch(c))
	return m, scaling, err
}

func logEpoch(c *cli.Context) func(train.Epoch) {
	return func(e train.Epoch) {
		logger(c).Debug("epoch", "n", e.Epoch, "train_loss", e.TrainLoss, "valid_loss", float64(e.ValidLoss), "valid_pr_auc", float64(e.ValidAP))
	}
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
	if n := m.Manifest.ShuffleBuffer; n > 0 {
		fmt.Fprintf(w, "rows were streamed, %d of them shuffled at a time\n", n)
	}
	fmt.Fprintf(w, "best of %d epochs is %d (by validation %s; PR-AUC %.4f); threshold %.4f\nwrote %s\n",
		len(h.Epochs), h.Best, h.Monitor, float64(last.ValidAP), m.Threshold.Value, out)
}
