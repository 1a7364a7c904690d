package train

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train/internal/blas"
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

func TestSaveLoadScore(t *testing.T) {
	d := moons(500, 3, 3)
	c := quick()
	c.Epochs = 5
	for _, kernel := range []string{"go", blas.Best().String()} {
		c.Kernel = kernel
		m, _ := mustFit(t, d, c)
		m.Schema, m.Table, m.Manifest.Tool = "abc", "flows", "test"
		m.Manifest.Provenance = json.RawMessage(`{"inputs":["x.pcap"]}`)
		path := filepath.Join(t.TempDir(), "m.model")
		if err := m.Save(path); err != nil {
			t.Fatal(err)
		}
		got, err := LoadModel(path)
		if err != nil {
			t.Fatal(err)
		}
		if got.ScoringKernel() != kernel || got.Schema != "abc" || got.Threshold != m.Threshold {
			t.Errorf("loaded %+v", got.Header)
		}
		if !slices.Equal(scoresOf(t, got, d), scoresOf(t, m, d)) {
			t.Error("the loaded model scores differently")
		}
		again, err := got.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if file, _ := os.ReadFile(path); !bytes.Equal(file, again) {
			t.Error("encoding the loaded model gives other bytes")
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

// A score must not depend on the rows beside it, nor on concurrent callers.
func TestScoresOneByOneAndTogether(t *testing.T) {
	for _, classes := range []int{2, 3} {
		d := moons(300, classes, 4)
		c := quick()
		c.Epochs = 3
		m, _ := mustFit(t, d, c)
		all := scoresOf(t, m, d)
		parallel, err := scoreAll(m, d.X.Data, d.X.Rows)
		if err != nil || !slices.Equal(parallel, all) {
			t.Errorf("scored in parallel: %v", err)
		}
		prob := make([]float32, 300*classes)
		if err := m.Probabilities(d.X.Data, 300, prob); err != nil {
			t.Fatal(err)
		}
		for i, s := range all {
			var one [1]float32
			if err := m.Score(d.X.Row(i), 1, one[:]); err != nil || one[0] != s {
				t.Fatalf("row %d alone scores %v (%v), with others %v", i, one[0], err, s)
			}
			sum := float32(0)
			for _, p := range prob[i*classes : (i+1)*classes] {
				sum += p
			}
			if d := float64(1 - prob[i*classes] - s); math.Abs(d) > 1e-6 || math.Abs(float64(sum)-1) > 1e-6 {
				t.Fatalf("row %d: score %v, probabilities %v", i, s, prob[i*classes:(i+1)*classes])
			}
		}
	}
}

func TestScoreDoesNotAllocate(t *testing.T) {
	d := moons(256, 3, 5)
	c := quick()
	c.Epochs = 1
	m, _ := mustFit(t, d, c)
	out := make([]float32, 256)
	if a := testing.AllocsPerRun(50, func() {
		if err := m.Score(d.X.Data, 256, out); err != nil {
			t.Fatal(err)
		}
	}); a >= 1 && !raceEnabled {
		t.Errorf("%v allocations a call", a)
	}
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
	c := quick()
	c.Epochs, c.Patience, c.LearningRate, c.Schedule = 400, 5, 0.05, "constant"
	m, h := mustFit(t, d, c)
	if h.Stopped != "patience" || len(h.Epochs) != h.Best+5 {
		t.Fatalf("stopped by %s after %d epochs, best %d", h.Stopped, len(h.Epochs), h.Best)
	}
	_, ap, err := m.validate(d.pack(features.Valid))
	if err != nil || ap != h.Epochs[h.Best-1].ValidAP {
		t.Errorf("the model has a validation PR AUC of %v, epoch %d had %v", ap, h.Best, h.Epochs[h.Best-1].ValidAP)
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

func TestConfig(t *testing.T) {
	c, err := ParseConfig([]byte(`{"hidden": [], "epochs": 3, "seed": 5}`))
	if err != nil || c.Hidden == nil || c.Epochs != 3 || c.Seed != 5 {
		t.Errorf("%+v, %v", c, err)
	}
	if d := c.WithDefaults(); len(d.Hidden) != 0 || d.Batch != 128 || d.Activation != "relu" {
		t.Errorf("%+v", d)
	}
	text, err := json.Marshal(Config{}.WithDefaults())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ParseConfig(text); err != nil || fmt.Sprint(again) != fmt.Sprint(Config{}.WithDefaults()) {
		t.Errorf("%s read as %+v, %v", text, again, err)
	}
	for _, bad := range []string{
		`{"epoch": 3}`, `{"dropout": 1}`, `{"dropout": -0.1}`, `{"activation": "gelu"}`, `{"hidden": [0]}`, `{"batch": -1}`,
		`{"learning_rate": -1}`, `{"schedule": "x"}`, `{"kernel": "mkl"}`, `{"monitor": "accuracy"}`, `{} {}`, `[]`, ``,
	} {
		if _, err := ParseConfig([]byte(bad)); err == nil {
			t.Errorf("%s accepted", bad)
		}
	}
}

func TestRates(t *testing.T) {
	for _, s := range []string{"constant", "cosine", "exponential"} {
		c := Config{LearningRate: 1, Epochs: 11, Schedule: s}
		want := 0.01
		if s == "constant" {
			want = 1
		}
		if c.rate(0) != 1 || math.Abs(c.rate(10)-want) > 1e-12 || c.rate(5) > c.rate(4) {
			t.Errorf("%s: %v %v %v", s, c.rate(0), c.rate(5), c.rate(10))
		}
	}
}

func TestDamagedModels(t *testing.T) {
	c := quick()
	c.Epochs = 1
	m, _ := mustFit(t, moons(100, 2, 1), c)
	good, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if n%7 == 0 {
			if _, err := DecodeModel(good[:n]); err == nil {
				t.Fatalf("cut to %d bytes: accepted", n)
			}
			bad := slices.Clone(good)
			bad[n] ^= 0x10
			if _, err := DecodeModel(bad); err == nil {
				t.Fatalf("byte %d changed: accepted", n)
			}
		}
	}
	for name, change := range map[string]func(h *Header){
		"outputs":   func(h *Header) { h.Classes = append(h.Classes, "third") },
		"inputs":    func(h *Header) { h.Columns = h.Columns[:2] },
		"kernel":    func(h *Header) { h.Kernel = "x" },
		"threshold": func(h *Header) { h.Threshold.Value = -1 },
		"weights":   func(h *Header) { h.Network.Hidden = []int{3} },
		"benign":    func(h *Header) { h.Benign = 2 },
	} {
		bad := decode(t, good)
		change(&bad.Header)
		if _, err := DecodeModel(reseal(t, bad)); err == nil {
			t.Errorf("header with a wrong %s accepted", name)
		}
	}
	if _, err := LoadModel(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	text := filepath.Join(t.TempDir(), "text.model")
	if err := os.WriteFile(text, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadModel(text); err == nil || !strings.Contains(err.Error(), "text.model: offset 0") {
		t.Errorf("a text file: %v", err)
	}
}

// reseal encodes a model without checking it.
func reseal(t *testing.T, m *Model) []byte {
	t.Helper()
	head, err := json.Marshal(m.Header)
	if err != nil {
		t.Fatal(err)
	}
	out := append([]byte(modelMagic), 1, 0, 0, 0)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(head)))
	out = append(out, head...)
	for _, p := range m.params {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(p))
	}
	sum := sha256.Sum256(out)
	return append(out, sum[:]...)
}

func FuzzDecodeModel(f *testing.F) {
	c := quick()
	c.Epochs, c.Hidden = 1, []int{2}
	m, _ := mustFit(f, moons(60, 2, 1), c)
	good, err := m.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good[:len(good)-sha256.Size])
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sha256.Sum256(body) // else only the checksum would be tested
		if m, err := DecodeModel(append(slices.Clone(body), sum[:]...)); err == nil {
			out := make([]float32, 1)
			if err := m.Score(make([]float32, len(m.Columns)), 1, out); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	c := quick()
	c.Epochs = 1
	d := moons(100, 2, 1)
	m, _ := mustFit(t, d, c)
	m.Schema = "abc"
	out := make([]float32, 100)
	if err := m.Score(d.X.Data[:299], 100, out); err == nil {
		t.Error("a row too short accepted")
	}
	if err := m.Score(d.X.Data, 100, out[:99]); err == nil {
		t.Error("too few places accepted")
	}
	d.X.Row(70)[2] = float32(math.NaN())
	if err := m.Score(d.X.Data, 100, out); err == nil || !strings.Contains(err.Error(), "row 70, column noise") {
		t.Errorf("NaN: %v", err)
	}
	if err := m.Accepts([]string{"x", "y", "noise"}, "abc"); err != nil {
		t.Error(err)
	}
	for _, bad := range []struct {
		names []string
		hash  string
	}{{[]string{"x", "y"}, "abc"}, {[]string{"y", "x", "noise"}, "abc"}, {[]string{"x", "y", "noise"}, "abd"}} {
		if m.Accepts(bad.names, bad.hash) == nil {
			t.Errorf("%v accepted", bad)
		}
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

// BenchmarkScore is 67 → 200 → 1 on one thread.
func BenchmarkScore(b *testing.B) {
	const cols, rows = 67, 4096
	names := make([]string, cols)
	for i := range names {
		names[i] = fmt.Sprint("c", i)
	}
	d := &Data{X: features.NewMatrix(rows, names), Class: make([]int32, rows), Part: make([]features.Part, rows), Classes: []string{"benign", "attack"}}
	r := rand.New(rand.NewPCG(1, 1))
	for i := range d.X.Data {
		d.X.Data[i] = float32(r.NormFloat64())
	}
	for i := range d.Class {
		d.Class[i] = int32(i % 2)
	}
	m, _ := mustFit(b, d, Config{Hidden: []int{200}, Epochs: 1})
	out := make([]float32, rows)
	for _, n := range []int{1, 64, rows} {
		b.Run(fmt.Sprintf("%s/rows=%d", m.ScoringKernel(), n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := m.Score(d.X.Data[:n*cols], n, out); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
