package train

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train/baseline"
	"github.com/pcapline/pcapline/train/metrics"
)

// moons draws two interleaved half circles, and of the upper one's left end a
// third class when classes is 3. A quarter of the rows is for validation, a
// quarter for testing.
func moons(n, classes int, seed uint64) *Data {
	r := rand.New(rand.NewPCG(seed, 1))
	d := &Data{
		X: features.NewMatrix(n, []string{"x", "y", "noise"}), Class: make([]int32, n), Part: make([]features.Part, n),
		Classes: []string{"benign", "flood", "scan"}[:classes],
		Capture: make([]int32, n), Captures: []string{"first.pcap", "second.pcap", "empty.pcap"},
	}
	for i := range n {
		a := math.Pi * r.Float64()
		x, y := math.Cos(a), math.Sin(a)
		if i%2 == 1 {
			x, y = 1-x, 0.5-y
			d.Class[i] = 1
			if classes == 3 && x < 0.5 {
				d.Class[i] = 2
			}
		}
		copy(d.X.Row(i), []float32{float32(x + 0.1*r.NormFloat64()), float32(y + 0.1*r.NormFloat64()), float32(r.NormFloat64())})
		d.Part[i] = []features.Part{features.Train, features.Train, features.Valid, features.Test}[i/2%4]
		d.Capture[i] = int32(i % 2)
	}
	return d
}

func xorData() *Data {
	r := rand.New(rand.NewPCG(3, 3))
	d := &Data{X: features.NewMatrix(800, []string{"a", "b"}), Class: make([]int32, 800), Part: make([]features.Part, 800), Classes: []string{"attack", "benign"}, Benign: 1}
	for i := range 800 {
		a, b := float32(r.Float64()*2-1), float32(r.Float64()*2-1)
		copy(d.X.Row(i), []float32{a, b})
		if a*b > 0 {
			d.Class[i] = 1
		}
		d.Part[i] = features.Part(i % 3)
	}
	return d
}

func quick() Config { return Config{Hidden: []int{24, 12}, Epochs: 40, Batch: 32, LearningRate: 5e-3} }

