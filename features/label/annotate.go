package label

import (
	"fmt"
	"slices"
	"sync"

	"github.com/pcapline/pcapline/transform/schema"
)

// Annotator gives the rows of the packets or flows table their labels. It
// belongs to one goroutine; its clones share the compiled rules and the
// counts, which are kept for each of the two tables.
type Annotator struct {
	shared *shared
	out    Columns
	batch  *schema.Batch
	counts counts // of the batch at hand; moved to the shared ones after it
}

// shared is what the clones of an annotator have in common.
type shared struct {
	rules *Rules
	texts []texts  // of each rule
	files []*index // by file_id
	names []string
	align bool

	mu     sync.Mutex
	counts [len(tableNames)]counts
	err    error
}

// texts are a rule's values of the label columns.
type texts struct{ label, category, class, id schema.Text }

// counts are sums over rows, so their order does not matter.
type counts struct {
	rows, unknown, conflicts int64
	perRule                  []int64
	perFile                  []fileCounts
	align                    *alignment // nil: not asked for
}

type fileCounts struct{ rows, benign, attack, unknown int64 }

var unknownText = schema.Text(Unknown.String())

// NewAnnotator compiles the rules for the captures of a table, whose names
// are given by file_id.
func NewAnnotator(rules *Rules, files []string) (*Annotator, error) {
	s := &shared{rules: rules, names: files}
	for i := range rules.List {
		r := &rules.List[i]
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("rule %s: %w", r.ID, err)
		}
		s.texts = append(s.texts, texts{
			schema.Text(r.Label), schema.Text(r.Category), schema.Text(r.Class.String()), schema.Text(r.ID),
		})
	}
	for _, f := range files {
		s.files = append(s.files, newIndex(rules.List, f))
	}
	s.clear()
	return s.annotator(), nil
}

// WithAlignment returns a fresh annotator that also notes when each attack
// rule's tuple was seen, in its interval or not, which [NewReport] needs to
// say whether the rules' clock and the captures' agree. It costs memory for
// each second and rule, and a look at all attack rules of the file for each row.
func (a *Annotator) WithAlignment() *Annotator {
	old := a.shared
	s := &shared{rules: old.rules, texts: old.texts, files: old.files, names: old.names, align: true}
	s.clear()
	return s.annotator()
}

func (s *shared) clear() {
	for i := range s.counts {
		s.counts[i] = s.newCounts()
	}
}

func (s *shared) newCounts() counts {
	c := counts{perRule: make([]int64, len(s.texts)), perFile: make([]fileCounts, len(s.files))}
	if s.align {
		c.align = newAlignment(s.rules)
	}
	return c
}

func (s *shared) annotator() *Annotator {
	a := &Annotator{shared: s, counts: s.newCounts()}
	a.batch = schema.Of(&a.out)
	return a
}

// Clone returns an annotator for another goroutine. What both see is counted
// together.
func (a *Annotator) Clone() *Annotator { return a.shared.annotator() }

// Batch holds the label columns, to be joined to the table's.
func (a *Annotator) Batch() *schema.Batch { return a.batch }

// Annotate fills the label columns with a value for each row of src, which
// needs the columns of the packets or of the flows table; their order, and
// what else there is, does not matter. A table with neither set of columns
// leaves every row unknown; [Annotator.Err] then says so.
func (a *Annotator) Annotate(src *schema.Batch) {
	a.batch.Reset()
	v, err := viewOf(func(c string) bool { return src.Column(c) != nil })
	if err != nil {
		v = &flowView // every row then is of no known capture
		a.shared.fail(err)
	}
	var w row
	r := newReader(v, src)
	for i := range src.Rows {
		a.set(i, r.read(i, &w), &w)
	}
	a.batch.Rows = src.Rows
	a.shared.add(v.table, &a.counts)
}

// set labels one row.
func (a *Annotator) set(i int, file int64, w *row) {
	a.counts.rows++
	best := -1
	if file >= 0 && int(file) < len(a.shared.files) {
		x := a.shared.files[file]
		var conflict bool
		if best, conflict = x.find(w); conflict {
			a.counts.conflicts++
		}
		if a.counts.align != nil {
			a.counts.align.note(x, w)
		}
		a.counts.perFile[file].add(a.shared.rules.List, best)
	}
	if best < 0 {
		a.counts.unknown++
		a.out.Class.Append(unknownText)
		return
	}
	a.counts.perRule[best]++
	t := &a.shared.texts[best]
	a.out.Label.Set(i, t.label)
	a.out.Class.Append(t.class)
	a.out.Rule.Set(i, t.id)
	if len(t.category) > 0 {
		a.out.Category.Set(i, t.category)
	}
}

func (f *fileCounts) add(rules []Rule, best int) {
	f.rows++
	switch {
	case best < 0:
		f.unknown++
	case rules[best].Class == Attack:
		f.attack++
	default:
		f.benign++
	}
}

// Err says whether a batch was seen that is of no table which can be labelled.
func (a *Annotator) Err() error {
	a.shared.mu.Lock()
	defer a.shared.mu.Unlock()
	return a.shared.err
}

func (s *shared) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// add moves a batch's counts to the common ones.
func (s *shared) add(table int, c *counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &s.counts[table]
	t.rows, t.unknown, t.conflicts = t.rows+c.rows, t.unknown+c.unknown, t.conflicts+c.conflicts
	c.rows, c.unknown, c.conflicts = 0, 0, 0
	for i, n := range c.perRule {
		t.perRule[i] += n
		c.perRule[i] = 0
	}
	for i, f := range c.perFile {
		g := &t.perFile[i]
		g.rows, g.benign, g.attack, g.unknown = g.rows+f.rows, g.benign+f.benign, g.attack+f.attack, g.unknown+f.unknown
		c.perFile[i] = fileCounts{}
	}
	if c.align != nil {
		t.align.add(c.align)
	}
}

// Hits are the counts of everything that an annotator and its clones have
// labelled so far, for each table of which there were rows.
func (a *Annotator) Hits() []Hits {
	s := a.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Hits
	for i := range s.counts {
		c := s.counts[i]
		if c.rows == 0 {
			continue
		}
		c.perRule, c.perFile = slices.Clone(c.perRule), slices.Clone(c.perFile)
		if c.align != nil {
			c.align = newAlignment(s.rules)
			c.align.copy(s.counts[i].align)
		}
		all = append(all, Hits{Table: tableNames[i], files: s.names, counts: c})
	}
	return all
}
