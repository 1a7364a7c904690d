package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features/label"
	"github.com/pcapline/pcapline/features/prep"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/source"
)

func labelCommand() *cli.Command {
	return &cli.Command{
		Name:      "label",
		Usage:     "add label columns to packets and flows tables by a file of rules",
		ArgsUsage: "TABLE...",
		Description: "Writes each table under its own name into the folder -o. A row that no rule covers is unknown,\n" +
			"which is not benign. The report says what each rule hit and whether the rules' clock fits.",
		UsageText: "pcapline label --rules testdata/lab/truth.csv -o labelled packets.parquet flows.parquet",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "rules", Aliases: []string{"truth"}, Usage: "label by the rules in `FILE`"},
			outputFlag("write the labelled tables into the folder `DIR`"),
			allowMisfitFlag(),
		},
		Action: labelAction,
	}
}

func labelAction(c *cli.Context) error {
	dir, path := c.String("output"), c.String("rules")
	if c.NArg() == 0 || dir == "" || path == "" {
		return usagef("label: name the rules (--rules), the tables, and the folder to write to (-o)")
	}
	rules, err := label.Load(path)
	if err != nil {
		return err
	}
	outputs, err := labelOutputs(c.Args().Slice(), dir)
	if err != nil {
		return err
	}
	defer func() {
		for _, out := range outputs {
			_ = os.Remove(hiddenName(out)) // what was not shown
		}
	}()
	var hits []label.Hits
	var a *label.Annotator
	for i, table := range c.Args().Slice() {
		if a, err = labelTable(c, rules, table, hiddenName(outputs[i])); err != nil {
			return err
		}
		hits = append(hits, a.Hits()...)
	}
	rep := label.NewReport(rules, hits...)
	if err := summarise(c, rep, func(w io.Writer) { rep.WriteText(w) }); err != nil {
		return err
	}
	if err := misfit(c, rep); err != nil {
		return err
	}
	for _, out := range outputs {
		if err := os.Rename(hiddenName(out), out); err != nil {
			return err
		}
	}
	return nil
}

func allowMisfitFlag() cli.Flag {
	return &cli.BoolFlag{Name: "allow-misfit", Usage: "go on even when the rules label nothing or fit better at another time"}
}

// misfit is the quality gate of labels: exit status 4 unless it is allowed.
func misfit(c *cli.Context, rep *label.Report) error {
	p := rep.Problem()
	if p == "" {
		return nil
	}
	if c.Bool("allow-misfit") {
		logger(c).Warn("labels do not fit", "rules", rep.Source, "problem", p)
		return nil
	}
	return gateFailed(fmt.Errorf("%s: %s (--allow-misfit goes on all the same)", rep.Source, p))
}

// labelOutputs says where each labelled table goes.
func labelOutputs(tables []string, dir string) ([]string, error) {
	outputs := make([]string, len(tables))
	for i, table := range tables {
		outputs[i] = filepath.Join(dir, filepath.Base(table))
		if slices.Contains(outputs[:i], outputs[i]) {
			return nil, usagef("label: two tables named %s; label them into different folders", filepath.Base(table))
		}
		if same(outputs[i], table) {
			return nil, usagef("label: %s would be overwritten; write to another folder", table)
		}
	}
	return outputs, os.MkdirAll(dir, 0o755)
}

// hiddenName is what a labelled table is called until its labels are found to
// fit; it keeps the ending, which is its format.
func hiddenName(out string) string {
	return filepath.Join(filepath.Dir(out), ".labelled-"+filepath.Base(out))
}

// labelTable writes one table with its labels to out.
func labelTable(c *cli.Context, rules *label.Rules, table, out string) (*label.Annotator, error) {
	captures, err := capturesOf(table)
	if err != nil {
		return nil, err
	}
	a, err := label.NewAnnotator(rules, captures)
	if err != nil {
		return nil, err
	}
	a = a.WithAlignment()
	if _, err := transform.Rewrite(c.Context, table, transform.Output{Path: out}, a, describeLabels(rules, a)); err != nil {
		return nil, err
	}
	return a, a.Err()
}

// capturesOf names the captures of a table, by its metadata.
func capturesOf(table string) ([]string, error) {
	t, err := source.Open(table)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	inputs, err := transform.Captures(t.Metadata())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", table, err)
	}
	names := make([]string, len(inputs))
	for i, in := range inputs {
		names[i] = in.File
	}
	return names, nil
}

// describeLabels gives a table the report of how its labels fit.
func describeLabels(rules *label.Rules, a *label.Annotator) transform.Describe {
	return func(table string) (map[string]string, error) {
		hits := slices.DeleteFunc(a.Hits(), func(h label.Hits) bool { return h.Table != table })
		text, err := json.Marshal(label.NewReport(rules, hits...))
		return map[string]string{prep.MetaLabels: string(text)}, err
	}
}
