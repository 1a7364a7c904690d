package audit

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/pcapline/pcapline/features"
)

const (
	warnBalanced = 0.95 // of a rule on one column, on held-out rows
	failBalanced = 0.99
	warnCaptures = 0.5 // of the uncertainty about the capture
	failCaptures = 0.9
	mostGrow     = 0.5  // of the recordings in which a column grows
	monotone     = 0.99 // of the steps from row to row
	leastRows    = 50   // of a recording or class, for something to be said of it
)

// measure looks at each column alone.
func (s *sample) measure() []Column {
	out := make([]Column, len(s.values))
	for c := range out {
		info := &s.in.columns[c]
		out[c] = Column{Name: info.name, Used: info.used, Names: info.names, AUC: 0.5, Balanced: 0.5, Constant: s.constant(c)}
		if out[c].Constant {
			continue
		}
		value, describe := s.ordered(c)
		s.oneRule(&out[c], value, describe)
		out[c].Captures, out[c].Hosts = s.tells(c, s.capture), s.tells(c, s.host)
		if !info.text {
			out[c].Grows = s.grows(c)
		}
	}
	return out
}

func (s *sample) constant(c int) bool {
	first := s.values[c][0]
	return !slices.ContainsFunc(s.values[c], func(v float32) bool { return v != first && !(v != v && first != first) })
}

// ordered gives a column values that have an order: numbers as they are, a
// missing one below all others; of a text the share of attacks among the
// training rows that have it.
func (s *sample) ordered(c int) (value func(i int) float32, describe func(r features.Rule) string) {
	name := s.in.columns[c].name
	v := s.values[c]
	if !s.in.columns[c].text {
		describe = func(r features.Rule) string {
			sign := "≤"
			if r.Above {
				sign = ">"
			}
			return fmt.Sprintf("%s %s %.10g", name, sign, float64(r.Threshold)+s.base[c])
		}
		return func(i int) float32 {
			if v[i] != v[i] {
				return -math.MaxFloat32
			}
			return v[i]
		}, describe
	}
	type tally struct{ attacks, rows float32 }
	seen := map[float32]tally{}
	for _, i := range s.train {
		t := seen[key(v[i])]
		t.rows++
		if s.attack(i) {
			t.attacks++
		}
		seen[key(v[i])] = t
	}
	describe = func(features.Rule) string { return "the value of " + name + " is one that attacks have" }
	return func(i int) float32 {
		t := seen[key(v[i])]
		return (t.attacks + 0.5) / (t.rows + 1)
	}, describe
}

// key makes missing values equal to one another.
func key(v float32) float32 {
	if v != v {
		return -1
	}
	return v
}

// oneRule finds the best threshold on training rows and judges it on those
// held out.
func (s *sample) oneRule(out *Column, value func(int) float32, describe func(features.Rule) string) {
	if !s.bothKinds(s.train) {
		return
	}
	spread := features.SpreadOf(len(s.train), func(k int) float32 { return value(s.train[k]) }, func(k int) bool { return s.attack(s.train[k]) })
	auc := spread.AUC()
	out.AUC = max(auc, 1-auc)
	rule := spread.BestRule()
	out.Rule, out.Balanced = describe(rule), rule.Balanced
	if !s.bothKinds(s.test) {
		return
	}
	var right, all [2]float64
	for _, i := range s.test {
		k := min(s.class[i], 1)
		all[k]++
		if rule.Says(value(i)) == s.attack(i) {
			right[k]++
		}
	}
	out.Balanced = (right[0]/all[0] + right[1]/all[1]) / 2
}

func (s *sample) bothKinds(rows []int) bool {
	return slices.ContainsFunc(rows, s.attack) && slices.ContainsFunc(rows, func(i int) bool { return !s.attack(i) })
}

// tells is the share of the uncertainty about a row's capture (or host), among
// rows of one class, that the column's value takes away (Theil's U); the mean
// over the classes that several captures have, by their rows.
func (s *sample) tells(c int, of []int32) float64 {
	byClass := make([][]int, len(s.in.classes))
	for i, k := range s.class {
		if of[i] >= 0 {
			byClass[k] = append(byClass[k], i)
		}
	}
	sum, rows := 0.0, 0.0
	for _, list := range byClass {
		if u, ok := s.uncertainty(c, list, of); ok {
			sum += u * float64(len(list))
			rows += float64(len(list))
		}
	}
	if rows == 0 {
		return 0
	}
	return sum / rows
}

// uncertainty is Theil's U of the capture given the column among some rows,
// with the bias of small samples taken off (Miller and Madow 1955). It is not
// defined when the rows are few or of one capture.
func (s *sample) uncertainty(c int, rows []int, of []int32) (u float64, ok bool) {
	captures := map[int32]float64{}
	for _, i := range rows {
		captures[of[i]]++
	}
	if len(captures) < 2 || len(rows) < leastRows {
		return 0, false
	}
	bin := s.bins(c, rows, 32)
	type cell struct {
		bin     int
		capture int32
	}
	bins, cells := map[int]float64{}, map[cell]float64{}
	for k, i := range rows {
		bins[bin(k)]++
		cells[cell{bin(k), of[i]}]++
	}
	n := float64(len(rows))
	h := entropy(captures, n)
	information := h + entropy(bins, n) - entropy(cells, n)
	information -= float64(len(bins)-1) * float64(len(captures)-1) / (2 * n)
	if h == 0 {
		return 0, false
	}
	return max(0, information/h), true
}

// entropy is that of counts which add up to n, in nats.
func entropy[K comparable](counts map[K]float64, n float64) (h float64) {
	list := make([]float64, 0, len(counts))
	for _, c := range counts {
		list = append(list, c)
	}
	slices.Sort(list) // a sum in the order of a map would differ in its last bit
	for _, c := range list {
		h -= c / n * math.Log(c/n)
	}
	return h
}

