package antinex

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train"
)

// Options say how a request is carried out.
type Options struct {
	Table    string       // path of the CSV table; "": the request's
	Config   train.Config // see [Request.Config]
	Compat   bool         // as AntiNex does it, with its flaws: see compat.go
	Progress func(train.Epoch)
}

// Result is a model and what it was trained on.
type Result struct {
	Model    *train.Model
	Data     *train.Data // scaled
	Labels   []float64   // of the rows, as the table has them
	Values   []float64   // that AntiNex writes for each of the model's classes
	Warnings []string

	meaning *meaning
}

// validShare is how much of what is not tested on chooses epoch and threshold.
const validShare = 0.2

// Train trains the model that a request asks for.
func Train(ctx context.Context, r *Request, opt Options) (*Result, error) {
	path := cmp.Or(opt.Table, r.Dataset)
	if path == "" {
		return nil, errors.New("the request names no dataset")
	}
	t, err := readTable(path, r)
	if err != nil {
		return nil, err
	}
	res := &Result{Labels: t.label, Warnings: t.warnings(r)}
	if res.meaning, err = newMeaning(r.LabelRules, t.label); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	res.Data = &train.Data{Classes: res.meaning.classes, Class: res.meaning.classOf(t.label), Captures: []string{path}, Capture: make([]int32, t.x.Rows)}
	var scaling *features.Scaling
	if opt.Compat {
		scaling, err = res.prepareAsOriginal(t, r)
		opt.Config.NoShuffle = true
	} else {
		scaling, err = res.prepare(t, r)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := scaling.Apply(t.x); err != nil {
		return nil, err
	}
	res.Data.X = t.x
	if res.Model, _, err = train.Fit(ctx, res.Data, opt.Config, opt.Progress); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m := res.Model
	m.Table, m.Schema = "antinex", t.schema
	if m.Pipeline, err = json.Marshal(features.Pipeline{Encoding: t.encoding, Scaling: scaling}); err != nil {
		return nil, err
	}
	m.Manifest.Provenance, err = json.Marshal(provenance{r.Label, t.sha256, r.TestSize, r.Seed, opt.Compat, res.Values})
	return res, err
}

// provenance is what a model keeps of its request.
type provenance struct {
	Label    string    `json:"antinex_label"`
	SHA256   string    `json:"table_sha256"`
	TestSize float64   `json:"test_size"`
	Seed     uint64    `json:"seed"`
	Compat   bool      `json:"compat_antinex_v1"`
	Values   []float64 `json:"label_values"` // written for each class
}

// prepare splits, and learns what to leave out and how to scale from the
// training rows.
func (res *Result) prepare(t *table, r *Request) (*features.Scaling, error) {
	res.Values = res.meaning.values
	parts, err := split(t, res.Data.Class, res.meaning.classes, r)
	if err != nil {
		return nil, err
	}
	res.Data.Part = parts
	var kept []int
	var constant []string
	training := features.Training(parts)
	for c, name := range t.x.Names {
		if varies(t.x, c, training.Rows()) {
			kept = append(kept, c)
		} else {
			constant = append(constant, name)
		}
	}
	if len(constant) > 0 {
		res.Warnings = append(res.Warnings, fmt.Sprintf("constant in all training rows, so left out: %s", strings.Join(constant, ", ")))
	}
	if len(kept) == 0 {
		return nil, errors.New("all features are constant in the training rows")
	}
	t.keep(kept)
	method := features.None
	if r.ApplyScaler {
		method = features.MinMax
	}
	return features.Scaler{Method: method, Log: features.LogNever}.Fit(t.x, training)
}

// split deals rows out by the request's seed; rows with equal features stay
// together.
func split(t *table, class []int32, classes []string, r *Request) ([]features.Part, error) {
	rows := make([]features.Position, t.x.Rows)
	groups := make(map[string]uint64)
	var key []byte
	for i := range rows {
		key = key[:0]
		for _, v := range t.x.Row(i) {
			key = fmt.Appendf(key, "%x ", math.Float32bits(v))
		}
		g, known := groups[string(key)]
		if !known {
			g = uint64(len(groups) + 1)
			groups[string(key)] = g
		}
		rows[i] = features.Position{Start: int64(i), End: int64(i), Group: g, Class: class[i]}
	}
	rest := 1 - r.TestSize
	spec := features.SplitSpec{Kind: features.ByFlow, Train: rest * (1 - validShare), Valid: rest * validShare, Test: r.TestSize, Gap: -1, Seed: r.Seed}
	s, err := spec.Assign(rows, classes, []string{t.path})
	if err != nil {
		return nil, err
	}
	return s.Parts, nil
}

func varies(x *features.Matrix, column int, rows []int) bool {
	return slices.ContainsFunc(rows, func(r int) bool { return x.Row(r)[column] != x.Row(rows[0])[column] })
}

// sessionColumns identify a recording; see the audit of prepared datasets.
var sessionColumns = []string{"idx", "tcp_fields_options.Timestamp"}

// warnings tell what was not taken as it was asked for, and what to mistrust.
func (t *table) warnings(r *Request) (w []string) {
	if len(r.Unused) > 0 {
		w = append(w, "the request has keys that change nothing here: "+strings.Join(r.Unused, ", "))
	}
	if len(r.Sort) > 0 {
		w = append(w, "sort_values changes nothing: rows are dealt out by the seed")
	}
	if slices.Contains(r.Features, r.PredictFeature) {
		w = append(w, "features_to_process has the feature to predict, "+r.PredictFeature+"; it is left out")
	}
	if len(t.absent) > 0 {
		w = append(w, fmt.Sprintf("%d of the features are not in the table: %s", len(t.absent), strings.Join(t.absent, ", ")))
	}
	if t.noMeta != "" {
		w = append(w, t.noMeta+" is not there: all columns of numbers are features")
	}
	if len(t.text) > 0 {
		w = append(w, "columns that are no numbers, so left out: "+strings.Join(t.text, ", "))
	}
	for _, name := range sessionColumns {
		if slices.Contains(t.x.Names, name) {
			w = append(w, "feature "+name+" identifies a recording: a model that sees it may learn the recording")
		}
	}
	return w
}
