package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/prep"
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/transform/sink"
)

// searchFlags are for comparing configurations before one is trained.
func searchFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "search", Usage: "compare the configurations of the search space in `FILE` (YAML: space, n_iter, seed), and train the best"},
		&cli.StringFlag{Name: "cv", Usage: "compare by cross-validation over `KIND`: fold, those that prepare --split kfold dealt out, or time"},
		&cli.IntFlag{Name: "folds", Usage: "`N` folds of --cv time (default: 5)"},
		&cli.IntFlag{Name: "seeds", Usage: "train each configuration with `N` seeds, from --seed on (default: 1)"},
		&cli.StringFlag{Name: "results", Usage: "write the comparison to `FILE` as JSON"},
	}
}

// searches reports whether configurations are to be compared.
func searches(c *cli.Context) bool {
	return slices.ContainsFunc([]string{"search", "cv", "folds", "seeds"}, c.IsSet)
}

// searchOptions reads what is to be compared; without --search it is the one
// configuration.
func searchOptions(c *cli.Context, base train.Config) (o train.SearchOptions, err error) {
	if c.IsSet("folds") && c.String("cv") == "" || c.IsSet("folds") && c.Int("folds") < 2 || c.IsSet("seeds") && c.Int("seeds") < 1 {
		return o, usagef("train: --folds N, 2 or more, belongs to --cv; --seeds N is 1 or more")
	}
	if by := c.String("cv"); by != "" && !slices.Contains(prep.CrossValidations, by) {
		return o, usagef("train: --cv is one of %s, not %q", strings.Join(prep.CrossValidations, ", "), by)
	}
	if c.String("checkpoint") != "" {
		return o, usagef("train: --checkpoint is of one training, not of a comparison")
	}
	for i := range max(1, c.Int("seeds")) {
		o.Seeds = append(o.Seeds, base.Seed+uint64(i))
	}
	o.Params, o.Configs = []train.Params{{}}, []train.Config{base}
	path := c.String("search")
	if path == "" {
		return o, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return o, err
	}
	space, err := train.ParseSearchSpace(text)
	if err == nil {
		o.Params, o.Configs, err = space.Candidates(base)
	}
	if err != nil {
		return o, fmt.Errorf("%s: %w", path, err)
	}
	return o, nil
}

// searched is what train says with --json when it compared.
type searched struct {
	Search *train.Search `json:"search"`
	Model  *train.Header `json:"model"` // null: only compared
}

// trainSearch compares configurations on a dataset's rows for training and
// validation, and trains the best one as train does where a model is wanted.
func trainSearch(c *cli.Context, base train.Config) error {
	out, results, dir := c.String("output"), c.String("results"), c.Args().First()
	if c.NArg() != 1 || out == "" && results == "" {
		return usagef("train: name the dataset's folder, and the model's file (-o), that of the comparison (--results), or both")
	}
	o, err := searchOptions(c, base)
	if err != nil {
		return err
	}
	s, err := search(c, dir, base, o)
	if err != nil {
		return err
	}
	if results != "" {
		text, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			return err
		}
		if err := sink.WriteFile(results, append(text, '\n')); err != nil {
			return err
		}
	}
	if out == "" {
		return summarise(c, searched{s, nil}, func(w io.Writer) { writeSearch(w, s) })
	}
	m, err := fitDataset(c, dir, s.Candidates[s.Best].Config, features.Method(c.String("scale")))
	if err != nil {
		return err
	}
	if err := m.Save(out); err != nil {
		return err
	}
	return summarise(c, searched{s, &m.Header}, func(w io.Writer) {
		writeSearch(w, s)
		fmt.Fprintln(w)
		writeTrained(w, m, out)
	})
}

func search(c *cli.Context, dir string, base train.Config, o train.SearchOptions) (*train.Search, error) {
	meta, err := features.ReadMeta(filepath.Join(dir, prep.CleanedMetaFile))
	if err != nil {
		return nil, err
	}
	if base.Streams(meta.Rows.Used(), len(meta.FeaturesToProcess)) {
		return nil, fmt.Errorf("%s would take more than --memory, and only what fits is compared on: raise it, or prepare a sample", dir)
	}
	ds, err := prep.Load(dir)
	if err != nil {
		return nil, err
	}
	if by := c.String("cv"); by != "" {
		if o.Folds, err = ds.Folds(by, c.Int("folds")); err != nil {
			return nil, err
		}
	}
	o.Scale = features.Method(c.String("scale"))
	o.Done = func(trained, of int) { logger(c).Debug("compared", "trainings", trained, "of", of) }
	s, err := train.RunSearch(c.Context, trainData(ds), o)
	if err != nil {
		return nil, err
	}
	for _, f := range s.Skipped {
		logger(c).Warn("a fold was left out", "fold", f.Fold, "why", f.Reason)
	}
	return s, nil
}

// shownCandidates is how many the table has; the JSON has all.
const shownCandidates = 20

func writeSearch(w io.Writer, s *train.Search) {
	fmt.Fprintf(w, "candidates %d, folds %d, seeds %d; ranked by the validation rows' mean %s; mean ± sd [95 %% interval], n = %d\n\n",
		len(s.Candidates), s.Folds, len(s.Seeds), s.Monitor, s.Folds*len(s.Seeds))
	order := make([]int, len(s.Candidates))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return s.Candidates[a].Rank - s.Candidates[b].Rank })
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "rank\tPR-AUC\tROC-AUC\tloss\tcandidate")
	for _, i := range order[:min(len(order), shownCandidates)] {
		c := &s.Candidates[i]
		params := c.Params.String()
		if params == "" {
			params = "the configuration"
		}
		fmt.Fprintf(tw, "%d\t%s\t%s\t%s\t%s\n", c.Rank, spread(c.PRAUC), spread(c.ROCAUC), spread(c.Loss), params)
	}
	_ = tw.Flush() // w keeps its own errors
	if n := len(order) - shownCandidates; n > 0 {
		fmt.Fprintf(w, "… and %d more (--results FILE)\n", n)
	}
	fmt.Fprintln(w, "\nThe validation rows chose the epochs, too: what the best candidate is worth, eval says on test rows.")
	if s.Folds > 1 {
		fmt.Fprintln(w, "Folds share training rows, so the intervals are too narrow.")
	}
}

func spread(s train.Spread) string {
	switch {
	case !s.Mean.Defined():
		return "diverged"
	case !s.SD.Defined():
		return fmt.Sprintf("%.4f", float64(s.Mean))
	}
	return fmt.Sprintf("%.4f ± %.4f [%.4f, %.4f]", float64(s.Mean), float64(s.SD), float64(s.Interval.Low), float64(s.Interval.High))
}
