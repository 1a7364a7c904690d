package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/pcapio/spool"
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/train/antinex"
)

// configFlag is a flag that sets something in the training configuration.
type configFlag struct {
	cli.Flag
	name string
	set  func(c *cli.Context, cfg *train.Config) error
}

func textFlag(name, usage string, to func(*train.Config) *string) configFlag {
	def := *to(defaultConfig())
	return configFlag{&cli.StringFlag{Name: name, Usage: usage, DefaultText: def}, name, func(c *cli.Context, cfg *train.Config) error {
		*to(cfg) = c.String(name)
		return nil
	}}
}

func countFlag(name, usage string, to func(*train.Config) *int) configFlag {
	def := strconv.Itoa(*to(defaultConfig()))
	return configFlag{&cli.IntFlag{Name: name, Usage: usage, DefaultText: def}, name, func(c *cli.Context, cfg *train.Config) error {
		*to(cfg) = c.Int(name)
		return nil
	}}
}

func numberFlag(name, usage string, to func(*train.Config) *float64) configFlag {
	def := strconv.FormatFloat(*to(defaultConfig()), 'g', -1, 64)
	return configFlag{&cli.Float64Flag{Name: name, Usage: usage, DefaultText: def}, name, func(c *cli.Context, cfg *train.Config) error {
		*to(cfg) = c.Float64(name)
		return nil
	}}
}

func defaultConfig() *train.Config {
	c := train.Config{}.WithDefaults()
	return &c
}

// configFlags are the configuration's, in the order of the help.
func configFlags() []configFlag {
	return []configFlag{
		{&cli.StringFlag{Name: "hidden", Usage: "`UNITS` of the hidden layers, comma-separated; none for logistic regression", DefaultText: joinInts(defaultConfig().Hidden)}, "hidden", setHidden},
		textFlag("activation", "`FUNCTION` of the hidden layers: relu, leaky_relu, elu, tanh, sigmoid or linear", func(c *train.Config) *string { return &c.Activation }),
		textFlag("init", "`SCHEME` of the first weights: auto, he_uniform, he_normal, glorot_uniform, glorot_normal or uniform", func(c *train.Config) *string { return &c.Init }),
		numberFlag("dropout", "leave this `SHARE` of the hidden units out in each step", func(c *train.Config) *float64 { return &c.Dropout }),
		numberFlag("l2", "L2 penalty: `X` times each weight is added to its gradient", func(c *train.Config) *float64 { return &c.L2 }),
		numberFlag("weight-decay", "decoupled weight decay `X`, as in AdamW", func(c *train.Config) *float64 { return &c.WeightDecay }),
		textFlag("optimizer", "`NAME` of the optimiser: adam, sgd or rmsprop", func(c *train.Config) *string { return &c.Optimiser }),
		numberFlag("momentum", "`X` of sgd and rmsprop", func(c *train.Config) *float64 { return &c.Momentum }),
		{&cli.BoolFlag{Name: "nesterov", Usage: "Nesterov's momentum, of sgd"}, "nesterov", func(c *cli.Context, cfg *train.Config) error {
			cfg.Nesterov = c.Bool("nesterov")
			return nil
		}},
		countFlag("epochs", "`N` epochs at most", func(c *train.Config) *int { return &c.Epochs }),
		countFlag("batch", "`N` rows a step", func(c *train.Config) *int { return &c.Batch }),
		numberFlag("rate", "learning `RATE`", func(c *train.Config) *float64 { return &c.LearningRate }),
		textFlag("schedule", "how the rate falls: constant, step, cosine or exponential (`RULE`)", func(c *train.Config) *string { return &c.Schedule }),
		countFlag("step-epochs", "schedule step: the rate falls every `N` epochs", func(c *train.Config) *int { return &c.StepEpochs }),
		numberFlag("step-factor", "schedule step: and by this `FACTOR`", func(c *train.Config) *float64 { return &c.StepFactor }),
		countFlag("warmup", "the rate rises over the first `N` epochs", func(c *train.Config) *int { return &c.WarmupEpochs }),
		{&cli.StringFlag{Name: "class-weights", Usage: "none, balanced or sqrt, or a weight for each class as in benign=1,flood=2.5 (`WEIGHTS`)", DefaultText: defaultConfig().ClassWeights.Mode}, "class-weights", setClassWeights},
		numberFlag("focal", "exponent `GAMMA` of the focal loss, often 2; 0 is cross-entropy", func(c *train.Config) *float64 { return &c.FocalGamma }),
		textFlag("target", "tell apart `WHAT`: class, every class of the dataset; or binary, benign rows and attacks", func(c *train.Config) *string { return &c.Target }),
		textFlag("monitor", "stop and choose by this `METRIC` of the validation rows: pr_auc, roc_auc or loss", func(c *train.Config) *string { return &c.Monitor }),
		countFlag("patience", "stop after `N` epochs without improvement; negative: never", func(c *train.Config) *int { return &c.Patience }),
		numberFlag("min-delta", "an improvement of less than `X` is none", func(c *train.Config) *float64 { return &c.MinDelta }),
		numberFlag("fpr", "choose the threshold at this `SHARE` of false alarms on the validation rows", func(c *train.Config) *float64 { return &c.TargetFPR }),
		{&cli.StringFlag{Name: "kernel", Usage: "arithmetic `KERNEL`: go, avx2-fma, or openblas in a program built with that tag", DefaultText: "the fastest here"}, "kernel", func(c *cli.Context, cfg *train.Config) error {
			cfg.Kernel = c.String("kernel")
			return nil
		}},
		{&cli.StringFlag{Name: "memory", Usage: "a dataset that would take more than `SIZE` is streamed from its Parquet files, its rows shuffled by parts", DefaultText: "1GiB"}, "memory", setMemory},
	}
}

