package label

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
)

// Annotator gives the rows of the packets or flows table their labels. It
// belongs to one goroutine; its clones share the compiled rules and the
// counts, which are kept for each of the two tables. It looks at packets, too
// (transform.Marker), where rules have pcap filters or comments count.
type Annotator struct {
	shared *shared
	search *search
	marker marker
	out    Columns
	batch  *schema.Batch
	counts counts // of the batch at hand; moved to the shared ones after it
}

// shared is what the clones of an annotator have in common.
type shared struct {
	rules *Rules
	set   *ruleset
	texts []texts  // of each rule
	files []*index // by file_id
	names []string
	align bool
	notes notes

	mu     sync.Mutex
	counts [len(tableNames)]counts
	err    error
}

// texts are a rule's values of the label columns.
type texts struct{ label, category, class, id, source schema.Text }

// counts are sums over rows, so their order does not matter.
type counts struct {
	rows, unknown, conflicts int64
	attempted                int64
	open                     int64 // rows for whose rule the table cannot tell
	perRule                  []int64
	touched                  []int32 // rules with a count, while it is that of a batch
	perNote                  map[uint32]int64
	perFile                  []fileCounts
	inapplicable             map[string]bool // expressions that the table cannot answer
	align                    *alignment      // nil: not asked for
	times                    []timeline      // of each file; nil: not asked for
}

type fileCounts struct{ rows, benign, attack, unknown int64 }

func (f *fileCounts) add(c Class) {
	f.rows++
	switch c {
	case Attack:
		f.attack++
	case Benign:
		f.benign++
	default:
		f.unknown++
	}
}

// NewAnnotator compiles the rules for the captures of a table, whose names
// are given by file_id.
func NewAnnotator(rules *Rules, files []string) (*Annotator, error) {
	set, err := compile(rules.List)
	if err != nil {
		return nil, err
	}
	s := &shared{rules: rules, set: set, names: files, files: set.indexes(files)}
	s.notes.init()
	interned := make(map[string]schema.Text)
	text := func(t string) schema.Text {
		if _, known := interned[t]; !known {
			interned[t] = schema.Text(t)
		}
		return interned[t]
	}
	for i := range rules.List {
		r := &rules.List[i]
		s.texts = append(s.texts, texts{
			text(r.Label), text(r.Category), text(r.Class.String()), schema.Text(r.ID), text(r.Source),
		})
	}
	s.clear()
	return s.annotator(), nil
}

// WithAlignment returns a fresh annotator that also notes when each attack
// rule's tuple was seen, in its interval or not, which [NewReport] needs to
// say whether the rules' clock and the captures' agree, and what the report
// draws of each capture.
func (a *Annotator) WithAlignment() *Annotator {
	old := a.shared
	s := &shared{rules: old.rules, set: old.set, texts: old.texts, files: old.files, names: old.names, align: true}
	s.notes.init()
	s.clear()
	return s.annotator()
}

func (s *shared) clear() {
	for i := range s.counts {
		s.counts[i] = s.newCounts()
	}
}

func (s *shared) newCounts() counts {
	c := counts{
		perRule: make([]int64, len(s.texts)), perFile: make([]fileCounts, len(s.files)),
		perNote: map[uint32]int64{}, inapplicable: map[string]bool{},
	}
	if s.align {
		c.align, c.times = newAlignment(), make([]timeline, len(s.files))
	}
	return c
}