func mustFit(t testing.TB, d *Data, c Config) (*Model, *History) {
	t.Helper()
	m, h, err := Fit(context.Background(), d, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m, h
}

func scoresOf(t testing.TB, m *Model, d *Data) []float32 {
	t.Helper()
	out := make([]float32, d.X.Rows)
	if err := m.Score(d.X.Data, d.X.Rows, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestLearnsWhatALineCannot(t *testing.T) {
	for name, d := range map[string]*Data{"xor": xorData(), "two moons": moons(1200, 2, 1), "three classes": moons(1200, 3, 1)} {
		t.Run(name, func(t *testing.T) {
			m, h := mustFit(t, d, quick())
			first, last := h.Epochs[0].TrainLoss, h.Epochs[len(h.Epochs)-1].TrainLoss
			if last > first/2 {
				t.Errorf("the loss went from %v to %v", first, last)
			}
			r, err := Evaluate(context.Background(), m, d, EvalConfig{})
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Results[0]; got.PRAUC < 0.97 || got.Name != "mlp" {
				t.Errorf("%s: PR AUC %v", got.Name, got.PRAUC)
			}
			if r.ClassBalanced < 0.9 {
				t.Errorf("balanced accuracy of the classes %v", r.ClassBalanced)
			}
		})
	}
}

// All that a configuration can say about network and optimiser learns.
func TestEverythingLearns(t *testing.T) {
	d := moons(1200, 3, 1)
	for name, change := range map[string]func(c *Config){
		"sgd":      func(c *Config) { c.Optimiser, c.LearningRate, c.Momentum = "sgd", 0.05, 0.9 },
		"nesterov": func(c *Config) { c.Optimiser, c.LearningRate, c.Momentum, c.Nesterov = "sgd", 0.05, 0.9, true },
		"rmsprop":  func(c *Config) { c.Optimiser, c.Schedule, c.StepEpochs = "rmsprop", "step", 15 },
		"leaky":    func(c *Config) { c.Activation, c.Init = "leaky_relu", "he_normal" },
		"elu":      func(c *Config) { c.Activation, c.Init = "elu", "glorot_normal" },
		"sigmoid":  func(c *Config) { c.Activation, c.LearningRate = "sigmoid", 0.03 },
		"uniform":  func(c *Config) { c.Init, c.WarmupEpochs = "uniform", 3 },
		"focal":    func(c *Config) { c.FocalGamma, c.Monitor = 2, "roc_auc" },
		"layers":   func(c *Config) { c.Hidden, c.Layers = nil, []LayerConfig{{Units: 16, Activation: "tanh"}, {Units: 8}} },
		"dropout":  func(c *Config) { c.Dropout, c.L2 = 0.1, 1e-5 },
		"weights": func(c *Config) {
			c.ClassWeights = ClassWeights{ByClass: map[string]float64{"benign": 1, "flood": 2, "scan": 3}}
		},
		"two": func(c *Config) { c.Target = "binary" },
	} {
		t.Run(name, func(t *testing.T) {
			c := quick()
			change(&c)
			m, _ := mustFit(t, d, c)
			again := decode(t, mustEncode(t, m))
			r, err := Evaluate(context.Background(), again, d, EvalConfig{Baselines: []string{}})
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Results[0]; got.PRAUC < 0.97 || len(got.Detections) != 3 {
				t.Errorf("PR AUC %v, detections %v", got.PRAUC, got.Detections)
			}
			if r.ClassBalanced < 0.85 {
				t.Errorf("balanced accuracy of the classes %v", r.ClassBalanced)
			}
			if two := c.Target == "binary"; two != (len(m.Classes) == 2) || two != (len(r.PerClass) == 2) || len(r.Unseen) > 0 {
				t.Errorf("classes %q, unseen %q", m.Classes, r.Unseen)
			}
		})
	}
}

func TestGivenClassWeightsMustNameTheClasses(t *testing.T) {
	for want, given := range map[string]map[string]float64{
		"lack the class scan": {"benign": 1, "flood": 2}, "name the class worm": {"benign": 1, "flood": 2, "scan": 1, "worm": 3},
	} {
		c := quick()
		c.ClassWeights = ClassWeights{ByClass: given}
		if _, _, err := Fit(context.Background(), moons(100, 3, 1), c, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", given, err)
		}
	}
}

func mustEncode(t testing.TB, m *Model) []byte {
	t.Helper()
	file, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestSameBytesForAnyGOMAXPROCS(t *testing.T) {
	d := moons(600, 3, 2)
	c := quick()
	c.Dropout, c.Epochs = 0.1, 6
	var files [2][]byte
	for i := range files {
		procs := runtime.GOMAXPROCS(i + 1)
		m, _ := mustFit(t, d, c)
		runtime.GOMAXPROCS(procs)
		var err error
		if files[i], err = m.Encode(); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("GOMAXPROCS 1 and 2 give different models")
	}
	c.Seed = 1
	if m, _ := mustFit(t, d, c); slices.Equal(m.params, decode(t, files[0]).params) {
		t.Error("another seed gives the same model")
	}
}

func decode(t testing.TB, file []byte) *Model {
	t.Helper()
	m, err := DecodeModel(file)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestThresholdIsChosenOnValidation(t *testing.T) {
	d := moons(2000, 2, 6)
	c := quick()
	c.Epochs, c.TargetFPR = 10, 0.05
	m, _ := mustFit(t, d, c)
	if m.Threshold.Part != "valid" {
		t.Fatalf("%+v", m.Threshold)
	}
	r, err := Evaluate(context.Background(), m, d, EvalConfig{Part: features.Valid, Baselines: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	if fpr := r.Results[0].AtThreshold.FPR; fpr > 0.05 || fpr < 0.03 {
		t.Errorf("false-positive rate on the validation rows %v", fpr)
	}
	// Test rows must have no say: spoiling them changes nothing.
	for i, p := range d.Part {
		if p == features.Test {
			copy(d.X.Row(i), []float32{100, -100, 50})
		}
	}
	again, _ := mustFit(t, d, c)
	if again.Threshold != m.Threshold || !slices.Equal(again.params, m.params) {
		t.Error("test rows changed the model")
	}
}

func TestWithoutValidationRows(t *testing.T) {
	d := moons(400, 2, 7)
	for i := range d.Part {
		if d.Part[i] == features.Valid {
			d.Part[i] = features.Train
		}
	}
	c := quick()
	c.Epochs = 4
	m, h := mustFit(t, d, c)
	if h.Monitor != "none" || h.Best != 4 || m.Threshold.Part != "none" || m.Threshold.Value != 0.5 {
		t.Errorf("%+v, %+v", h, m.Threshold)
	}
}

func TestEarlyStoppingKeepsTheBest(t *testing.T) {
	d := moons(400, 2, 8)
	for i := range d.Class { // wrong labels are learned by heart, to the harm of the validation loss
		if i%8 == 0 {
			d.Class[i] = 1 - d.Class[i]
		}
	}
	c := quick()
	c.Epochs, c.Patience, c.LearningRate, c.Schedule, c.Monitor = 400, 5, 0.05, "constant", "loss"
	m, h := mustFit(t, d, c)
	if h.Stopped != "patience" || len(h.Epochs) != h.Best+5 {
		t.Fatalf("stopped by %s after %d epochs, best %d", h.Stopped, len(h.Epochs), h.Best)
	}
	p := d.pack(features.Valid)
	v, err := m.validate(metrics.NewTally(p.n), p.n, p.each)
	if err != nil || v != h.Epochs[h.Best-1].Validation {
		t.Errorf("the model has the validation %v, epoch %d had %v", v, h.Best, h.Epochs[h.Best-1].Validation)
	}
}

// The losses and scores of validation are those that the probabilities give.
func TestValidation(t *testing.T) {
	for _, d := range []*Data{moons(400, 2, 8), moons(400, 3, 8), xorData()} {
		c := quick()
		c.Epochs = 2
		m, h := mustFit(t, d, c)
		p := d.pack(features.Valid)
		k := len(d.Classes)
		prob := make([]float32, p.n*k)
		if err := m.Probabilities(p.x, p.n, prob); err != nil {
			t.Fatal(err)
		}
		want := 0.0
		for i, class := range p.class {
			want -= math.Log(float64(prob[i*k+int(class)])) / float64(p.n)
		}
		if got := float64(h.Epochs[h.Best-1].ValidLoss); math.Abs(got-want) > 1e-5*want {
			t.Errorf("%q: validation loss %v, the probabilities give %v", d.Classes, got, want)
		}
	}
}

func TestClassWeights(t *testing.T) {
	for mode, want := range map[string][]float32{
		"none": {1, 1, 0}, "balanced": {0.625, 2.5, 0}, "sqrt": {1000.0 / 1200, 2000.0 / 1200, 0},
	} {
		got, err := ClassWeights{Mode: mode}.of([]string{"a", "b", "c"}, []int{800, 200, 0})
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			if mode == "none" && i == 2 {
				continue // of no row
			}
			if math.Abs(float64(got[i]-w)) > 1e-6 {
				t.Errorf("%s: %v, want %v", mode, got, want)
			}
		}
	}
	d := moons(800, 2, 13)
	for i := range d.Class { // few attacks, and hard to see
		if d.Class[i] == 1 && i%16 != 1 && i%16 != 5 {
			d.Part[i] = features.Purged
		}
		for j := range d.X.Row(i) {
			d.X.Row(i)[j] += float32(math.Sin(float64(i*7 + j)))
		}
	}
	recall := func(mode string) float64 {
		c := quick()
		c.Epochs, c.Hidden, c.ClassWeights, c.LearningRate = 20, []int{}, ClassWeights{Mode: mode}, 1e-2
		m, _ := mustFit(t, d, c)
		r, err := Evaluate(context.Background(), m, d, EvalConfig{OnTraining: true, Baselines: []string{}})
		if err != nil {
			t.Fatal(err)
		}
		return float64(r.PerClass[1].Recall)
	}
	if none, balanced := recall("none"), recall("balanced"); balanced < none+0.1 {
		t.Errorf("recall of a rare class: %v without weights, %v with", none, balanced)
	}
}

func TestBadData(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		name, want string
		spoil      func(d *Data)
	}{
		{"empty", "no rows", func(d *Data) { d.X = features.NewMatrix(0, d.X.Names) }},
		{"no columns", "no feature columns", func(d *Data) { d.X.Names, d.X.Data = nil, nil }},
		{"NaN", "row 4, column y: NaN", func(d *Data) { d.X.Row(4)[1] = nan }},
		{"Inf", "row 7, column x: -Inf", func(d *Data) { d.X.Row(7)[0] = float32(math.Inf(-1)) }},
		{"constant column", "constant in all training rows, so drop from the dataset: noise", func(d *Data) {
			for i := range d.X.Rows {
				d.X.Row(i)[2] = 1
			}
		}},
		{"only benign", "rows are benign", func(d *Data) { clear(d.Class) }},
		{"only attacks", "rows are attacks", func(d *Data) {
			for i := range d.Class {
				d.Class[i] = 1
			}
		}},
		{"class out of range", "row 3: class 9 of 2", func(d *Data) { d.Class[3] = 9 }},
		{"no training rows", "no training rows", func(d *Data) {
			for i := range d.Part {
				d.Part[i] = features.Test
			}
		}},
		{"lengths", "7 classes", func(d *Data) { d.Class = d.Class[:7] }},
		{"one class name", "1 classes", func(d *Data) { d.Classes = d.Classes[:1] }},
		{"column twice", `"x" is empty or there twice`, func(d *Data) { d.X.Names[1] = "x" }},
	} {
		d := moons(200, 2, 9)
		c.spoil(d)
		_, _, err := Fit(context.Background(), d, quick(), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// What is wrong with purged rows is nobody's concern.
func TestPurgedRowsAreNotRead(t *testing.T) {
	d := moons(400, 2, 10)
	d.Part[4], d.Class[4], d.X.Row(4)[0] = features.Purged, -1, float32(math.NaN())
	c := quick()
	c.Epochs = 2
	mustFit(t, d, c)
}

func TestDivergenceAndCancel(t *testing.T) {
	d := moons(200, 2, 11)
	for i := range d.X.Data {
		d.X.Data[i] *= 1e37
	}
	c := quick()
	c.LearningRate = 1e3
	if _, _, err := Fit(context.Background(), d, c, nil); err == nil || !strings.Contains(err.Error(), "learning rate") {
		t.Errorf("values of 1e37 at rate 1000: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	epochs := 0
	_, _, err := Fit(ctx, moons(200, 2, 1), quick(), func(e Epoch) {
		if epochs = e.Epoch; e.Epoch == 2 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || epochs != 2 {
		t.Errorf("cancelled in epoch %d: %v", epochs, err)
	}
}

func TestReport(t *testing.T) {
	d := moons(1600, 3, 12)
	for i, c := range d.Class { // a class that no training row has
		if c == 2 && d.Part[i] == features.Train {
			d.Part[i] = features.Purged
		}
	}
	m, _ := mustFit(t, d, quick())
	r, err := Evaluate(context.Background(), m, d, EvalConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, res := range r.Results {
		names = append(names, res.Name)
		if len(res.Detections) != 3 || len(res.Captures) != 2 || len(res.Operation) != 3 || len(res.Curve) == 0 {
			t.Errorf("%s: %+v", res.Name, res)
		}
		n := 0
		for _, c := range res.Captures {
			n += c.Benign + c.Attacks
		}
		if n != r.Rows {
			t.Errorf("%s: the captures have %d of %d rows", res.Name, n, r.Rows)
		}
	}
	if !slices.Equal(names, []string{"mlp", "majority", "stump", "logistic", "boosted_trees"}) {
		t.Errorf("results of %v", names)
	}
	if !slices.Equal(r.Unseen, []string{"scan"}) || r.SeenInTraining || r.Part != "test" {
		t.Errorf("unseen %v, %v, %s", r.Unseen, r.SeenInTraining, r.Part)
	}
	if r.Results[0].PRAUC < r.Results[3].PRAUC {
		t.Error("on two moons a line beats the network")
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
	checkBaselineThreshold(t, d, r.Results[4], m.Threshold.Target)
	r, err = Evaluate(context.Background(), m, d, EvalConfig{OnTraining: true, Baselines: []string{"stump"}})
	if err != nil || !r.SeenInTraining || r.Part != "train" || len(r.Results) != 2 {
		t.Errorf("on training rows: %v", err)
	}
	if _, err := Evaluate(context.Background(), m, d, EvalConfig{Baselines: []string{"svm"}}); err == nil {
		t.Error("unknown baseline accepted")
	}
	if _, err := Evaluate(context.Background(), m, moons(100, 2, 1), EvalConfig{}); err == nil {
		t.Error("a dataset of other classes accepted")
	}
}

// checkBaselineThreshold fits the boosted trees again and takes the threshold
// from the validation rows by hand.
func checkBaselineThreshold(t *testing.T, d *Data, got Result, target float64) {
	t.Helper()
	kinds := baseline.Kinds()
	m, err := kinds[len(kinds)-1].Fit(context.Background(), d.baselineSet(d.pack(features.Train)))
	if err != nil {
		t.Fatal(err)
	}
	valid := d.pack(features.Valid)
	scores := make([]float32, valid.n)
	if err := m.Score(valid.x, valid.n, scores); err != nil {
		t.Fatal(err)
	}
	r, err := metrics.Rank(scores, valid.attack)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := r.Threshold(target); err != nil || got.Threshold.Value != want || got.Threshold.Part != "valid" {
		t.Errorf("the threshold is %+v, that of the validation rows %v (%v)", got.Threshold, want, err)
	}
}
