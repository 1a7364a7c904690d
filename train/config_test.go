package train

import (
	"encoding/json"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestConfigDefaults(t *testing.T) {
	c, err := ParseConfig([]byte(`{"hidden": [], "epochs": 3, "seed": 5}`))
	if err != nil || c.Hidden == nil || len(c.Hidden) != 0 || c.Epochs != 3 || c.Seed != 5 || c.Batch != 128 || c.Activation != "relu" {
		t.Errorf("%+v, %v", c, err)
	}
	want := Config{}.WithDefaults()
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, same := range []string{string(text), "{}", "# nothing\nhidden: null\n"} {
		if got, err := ParseConfig([]byte(same)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s read as %+v, %v", same, got, err)
		}
	}
}

func TestConfigYAML(t *testing.T) {
	c, err := ParseConfig([]byte(`
layers:
  - {units: 32, activation: tanh, dropout: 0.2}
  - units: 16
    init: he_normal
  - units: 8
activation: elu
dropout: 0.1
optimizer: sgd
momentum: 0.9
nesterov: true
class_weights: {benign: 1, scan: 2.5}
focal_gamma: 2
`))
	if err != nil {
		t.Fatal(err)
	}
	if c.ClassWeights.ByClass["scan"] != 2.5 || c.ClassWeights.Mode != "" || !c.Nesterov || c.FocalGamma != 2 {
		t.Errorf("%+v", c)
	}
	shape, schemes := c.shape(4, 3)
	if err := shape.Check(); err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(shape)
	if want := `{"inputs":4,"hidden":[32,16,8],"outputs":3,"activation":"elu","activations":["tanh","elu","elu"]}`; string(text) != want {
		t.Errorf("%s\n%s", text, want)
	}
	if len(schemes) != 4 || schemes[1] != "he_normal" || schemes[3] != "auto" {
		t.Errorf("schemes %q", schemes)
	}
	if got := c.dropout(); !slices.Equal(got, []float64{0.2, 0.1, 0.1}) {
		t.Errorf("dropout %v", got)
	}
	text, err = json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ParseConfig(text); err != nil || !reflect.DeepEqual(again, c) {
		t.Errorf("%s read as %+v, %v", text, again, err)
	}
}

func TestConfigErrors(t *testing.T) {
	for bad, want := range map[string]string{
		`{"epoch": 3}`:                    `line 1: unknown field "epoch"`,
		"epochs: 3\nlayers:\n  - unit: 3": `line 3: unknown field "unit"`,
		"epochs: 3\nepochs: 4":            `line 2: `,
		"epochs: three":                   `line 1: `,
		"a: [":                            `line 1: `,
		`{"dropout": 1}`:                  "dropout is 1",
		`{"dropout": -0.1}`:               "dropout is -0.1",
		`{"dropout": .nan}`:               "dropout is NaN",
		`{"activation": "gelu"}`:          `activation "gelu"`,
		`{"init": "zeros"}`:               `init "zeros"`,
		`{"hidden": [0]}`:                 "hidden layer 1 has 0 units",
		`{"layers": [{"units": 4}, {"activation": "x"}]}`: "hidden layer 2 has 0 units",
		`{"layers": [{"units": 4, "activation": "x"}]}`:   "hidden layer 1: activation",
		`{"layers": [{"units": 4, "dropout": 1}]}`:        "hidden layer 1: dropout",
		`{"layers": [{"units": 4, "init": "x"}]}`:         "hidden layer 1: init",
		`{"layers": [{"units": 4}], "hidden": [4]}`:       "hidden and layers",
		`{"batch": -1}`:                          "batch is -1",
		`{"batch": 0}`:                           "batch is 0",
		`{"learning_rate": 0}`:                   "learning_rate is 0",
		`{"schedule": "x"}`:                      `schedule "x"`,
		`{"warmup_epochs": 61}`:                  "warmup_epochs is 61",
		`{"optimizer": "lbfgs"}`:                 `optimizer "lbfgs"`,
		`{"momentum": 0.9}`:                      "adam has beta1",
		`{"optimizer": "sgd", "nesterov": true}`: "nesterov",
		`{"class_weights": "heavy"}`:             `class_weights "heavy"`,
		`{"class_weights": {"a": 0}}`:            "class_weights: a is 0",
		`{"class_weights": {"a": x}}`:            "line 1: ",
		`{"kernel": "mkl"}`:                      `kernel "mkl"`,
		`{"monitor": "accuracy"}`:                `monitor "accuracy"`,
		`{"target": "tool"}`:                     `target "tool"`,
		`{"patience": 0}`:                        "patience is 0",
		"{}\n---\n{}":                            "one document",
		`[]`:                                     "line 1: ",
		``:                                       "one document",
	} {
		if _, err := ParseConfig([]byte(bad)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", bad, err, want)
		}
	}
}

func TestRates(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   map[int]float64 // by epoch
	}{
		{Config{Schedule: "constant"}, map[int]float64{0: 1, 5: 1, 10: 1}},
		{Config{Schedule: "cosine"}, map[int]float64{0: 1, 5: 0.505, 10: 0.01}},
		{Config{Schedule: "exponential"}, map[int]float64{0: 1, 5: 0.1, 10: 0.01}},
		{Config{Schedule: "step", StepEpochs: 4, StepFactor: 0.5}, map[int]float64{0: 1, 3: 1, 4: 0.5, 7: 0.5, 8: 0.25}},
		{Config{Schedule: "cosine", WarmupEpochs: 2}, map[int]float64{2: 1, 6: 0.505, 10: 0.01}},
		{Config{Schedule: "step", StepEpochs: 3, StepFactor: 0.5, WarmupEpochs: 1}, map[int]float64{1: 1, 3: 1, 4: 0.5}},
	} {
		c.config.LearningRate, c.config.Epochs = 1, 11
		for epoch, want := range c.want {
			if got := c.config.rate(epoch, 3, 10); math.Abs(got-want) > 1e-12 {
				t.Errorf("%+v: epoch %d has rate %v, want %v", c.config, epoch, got, want)
			}
		}
	}
	warm := Config{LearningRate: 1, Epochs: 11, Schedule: "constant", WarmupEpochs: 2}
	if a, b, c := warm.rate(0, 0, 5), warm.rate(1, 0, 5), warm.rate(1, 4, 5); a != 0.1 || b != 0.6 || c != 1 {
		t.Errorf("warm-up: %v %v %v", a, b, c)
	}
}

