package label

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// Hits are what an annotator counted in one table; see [Annotator.Hits].
type Hits struct {
	Table     string
	files     []string
	set       *ruleset
	counts    counts
	notes     map[string]int64 // rows that comments labelled, by label
	noteClass [len(classNames)]int64
	odd       int64 // comments that are no labels
}

// Report says how well rules and tables fit.
type Report struct {
	Sources      []Source       `json:"sources"`
	Tables       []TableReport  `json:"tables"`
	Rules        []RuleReport   `json:"rules"`
	RulesTotal   int            `json:"rules_total"`  // as many as rules, but in a brief report
	Dead         []string       `json:"dead"`         // rules that label no row of any table
	DeadTotal    int            `json:"dead_total"`   //
	Absent       []string       `json:"absent"`       // rules about captures that are not there
	AbsentTotal  int            `json:"absent_total"` //
	Inapplicable []Inapplicable `json:"inapplicable"` // expressions that a table cannot answer
	Offset       *Offset        `json:"offset"`       // null: alignment was not asked for
	hits         []Hits
}

// TableReport is what the rules say of one table.
type TableReport struct {
	Table        string           `json:"table"`
	Rows         int64            `json:"rows"`
	Benign       int64            `json:"benign"`
	Attack       int64            `json:"attack"`
	Unknown      int64            `json:"unknown"`
	UnknownShare float64          `json:"unknown_share"` // of the rows
	Attempted    int64            `json:"attempted"`     // attacks that came to nothing
	Open         int64            `json:"open"`          // unknown rows, since their rule asks what the table cannot answer
	Conflicts    int64            `json:"conflicts"`     // rows for which two rules of one priority differ; the first counts
	OddComments  int64            `json:"odd_comments"`  // packets' comments that are no labels
	Labels       map[string]int64 `json:"labels"`
	Files        []FileReport     `json:"files"`
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

// Inapplicable is an expression that needs what a table does not have:
// columns, or packets.
type Inapplicable struct {
	Table      string `json:"table"`
	Expression string `json:"expression"`
	Rules      int    `json:"rules"` // that leave rows of the table unknown for it
}

// NewReport says what the rules did in the tables.
func NewReport(rules *Rules, tables ...Hits) *Report {
	rep := &Report{
		Sources: rules.Files, Dead: []string{}, Absent: []string{}, Inapplicable: []Inapplicable{},
		Rules: make([]RuleReport, 0, len(rules.List)), RulesTotal: len(rules.List), hits: tables,
	}
	for i := range tables {
		rep.Tables = append(rep.Tables, tables[i].report(rules))
		rep.Inapplicable = append(rep.Inapplicable, tables[i].inapplicable(rules)...)
	}
	there := coverage(rules, tables)
	for i := range rules.List {
		r := &rules.List[i]
		rr := RuleReport{ID: r.ID, File: r.File, Label: r.Label, Class: r.Class.String(), Hits: map[string]int64{}}
		var sum int64
		for _, h := range tables {
			rr.Hits[h.Table] += h.counts.perRule[i]
			sum += h.counts.perRule[i]
		}
		rep.Rules = append(rep.Rules, rr)
		switch {
		case !there[r.File]:
			rep.Absent = append(rep.Absent, r.ID)
		case sum == 0:
			rep.Dead = append(rep.Dead, r.ID)
		}
	}
	rep.DeadTotal, rep.AbsentTotal = len(rep.Dead), len(rep.Absent)
	rep.Offset = bestOffset(tables)
	return rep
}

// coverage says of each file pattern whether it covers a capture.
func coverage(rules *Rules, tables []Hits) map[string]bool {
	there := map[string]bool{}
	for i := range rules.List {
		r := &rules.List[i]
		if _, known := there[r.File]; known {
			continue
		}
		there[r.File] = slices.ContainsFunc(tables, func(h Hits) bool { return slices.ContainsFunc(h.files, r.covers) })
	}
	return there
}

func (h *Hits) report(rules *Rules) TableReport {
	t := TableReport{
		Table: h.Table, Rows: h.counts.rows, Unknown: h.counts.unknown, Conflicts: h.counts.conflicts,
		Attempted: h.counts.attempted, Open: h.counts.open, OddComments: h.odd, Labels: map[string]int64{},
		Benign: h.noteClass[Benign], Attack: h.noteClass[Attack],
	}
	if t.Rows > 0 {
		t.UnknownShare = float64(t.Unknown) / float64(t.Rows)
	}
	for i, n := range h.counts.perRule {
		r := &rules.List[i]
		if n == 0 || r.Class == Unknown {
			continue
		}
		t.Labels[r.Label] += n
		if r.Class == Attack {
			t.Attack += n
		} else {
			t.Benign += n
		}
	}
	for l, n := range h.notes {
		t.Labels[l] += n
	}
	for i, f := range h.counts.perFile {
		t.Files = append(t.Files, FileReport{h.files[i], f.rows, f.benign, f.attack, f.unknown})
	}
	return t
}

func (h *Hits) inapplicable(rules *Rules) []Inapplicable {
	var out []Inapplicable
	for _, e := range slices.Sorted(maps.Keys(h.counts.inapplicable)) {
		x := Inapplicable{Table: h.Table, Expression: e}
		for i := range rules.List {
			if rules.List[i].When == e || rules.List[i].Filter == e {
				x.Rules++
			}
		}
		out = append(out, x)
	}
	return out
}

// briefRules is how many rules a brief report lists.
const briefRules = 1000

// Brief is the report with at most 1000 rules listed, those that label most
// first, and likewise the dead and the absent: for the metadata of tables,
// which should not be larger than the tables.
func (r *Report) Brief() *Report {
	b := *r
	if len(b.Rules) > briefRules {
		b.Rules = slices.Clone(b.Rules)
		slices.SortStableFunc(b.Rules, func(x, y RuleReport) int { return cmp.Compare(y.sum(), x.sum()) })
		b.Rules = b.Rules[:briefRules]
	}
	b.Dead = b.Dead[:min(len(b.Dead), briefRules)]
	b.Absent = b.Absent[:min(len(b.Absent), briefRules)]
	return &b
}

func (r *RuleReport) sum() (n int64) {
	for _, h := range r.Hits {
		n += h
	}
	return n
}

// Problem says in one sentence why the labels should not be trusted: their
// clock is not the captures', or the rules label nothing, be it that the
// tables cannot answer what they ask. It is "" when neither is so.
func (r *Report) Problem() string {
	var attack, labelled, open int64
	for _, t := range r.Tables {
		open += t.Open
		attack += t.Attack
		labelled += t.Attack + t.Benign
	}
	absent := make(map[string]bool, len(r.Absent))
	for _, id := range r.Absent {
		absent[id] = true
	}
	attacks := slices.ContainsFunc(r.Rules, func(rr RuleReport) bool { return rr.Class == Attack.String() && !absent[rr.ID] })
	if r.Offset != nil && !r.Offset.Aligned {
		return fmt.Sprintf("the rules fit best with their times shifted by %s: %d rows in place of %d", r.Offset.Best(), r.Offset.HitsAtBest, r.Offset.HitsAtZero)
	}
	for _, x := range r.Inapplicable {
		if x.Rules > 0 && attack == 0 && open > 0 && r.nowhere(x.Expression) {
			return fmt.Sprintf("no table can answer %q, which %d rules ask", x.Expression, x.Rules)
		}
	}
	switch {
	case r.RulesTotal > 0 && r.AbsentTotal == r.RulesTotal && labelled == 0:
		return "no rule is about any of the captures"
	case attacks && attack == 0:
		return "the attack rules match no row"
	case labelled == 0:
		return "no row is labelled"
	}
	return ""
}

// nowhere reports whether no table can answer the expression.
func (r *Report) nowhere(expression string) bool {
	n := 0
	for _, x := range r.Inapplicable {
		if x.Expression == expression {
			n++
		}
	}
	return n == len(r.Tables)
}

// WriteText prints the report for people.
func (r *Report) WriteText(w io.Writer) {
	for _, s := range r.Sources {
		fmt.Fprintf(w, "labels from %s (%s, %d rules)\n", s.File, s.Importer, s.Rules)
		for _, n := range s.Notes {
			fmt.Fprintf(w, "  %s\n", n)
		}
	}
	for i, t := range r.Tables {
		fmt.Fprintf(w, "%s: %d rows = benign %d + attack %d + unknown %d (%.1f %%); conflicts %d\n",
			t.Table, t.Rows, t.Benign, t.Attack, t.Unknown, 100*t.UnknownShare, t.Conflicts)
		t.writeLabels(w)
		if t.Attempted > 0 {
			fmt.Fprintf(w, "%s: %d of the attacks came to nothing (label_attempted)\n", t.Table, t.Attempted)
		}
		if t.Open > 0 {
			fmt.Fprintf(w, "%s: %d rows are unknown since the table cannot answer what their rule asks\n", t.Table, t.Open)
		}
		if t.OddComments > 0 && i == 0 {
			fmt.Fprintf(w, "%d packets' comments are no labels (sample_id,label)\n", t.OddComments)
		}
	}
	for _, x := range r.Inapplicable {
		fmt.Fprintf(w, "%s: cannot answer %q (%d rules)\n", x.Table, x.Expression, x.Rules)
	}
	if r.AbsentTotal > 0 {
		fmt.Fprintf(w, "%d rules are about captures that are not there\n", r.AbsentTotal)
	}
	if r.DeadTotal > 0 {
		fmt.Fprintf(w, "%d rules label nothing: %s\n", r.DeadTotal, few(r.Dead, r.DeadTotal))
	}
	if o := r.Offset; o != nil {
		fmt.Fprintf(w, "best constant offset %s (%d rows; as they are %d)\n", o.Best(), o.HitsAtBest, o.HitsAtZero)
		if o.Resolution > int64(time.Second) {
			fmt.Fprintf(w, "  times kept to %s for want of room\n", time.Duration(o.Resolution))
		}
	}
}

// writeLabels prints the labels with the most rows.
func (t *TableReport) writeLabels(w io.Writer) {
	const most = 40
	names := slices.SortedFunc(maps.Keys(t.Labels), func(a, b string) int {
		return cmp.Or(cmp.Compare(t.Labels[b], t.Labels[a]), strings.Compare(a, b))
	})
	for _, n := range names[:min(len(names), most)] {
		fmt.Fprintf(w, "  %9d %s\n", t.Labels[n], n)
	}
	if len(names) > most {
		fmt.Fprintf(w, "            %d more labels\n", len(names)-most)
	}
}

// few lists the first of many.
func few(list []string, total int) string {
	const most = 20
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s, … %d more", strings.Join(list[:most], ", "), total-most)
}
