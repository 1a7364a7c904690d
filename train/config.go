package train

import (
	"fmt"
	"math"
	"slices"

	"github.com/pcapline/pcapline/train/internal/blas"
	"github.com/pcapline/pcapline/train/internal/graph"
	"github.com/pcapline/pcapline/train/internal/mlp"
)

// Config says how to train. The zero value of a field means its default,
// which [Config.WithDefaults] fills in; there is no other list of defaults.
type Config struct {
	Hidden     []int         `json:"hidden"`     // units of each hidden layer; empty but not null: none, which is logistic regression
	Activation string        `json:"activation"` // "relu", "leaky_relu" (slope 0.01), "elu", "tanh", "sigmoid" or "linear"
	Init       string        `json:"init"`       // of the weights: "auto", "he_uniform", "he_normal", "glorot_uniform", "glorot_normal", "uniform" (±0.05)
	Dropout    float64       `json:"dropout"`    // share of hidden units left out in a step, [0, 1)
	Layers     []LayerConfig `json:"layers"`     // the hidden layers one by one, instead of Hidden

	L2          float64 `json:"l2"`           // times the weight, added to its gradient
	WeightDecay float64 `json:"weight_decay"` // decoupled from the gradient, as in AdamW

	Epochs    int     `json:"epochs"`     // at most
	Batch     int     `json:"batch"`      // rows a step
	NoShuffle bool    `json:"no_shuffle"` // take the rows in their order in every epoch
	Optimiser string  `json:"optimizer"`  // "adam", "sgd" or "rmsprop"
	Beta1     float64 `json:"beta1"`      // Adam's
	Beta2     float64 `json:"beta2"`
	Rho       float64 `json:"rho"`      // how much of RMSProp's mean square stays
	Epsilon   float64 `json:"epsilon"`  // of Adam and RMSProp
	Momentum  float64 `json:"momentum"` // of SGD and RMSProp
	Nesterov  bool    `json:"nesterov"` // of SGD

	LearningRate float64 `json:"learning_rate"`
	Schedule     string  `json:"schedule"`      // "constant", "step", "cosine" (to a hundredth) or "exponential" (likewise)
	StepEpochs   int     `json:"step_epochs"`   // "step": so many epochs at one rate
	StepFactor   float64 `json:"step_factor"`   // "step": times the rate after them
	WarmupEpochs int     `json:"warmup_epochs"` // the rate rises in a line over the steps of these; the schedule begins behind them

	ClassWeights ClassWeights `json:"class_weights"`
	FocalGamma   float64      `json:"focal_gamma"` // exponent of the focal loss (Lin et al. 2017), often 2; 0: cross-entropy

	// Target is what to tell apart: "class", all classes of the data, or
	// "binary", benign rows and attacks.
	Target string `json:"target"`

	Monitor  string  `json:"monitor"`   // what must improve on the validation rows: "pr_auc", "roc_auc" or "loss"
	Patience int     `json:"patience"`  // epochs without improvement before stopping; negative: never stop early
	MinDelta float64 `json:"min_delta"` // a smaller improvement is none

	TargetFPR float64 `json:"target_fpr"` // the threshold's share of benign validation rows called attacks
	Seed      uint64  `json:"seed"`       // of the initial weights, the order of rows and dropout
	Kernel    string  `json:"kernel"`     // "go", "avx2-fma", "openblas" (build tag); "": the faster of the first two that the CPU has

	// Memory is what a training takes, in bytes. Data that would take more
	// ([Config.Streams]) are streamed, which changes the order of the rows.
	Memory int64 `json:"memory"`
}

// LayerConfig is one hidden layer.
type LayerConfig struct {
	Units      int      `json:"units"`
	Activation string   `json:"activation,omitempty"` // "": the configuration's
	Init       string   `json:"init,omitempty"`       // "": the configuration's
	Dropout    *float64 `json:"dropout,omitempty"`    // nil: the configuration's
}

// WithDefaults returns c with a default for each field that has its zero
// value (and 0 dropout, 0 decay and seed 0, which are what they say).
func (c Config) WithDefaults() Config {
	if c.Hidden == nil && c.Layers == nil {
		c.Hidden = []int{128, 64}
	}
	set(&c.Activation, string(mlp.ReLU))
	set(&c.Init, string(mlp.Auto))
	set(&c.Epochs, 60)
	set(&c.Batch, 128)
	set(&c.Optimiser, string(graph.Adam))
	set(&c.Beta1, 0.9)
	set(&c.Beta2, 0.999)
	set(&c.Rho, 0.99)
	set(&c.Epsilon, 1e-8)
	set(&c.LearningRate, 1e-3)
	set(&c.Schedule, "cosine")
	set(&c.StepEpochs, 20)
	set(&c.StepFactor, 0.1)
	if c.ClassWeights.ByClass == nil {
		set(&c.ClassWeights.Mode, "sqrt")
	}
	set(&c.Target, "class")
	set(&c.Monitor, "pr_auc")
	set(&c.Patience, 15)
	set(&c.TargetFPR, 0.01)
	set(&c.Kernel, blas.Best().String())
	set(&c.Memory, 1<<30)
	return c
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Check reports a value that cannot be meant. Defaults must be filled in: a
// learning rate of 0 is an error.
func (c Config) Check() error {
	for _, check := range []func() error{c.checkNumbers, c.checkNames, c.checkLayers, c.ClassWeights.check} {
		if err := check(); err != nil {
			return fmt.Errorf("training configuration: %w", err)
		}
	}
	return nil
}

func (c Config) checkNumbers() error {
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
		{"beta1", c.Beta1, 0, 1 - 1e-9},
		{"beta2", c.Beta2, 0, 1 - 1e-9},
		{"rho", c.Rho, 0, 1 - 1e-9},
		{"epsilon", c.Epsilon, 0, 1},
		{"momentum", c.Momentum, 0, 1 - 1e-9},
		{"learning_rate", c.LearningRate, 1e-12, 1e3},
		{"step_epochs", float64(c.StepEpochs), 1, 1e6},
		{"step_factor", c.StepFactor, 1e-6, 1},
		{"warmup_epochs", float64(c.WarmupEpochs), 0, float64(c.Epochs)},
		{"focal_gamma", c.FocalGamma, 0, 10},
		{"min_delta", c.MinDelta, 0, 1e3},
		{"target_fpr", c.TargetFPR, 0, 1},
		{"memory", float64(c.Memory), 64e6, 1 << 50},
	} {
		if !(f.v >= f.min && f.v <= f.max) {
			return fmt.Errorf("%s is %v, outside [%v, %v]", f.name, f.v, f.min, f.max)
		}
	}
	switch {
	case c.Patience == 0:
		return fmt.Errorf("patience is 0; a negative one never stops early")
	case c.Nesterov && (c.Optimiser != string(graph.SGD) || c.Momentum == 0):
		return fmt.Errorf("nesterov is of sgd with a momentum")
	case c.Momentum > 0 && c.Optimiser == string(graph.Adam):
		return fmt.Errorf("momentum is of sgd and rmsprop; adam has beta1")
	}
	return nil
}