// Whatever is accepted can be written and read again.
func FuzzParseConfig(f *testing.F) {
	f.Add([]byte("hidden: [4, 2]\nclass_weights: {a: 1}\n"))
	f.Add([]byte(`{"layers": [{"units": 4, "dropout": 0.5}], "learning_rate": 1e-2}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseConfig(text)
		if err != nil {
			return
		}
		out, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseConfig(out); err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%+v is written as %s and read as %+v (%v)", c, out, again, err)
		}
	})
}

// Rates are those of PyTorch's schedulers, in six epochs of four steps; see
// internal/graph/testdata/pytorch.py.
func TestRatesAgainstPyTorch(t *testing.T) {
	text, err := os.ReadFile("internal/graph/testdata/pytorch.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Rates map[string][]float64 `json:"rates"`
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Config{
		"step": {Schedule: "step", StepEpochs: 2, StepFactor: 0.5}, "cosine": {Schedule: "cosine"},
		"exponential": {Schedule: "exponential"}, "warmup": {Schedule: "constant", WarmupEpochs: 2},
	} {
		c.LearningRate, c.Epochs = 0.1, 6
		want := golden.Rates[name]
		if len(want) != 24 {
			t.Fatalf("%s: PyTorch has %d rates", name, len(want))
		}
		for i, w := range want {
			if got := c.rate(i/4, i%4, 4); math.Abs(got-w) > 1e-9 {
				t.Errorf("%s: step %d has rate %v, PyTorch %v", name, i, got, w)
			}
		}
	}
}