func (s *shared) annotator() *Annotator {
	a := &Annotator{shared: s, search: newSearch(s.set), counts: s.newCounts()}
	a.marker.shared = s
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
//
// A rule whose expression names columns that src lacks, or with a pcap filter,
// cannot tell which rows it is about: those that fit all else are unknown.
func (a *Annotator) Annotate(src *schema.Batch) { a.annotate(src, nil) }

// AnnotateMarked is Annotate for rows whose packets were seen by Mark.
func (a *Annotator) AnnotateMarked(src *schema.Batch, marks []flow.Mark) { a.annotate(src, marks) }

func (a *Annotator) annotate(src *schema.Batch, marks []flow.Mark) {
	a.batch.Reset()
	v, err := viewOf(func(c string) bool { return src.Column(c) != nil })
	if err != nil {
		v = &flowView // every row then is of no known capture
		a.shared.fail(err)
	}
	a.bind(src, marks != nil)
	var w row
	r := newReader(v, src)
	for i := range src.Rows {
		file := r.read(i, &w)
		if marks != nil {
			w.mark = marks[i]
		}
		a.set(i, file, &w)
	}
	a.batch.Rows = src.Rows
	a.shared.add(v.table, &a.counts)
}

// bind makes the conditions of the batch's rows.
func (a *Annotator) bind(src *schema.Batch, marked bool) {
	q := a.search
	q.conditions, q.marked = q.conditions[:0], marked
	for _, p := range q.rules.predicates {
		c, err := p.bind(src)
		if err != nil {
			a.counts.inapplicable[p.text] = true
			if missing := (*errNoColumn)(nil); !errors.As(err, &missing) {
				a.shared.fail(err)
			}
		}
		q.conditions = append(q.conditions, c)
	}
	if !marked {
		for _, f := range q.rules.filters {
			a.counts.inapplicable[f] = true
		}
	}
}

// set labels one row.
func (a *Annotator) set(i int, file int64, w *row) {
	a.counts.rows++
	if file < 0 || int(file) >= len(a.shared.files) {
		a.counts.unknown++
		a.out.Class.Append(classTexts[Unknown])
		return
	}
	align := a.counts.align
	best, conflict := a.search.find(a.shared.files[file], w, align != nil)
	if align != nil {
		for _, g := range a.search.matched {
			align.note(g, w)
		}
	}
	class, conflict := a.say(i, w, best, conflict)
	if conflict {
		a.counts.conflicts++
	}
	if class == Unknown {
		a.counts.unknown++
	}
	a.counts.perFile[file].add(class)
	if a.counts.times != nil {
		a.counts.times[file].add(w.from, class, 1)
	}
}

// say writes a row's label: the best rule's, or that of the packet's comment,
// which counts as a rule of priority 0 behind all others.
func (a *Annotator) say(i int, w *row, best int32, conflict bool) (Class, bool) {
	if n := w.mark.Note; n != 0 {
		note := a.shared.notes.get(n)
		switch {
		case best < 0 || a.shared.rules.List[best].Priority < 0:
			a.sayNote(i, n, note)
			return note.class, w.mark.Bits&flow.NotesDiffer != 0
		case a.shared.rules.List[best].Priority == 0:
			r := &a.shared.rules.List[best]
			conflict = conflict || r.Label != string(note.label) || r.Class != note.class
		}
	}
	if best < 0 {
		a.out.Class.Append(classTexts[Unknown])
		return Unknown, false
	}
	if a.search.open {
		a.counts.open++
		a.out.Class.Append(classTexts[Unknown])
		a.sayWho(i, best)
		return Unknown, false
	}
	a.sayRule(i, w.n, best)
	return a.shared.rules.List[best].Class, conflict
}

func (a *Annotator) sayRule(i, row int, best int32) {
	if a.counts.perRule[best]++; a.counts.perRule[best] == 1 {
		a.counts.touched = append(a.counts.touched, best)
	}
	t, class := &a.shared.texts[best], a.shared.rules.List[best].Class
	a.out.Class.Append(t.class)
	a.sayWho(i, best)
	if class == Unknown {
		return
	}
	a.out.Label.Set(i, t.label)
	if len(t.category) > 0 {
		a.out.Category.Set(i, t.category)
	}
	if class == Attack {
		a.sayAttempted(i, row, best)
	}
}

func (a *Annotator) sayWho(i int, rule int32) {
	t := &a.shared.texts[rule]
	a.out.Rule.Set(i, t.id)
	if len(t.source) > 0 {
		a.out.Source.Set(i, t.source)
	}
}

// sayAttempted goes through the rule's cases. One that the table cannot
// answer leaves open what came behind it.
func (a *Annotator) sayAttempted(i, row int, best int32) {
	cause := NotAttempted
	for _, t := range a.shared.set.attempts[best] {
		if t.when >= 0 && a.search.conditions[t.when] == nil {
			return
		}
		if t.when < 0 || a.search.conditions[t.when](row) == isTrue {
			cause = t.cause
			break
		}
	}
	a.out.Attempted.Set(i, cause != NotAttempted)
	a.out.Cause.Set(i, int64(cause))
	if cause != NotAttempted {
		a.counts.attempted++
	}
}

func (a *Annotator) sayNote(i int, id uint32, n note) {
	a.counts.perNote[id]++
	a.out.Class.Append(classTexts[n.class])
	a.out.Rule.Set(i, commentText)
	a.out.Source.Set(i, commentText)
	a.out.Label.Set(i, n.label)
	if n.class == Attack {
		a.out.Attempted.Set(i, false)
		a.out.Cause.Set(i, int64(NotAttempted))
	}
}

var classTexts = [...]schema.Text{schema.Text(Unknown.String()), schema.Text(Benign.String()), schema.Text(Attack.String())}

// Err says whether a batch was seen that is of no table which can be
// labelled, or that a rule's expression does not fit.
func (a *Annotator) Err() error {
	a.shared.mu.Lock()
	defer a.shared.mu.Unlock()
	return a.shared.err
}

// fail keeps an error; of several the one that is first in the alphabet, so
// that it does not depend on who came first.
func (s *shared) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil || err.Error() < s.err.Error() {
		s.err = err
	}
}

