package antinex

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train"
)

const twoClasses = "../../testdata/antinex/v1_two_class_made_up.csv"

func request(t testing.TB, name string) *Request {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	r, err := ParseRequest(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestShippedRequests(t *testing.T) {
	for name, want := range map[string]struct {
		hidden         []int
		epochs, batch  int
		features, rows int
		unused         string
	}{
		"scaler-full-django-antinex-simple.json": {[]int{200}, 15, 32, 67, 0, "histories metrics num_splits version"},
		"predict-rows-scaler-full-django.json":   {[]int{200}, 15, 32, 67, 2, "histories metrics num_splits version"},
		"publish-to-core.json":                   {[]int{250}, 5, 32, 12, 2, "histories manifest metrics weights_json"},
		"test-keras-dnn.json":                    {[]int{8, 6}, 5, 32, 0, 0, "algo_name desc ds_name meta_data post_proc pre_proc title training_data version"},
		"django-deep-antinex.json": {[]int{50, 45, 40, 35, 30, 25, 20, 15, 10, 9, 7, 5, 3}, 5, 32, 0, 0,
			"algo_name desc ds_name histories meta_data metrics num_splits post_proc pre_proc title training_data version"},
	} {
		r := request(t, name)
		c, err := r.Config()
		if err != nil {
			t.Fatal(err)
		}
		var hidden []int
		for _, l := range c.Layers {
			hidden = append(hidden, l.Units)
		}
		if !slices.Equal(hidden, want.hidden) || c.Epochs != want.epochs || c.Batch != want.batch || c.Init != "uniform" || c.Patience >= 0 || c.Schedule != "constant" {
			t.Errorf("%s: %+v", name, c)
		}
		if len(r.Features) != want.features || len(r.PredictRows) != want.rows || strings.Join(r.Unused, " ") != want.unused {
			t.Errorf("%s: %d features, %d rows, unused %q", name, len(r.Features), len(r.PredictRows), r.Unused)
		}
	}
}

func TestBadRequests(t *testing.T) {
	for _, name := range []string{"model_and_weights.json", "prepare-new-dataset.json", "scaler-regression.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseRequest(text); err == nil {
			t.Errorf("%s accepted", name)
		}
	}
	for text, want := range map[string]string{
		`{"epoch": 3}`:              `unknown field "epoch"`,
		`{"epochs": "three"}`:       "epochs",
		`[]`:                        "array",
		``:                          "JSON",
		`{"epochs": 0}`:             "epochs",
		`{"loss": "mse"}`:           `loss "mse"`,
		`{"optimizer": "adax"}`:     `optimizer "adax"`,
		`{"test_size": 1}`:          "test_size",
		`{"ml_type": "regression"}`: "detectors",
		`{"label_rules": {"labels": ["a"], "label_values": []}}`:                                                               "label_rules",
		`{"model_desc": {"layers": []}}`:                                                                                       "no layers",
		`{"model_desc": {"layers": [{"num_neurons": 1}]}}`:                                                                     "ends with sigmoid",
		`{"model_desc": {"layers": [{"layer_type": "lstm"}]}}`:                                                                 `layer 1: layer_type "lstm"`,
		`{"model_desc": {"layers": [{"layer_type": "dropout", "rate": 0.5}]}}`:                                                 "dropout of the inputs",
		`{"model_desc": {"layers": [{"num_neurons": 4, "activation": "swish"}, {"num_neurons": 1, "activation": "sigmoid"}]}}`: `activation "swish"`,
		`{"model_json": {"class_name": "Model"}}`:                                                                              `"Model" model`,
	} {
		if _, err := ParseRequest([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestKeras(t *testing.T) {
	text, err := os.ReadFile("testdata/model_and_weights.json")
	if err != nil {
		t.Fatal(err)
	}
	// As Keras 3 writes it, with an input layer, dropout and its own initializers.
	const keras3 = `{"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [
		{"class_name": "InputLayer", "config": {"batch_shape": [null, 67]}},
		{"class_name": "Dense", "config": {"units": 20, "activation": "tanh", "use_bias": true, "kernel_initializer": {"class_name": "HeNormal", "config": {"seed": null}}}},
		{"class_name": "Dropout", "config": {"rate": 0.25}},
		{"class_name": "Dense", "config": {"units": 3, "activation": "softmax", "kernel_initializer": {"class_name": "GlorotUniform", "config": {}}}}]}}`
	for in, want := range map[string]string{
		string(text): `[{"units":8,"activation":"relu","init":"uniform"},{"units":6,"activation":"relu","init":"uniform"}] uniform`,
		keras3:       `[{"units":20,"activation":"tanh","init":"he_normal","dropout":0.25}] glorot_uniform`,
	} {
		c := train.Config{}.WithDefaults()
		if err := ApplyKeras([]byte(in), &c); err != nil {
			t.Fatal(err)
		}
		layers, _ := json.Marshal(c.Layers)
		if got := string(layers) + " " + c.Init; got != want || c.Check() != nil {
			t.Errorf("%s, want %s (%v)", got, want, c.Check())
		}
	}
	for bad, want := range map[string]string{
		`{"class_name": "Sequential", "config": [{"class_name": "LSTM"}]}`:                                             "a LSTM layer",
		`{"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {"units": 2, "use_bias": false}}]}`: "without a bias",
		`{"class_name": "Sequential", "config": []}`:                                                                   "no layers",
		`x`: "invalid",
	} {
		c := train.Config{}.WithDefaults()
		if err := ApplyKeras([]byte(bad), &c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", bad, err, want)
		}
	}
}

func fit(t *testing.T, r *Request, compat bool) *Result {
	t.Helper()
	c, err := r.Config()
	if err != nil {
		t.Fatal(err)
	}
	res, err := Train(context.Background(), r, Options{Table: twoClasses, Config: c, Compat: compat})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestTrain(t *testing.T) {
	res := fit(t, request(t, "scaler-full-django-antinex-simple.json"), false)
	said := strings.Join(res.Warnings, "\n")
	for _, want := range []string{"constant in all training rows, so left out: arp_id", "44 of the features are not in the table", "num_splits", "idx identifies a recording"} {
		if !strings.Contains(said, want) {
			t.Errorf("no warning %q in\n%s", want, said)
		}
	}
	if strings.Contains(said, "compat") {
		t.Error("warned of compat")
	}
	if m := res.Model; m.Network.Inputs != len(m.Columns) || slices.Contains(m.Columns, "label_value") || !slices.Equal(m.Classes, []string{"not_attack", "attack"}) {
		t.Errorf("%v, %v", m.Columns, m.Classes)
	}
	sides := make(map[string]features.Part)
	counts := make(map[features.Part]int)
	lo, hi := float32(math.Inf(1)), float32(math.Inf(-1))
	for i, p := range res.Data.Part {
		counts[p]++
		if p == features.Train {
			for _, v := range res.Data.X.Row(i) {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
		key, _ := json.Marshal(res.Data.X.Row(i))
		if q, seen := sides[string(key)]; seen && q != p {
			t.Fatalf("row %d is in %v, an equal one in %v", i, p, q)
		}
		sides[string(key)] = p
	}
	if lo != 0 || hi != 1 || counts[features.Test] < 70 || counts[features.Test] > 90 || counts[features.Valid] < 50 {
		t.Errorf("training rows from %v to %v, parts %v", lo, hi, counts)
	}
	again, err := fit(t, request(t, "scaler-full-django-antinex-simple.json"), false).Model.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if first, _ := res.Model.Encode(); !bytes.Equal(first, again) {
		t.Error("two trainings differ")
	}
}

func TestCompat(t *testing.T) {
	res := fit(t, request(t, "scaler-full-django-antinex-simple.json"), true)
	if !slices.Contains(res.Warnings, CompatWarning) {
		t.Errorf("not warned: %q", res.Warnings)
	}
	x := res.Data.X
	if x.Cols() != 23 || res.Data.Part[0] == features.Valid || !slices.Equal(res.Values, []float64{-1, 1}) {
		t.Errorf("%d columns, values %v", x.Cols(), res.Values)
	}
	for c, name := range x.Names {
		lo, hi := x.Row(0)[c], x.Row(0)[c]
		for i := range x.Rows {
			lo, hi = min(lo, x.Row(i)[c]), max(hi, x.Row(i)[c])
		}
		if constant := lo == hi; lo > -0.99 || !constant && hi < 0.99 || constant && lo != -1 {
			t.Errorf("%s goes from %v to %v", name, lo, hi)
		}
	}
	if h := res.Model.Manifest.History; h.Monitor != "none" || h.Best != 15 || res.Model.Threshold.Value != 0.5 {
		t.Errorf("%+v", h)
	}
}

func TestPredictions(t *testing.T) {
	for _, compat := range []bool{false, true} {
		res := fit(t, request(t, "scaler-full-django-antinex-simple.json"), compat)
		rows, err := res.Predictions()
		if err != nil {
			t.Fatal(err)
		}
		text, err := rows.JSON(7)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Predictions []map[string]any `json:"predictions"`
		}
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if len(got.Predictions) != 7 || len(got.Predictions[0]) != rows.X.Cols()+6 {
			t.Errorf("%d rows of %d values", len(got.Predictions), len(got.Predictions[0]))
		}
		if p := got.Predictions[2]; p["_row_idx"] != 2.0 || p["_count"] != 3.0 || p["_original_label_value"] != 1.0 || p["label_name"] == nil || p["_part"] == nil {
			t.Errorf("%v", p)
		}
		table, err := rows.CSV(7)
		if err != nil || bytes.Count(table, []byte("\n")) != 8 {
			t.Errorf("%s, %v", table, err)
		}
	}
}

// A row gets the score that it had in training; with compat rows are scaled by
// themselves, so that equal rows are all the lower end.
func TestPredict(t *testing.T) {
	res := fit(t, request(t, "scaler-full-django-antinex-simple.json"), false)
	r := request(t, "predict-rows-scaler-full-django.json")
	r.PredictRows[1]["tcp_seq"] = "65299.0"
	rows, warnings, err := Predict(r, res.Model, false)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if rows.X.Rows != 2 || len(rows.Class) != 2 {
		t.Fatalf("%d rows", rows.X.Rows)
	}
	r.PredictRows = r.PredictRows[:1]
	rows, warnings, err = Predict(r, res.Model, true)
	if err != nil || !slices.Contains(warnings, CompatWarning) {
		t.Fatal(err, warnings)
	}
	for _, v := range rows.X.Data {
		if v != -1 {
			t.Errorf("alone a row is scaled to %v", rows.X.Data)
		}
	}
	r.PredictRows[0]["tcp_seq"] = "x"
	if _, _, err := Predict(r, res.Model, false); err == nil || !strings.Contains(err.Error(), `row 0: tcp_seq: "x" is no number`) {
		t.Error(err)
	}
	delete(r.PredictRows[0], "tcp_seq")
	if _, warnings, err := Predict(r, res.Model, false); err != nil || len(warnings) != 1 {
		t.Error(err, warnings)
	}
}

func TestBadTables(t *testing.T) {
	for text, want := range map[string]string{
		"a,label_value\n":                               "no rows",
		"a,b\n1,2\n":                                    `no column "label_value"`,
		"label_value\n1\n":                              "none of its columns",
		"a,label_value\n1,1\n2,7\n":                     "row 1: the label rules do not say what 7 is",
		"a,label_value\n1,1\n2,\n":                      "row 1 has no label_value",
		"a,label_value\n1,x\n":                          `label_value is "x"`,
		"a,label_value\n1,1\n2,1\n3,1\n4,1\n5,1\n6,1\n": "attacks",
		"a,label_value\n1,1\n1,0\n1,1\n1,0\n1,0\n":      "constant",
	} {
		path := filepath.Join(t.TempDir(), "t.csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r := Preset("keras-dnn")
		r.Meta = ""
		c, err := r.Config()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Train(context.Background(), r, Options{Table: path, Config: c}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte(`{"epochs": 3, "model_desc": {"layers": [{"num_neurons": 1, "activation": "sigmoid"}]}}`))
	f.Add([]byte(`{"body": {"predict_rows": "[{\"a\": 1}]", "model_json": "{}"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, err := ParseRequest(text); err == nil {
			if _, err := r.Config(); err != nil {
				t.Error(err)
			}
		}
	})
}
