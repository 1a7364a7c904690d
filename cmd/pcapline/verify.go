package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/prep"
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/train"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "whether a model or a lake's run is what its manifest says, by doing it anew",
		ArgsUsage: "DIR | MODEL DATASET [TABLE|CAPTURE]... | LAKE | MANIFEST",
		Description: "Checks the model's file, that the dataset is the one that it was trained on, and that its validation rows\n" +
			"get the same scores and threshold, to the bit. Tables and captures that are named must have the SHA-256 that\n" +
			"the manifest has for them. --figures makes an evaluation anew and compares it; --retrain trains anew and\n" +
			"compares the model's file byte for byte. A folder that pcapline run wrote is verified with all that lies in it.\n" +
			"Of a lake, or of the manifest of one run, every output must have its SHA-256, schema and rows, the ledger must\n" +
			"balance, and nothing else may lie there; --captures also compares the captures, --rerun makes the run anew and\n" +
			"compares all bytes. What does not hold ends with status 4.",
		UsageText: "pcapline verify out\n" +
			"pcapline verify lake\n" +
			"pcapline verify --captures captures --rerun lake/run=*/manifest.json\n" +
			"pcapline verify --retrain model.pcapline dataset\n" +
			"pcapline verify --figures eval.json model.pcapline dataset out/flows.parquet testdata/lab/*.zst",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "figures", Usage: "also make the evaluation in `FILE` anew, as eval -o wrote it"},
			&cli.BoolFlag{Name: "retrain", Usage: "also train anew and compare the model's bytes"},
			&cli.StringFlag{Name: "captures", Usage: "of a lake: also compare the captures, which lie in `DIR` by the manifest's names"},
			&cli.StringFlag{Name: "sensor", Usage: "of a lake: these are the captures of `NAME` alone"},
			&cli.BoolFlag{Name: "rerun", Usage: "of a lake's run: also make it anew from --captures and compare the bytes"},
			&cli.StringSliceFlag{Name: "rules", Usage: "of a --rerun: the `FILE` of label rules that the run had (repeatable, in its order)"},
		},
		Action: verifyAction,
	}
}

// verified is what verify says with --json.
type verified struct {
	Model  string        `json:"model"`
	Holds  bool          `json:"holds"`
	Proofs []train.Proof `json:"proofs"`
}

// subject is what is to be verified.
type subject struct {
	model, dataset, figures string
	files                   []string // tables and captures
}

func verifyAction(c *cli.Context) error {
	v, err := verify(c)
	if err != nil {
		return err
	}
	for _, p := range v.Proofs {
		v.Holds = v.Holds && p.Holds
	}
	if err := summarise(c, v, func(w io.Writer) { writeVerified(w, v) }); err != nil {
		return err
	}
	if !v.Holds {
		return gateFailed(fmt.Errorf("%s is not what its manifest says", v.Model))
	}
	return nil
}

func verify(c *cli.Context) (*verified, error) {
	if c.NArg() == 1 {
		if l, runs := lakeRun(c.Args().First()); l != nil {
			return verifyLake(c, l, runs)
		}
	}
	s, err := subjectOf(c)
	if err != nil {
		return nil, err
	}
	v := &verified{Model: s.model, Holds: true}
	v.Proofs, err = s.prove(c)
	return v, err
}

func subjectOf(c *cli.Context) (subject, error) {
	args := c.Args().Slice()
	if len(args) > 1 {
		return subject{args[0], args[1], c.String("figures"), args[2:]}, nil
	}
	if len(args) == 0 {
		return subject{}, usagef("verify: name a model and its dataset, or a folder that pcapline run wrote")
	}
	dir := args[0]
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return subject{}, usagef("verify: beside %s name the dataset that it was trained on", dir)
	}
	s := subject{model: filepath.Join(dir, modelName), dataset: filepath.Join(dir, datasetName), figures: c.String("figures")}
	if path := filepath.Join(dir, evalName); s.figures == "" && exists(path) {
		s.figures = path
	}
	if path := filepath.Join(dir, flowsName); exists(path) {
		s.files = []string{path}
	}
	return s, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// prove goes from the cheapest proof to the dearest.
