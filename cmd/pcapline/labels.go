package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/features/label"
	"github.com/pcapline/pcapline/features/prep"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/sink"
)

// labelFlags say where labels are from and what is done about how they fit;
// label, flatten, flows and run share them.
func labelFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "truth", Aliases: []string{"rules"}, Usage: "label rows by the rules in `FILE` (repeatable; the first that fits counts)"},
		&cli.StringFlag{Name: "truth-format", Usage: "`FORM` of the rules: " + strings.Join(truthFormats(), ", ") + " (default: by content)"},
		&cli.StringSliceFlag{Name: "pack", Usage: "label by the built-in pack `NAME`: " + strings.Join(label.Packs(), ", ")},
		&cli.StringFlag{Name: "zone", Usage: "time `ZONE` of rules whose form does not name it"},
		&cli.DurationFlag{Name: "slack", Usage: "make the rules' intervals longer by `TIME` at both ends"},
		&cli.StringFlag{Name: "label-by", Usage: "label captures by their `directory` or their name"},
		&cli.StringFlag{Name: "label-constant", Usage: "label `CLASS` what no rule covers; you must know that it is true"},
		&cli.Uint64Flag{Name: "label-seed", Usage: "`SEED` of rules that label by chance, as AntiNex's may; without it they are refused"},
		&cli.StringSliceFlag{Name: "label-report", Aliases: []string{"report"}, Usage: "write how the labels fit to `FILE` (" + strings.Join(label.ReportFormats, ", ") + "; repeatable)"},
		&cli.BoolFlag{Name: "allow-misfit", Usage: "go on even when the rules label nothing or fit better at another time"},
	}
}

// commentsFlag is for commands that see the captures themselves.
func commentsFlag() cli.Flag {
	return &cli.BoolFlag{Name: "label-comments", Usage: "label packets by their pcapng comments in pcapml's form (sample_id,label)"}
}

func truthFormats() []string {
	var names []string
	for _, f := range label.Formats() {
		names = append(names, f[0])
	}
	return names
}

