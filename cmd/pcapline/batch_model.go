package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/prep"
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/lake"
	"github.com/pcapline/pcapline/transform/sink"
)

// modelRun is the model that a batch has made of the flows of its last runs.
type modelRun struct {
	Run        string        `json:"run"` // the last
	Dir        string        `json:"dir"`
	Evaluation *train.Report `json:"evaluation"`
}

// modelsName is the folder of a lake with a folder of each model.
const modelsName = "models"

// checkModelConfig reads what the configuration names, before any work.
func checkModelConfig(m *lake.ModelConfig) error {
	if m == nil {
		return nil
	}
	if _, err := modelTraining(m); err != nil {
		return usage(err)
	}
	if _, err := modelGate(m); err != nil {
		return usage(err)
	}
	return nil
}

func modelTraining(m *lake.ModelConfig) (train.Config, error) {
	cfg := *defaultConfig()
	if m.Train != "" {
		text, err := os.ReadFile(m.Train)
		if err != nil {
			return cfg, err
		}
		if cfg, err = train.ParseConfig(text); err != nil {
			return cfg, fmt.Errorf("%s: %w", m.Train, err)
		}
	}
	cfg.Seed = cmp.Or(m.Seed, 42)
	return cfg, nil
}

// modelGate is nil where there is none.
func modelGate(m *lake.ModelConfig) (*train.Gate, error) {
	if m.Gate == "" {
		return nil, nil
	}
	text, err := os.ReadFile(m.Gate)
	if err != nil {
		return nil, err
	}
	return train.ParseGate(m.Gate, text)
}

// modelOfLake makes a model of the flows of the lake's last runs, unless it is
// there. Its folder appears when all is in it. It gives nil without a run.
func modelOfLake(c *cli.Context, l *lake.Lake, cfg *lake.ModelConfig) (*modelRun, error) {
	runs, err := l.Runs()
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	runs = runs[max(0, len(runs)-cmp.Or(cfg.Runs, 7)):]
	m := &modelRun{Run: runs[len(runs)-1], Evaluation: new(train.Report)}
	m.Dir = filepath.Join(l.Root, modelsName, m.Run)
	if exists(m.Dir) {
		return m, readFigures(filepath.Join(m.Dir, evalName), m.Evaluation)
	}
	if err := os.MkdirAll(filepath.Dir(m.Dir), 0o750); err != nil {
		return nil, err
	}
	folder, err := sink.NewPendingFolder(m.Dir)
	if err != nil {
		return nil, err
	}
	defer folder.Abort()
	if err := m.make(c, l, runs, cfg, folder.Hidden()); err != nil {
		return nil, fmt.Errorf("model of the run %s: %w", m.Run, err)
	}
	return m, folder.Close()
}

// make prepares, trains and judges in dir.
func (m *modelRun) make(c *cli.Context, l *lake.Lake, runs []string, cfg *lake.ModelConfig, dir string) error {
	training, err := modelTraining(cfg)
	if err != nil {
		return err
	}
	gate, err := modelGate(cfg)
	if err != nil {
		return err
	}
	tables, err := flowTables(l, runs)
	if err != nil {
		return err
	}
	dataset, model := filepath.Join(dir, datasetName), filepath.Join(dir, modelName)
	if err := os.Mkdir(dataset, 0o750); err != nil {
		return err
	}
	spec := features.SplitSpec{Kind: features.ByTime, Train: 0.6, Valid: 0.2, Test: 0.2, Seed: training.Seed}
	if _, err := prepareDataset(c, prep.Options{Tables: tables, Dir: dataset, Split: spec}); err != nil {
		return err
	}
	fitted, err := fitDataset(c, dataset, training, features.QuantileNormal)
	if err != nil {
		return err
	}
	if err := fitted.Save(model); err != nil {
		return err
	}
	judged, err := evaluate(c, model, dataset, train.EvalConfig{Seed: training.Seed, Importance: defaultImportance})
	if err != nil {
		return err
	}
	m.Evaluation = judged.Evaluation
	if gate != nil {
		m.Evaluation.Gate = gate.Judge(m.Evaluation)
	}
	return errors.Join(writeFigures(filepath.Join(dir, evalName), m.Evaluation), writeReport(filepath.Join(dir, reportName), judged))
}

// flowTables are the files of the flows of some runs, in order.
func flowTables(l *lake.Lake, runs []string) (tables []string, err error) {
	for _, run := range runs {
		m, err := lake.ReadManifest(filepath.Join(l.Dir(run), lake.ManifestName))
		if err != nil {
			return nil, err
		}
		for _, f := range m.Outputs {
			if f.Table() == transform.FlowsTable {
				tables = append(tables, filepath.Join(l.Dir(run), filepath.FromSlash(f.Path)))
			}
		}
	}
	return tables, nil
}

// gateError is what a model that fails its gate ends the batch with.
func (m *modelRun) gateError() error {
	if m == nil {
		return nil
	}
	return gateError(m.Evaluation)
}
