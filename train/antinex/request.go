package antinex

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pcapline/pcapline/train"
)

// Request is what is read of a request to train or to predict.
type Request struct {
	Label   string `json:"label"`   // the model's name
	Dataset string `json:"dataset"` // path of the CSV table
	CSV     string `json:"csv_file"`
	Meta    string `json:"meta_file"` // metadata that lists the features

	PredictRows rows `json:"predict_rows"`

	MLType         string   `json:"ml_type"`
	PredictFeature string   `json:"predict_feature"`
	Features       []string `json:"features_to_process"`
	Ignore         []string `json:"ignore_features"`
	Sort           []string `json:"sort_values"`

	Seed     uint64  `json:"seed"`
	TestSize float64 `json:"test_size"`
	Batch    int     `json:"batch_size"`
	Epochs   int     `json:"epochs"`

	Loss      string `json:"loss"`
	Optimiser string `json:"optimizer"`

	ModelDesc  *modelDesc      `json:"model_desc"`
	ModelJSON  json.RawMessage `json:"model_json"` // Keras architecture, as an object or as text
	LabelRules labelRules      `json:"label_rules"`

	ApplyScaler bool    `json:"apply_scaler"`
	MinScaler   float64 `json:"min_scaler_range"`
	MaxScaler   float64 `json:"max_scaler_range"`
	MaxRecords  int     `json:"max_records"`

	// Unused are the keys that the request has and nobody acts on, sorted.
	Unused []string `json:"-"`
}

// passive are the keys that AntiNex's programs send and that mean nothing for
// the model: titles, plumbing, what to print, and cross-validation, for which
// prepare --split kfold and train --cv are.
var passive = []string{
	"algo_name", "apply_scaler_to_predict", "desc", "ds_name", "histories", "image_file", "job_id", "manifest", "meta_data", "metrics",
	"model_weights_file", "num_splits", "post_proc", "post_proc_rules", "pre_proc", "publish_to_core", "result_id", "scaler_cast_type",
	"show_model_json", "title", "training_data", "use_model_name", "verbose", "version", "weights_file", "weights_json", "worker_result_node",
}

type modelDesc struct {
	Layers []layerDesc `json:"layers"`
}

type layerDesc struct {
	Type       string   `json:"layer_type"` // "dense" ("") or "dropout"
	Units      int      `json:"num_neurons"`
	Init       string   `json:"init"`
	Activation string   `json:"activation"`
	Rate       *float64 `json:"rate"`
}

type labelRules struct {
	Labels []string  `json:"labels"`
	Values []float64 `json:"label_values"`
	Above  float64   `json:"set_if_above"` // of preparing; not used
}

// rows are row objects, which a broker's message has as text.
type rows []map[string]any

func (r *rows) UnmarshalJSON(text []byte) error {
	var quoted string
	if json.Unmarshal(text, &quoted) == nil {
		text = []byte(quoted)
	}
	return json.Unmarshal(text, (*[]map[string]any)(r))
}

// newRequest has the REST API's defaults.
func newRequest() *Request {
	return &Request{
		MLType: "classification", PredictFeature: "label_value", Seed: 9, TestSize: 0.2, Batch: 32, Epochs: 5,
		Loss: "binary_crossentropy", Optimiser: "adam", ApplyScaler: true, MinScaler: -1, MaxScaler: 1, MaxRecords: 100000,
	}
}

// ParseRequest reads a request. A message of the Core, whose "body" is the
// request, is read, too.
func ParseRequest(text []byte) (*Request, error) {
	keys, err := keysOf(text)
	if err != nil {
		return nil, err
	}
	if body, wrapped := keys["body"]; wrapped {
		text = body
		if keys, err = keysOf(text); err != nil {
			return nil, fmt.Errorf("body: %w", err)
		}
	}
	switch {
	case keys["post_proc"] != nil && keys["clean_file"] != nil:
		return nil, errors.New("this is a prepare config, for pcapline prepare --compat antinex-v1 --metadata FILE")
	case keys["model"] != nil && keys["predict_feature"] == nil:
		return nil, errors.New("this is a Keras architecture, for --keras FILE")
	}
	r := newRequest()
	for key := range keys {
		if slices.Contains(passive, key) {
			r.Unused = append(r.Unused, key)
			delete(keys, key)
		} else if string(keys[key]) == "null" {
			delete(keys, key)
		}
	}
	slices.Sort(r.Unused)
	known, err := json.Marshal(keys)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(known))
	dec.DisallowUnknownFields()
	if err := dec.Decode(r); err != nil {
		return nil, fmt.Errorf("request: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if r.Dataset == "" {
		r.Dataset = r.CSV
	}
	return r, r.check()
}

func keysOf(text []byte) (map[string]json.RawMessage, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	return keys, nil
}

var (
	mlTypes    = []string{"classification", "standalone-classification", "keras"}
	losses     = []string{"binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"}
	optimisers = []string{"adam", "sgd", "rmsprop"}
)

func (r *Request) check() error {
	switch {
	case !slices.Contains(mlTypes, r.MLType):
		return fmt.Errorf("request: ml_type %q: pcapline trains detectors, which tell classes apart, so it is one of %q", r.MLType, mlTypes)
	case !slices.Contains(losses, r.Loss):
		return fmt.Errorf("request: loss %q is none of %q", r.Loss, losses)
	case !slices.Contains(optimisers, r.Optimiser):
		return fmt.Errorf("request: optimizer %q is none of %q", r.Optimiser, optimisers)
	case r.Epochs < 1 || r.Batch < 1:
		return fmt.Errorf("request: %d epochs of batches of %d rows", r.Epochs, r.Batch)
	case !(r.TestSize > 0 && r.TestSize < 1):
		return fmt.Errorf("request: test_size is %v, outside (0, 1)", r.TestSize)
	case len(r.LabelRules.Labels) != len(r.LabelRules.Values):
		return fmt.Errorf("request: label_rules have %d labels for %d values", len(r.LabelRules.Labels), len(r.LabelRules.Values))
	case !(r.MinScaler < r.MaxScaler):
		return fmt.Errorf("request: the scaler's range is %v to %v", r.MinScaler, r.MaxScaler)
	}
	_, err := r.Config()
	return err
}

// Config is the training that the request asks for: fixed epochs at a fixed
// rate with Keras' defaults. Without a network it is that of the original, 8-6-1.
func (r *Request) Config() (train.Config, error) {
	c := train.Config{
		Epochs: r.Epochs, Batch: r.Batch, Optimiser: r.Optimiser, Schedule: "constant", Epsilon: 1e-7, Rho: 0.9,
		Init: "uniform", Activation: "relu", ClassWeights: train.ClassWeights{Mode: "none"}, Patience: -1, Seed: r.Seed,
	}
	if r.Optimiser == "sgd" {
		c.LearningRate = 0.01
	}
	var n network
	switch {
	case len(r.ModelJSON) > 0:
		var err error
		if n, err = parseKeras(r.ModelJSON); err != nil {
			return c, fmt.Errorf("request: model_json: %w", err)
		}
	case r.ModelDesc != nil:
		for i, l := range r.ModelDesc.Layers {
			if err := n.describe(l); err != nil {
				return c, fmt.Errorf("request: model_desc: layer %d: %w", i+1, err)
			}
		}
	default:
		n = network{{Units: 8}, {Units: 6}, {Units: 1, Activation: "sigmoid"}}
	}
	if err := n.into(&c); err != nil {
		return c, fmt.Errorf("request: %w", err)
	}
	c = c.WithDefaults()
	return c, c.Check()
}