// rulesOf reads all rules that the flags name, and found, a file beside the
// captures, if it is not "". It is nil when there are none.
func rulesOf(c *cli.Context, found string, captures []string) (*label.Rules, error) {
	opt := label.Options{Format: c.String("truth-format"), Zone: c.String("zone"), Slack: c.Duration("slack")}
	if opt.Slack < 0 {
		return nil, usagef("--slack must not be negative")
	}
	if opt.Format != "" && !slices.Contains(truthFormats(), opt.Format) {
		return nil, usagef("--truth-format %s: there are %s", opt.Format, strings.Join(truthFormats(), ", "))
	}
	if c.IsSet("label-seed") {
		seed := c.Uint64("label-seed")
		opt.Seed = &seed
	}
	files := c.StringSlice("truth")
	if len(files) == 0 && found != "" {
		files = []string{found}
	}
	var all []*label.Rules
	for _, f := range files {
		r, err := label.LoadWith(f, opt)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	for _, name := range c.StringSlice("pack") {
		r, err := label.Pack(name)
		if err != nil {
			return nil, usage(err)
		}
		all = append(all, r)
	}
	made, err := madeRules(c, captures)
	if err != nil {
		return nil, err
	}
	if all = append(all, made...); len(all) == 0 {
		return nil, nil
	}
	return label.Merge(all...), nil
}

// madeRules are rules that no file holds.
func madeRules(c *cli.Context, captures []string) (all []*label.Rules, err error) {
	var r *label.Rules
	switch by := c.String("label-by"); by {
	case "":
	case "directory":
		r, err = label.ByDirectory(captures)
	case "name":
		r, err = label.ByName(captures)
	default:
		return nil, usagef("--label-by %s: there are directory and name", by)
	}
	if err != nil {
		return nil, usage(err)
	}
	if r != nil {
		all = append(all, r)
	}
	if c.Bool("label-comments") {
		all = append(all, label.Comments())
	}
	if l := c.String("label-constant"); l != "" {
		if r, err = label.Constant(l); err != nil {
			return nil, usage(err)
		}
		all = append(all, r)
	}
	return all, nil
}

// labelling is rules at work on the tables of one run.
type labelling struct {
	rules     *label.Rules
	annotator *label.Annotator
	made      *label.Report
}

// addLabels makes opt label its tables by what the flags and found name; nil
// when nothing is named.
func addLabels(c *cli.Context, opt *transform.Options, found string) (*labelling, error) {
	captures, err := opt.CaptureNames()
	if err != nil {
		return nil, err
	}
	if c.String("label-by") == "directory" {
		if len(captures) != len(opt.Inputs) {
			return nil, usagef("--label-by directory needs the captures themselves, not what an earlier run left of them")
		}
		captures = absoluteNames(opt.Inputs, captures)
	}
	rules, err := rulesOf(c, found, captures)
	if err != nil || rules == nil {
		return nil, err
	}
	a, err := label.NewAnnotator(rules, captures)
	if err != nil {
		return nil, err
	}
	if a.Marks() && (len(opt.FromDigests) > 0 || opt.LoadState != "") {
		return nil, usagef("rules with pcap filters or comments need the packets themselves, not what an earlier run left of them")
	}
	l := &labelling{rules: rules, annotator: a.WithAlignment()}
	opt.Annotate = func() transform.Annotator { return l.annotator.Clone() }
	opt.Describe = l.describe(c)
	return l, nil
}

// absoluteNames adds the folder to names that lack it, for labels by folder.
func absoluteNames(paths, names []string) []string {
	out := slices.Clone(names)
	for i, n := range names {
		if strings.Contains(n, "/") {
			continue
		}
		if abs, err := filepath.Abs(paths[i]); err == nil {
			out[i] = filepath.Base(filepath.Dir(abs)) + "/" + n
		}
	}
	return out
}

// report is how the labels fit; it is made once, when all rows are labelled.
func (l *labelling) report() *label.Report {
	if l.made == nil {
		l.made = label.NewReport(l.rules, l.annotator.Hits()...)
	}
	return l.made
}

// describe checks how the labels fit before a table appears, and gives it the
// report.
func (l *labelling) describe(c *cli.Context) transform.Describe {
	return func(table string) (map[string]string, error) {
		if l.made == nil {
			if err := l.annotator.Err(); err != nil {
				return nil, err
			}
			if err := misfit(c, l.report(), l.rules); err != nil {
				return nil, err
			}
		}
		return describeLabels(l.rules, l.annotator)(table)
	}
}

// describeLabels gives a table the report of how its labels fit.
func describeLabels(rules *label.Rules, a *label.Annotator) transform.Describe {
	return func(table string) (map[string]string, error) {
		hits := slices.DeleteFunc(a.Hits(), func(h label.Hits) bool { return h.Table != table })
		text, err := json.Marshal(label.NewReport(rules, hits...).Brief())
		return map[string]string{prep.MetaLabels: string(text)}, err
	}
}

// misfit is the quality gate of labels: the reports that were asked for are
// written, and exit status 4 follows a misfit unless it is allowed.
func misfit(c *cli.Context, rep *label.Report, rules *label.Rules) error {
	if err := writeLabelReports(c, rep); err != nil {
		return err
	}
	p := rep.Problem()
	if p == "" {
		return nil
	}
	if c.Bool("allow-misfit") {
		logger(c).Warn("labels do not fit", "rules", rules.Name(), "problem", p)
		return nil
	}
	return gateFailed(fmt.Errorf("%s: %s (--allow-misfit goes on all the same)", rules.Name(), p))
}

// checkLabelReports refuses reports that cannot be written, before any work.
func checkLabelReports(c *cli.Context) error {
	for _, f := range c.StringSlice("label-report") {
		if !slices.Contains(label.ReportFormats, filepath.Ext(f)) {
			return usagef("--label-report %s: the ending must be one of %s", f, strings.Join(label.ReportFormats, ", "))
		}
	}
	return nil
}

func writeLabelReports(c *cli.Context, rep *label.Report) error {
	for _, f := range c.StringSlice("label-report") {
		var b bytes.Buffer
		if err := rep.WriteAs(&b, filepath.Ext(f)); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(f), 0o755); err != nil {
			return err
		}
		if err := sink.WriteFile(f, b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}