func (s subject) prove(c *cli.Context) ([]train.Proof, error) {
	file, err := os.ReadFile(s.model)
	if err != nil {
		return nil, err
	}
	m, err := train.LoadModel(s.model)
	if err != nil {
		return nil, err
	}
	out := []train.Proof{{What: "model file", Holds: true, Detail: fmt.Sprintf("%d bytes with their checksum", len(file))}}
	more, err := s.inputs(m)
	out = append(out, more...)
	if err != nil {
		return nil, err
	}
	ds, err := prep.Load(s.dataset)
	if err != nil {
		return nil, err
	}
	own := relation(m, ds.Meta) == train.OwnDataset
	out = append(out, train.Proof{What: "dataset", Holds: own, Detail: "its tables, captures, split, seeds and features are " + map[bool]string{true: "", false: "not "}[own] + "those of the manifest"})
	if !own {
		return out, nil // all else would fail for that reason
	}
	if err := scaleFor(m, ds); err != nil {
		return nil, err
	}
	if more, err = m.Rescore(judgedData(ds)); err != nil {
		return nil, err
	}
	out = append(out, more...)
	if s.figures != "" {
		p, err := s.reevaluate(c, m, ds)
		if err != nil {
			return nil, err
		}
		out = append(out, *p)
	}
	if c.Bool("retrain") {
		p, err := s.retrain(c, m, file)
		if err != nil {
			return nil, err
		}
		out = append(out, *p)
	}
	return out, nil
}

// inputs digests the files that were named and looks for them in the manifest.
func (s subject) inputs(m *train.Model) ([]train.Proof, error) {
	var p provenance
	if err := json.Unmarshal(m.Manifest.Provenance, &p); err != nil {
		return nil, fmt.Errorf("%s: manifest: %w", s.model, err)
	}
	known := make(map[string][]string) // digests by name
	for _, t := range p.Tables {
		known[t.File] = append(known[t.File], t.SHA256)
	}
	for _, in := range p.Inputs {
		known[filepath.Base(in.File)] = append(known[filepath.Base(in.File)], in.SHA256)
	}
	var out []train.Proof
	for _, path := range s.files {
		sum, _, err := pcapio.Digest(path)
		if err != nil {
			return nil, err
		}
		proof := train.Proof{What: "input " + path, Detail: "SHA-256 " + sum}
		digests := known[filepath.Base(path)]
		for _, d := range digests {
			proof.Holds = proof.Holds || d == sum
		}
		switch {
		case len(digests) == 0:
			proof.Detail = "the manifest has no file of this name"
		case !proof.Holds:
			proof.Detail += ", the manifest has " + digests[0]
		}
		out = append(out, proof)
	}
	return out, nil
}

// reevaluate makes an evaluation anew, by its own settings.
func (s subject) reevaluate(c *cli.Context, m *train.Model, ds *prep.Dataset) (*train.Proof, error) {
	old := new(train.Report)
	if err := readFigures(s.figures, old); err != nil {
		return nil, err
	}
	if len(old.Results) == 0 {
		return nil, fmt.Errorf("%s has no results", s.figures)
	}
	anew, err := train.Evaluate(c.Context, m, judgedData(ds), old.Config)
	if err != nil {
		return nil, err
	}
	p := &train.Proof{What: "figures " + s.figures}
	p.Holds, p.Detail = train.SameFigures(old, anew)
	return p, nil
}

func (s subject) retrain(c *cli.Context, m *train.Model, file []byte) (*train.Proof, error) {
	scale, err := scalingOf(m)
	if err != nil {
		return nil, err
	}
	anew, err := fitDataset(c, s.dataset, m.Manifest.Config, scale)
	if err != nil {
		return nil, err
	}
	p := &train.Proof{What: "model trained anew"}
	p.Holds, p.Detail, err = train.SameModel(file, m, anew)
	return p, err
}

// scalingOf is the way in which a model's features are scaled.
func scalingOf(m *train.Model) (features.Method, error) {
	p, err := m.FeaturePipeline()
	if err != nil || p == nil || p.Scaling == nil {
		return features.None, err
	}
	return p.Scaling.Method, nil
}

func writeVerified(w io.Writer, v *verified) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, p := range v.Proofs {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", map[bool]string{true: "holds", false: "FAILS"}[p.Holds], p.What, p.Detail)
	}
	_ = tw.Flush() // w keeps its own errors
	if v.Holds {
		fmt.Fprintf(w, "%s is what its manifest says\n", v.Model)
	}
}
