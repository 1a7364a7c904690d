package graph

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/pcapline/pcapline/train/internal/blas"
	"github.com/pcapline/pcapline/train/internal/mlp"
)

// torchCase is one training by testdata/pytorch.py.
type torchCase struct {
	Inputs      int              `json:"inputs"`
	Hidden      []int            `json:"hidden"`
	Activations []mlp.Activation `json:"activations"`
	Outputs     int              `json:"outputs"`
	Optimiser   Optimiser        `json:"optimizer"`
	Rate        float64          `json:"rate"`
	Rows        int              `json:"rows"`
	Steps       int              `json:"steps"`
	L2          float64          `json:"l2"`
	WeightDecay float64          `json:"weight_decay"`
	Momentum    float64          `json:"momentum"`
	Nesterov    bool             `json:"nesterov"`
	Beta1       float64          `json:"beta1"`
	Beta2       float64          `json:"beta2"`
	Rho         float64          `json:"rho"`
	Epsilon     float64          `json:"epsilon"`
	FocalGamma  float64          `json:"focal_gamma"`
	Losses      []float64        `json:"losses"`
	Every       int              `json:"every"`
	Params      []float64        `json:"params"`
}

// numbers is the generator of pytorch.py.
type numbers uint32

func (n *numbers) next() int {
	*n = *n*1664525 + 1013904223
	return int(*n >> 16)
}

func (n *numbers) fill(x []float32, scale float64) {
	for i := range x {
		x[i] = float32((float64(n.next())/32768 - 1) * scale)
	}
}

// From the same weights and batches, losses and weights are PyTorch's to the
// accuracy of float32, for every optimiser, activation and loss.
func TestAgainstPyTorch(t *testing.T) {
	compareTorch(t, filepath.Join("testdata", "pytorch.json"))
}

// The same with what the script gives now, where PCAPLINE_TORCH names a Python
// that has PyTorch (make torch).
func TestAgainstPyTorchHere(t *testing.T) {
	python := os.Getenv("PCAPLINE_TORCH")
	if python == "" {
		t.Skip("PCAPLINE_TORCH names no Python with PyTorch: make torch installs one and runs this")
	}
	path := filepath.Join(t.TempDir(), "pytorch.json")
	if out, err := exec.Command(python, filepath.Join("testdata", "pytorch.py"), path).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	compareTorch(t, path)
}

func compareTorch(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Cases map[string]torchCase `json:"cases"`
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) < 10 {
		t.Fatalf("%d cases", len(golden.Cases))
	}
	for name, c := range golden.Cases {
		for _, k := range blas.Available() {
			t.Run(name+"/"+k.String(), func(t *testing.T) { c.compare(t, k) })
		}
	}
}

func (c *torchCase) compare(t *testing.T, k blas.Kernel) {
	s := mlp.Shape{Inputs: c.Inputs, Hidden: c.Hidden, Outputs: c.Outputs, Activation: mlp.ReLU, Activations: c.Activations}
	params, n := make([]float32, s.Params()), numbers(1)
	n.fill(params, 0.25)
	tr, err := New(s, params, Options{
		Kernel: k, Optimiser: c.Optimiser, L2: c.L2, WeightDecay: c.WeightDecay, Momentum: c.Momentum, Nesterov: c.Nesterov,
		Beta1: c.Beta1, Beta2: c.Beta2, Rho: c.Rho, Epsilon: c.Epsilon, FocalGamma: c.FocalGamma,
	})
	if err != nil {
		t.Fatal(err)
	}
	b := Batch{Rows: c.Rows, X: make([]float32, c.Rows*c.Inputs), Target: make([]float32, c.Rows), Weight: make([]float32, c.Rows)}
	for step := range c.Steps {
		n.fill(b.X, 2)
		n.fill(b.Weight, 0.5)
		for i := range b.Weight {
			b.Weight[i]++
		}
		for i := range b.Target {
			b.Target[i] = float32(n.next() % max(2, c.Outputs))
		}
		loss, _, err := tr.Step(b, c.Rate)
		if err != nil {
			t.Fatal(err)
		}
		if want := c.Losses[step]; math.Abs(loss-want) > 2e-6*(1+math.Abs(want)) {
			t.Fatalf("step %d: loss %v, PyTorch has %v", step+1, loss, want)
		}
	}
	worst := 0.0
	for i, want := range c.Params {
		worst = max(worst, math.Abs(float64(params[i*c.Every])-want)/(1+math.Abs(want)))
	}
	if worst > 5e-6 {
		t.Errorf("after %d steps a parameter is off by %v", c.Steps, worst)
	}
}