// add moves a batch's counts to the common ones.
func (s *shared) add(table int, c *counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &s.counts[table]
	t.rows, t.unknown, t.conflicts = t.rows+c.rows, t.unknown+c.unknown, t.conflicts+c.conflicts
	t.attempted, t.open = t.attempted+c.attempted, t.open+c.open
	c.rows, c.unknown, c.conflicts, c.attempted, c.open = 0, 0, 0, 0, 0
	for _, i := range c.touched {
		t.perRule[i] += c.perRule[i]
		c.perRule[i] = 0
	}
	c.touched = c.touched[:0]
	for id, n := range c.perNote {
		t.perNote[id] += n
	}
	clear(c.perNote)
	for e := range c.inapplicable {
		t.inapplicable[e] = true
	}
	for i, f := range c.perFile {
		g := &t.perFile[i]
		g.rows, g.benign, g.attack, g.unknown = g.rows+f.rows, g.benign+f.benign, g.attack+f.attack, g.unknown+f.unknown
		c.perFile[i] = fileCounts{}
	}
	if c.align != nil {
		t.align.take(c.align)
		for i := range c.times {
			t.times[i].take(&c.times[i])
		}
	}
}

// Hits are the counts of everything that an annotator and its clones have
// labelled so far, for each table of which there were rows. They are settled
// when no clone works any more.
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
		h := Hits{Table: tableNames[i], files: s.names, set: s.set, counts: c, notes: map[string]int64{}, odd: s.notes.odd.Load()}
		for id, n := range c.perNote {
			l := s.notes.get(id)
			h.notes[string(l.label)] += n
			h.noteClass[l.class] += n
		}
		all = append(all, h)
	}
	return all
}

// errTooManyLabels says that comments are hardly labels.
var errTooManyLabels = fmt.Errorf("label: more than %d different labels in pcapng comments", maxNotes)

// Columns lists those columns of a table that the rules look at.
func (a *Annotator) Columns(s schema.Schema) []string {
	wanted := map[string]bool{}
	if v, err := viewOf(func(c string) bool { return s.Index(c) >= 0 }); err == nil {
		for _, list := range [][]string{
			{v.file, v.number, v.arp, v.etherType}, v.from, v.to, v.src, v.dst, v.srcMAC, v.dstMAC, v.srcPort, v.dstPort, v.proto,
		} {
			for _, c := range list {
				wanted[c] = true
			}
		}
	}
	for _, p := range a.shared.set.predicates {
		for _, c := range p.columns {
			wanted[c] = true
		}
	}
	return slices.DeleteFunc(s.Names(), func(c string) bool { return !wanted[c] })
}
