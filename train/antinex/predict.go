package antinex

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train"
)

// Rows are predictions in AntiNex's form: the features as the model sees
// them, and what it makes of each row.
type Rows struct {
	X       *features.Matrix // scaled
	Class   []int32          // the model's
	Classes []string
	Values  []float64 // that stand for the classes
	Labels  []float64 // that the rows had; nil: unknown
	Parts   []features.Part
}

// Predictions are of all rows of the table, those of training included: the
// column _part says which they are.
func (res *Result) Predictions() (*Rows, error) {
	r := &Rows{X: res.Data.X, Classes: res.Model.Classes, Values: res.Values, Labels: res.Labels, Parts: res.Data.Part}
	return r, r.predict(res.Model)
}

func (r *Rows) predict(m *train.Model) error {
	n, k := r.X.Rows, len(m.Classes)
	p := make([]float32, n*k)
	if err := m.Probabilities(r.X.Data, n, p); err != nil {
		return err
	}
	r.Class = make([]int32, n)
	for i := range r.Class {
		for c, v := range p[i*k : (i+1)*k] {
			if v > p[i*k+int(r.Class[i])] {
				r.Class[i] = int32(c)
			}
		}
	}
	return nil
}

// Predict scores the rows of a request by a model that [Train] made. With
// compat the scaler is fitted on the rows themselves, as AntiNex does it.
func Predict(r *Request, m *train.Model, compat bool) (out *Rows, warnings []string, err error) {
	if len(r.PredictRows) == 0 {
		return nil, nil, errors.New("the request has no predict_rows")
	}
	pipeline, err := m.FeaturePipeline()
	if err != nil {
		return nil, nil, err
	}
	var p provenance
	if pipeline == nil || pipeline.Scaling == nil || json.Unmarshal(m.Manifest.Provenance, &p) != nil || len(p.Values) != len(m.Classes) {
		return nil, nil, errors.New("the model was not trained by an AntiNex request")
	}
	x := features.NewMatrix(len(r.PredictRows), m.Columns)
	absent := 0
	for i, row := range r.PredictRows {
		for c, name := range m.Columns {
			v, there := row[name]
			if !there {
				absent++
			}
			if x.Row(i)[c], err = number(v); err != nil {
				return nil, nil, fmt.Errorf("predict_rows: row %d: %s: %w", i, name, err)
			}
		}
	}
	if absent > 0 {
		warnings = append(warnings, fmt.Sprintf("%d values are not in the rows; %d stands for them", absent, missing))
	}
	scaling := pipeline.Scaling
	if compat {
		warnings = append(warnings, CompatWarning)
		scaling = rangeScaling(x, r)
	}
	if err := scaling.Apply(x); err != nil {
		return nil, nil, err
	}
	out = &Rows{X: x, Classes: m.Classes, Values: p.Values}
	return out, warnings, out.predict(m)
}

// number reads a value of a row; AntiNex's client writes some as text.
func number(v any) (float32, error) {
	var f float64
	switch v := v.(type) {
	case nil:
		return missing, nil
	case float64:
		f = v
	case bool:
		if v {
			f = 1
		}
	case string:
		var err error
		if f, err = strconv.ParseFloat(strings.TrimSpace(v), 64); err != nil {
			return 0, fmt.Errorf("%q is no number", v)
		}
	default:
		return 0, fmt.Errorf("%v is no number", v)
	}
	if !(math.Abs(f) <= math.MaxFloat32) {
		return 0, fmt.Errorf("%v is no finite float32", f)
	}
	return float32(f), nil
}

// header names a row's values: its features, then what is known of it.
func (r *Rows) header() []string {
	names := slices.Clone(r.X.Names)
	if r.Labels != nil {
		names = append(names, "_original_label_value")
	}
	names = append(names, "label_value", "label_name", "_row_idx", "_count")
	if r.Parts != nil {
		names = append(names, "_part")
	}
	return names
}

// record is a row's values for header: float32, float64, int or string.
func (r *Rows) record(row int) []any {
	var values []any
	for _, v := range r.X.Row(row) {
		values = append(values, v)
	}
	if r.Labels != nil {
		values = append(values, r.Labels[row])
	}
	c := r.Class[row]
	values = append(values, r.Values[c], r.Classes[c], row, row+1)
	if r.Parts != nil {
		values = append(values, r.Parts[row].String())
	}
	return values
}

// JSON is an object with the rows as "predictions", at most so many.
func (r *Rows) JSON(limit int) ([]byte, error) {
	out := []byte("{\"predictions\": [")
	names := r.header()
	for row := range min(r.X.Rows, limit) {
		out = append(out, map[bool]string{true: "\n{", false: ",\n{"}[row == 0]...)
		for i, v := range r.record(row) {
			if i > 0 {
				out = append(out, ", "...)
			}
			for _, part := range []any{names[i], v} {
				text, err := json.Marshal(part)
				if err != nil {
					return nil, err
				}
				out = append(append(out, text...), ": "...)
			}
			out = out[:len(out)-2] // no colon behind the value
		}
		out = append(out, '}')
	}
	return append(out, "\n]}\n"...), nil
}

// CSV has the same rows as a table.
func (r *Rows) CSV(limit int) ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	if err := w.Write(r.header()); err != nil {
		return nil, err
	}
	for row := range min(r.X.Rows, limit) {
		var cells []string
		for _, v := range r.record(row) {
			cells = append(cells, fmt.Sprint(v))
		}
		if err := w.Write(cells); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return out.Bytes(), w.Error()
}