func (c Config) checkNames() error {
	for _, f := range []struct {
		name, v string
		known   []string
	}{
		{"activation", c.Activation, namesOf(mlp.Activations)},
		{"init", c.Init, namesOf(mlp.Schemes)},
		{"optimizer", c.Optimiser, namesOf(graph.Optimisers)},
		{"schedule", c.Schedule, []string{"constant", "step", "cosine", "exponential"}},
		{"target", c.Target, []string{"class", "binary"}},
		{"monitor", c.Monitor, []string{"pr_auc", "roc_auc", "loss"}},
	} {
		if !slices.Contains(f.known, f.v) {
			return fmt.Errorf("%s %q is none of %q", f.name, f.v, f.known)
		}
	}
	_, err := blas.ByName(c.Kernel)
	return err
}

func namesOf[T ~string](list []T) []string {
	names := make([]string, len(list))
	for i, v := range list {
		names[i] = string(v)
	}
	return names
}

func (c Config) checkLayers() error {
	if c.Layers != nil && c.Hidden != nil {
		return fmt.Errorf("hidden and layers both say what the hidden layers are")
	}
	for i, l := range c.layers() {
		switch {
		case l.Units < 1:
			return fmt.Errorf("hidden layer %d has %d units", i+1, l.Units)
		case !slices.Contains(namesOf(mlp.Activations), l.Activation):
			return fmt.Errorf("hidden layer %d: activation %q is none of %q", i+1, l.Activation, mlp.Activations)
		case !slices.Contains(namesOf(mlp.Schemes), l.Init):
			return fmt.Errorf("hidden layer %d: init %q is none of %q", i+1, l.Init, mlp.Schemes)
		case !(*l.Dropout >= 0 && *l.Dropout <= 0.95):
			return fmt.Errorf("hidden layer %d: dropout is %v, outside [0, 0.95]", i+1, *l.Dropout)
		}
	}
	return nil
}

// layers are the hidden layers with everything filled in.
func (c Config) layers() []LayerConfig {
	all := slices.Clone(c.Layers)
	for _, units := range c.Hidden {
		all = append(all, LayerConfig{Units: units})
	}
	for i := range all {
		set(&all[i].Activation, c.Activation)
		set(&all[i].Init, c.Init)
		if all[i].Dropout == nil {
			all[i].Dropout = &c.Dropout
		}
	}
	return all
}

// shape is the network's, and schemes how its layers' weights are drawn.
func (c Config) shape(inputs, outputs int) (s mlp.Shape, schemes []mlp.Scheme) {
	s = mlp.Shape{Inputs: inputs, Hidden: []int{}, Outputs: outputs, Activation: mlp.Activation(c.Activation)}
	var activations []mlp.Activation
	for _, l := range c.layers() {
		s.Hidden = append(s.Hidden, l.Units)
		activations = append(activations, mlp.Activation(l.Activation))
		schemes = append(schemes, mlp.Scheme(l.Init))
	}
	switch same := slices.Compact(slices.Clone(activations)); len(same) {
	case 0:
	case 1:
		s.Activation = same[0]
	default:
		s.Activations = activations
	}
	return s, append(schemes, mlp.Scheme(c.Init))
}

// dropout is the share of each hidden layer; nil: none.
func (c Config) dropout() []float64 {
	var shares []float64
	some := false
	for _, l := range c.layers() {
		shares = append(shares, *l.Dropout)
		some = some || *l.Dropout > 0
	}
	if !some {
		return nil
	}
	return shares
}

// rate is the learning rate of a step of an epoch of so many steps, both
// counted from 0.
func (c Config) rate(epoch, step, steps int) float64 {
	const last = 0.01 // of the full rate, at the end
	if epoch < c.WarmupEpochs {
		return c.LearningRate * float64(epoch*steps+step+1) / float64(c.WarmupEpochs*steps)
	}
	epoch -= c.WarmupEpochs
	done := 0.0
	if n := c.Epochs - c.WarmupEpochs; n > 1 {
		done = float64(epoch) / float64(n-1)
	}
	switch c.Schedule {
	case "step":
		return c.LearningRate * math.Pow(c.StepFactor, float64(epoch/c.StepEpochs))
	case "cosine":
		return c.LearningRate * (last + (1-last)*(1+math.Cos(math.Pi*done))/2)
	case "exponential":
		return c.LearningRate * math.Pow(last, done)
	}
	return c.LearningRate
}
