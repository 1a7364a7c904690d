package label

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Hits are what an annotator counted in one table; see [Annotator.Hits].
type Hits struct {
	Table  string
	files  []string
	counts counts
}

// Report says how well rules and tables fit.
type Report struct {
	Source   string        `json:"source"` // rule file
	SHA256   string        `json:"sha256"`
	Importer string        `json:"importer"`
	Tables   []TableReport `json:"tables"`
	Rules    []RuleReport  `json:"rules"`
	Dead     []string      `json:"dead"`   // rules that label no row of any table
	Absent   []string      `json:"absent"` // rules about captures that are not there
	Offset   *Offset       `json:"offset"` // null: alignment was not asked for
}

// TableReport is what the rules say of one table.
type TableReport struct {
	Table     string           `json:"table"`
	Rows      int64            `json:"rows"`
	Benign    int64            `json:"benign"`
	Attack    int64            `json:"attack"`
	Unknown   int64            `json:"unknown"`
	Conflicts int64            `json:"conflicts"` // rows for which two rules of one priority differ
	Labels    map[string]int64 `json:"labels"`
	Files     []FileReport     `json:"files"`
}

// FileReport is what the rules say of one capture in a table.
type FileReport struct {
	File    string `json:"file"`
	Rows    int64  `json:"rows"`
	Benign  int64  `json:"benign"`
	Attack  int64  `json:"attack"`
	Unknown int64  `json:"unknown"`
}

// RuleReport is what one rule did.
type RuleReport struct {
	ID    string           `json:"id"`
	File  string           `json:"file"`
	Label string           `json:"label"`
	Class string           `json:"class"`
	Hits  map[string]int64 `json:"hits"` // rows it gave their label, by table
}

// NewReport says what the rules did in the tables.
func NewReport(rules *Rules, tables ...Hits) *Report {
	rep := &Report{Source: rules.Source, SHA256: rules.SHA256, Importer: rules.Importer, Dead: []string{}, Absent: []string{}}
	for i := range tables {
		rep.Tables = append(rep.Tables, tables[i].report(rules))
	}
	for i := range rules.List {
		r := &rules.List[i]
		rr := RuleReport{ID: r.ID, File: r.File, Label: r.Label, Class: r.Class.String(), Hits: map[string]int64{}}
		var sum int64
		there := false
		for _, h := range tables {
			rr.Hits[h.Table] = h.counts.perRule[i]
			sum += h.counts.perRule[i]
			there = there || slices.ContainsFunc(h.files, r.covers)
		}
		rep.Rules = append(rep.Rules, rr)
		switch {
		case !there:
			rep.Absent = append(rep.Absent, r.ID)
		case sum == 0:
			rep.Dead = append(rep.Dead, r.ID)
		}
	}
	rep.Offset = bestOffset(rules, tables)
	return rep
}

func (h *Hits) report(rules *Rules) TableReport {
	t := TableReport{
		Table: h.Table, Rows: h.counts.rows, Unknown: h.counts.unknown, Conflicts: h.counts.conflicts,
		Labels: map[string]int64{},
	}
	for i, n := range h.counts.perRule {
		if n == 0 {
			continue
		}
		t.Labels[rules.List[i].Label] += n
		if rules.List[i].Class == Attack {
			t.Attack += n
		} else {
			t.Benign += n
		}
	}
	for i, f := range h.counts.perFile {
		t.Files = append(t.Files, FileReport{h.files[i], f.rows, f.benign, f.attack, f.unknown})
	}
	return t
}

// Problem says in one sentence why the labels should not be trusted: the
// rules label nothing, or their clock is not the captures'. It is "" when
// neither is so.
func (r *Report) Problem() string {
	var attack int64
	attacks := slices.ContainsFunc(r.Rules, func(rr RuleReport) bool { return rr.Class == Attack.String() && !slices.Contains(r.Absent, rr.ID) })
	for _, t := range r.Tables {
		attack += t.Attack
	}
	if r.Offset != nil && !r.Offset.Aligned {
		return fmt.Sprintf("the rules fit best with their times shifted by %s: %d rows in place of %d", r.Offset.Best(), r.Offset.HitsAtBest, r.Offset.HitsAtZero)
	}
	switch {
	case len(r.Absent) == len(r.Rules):
		return "no rule is about any of the captures"
	case attacks && attack == 0:
		return "the attack rules match no row"
	}
	return ""
}

// WriteText prints the report for people.
func (r *Report) WriteText(w io.Writer) {
	fmt.Fprintf(w, "labels from %s (%s, %d rules)\n", r.Source, r.Importer, len(r.Rules))
	for _, t := range r.Tables {
		fmt.Fprintf(w, "%s: %d rows = benign %d + attack %d + unknown %d; conflicts %d\n",
			t.Table, t.Rows, t.Benign, t.Attack, t.Unknown, t.Conflicts)
	}
	if len(r.Absent) > 0 {
		fmt.Fprintf(w, "%d rules are about captures that are not there\n", len(r.Absent))
	}
	if len(r.Dead) > 0 {
		fmt.Fprintf(w, "%d rules label nothing: %s\n", len(r.Dead), strings.Join(r.Dead, ", "))
	}
	if o := r.Offset; o != nil {
		fmt.Fprintf(w, "best constant offset %s (%d rows; as they are %d)\n", o.Best(), o.HitsAtBest, o.HitsAtZero)
	}
}
