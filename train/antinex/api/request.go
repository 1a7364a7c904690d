package api

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
)

//go:embed template.json
var stockTemplate []byte

// A template is the request that rows are put into.
type template struct {
	name     string // of its file
	body     map[string]any
	features []string
	rows     []map[string]any // that it came with
}

// newTemplate reads the template that the settings name and lets the other
// settings take the places that they have in the original's requests.
func (s *Settings) newTemplate() (*template, error) {
	text, name := stockTemplate, "stock template"
	if s.Template != "" {
		var err error
		if text, err = os.ReadFile(s.Template); err != nil {
			return nil, err
		}
		name = s.Template
	}
	t := &template{name: name, features: s.Features}
	var held struct {
		Rows []map[string]any `json:"predict_rows"`
	}
	if err := errors.Join(json.Unmarshal(text, &t.body), json.Unmarshal(text, &held)); err != nil {
		return nil, fmt.Errorf("%s: no request: %w", name, err)
	}
	t.rows = held.Rows
	if t.features == nil && s.Template == "" {
		t.features = stockFeatures()
	}
	if t.features == nil {
		var err error
		if t.features, err = texts(t.body["features_to_process"]); err != nil || len(t.features) == 0 {
			return nil, fmt.Errorf("%s: features_to_process: a list of columns is needed, there or in ANTINEX_FEATURES_TO_PROCESS", name)
		}
	}
	maps.Copy(t.body, map[string]any{
		"label": s.Model, "predict_feature": s.Predict, "ml_type": s.MLType, "publish_to_core": s.ToCore, "version": s.Version,
		"seed": s.Seed, "test_size": s.TestSize, "batch_size": s.BatchSize, "epochs": s.Epochs, "num_splits": s.Splits,
		"loss": s.Loss, "optimizer": s.Optimiser, "features_to_process": t.features,
	})
	for key, list := range map[string][]string{
		"ignore_features": s.Ignore, "sort_values": s.Sort, "metrics": s.Metrics, "histories": s.Histories,
	} {
		if list != nil {
			t.body[key] = list
		}
	}
	delete(t.body, "predict_rows")
	return t, nil
}

// PredictRequest is the request that the original's ai_env_predict makes of its
// variables: the template with the rows that it holds, or with mock rows, which
// have nothing but a tcp_seq of 1 to 4.
func (s *Settings) PredictRequest(mock bool) (map[string]any, error) {
	t, err := s.newTemplate()
	if err != nil {
		return nil, err
	}
	rows := t.rows
	if mock {
		rows = nil
		for n := range 4 {
			rows = append(rows, map[string]any{"tcp_seq": float64(n + 1)})
		}
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: no predict_rows", t.name)
	}
	var texts []json.RawMessage
	for _, row := range rows {
		text, err := json.Marshal(s.convertRow(row, t.features))
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return t.request(newID(), texts), nil
}

// request is the body for rows. The id finds the job again by its description.
func (t *template) request(id string, rows []json.RawMessage) map[string]any {
	body := maps.Clone(t.body)
	body["predict_rows"] = rows
	if desc, _ := body["desc"].(string); desc != "" {
		id = desc + " " + id
	}
	body["desc"] = id
	return body
}

func texts(v any) (list []string, err error) {
	items, ok := v.([]any)
	if !ok && v != nil {
		return nil, fmt.Errorf("%v is no list", v)
	}
	for _, item := range items {
		s, ok := item.(string)
		if !ok {
			return nil, fmt.Errorf("%v is no name", item)
		}
		list = append(list, s)
	}
	return list, nil
}
