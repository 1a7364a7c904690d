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
			&cli.BoolFlag{Name: "allow-misfit", Usage: "write the tables even when the rules label nothing or fit better at another time"},
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
	var hits []label.Hits
	var a *label.Annotator
	for _, table := range c.Args().Slice() {
		if a, err = labelTable(c, rules, table, dir); err != nil {
			return err
		}
		hits = append(hits, a.Hits()...)
	}
	rep := label.NewReport(rules, hits...)
	if err := summarise(c, rep, func(w io.Writer) { rep.WriteText(w) }); err != nil {
		return err
	}
	if p := rep.Problem(); p != "" && !c.Bool("allow-misfit") {
		for _, table := range c.Args().Slice() {
			if rerr := os.Remove(filepath.Join(dir, filepath.Base(table))); rerr != nil {
				return rerr
			}
		}
		return fmt.Errorf("%s: %s (--allow-misfit writes the tables all the same)", path, p)
	}
	return nil
}

// labelTable labels one table into dir.
func labelTable(c *cli.Context, rules *label.Rules, table, dir string) (*label.Annotator, error) {
	captures, err := capturesOf(table)
	if err != nil {
		return nil, err
	}
	a, err := label.NewAnnotator(rules, captures)
	if err != nil {
		return nil, err
	}
	a = a.WithAlignment()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	out := filepath.Join(dir, filepath.Base(table))
	if same(out, table) {
		return nil, usagef("label: %s would be overwritten; write to another folder", table)
	}
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

func same(a, b string) bool {
	fa, errA := os.Stat(a)
	fb, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(fa, fb)
}

// describeLabels gives a table the report of how its labels fit.
func describeLabels(rules *label.Rules, a *label.Annotator) transform.Describe {
	return func(table string) (map[string]string, error) {
		hits := slices.DeleteFunc(a.Hits(), func(h label.Hits) bool { return h.Table != table })
		text, err := json.Marshal(label.NewReport(rules, hits...))
		return map[string]string{prep.MetaLabels: string(text)}, err
	}
}
