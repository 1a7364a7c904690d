package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/transform/lake"
)

// lakeRun says whether the argument of verify is a run of a lake: its
// manifest, its folder, or the lake for all of its runs.
func lakeRun(path string) (l *lake.Lake, runs []string) {
	path = strings.TrimSuffix(filepath.Clean(path), string(filepath.Separator)+lake.ManifestName)
	if run, ok := strings.CutPrefix(filepath.Base(path), "run="); ok {
		if l, err := lake.Open(filepath.Dir(path)); err == nil {
			return l, []string{run}
		}
	}
	if l, err := lake.Open(path); err == nil {
		if runs, err := l.Runs(); err == nil {
			return l, runs
		}
	}
	return nil, nil
}

// verifyLake is verify for runs of a lake.
func verifyLake(c *cli.Context, l *lake.Lake, runs []string) (*verified, error) {
	check := lake.Check{
		Captures: c.String("captures"), Sensor: c.String("sensor"), Rerun: c.Bool("rerun"), Rules: c.StringSlice("rules"), Label: labeller(c),
	}
	if check.Rerun && (check.Captures == "" || len(runs) != 1) {
		return nil, usagef("verify: --rerun makes one run anew, from the captures in --captures DIR")
	}
	if check.Rerun {
		dir, err := os.MkdirTemp("", "pcapline-verify-")
		if err != nil {
			return nil, err
		}
		defer func() { _ = os.RemoveAll(dir) }() // what stays is the system's to clean
		check.Scratch = dir
	}
	v := &verified{Model: l.Root, Holds: true}
	for _, run := range runs {
		found, err := l.Verify(c.Context, run, check)
		if err != nil {
			return nil, interrupted(c, fmt.Errorf("run %s: %w", run, err))
		}
		for _, f := range found {
			v.Proofs = append(v.Proofs, train.Proof{What: run + ": " + f.What, Holds: f.Holds, Detail: f.Detail})
		}
	}
	return v, nil
}