// bins puts the rows into about n bins of as many each; texts and missing
// values are bins of their own.
func (s *sample) bins(c int, rows []int, n int) func(k int) int {
	v := s.values[c]
	if s.in.columns[c].text {
		return func(k int) int { return int(key(v[rows[k]])) }
	}
	var there []int
	for _, i := range rows {
		if v[i] == v[i] {
			there = append(there, i)
		}
	}
	if len(there) == 0 {
		return func(int) int { return -1 }
	}
	edges := features.SpreadOf(len(there), func(k int) float32 { return v[there[k]] }, func(int) bool { return false }).Bins(n)
	return func(k int) int {
		x := v[rows[k]]
		if x != x {
			return -1
		}
		return sort.Search(len(edges), func(e int) bool { return x <= edges[e] })
	}
}

// grows is the share of recordings, each class of each capture for itself, in
// which the column only grows or only falls from row to row, with enough
// different values to count or to tell the time.
func (s *sample) grows(c int) float64 {
	type recording struct{ capture, class int32 }
	type track struct {
		last     float32
		up, down int
		rows     int
	}
	tracks := map[recording]*track{}
	for i, v := range s.values[c] {
		if v != v {
			continue
		}
		k := recording{s.capture[i], min(s.class[i], 1)}
		t := tracks[k]
		if t == nil {
			t = &track{last: v}
			tracks[k] = t
		}
		switch {
		case v > t.last:
			t.up++
		case v < t.last:
			t.down++
		}
		t.rows++
		t.last = v
	}
	judged, grow := 0.0, 0.0
	for _, t := range tracks {
		if t.rows < leastRows {
			continue
		}
		judged++
		steps := float64(t.up + t.down)
		if max(float64(t.up), float64(t.down)) >= monotone*steps && steps >= max(10, 0.05*float64(t.rows)) {
			grow++
		}
	}
	if judged == 0 {
		return 0
	}
	return grow / judged
}

// oneFeature judges columns by what they tell alone.
func oneFeature(columns []Column) Check {
	c := Check{Name: "one_feature", Verdict: Pass}
	var strong []Column
	for _, x := range columns {
		if x.Used && x.Balanced >= warnBalanced {
			strong = append(strong, x)
		}
	}
	sortColumns(strong)
	for i, x := range strong {
		if i == 10 {
			c.found(Warn, "%d more columns reach %.0f %%.", len(strong)-i, 100*warnBalanced)
			break
		}
		v := Warn
		if x.Balanced >= failBalanced {
			v = Fail
		}
		c.found(v, "%s alone tells attacks from benign rows on held-out rows with a balanced accuracy of %.1f %% (attack when %s): no model is needed to get that figure.", x.Name, 100*x.Balanced, x.Rule)
	}
	if len(strong) == 0 {
		c.found(Pass, "No column alone reaches a balanced accuracy of %.0f %% on held-out rows.", 100*warnBalanced)
	}
	return c
}

// identity judges columns by what they name.
func (s *sample) identity(columns []Column) Check {
	c := Check{Name: "identity", Verdict: Pass}
	var unused []string
	for i, x := range columns {
		info := s.in.columns[i]
		switch {
		case x.Constant:
		case !x.Used:
			if x.Names != "" {
				unused = append(unused, x.Name)
			}
		case x.Names != "" && info.soft && x.Balanced < warnBalanced:
			c.found(Warn, "%s holds %s, which often names a host or a service of the recording.", x.Name, x.Names)
		case x.Names != "":
			c.found(Fail, "%s holds %s%s: a model that sees it learns the recording.", x.Name, x.Names, x.evidence())
		case x.Captures >= warnCaptures:
			c.found(severity(x.Captures >= failCaptures), "%s tells the captures apart among rows of one class (%.0f %% of what is not known of the capture).", x.Name, 100*x.Captures)
		case x.Hosts >= warnCaptures:
			c.found(Warn, "%s tells hosts apart among rows of one class (%.0f %% of what is not known of the host).", x.Name, 100*x.Hosts)
		case x.Grows >= mostGrow:
			c.found(severity(!info.known), "%s only grows or only falls from row to row in %.0f %% of the recordings: it counts rows or tells the time%s.", x.Name, 100*x.Grows, x.evidence())
		}
	}
	if len(unused) > 0 {
		c.found(Pass, "No features, as they name sessions, hosts or moments: %s.", strings.Join(unused, ", "))
	}
	if c.Verdict == Pass {
		c.found(Pass, "No feature is known to name a session, a host, a moment or a row.")
	}
	return c
}

func severity(fail bool) Verdict {
	if fail {
		return Fail
	}
	return Warn
}

// evidence says what a column gives away, where it does.
func (x *Column) evidence() string {
	var e []string
	if x.Grows >= mostGrow {
		e = append(e, fmt.Sprintf("grows from row to row in %.0f %% of the recordings", 100*x.Grows))
	}
	if x.Balanced >= 0.7 {
		e = append(e, fmt.Sprintf("alone tells attacks with a balanced accuracy of %.1f %%", 100*x.Balanced))
	}
	if x.Captures >= warnCaptures {
		e = append(e, "tells captures of one class apart")
	}
	if e == nil {
		return ""
	}
	return " (it " + strings.Join(e, ", ") + ")"
}

// sortColumns puts the most telling first.
func sortColumns(columns []Column) {
	slices.SortStableFunc(columns, func(a, b Column) int {
		return cmp.Or(cmp.Compare(b.Balanced, a.Balanced), cmp.Compare(b.AUC, a.AUC))
	})
}
