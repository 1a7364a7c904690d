package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/pcapline/pcapline/train/internal/blas"
	"github.com/pcapline/pcapline/train/internal/mlp"
)

// Config says how to train. The zero value of a field means its default,
// which [Config.WithDefaults] fills in; there is no other list of defaults.
type Config struct {
	Hidden     []int   `json:"hidden"`     // units of each hidden layer; empty but not null: none, which is logistic regression
	Activation string  `json:"activation"` // "relu" or "tanh"
	Dropout    float64 `json:"dropout"`    // share of hidden units left out in a step, [0, 1)

	L2          float64 `json:"l2"`           // times the weight, added to its gradient
	WeightDecay float64 `json:"weight_decay"` // decoupled from the gradient, as in AdamW

	Epochs       int     `json:"epochs"` // at most
	Batch        int     `json:"batch"`  // rows a step
	LearningRate float64 `json:"learning_rate"`
	Schedule     string  `json:"schedule"` // "constant", "cosine" (to a hundredth) or "exponential" (likewise)
	Beta1        float64 `json:"beta1"`    // Adam's
	Beta2        float64 `json:"beta2"`
	Epsilon      float64 `json:"epsilon"`

	// ClassWeights: "none"; "balanced", the inverse of a class's share of the
	// training rows; "sqrt", the root of that.
	ClassWeights string `json:"class_weights"`

	Monitor  string `json:"monitor"`  // what must improve on the validation rows: "pr_auc" or "loss"
	Patience int    `json:"patience"` // epochs without improvement before stopping; negative: never stop early

	TargetFPR float64 `json:"target_fpr"` // the threshold's share of benign validation rows called attacks
	Seed      uint64  `json:"seed"`       // of the initial weights, the order of rows and dropout
	Kernel    string  `json:"kernel"`     // "go", "avx2-fma"; "" the fastest that the CPU has
}

// WithDefaults returns c with a default for each field that has its zero
// value (and 0 dropout, 0 decay and seed 0, which are what they say).
func (c Config) WithDefaults() Config {
	if c.Hidden == nil {
		c.Hidden = []int{128, 64}
	}
	set(&c.Activation, string(mlp.ReLU))
	set(&c.Epochs, 60)
	set(&c.Batch, 128)
	set(&c.LearningRate, 1e-3)
	set(&c.Schedule, "cosine")
	set(&c.Beta1, 0.9)
	set(&c.Beta2, 0.999)
	set(&c.Epsilon, 1e-8)
	set(&c.ClassWeights, "sqrt")
	set(&c.Monitor, "pr_auc")
	set(&c.Patience, 15)
	set(&c.TargetFPR, 0.01)
	set(&c.Kernel, blas.Best().String())
	return c
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// ParseConfig reads a configuration from JSON. Keys that it does not know are
// an error: a misspelt one would silently do nothing.
func ParseConfig(text []byte) (Config, error) {
	var c Config
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return c, fmt.Errorf("training configuration: %w", err)
	}
	if dec.More() {
		return c, errors.New("training configuration: text after the object")
	}
	return c, c.Check()
}

// Check reports a value that cannot be meant; defaults count as set.
func (c Config) Check() error {
	c = c.WithDefaults()
	for _, f := range []struct {
		name     string
		v        float64
		min, max float64 // both allowed
	}{
		{"dropout", c.Dropout, 0, 0.95},
		{"l2", c.L2, 0, 1e3},
		{"weight_decay", c.WeightDecay, 0, 1e3},
		{"epochs", float64(c.Epochs), 1, 1e6},
		{"batch", float64(c.Batch), 1, 1 << 20},
		{"learning_rate", c.LearningRate, 1e-12, 1e3},
		{"beta1", c.Beta1, 0, 1 - 1e-9},
		{"beta2", c.Beta2, 0, 1 - 1e-9},
		{"epsilon", c.Epsilon, 0, 1},
		{"target_fpr", c.TargetFPR, 0, 1},
	} {
		if !(f.v >= f.min && f.v <= f.max) {
			return fmt.Errorf("training configuration: %s is %v, outside [%v, %v]", f.name, f.v, f.min, f.max)
		}
	}
	for _, f := range []struct {
		name, v string
		known   []string
	}{
		{"activation", c.Activation, []string{string(mlp.ReLU), string(mlp.Tanh)}},
		{"schedule", c.Schedule, []string{"constant", "cosine", "exponential"}},
		{"class_weights", c.ClassWeights, []string{"none", "balanced", "sqrt"}},
		{"monitor", c.Monitor, []string{"pr_auc", "loss"}},
	} {
		if !slices.Contains(f.known, f.v) {
			return fmt.Errorf("training configuration: %s %q is none of %q", f.name, f.v, f.known)
		}
	}
	if _, err := blas.ByName(c.Kernel); err != nil {
		return fmt.Errorf("training configuration: %w", err)
	}
	for i, h := range c.Hidden {
		if h < 1 {
			return fmt.Errorf("training configuration: hidden layer %d has %d units", i+1, h)
		}
	}
	return nil
}

// rate is the learning rate of an epoch, counted from 0.
func (c Config) rate(epoch int) float64 {
	const last = 0.01 // of the first rate, at the end
	done := 0.0
	if c.Epochs > 1 {
		done = float64(epoch) / float64(c.Epochs-1)
	}
	switch c.Schedule {
	case "cosine":
		return c.LearningRate * (last + (1-last)*(1+math.Cos(math.Pi*done))/2)
	case "exponential":
		return c.LearningRate * math.Pow(last, done)
	}
	return c.LearningRate
}
