package audit

import (
	"context"
	"errors"
	"fmt"
)

// ErrOneKind says that there are only attacks, or only benign rows.
var ErrOneKind = errors.New("there is nothing to tell apart")

// SampleRows is about how many rows most checks look at.
const SampleRows = 50_000

// Verdict says how bad a finding is.
type Verdict string

// The verdicts.
const (
	Pass Verdict = "pass"
	Warn Verdict = "warn" // know it before you quote a figure
	Fail Verdict = "fail" // figures from this dataset mean nothing, or something else
)

func worse(a, b Verdict) Verdict {
	rank := map[Verdict]int{Pass: 0, Warn: 1, Fail: 2}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

// Report is what an audit found.
type Report struct {
	Source  []string `json:"source"` // the dataset or the tables, without their folders
	Rows    int64    `json:"rows"`   // with a label
	Sampled int      `json:"sampled"`
	Verdict Verdict  `json:"verdict"` // the worst of the checks
	Checks  []Check  `json:"checks"`
	Columns []Column `json:"columns"` // those that tell the most first
}

// Check is one way in which a dataset can mislead.
type Check struct {
	Name     string   `json:"name"`
	Verdict  Verdict  `json:"verdict"`
	Findings []string `json:"findings"` // plain sentences
}

// found adds a finding.
func (c *Check) found(v Verdict, format string, a ...any) {
	c.Verdict = worse(c.Verdict, v)
	c.Findings = append(c.Findings, fmt.Sprintf(format, a...))
}

// Column is what was measured of one column.
type Column struct {
	Name     string  `json:"name"`
	Used     bool    `json:"used"`            // a feature, or one unless it is dropped
	Names    string  `json:"names,omitempty"` // what it names: an address, a clock …; by role or name
	AUC      float64 `json:"auc"`             // of the column alone, the better direction; on training rows
	Rule     string  `json:"rule"`            // the best threshold
	Balanced float64 `json:"balanced"`        // balanced accuracy of the rule on held-out rows
	Captures float64 `json:"captures"`        // share of the uncertainty about a row's capture that it takes away among rows of one class
	Hosts    float64 `json:"hosts"`           // the same of the host that sent it; of tables that name hosts
	Grows    float64 `json:"grows"`           // share of recordings in which it only grows, or only falls, from row to row
	Constant bool    `json:"constant"`
}

// Dataset audits a folder that prep.Prepare wrote.
func Dataset(ctx context.Context, dir string) (*Report, error) {
	in, err := openDataset(dir)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return run(ctx, in)
}

// TableOptions say what the columns of tables are. What is empty is found by
// the usual names.
type TableOptions struct {
	Label  string   // column with the class
	Benign []string // what it says of benign rows
	Ignore []string // columns that nobody will learn from
}

// Tables audits tables as if they were one: a column that a table lacks has no
// value there, and each table is a recording of its own.
func Tables(ctx context.Context, paths []string, opt TableOptions) (*Report, error) {
	in, err := openTables(paths, opt)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return run(ctx, in)
}

// run reads the input twice and asks every question.
func run(ctx context.Context, in *input) (*Report, error) {
	s, err := takeSample(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	r := &Report{Source: in.source, Rows: s.total, Sampled: len(s.class), Verdict: Pass, Columns: s.measure()}
	twins, err := findTwins(ctx, in, s)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	r.Checks = []Check{
		oneFeature(r.Columns), s.identity(r.Columns), s.shuffledLabels(), s.shuffledBlocks(),
		twins.check(in), s.confounding(), s.time(), s.columns(r.Columns),
	}
	if in.split != nil {
		r.Checks = append(r.Checks, in.split.check())
	}
	for _, c := range r.Checks {
		r.Verdict = worse(r.Verdict, c.Verdict)
	}
	sortColumns(r.Columns)
	return r, nil
}
