package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features/label"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/source"
)

func labelCommand() *cli.Command {
	return &cli.Command{
		Name:        "label",
		Usage:       "add label columns to packets and flows tables by files of rules",
		ArgsUsage:   "TABLE...",
		Description: labelHelp(),
		UsageText: "pcapline label --rules testdata/lab/truth.csv -o labelled packets.parquet flows.parquet\n" +
			"pcapline label --pack cic-ids2017 --report fit.html -o labelled flows.parquet\n" +
			"pcapline label --rules eve.json --dry-run flows.parquet",
		Flags: append(labelFlags(), outputFlag("write the labelled tables into the folder `DIR`"),
			&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "report only, write no table"}),
		Action: labelAction,
	}
}

func labelHelp() string {
	var b strings.Builder
	b.WriteString("Writes each table under its own name into the folder -o. A row that no rule covers is unknown,\n" +
		"which is not benign. The report says what each rule hit and whether the rules' clock fits; rules\n" +
		"that label nothing, or whose clock differs, are an error. Rules with pcap filters and labels in\n" +
		"comments need the captures: flatten, flows and run have the same flags.\n\n" +
		"A file of rules (everything but zone and label may be left out):\n\n" + label.Example +
		"\nForms of truth that are recognised by their content (--truth-format):\n\n")
	for _, f := range label.Formats() {
		fmt.Fprintf(&b, "  %-15s %s\n", f[0], f[1])
	}
	return strings.TrimRight(b.String(), "\n")
}

func labelAction(c *cli.Context) error {
	tables, dir := c.Args().Slice(), c.String("output")
	if len(tables) == 0 || (dir == "") != c.Bool("dry-run") {
		return usagef("label: name the tables, and the folder to write to (-o) or --dry-run")
	}
	if err := checkLabelReports(c); err != nil {
		return err
	}
	outputs := make([]string, len(tables))
	if dir != "" {
		var err error
		if outputs, err = labelOutputs(tables, dir); err != nil {
			return err
		}
	}
	defer func() {
		for _, out := range outputs {
			_ = os.Remove(hiddenName(out)) // what was not shown
		}
	}()
	rep, rules, err := labelTables(c, tables, outputs)
	if err != nil {
		return err
	}
	if err := summarise(c, rep, func(w io.Writer) { rep.WriteText(w) }); err != nil {
		return err
	}
	if err := misfit(c, rep, rules); err != nil || dir == "" {
		return err
	}
	for _, out := range outputs {
		if err := os.Rename(hiddenName(out), out); err != nil {
			return err
		}
	}
	return nil
}

// labelTables labels the tables into hidden files; outputs are "" in a dry run.
func labelTables(c *cli.Context, tables, outputs []string) (rep *label.Report, rules *label.Rules, err error) {
	captures := make([][]string, len(tables))
	for i, table := range tables {
		if captures[i], err = capturesOf(table); err != nil {
			return nil, nil, err
		}
	}
	if rules, err = rulesOf(c, "", slices.Compact(slices.Sorted(slices.Values(slices.Concat(captures...))))); err != nil {
		return nil, nil, err
	}
	if rules == nil {
		return nil, nil, usagef("label: name the rules (--rules, --pack, --label-by or --label-constant)")
	}
	var hits []label.Hits
	for i, table := range tables {
		a, err := labelTable(c, rules, table, captures[i], outputs[i])
		if err != nil {
			return nil, nil, err
		}
		hits = append(hits, a.Hits()...)
	}
	return label.NewReport(rules, hits...), rules, nil
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

// labelTable labels one table and writes it hidden, unless out is "".
func labelTable(c *cli.Context, rules *label.Rules, table string, captures []string, out string) (*label.Annotator, error) {
	a, err := label.NewAnnotator(rules, captures)
	if err != nil {
		return nil, err
	}
	a = a.WithAlignment()
	if out == "" {
		err = annotateOnly(c, a, table)
	} else {
		_, err = transform.Rewrite(c.Context, table, transform.Output{Path: hiddenName(out)}, a, describeLabels(rules, a))
	}
	if err != nil {
		return nil, err
	}
	if err := a.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", table, err)
	}
	return a, nil
}

// annotateOnly reads what the rules look at of a table.
func annotateOnly(c *cli.Context, a *label.Annotator, table string) error {
	t, err := source.Open(table)
	if err != nil {
		return err
	}
	columns := a.Columns(t.Schema())
	if err := t.Close(); err != nil {
		return err
	}
	if t, err = source.OpenWith(table, source.Options{Columns: columns}); err != nil {
		return err
	}
	defer t.Close()
	b := schema.FromFields(t.Schema())
	return source.Each(c.Context, t, b, func() error { a.Annotate(b); return nil })
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