func setMemory(c *cli.Context, cfg *train.Config) error {
	n, err := spool.ParseSize(c.String("memory"), 1)
	if err != nil {
		return usage(err)
	}
	cfg.Memory = n
	return nil
}

func joinInts(v []int) string {
	s := make([]string, len(v))
	for i, n := range v {
		s[i] = strconv.Itoa(n)
	}
	return strings.Join(s, ",")
}

func setHidden(c *cli.Context, cfg *train.Config) error {
	cfg.Hidden, cfg.Layers = []int{}, nil
	if text := c.String("hidden"); text != "none" {
		for s := range strings.SplitSeq(text, ",") {
			n, err := strconv.Atoi(strings.TrimSpace(s))
			if err != nil {
				return usagef("--hidden: %q is no number", s)
			}
			cfg.Hidden = append(cfg.Hidden, n)
		}
	}
	return nil
}

func setClassWeights(c *cli.Context, cfg *train.Config) error {
	text := c.String("class-weights")
	if !strings.Contains(text, "=") {
		cfg.ClassWeights = train.ClassWeights{Mode: text}
		return nil
	}
	by := make(map[string]float64)
	for s := range strings.SplitSeq(text, ",") {
		name, number, _ := strings.Cut(s, "=")
		v, err := strconv.ParseFloat(number, 64)
		if _, twice := by[name]; err != nil || twice {
			return usagef("--class-weights: %q is not a class and its weight, or is there twice", s)
		}
		by[name] = v
	}
	cfg.ClassWeights = train.ClassWeights{ByClass: by}
	return nil
}

// trainConfig is base, or what the configuration file says, with the flags
// put over it.
func trainConfig(c *cli.Context, base train.Config) (train.Config, error) {
	cfg := base
	if path := c.String("config"); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return cfg, err
		}
		if cfg, err = train.ParseConfig(text); err != nil {
			return cfg, fmt.Errorf("%s: %w", path, err)
		}
	}
	if path := c.String("keras"); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return cfg, err
		}
		if err := antinex.ApplyKeras(text, &cfg); err != nil {
			return cfg, fmt.Errorf("%s: %w", path, err)
		}
	}
	for _, f := range configFlags() {
		if c.IsSet(f.name) {
			if err := f.set(c, &cfg); err != nil {
				return cfg, err
			}
		}
	}
	if c.IsSet("seed") {
		cfg.Seed = c.Uint64("seed")
	}
	if err := cfg.Check(); err != nil {
		return cfg, usage(err)
	}
	return cfg, nil
}
