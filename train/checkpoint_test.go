package train

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// trainings are configurations that between them use all that a checkpoint
// must keep.
func trainings() map[string]Config {
	all := make(map[string]Config)
	for name, change := range map[string]func(c *Config){
		"adam": func(c *Config) { c.Dropout, c.Noise, c.WarmupEpochs = 0.2, 0.1, 2 },
		"sgd":  func(c *Config) { c.Optimiser, c.Schedule, c.LearningRate = "sgd", "step", 0.1 },
		"nesterov": func(c *Config) {
			c.Optimiser, c.Momentum, c.Nesterov, c.L2 = "sgd", 0.9, true, 1e-3
		},
		"rmsprop": func(c *Config) { c.Optimiser, c.Monitor, c.FocalGamma = "rmsprop", "loss", 2 },
		"stops":   func(c *Config) { c.Patience, c.LearningRate, c.Schedule, c.Monitor = 2, 0.1, "constant", "loss" },
	} {
		c := quick()
		c.Epochs = 7
		change(&c)
		all[name] = c
	}
	return all
}

// A training that is stopped after any epoch and resumed gives the bytes of
// one that was not.
func TestResumeGivesTheSameModel(t *testing.T) {
	d := moons(300, 3, 21)
	for name, c := range trainings() {
		t.Run(name, func(t *testing.T) {
			whole, history := mustFit(t, d, c)
			want, err := whole.Encode()
			if err != nil {
				t.Fatal(err)
			}
			for stop := 1; stop <= len(history.Epochs); stop++ {
				keep := Checkpoints{Path: filepath.Join(t.TempDir(), "checkpoint"), Every: 1 + stop%2, Resume: true}
				ctx, cancel := context.WithCancel(context.Background())
				_, _, err := FitFrom(ctx, d, c, keep, func(e Epoch) {
					if e.Epoch == stop {
						cancel()
					}
				})
				if stop < len(history.Epochs) && !errors.Is(err, context.Canceled) {
					t.Fatalf("stopped after epoch %d: %v", stop, err)
				}
				first := 0
				m, _, err := FitFrom(context.Background(), d, c, keep, func(e Epoch) {
					if first == 0 {
						first = e.Epoch
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				if want := stop/keep.Every*keep.Every + 1; want <= len(history.Epochs) && first != want {
					t.Errorf("resumed with epoch %d, want %d", first, want)
				}
				if got, err := m.Encode(); err != nil || !bytes.Equal(got, want) {
					t.Errorf("stopped after epoch %d and resumed: another model (%v)", stop, err)
				}
			}
		})
	}
}

func TestResumeRefusesAnotherTraining(t *testing.T) {
	d, c := moons(200, 2, 22), quick()
	c.Epochs = 2
	keep := Checkpoints{Path: filepath.Join(t.TempDir(), "checkpoint"), Resume: true}
	if _, _, err := FitFrom(context.Background(), d, c, keep, nil); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(keep.Path)
	if err != nil {
		t.Fatal(err)
	}
	try := func(d *Data, c Config, want string) {
		t.Helper()
		if _, _, err := FitFrom(context.Background(), d, c, keep, nil); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), keep.Path) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	other := c
	other.Hidden = []int{8}
	try(d, other, "its hidden is [24,12], not [8]")
	try(moons(200, 2, 23), c, "the data differ")
	for n := 0; n < len(good); n += 97 {
		bad := bytes.Clone(good)
		bad[n] ^= 4
		if err := os.WriteFile(keep.Path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		try(d, c, "offset")
	}
}
