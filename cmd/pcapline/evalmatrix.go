package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/prep"
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/train/metrics"
	"github.com/pcapline/pcapline/transform/sink"
)

// matrixAction judges each of several models on each of several datasets. A
// model's baselines are there where its own dataset is.
func matrixAction(c *cli.Context, config train.EvalConfig) error {
	models, datasets, err := matrixArguments(c)
	if err != nil {
		return err
	}
	var cells []train.CrossCell
	for _, model := range models {
		row, err := matrixRow(c, model, datasets, config)
		if err != nil {
			return fmt.Errorf("%s: %w", model, err)
		}
		cells = append(cells, row...)
	}
	if path := c.String("output"); path != "" {
		text, err := json.MarshalIndent(cells, "", "  ")
		if err != nil {
			return err
		}
		if err := sink.WriteFile(path, append(text, '\n')); err != nil {
			return err
		}
	}
	return summarise(c, cells, func(w io.Writer) { writeMatrix(w, cells, config.Part) })
}

// matrixArguments tells models, which are files, from datasets, which are
// folders.
func matrixArguments(c *cli.Context) (models, datasets []string, err error) {
	for _, flag := range []string{"html", "gate", "leave-one-class-out"} {
		if c.IsSet(flag) {
			return nil, nil, usagef("eval: --%s is for one model and one dataset", flag)
		}
	}
	for _, arg := range c.Args().Slice() {
		st, err := os.Stat(arg)
		switch {
		case err != nil:
			return nil, nil, err
		case st.IsDir():
			datasets = append(datasets, arg)
		default:
			models = append(models, arg)
		}
	}
	if len(models) == 0 || len(datasets) == 0 {
		return nil, nil, usagef("eval: name models, which are files, and datasets, which are folders")
	}
	return models, datasets, nil
}

func matrixRow(c *cli.Context, path string, datasets []string, config train.EvalConfig) ([]train.CrossCell, error) {
	m, err := train.LoadModel(path)
	if err != nil {
		return nil, err
	}
	p, err := m.FeaturePipeline()
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fmt.Errorf("it was trained on features without a pipeline, which no other dataset has")
	}
	var cells []train.CrossCell
	var own *train.Data
	for _, dir := range datasets {
		meta, err := features.ReadMeta(filepath.Join(dir, prep.CleanedMetaFile))
		if err != nil {
			return nil, err
		}
		cell := train.CrossCell{Model: path, Dataset: dir, Relation: relation(m, meta)}
		cell.Seen = cell.Relation == train.OwnDataset && config.Part == features.Train
		if cell.Relation == train.OwnDataset && own == nil {
			if own, err = scaledDataset(c, path, dir); err != nil {
				return nil, err
			}
		}
		cells = append(cells, cell)
	}
	judges, err := train.NewJudges(c.Context, m, own, config.Baselines)
	if err != nil {
		return nil, err
	}
	for i := range cells {
		if err := judgeCell(c, &cells[i], m, p, judges, config); err != nil {
			return nil, err
		}
	}
	return cells, nil
}

func judgeCell(c *cli.Context, cell *train.CrossCell, m *train.Model, p *features.Pipeline, judges *train.Judges, config train.EvalConfig) error {
	ds, err := prep.Recode(cell.Dataset, config.Part, p)
	if err != nil {
		return err
	}
	if err := checkFlows(c, m, cell.Dataset, ds.Meta.Flow); err != nil {
		return err
	}
	if cell.Results, err = judges.Judge(judgedData(ds), config); err != nil {
		return fmt.Errorf("%s: %w", cell.Dataset, err)
	}
	at := cell.Results[0].AtThreshold
	cell.Attacks, cell.Rows = at.TP+at.FN, len(ds.Class)
	return nil
}

// scaledDataset is a model's own dataset, ready to be judged.
func scaledDataset(c *cli.Context, path, dir string) (*train.Data, error) {
	m, ds, err := loadJudged(c, path, dir)
	if err != nil {
		return nil, err
	}
	return judgedData(ds), scaleFor(m, ds)
}

// relation compares what a model was trained on with a dataset.
func relation(m *train.Model, meta *features.Meta) string {
	var p provenance
	if json.Unmarshal(m.Manifest.Provenance, &p) != nil {
		return train.OtherDataset
	}
	mine, _ := json.Marshal(p)
	theirs, _ := json.Marshal(provenance{meta.Sources, meta.Inputs, meta.Split, meta.Seeds})
	if bytes.Equal(mine, theirs) && m.Accepts(meta.FeaturesToProcess, meta.SchemaHash) == nil {
		return train.OwnDataset
	}
	known := make(map[string]bool)
	for _, in := range p.Inputs {
		known[in.SHA256] = true
	}
	for _, in := range meta.Inputs {
		if known[in.SHA256] {
			return train.SharesCaptures
		}
	}
	return train.OtherDataset
}

func writeMatrix(w io.Writer, cells []train.CrossCell, part features.Part) {
	fmt.Fprintf(w, "%s rows; thresholds from the validation rows of the dataset that a model was trained on\n\n", part)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "model\tdataset\t\trows\tdetector\tPR-AUC\t95 %\tfalse alarms\tmacro recall\tmacro at target FPR\t95 %")
	for _, cell := range cells {
		relation := cell.Relation
		if cell.Seen {
			relation = "seen in TRAINING"
		}
		for _, r := range cell.Results {
			fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%s\t%.4f\t%s\t%.4f\t%.4f\t%.4f\t%s\n", cell.Model, cell.Dataset, relation, cell.Rows, r.Name,
				float64(r.PRAUC), writtenInterval(r.Intervals.PRAUC), float64(r.AtThreshold.FPR), float64(r.MacroRecall),
				float64(r.MacroRecallAtFPR), writtenInterval(r.Intervals.MacroRecallAtFPR))
		}
	}
	_ = tw.Flush() // w keeps its own errors
}

func writtenInterval(i metrics.Interval) string {
	if !i.Low.Defined() {
		return ""
	}
	return fmt.Sprintf("%.3f–%.3f", float64(i.Low), float64(i.High))
}
