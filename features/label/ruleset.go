package label

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// maxFilters is how many different pcap filters a rule set may have: a packet
// carries one bit for each.
const maxFilters = 63

// ruleset is rules compiled: what differs in time only is one group.
type ruleset struct {
	list       []Rule
	groups     []group
	windows    []window     // of all groups
	predicates []*predicate // each text once
	filters    []string     // each text once
	attempts   [][]attempt  // of each rule
	byPattern  []patternGroups
}

// group is the rules with the same criteria but for the time.
type group struct {
	rule   *Rule // one of them
	when   int32 // place in predicates; -1: none
	filter uint64
	attack bool  // one of them is an attack
	chance bool  // the rule draws
	lo, hi int32 // its windows
	pin    pinned
}

// matches is the rule's, by the shortest way.
func (g *group) matches(w *row) bool {
	if g.pin.is {
		return g.pin.matches(w)
	}
	return g.rule.matches(w)
}

// window is a rule's interval. A group's windows are in the order of their
// beginnings; they are at once a balanced tree whose root is the middle one.
type window struct {
	from, to int64
	latest   int64 // end in the subtree
	rule     int32 // place in the list
	priority int32
}

type attempt struct {
	when  int32 // place in predicates; -1: always
	cause int8
}

type patternGroups struct {
	pattern *Rule // whose file pattern it is
	groups  []int32
}

func compile(list []Rule) (*ruleset, error) {
	s := &ruleset{list: list, attempts: make([][]attempt, len(list))}
	c := compiler{s: s, predicates: map[string]int32{}, filters: map[string]uint64{}, groups: map[string]int32{}}
	members := make([]int32, len(list)) // group of each rule
	for i := range list {
		if err := list[i].check(); err != nil {
			return nil, fmt.Errorf("rule %s: %w", list[i].ID, err)
		}
		g, err := c.add(i)
		if err != nil {
			return nil, fmt.Errorf("rule %s: %w", list[i].ID, err)
		}
		members[i] = g
	}
	s.setWindows(members)
	s.byFile()
	return s, nil
}

// compiler finds what is alike while rules are compiled.
type compiler struct {
	s          *ruleset
	predicates map[string]int32
	filters    map[string]uint64
	groups     map[string]int32
	key        []byte
}

// add compiles a rule and gives its group.
func (c *compiler) add(i int) (int32, error) {
	r := &c.s.list[i]
	when, err := c.predicate(r.When)
	if err != nil {
		return 0, err
	}
	for _, a := range r.Attempted {
		p, err := c.predicate(a.When)
		if err != nil {
			return 0, err
		}
		c.s.attempts[i] = append(c.s.attempts[i], attempt{p, a.Cause})
	}
	bit, err := c.filter(r.Filter)
	if err != nil {
		return 0, err
	}
	c.key = r.appendCriteria(c.key[:0])
	g, known := c.groups[string(c.key)]
	if !known {
		g = int32(len(c.s.groups))
		c.groups[string(c.key)] = g
		c.s.groups = append(c.s.groups, group{rule: r, when: when, filter: bit, chance: r.Draw != nil, pin: r.pin()})
	}
	c.s.groups[g].attack = c.s.groups[g].attack || r.Class == Attack
	return g, nil
}

func (c *compiler) predicate(text string) (int32, error) {
	if text == "" {
		return -1, nil
	}
	if i, known := c.predicates[text]; known {
		return i, nil
	}
	p, err := parsePredicate(text)
	if err != nil {
		return 0, err
	}
	i := int32(len(c.s.predicates))
	c.predicates[text] = i
	c.s.predicates = append(c.s.predicates, p)
	return i, nil
}

func (c *compiler) filter(text string) (uint64, error) {
	if text == "" {
		return 0, nil
	}
	if b, known := c.filters[text]; known {
		return b, nil
	}
	if len(c.s.filters) == maxFilters {
		return 0, fmt.Errorf("there are more than %d different pcap filters", maxFilters)
	}
	b := uint64(1) << len(c.s.filters)
	c.filters[text] = b
	c.s.filters = append(c.s.filters, text)
	return b, nil
}

// appendCriteria spells all of the rule's criteria but the time, one for one.
func (r *Rule) appendCriteria(b []byte) []byte {
	for _, s := range []string{r.File, r.When, r.Filter} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	b = binary.AppendUvarint(b, uint64(len(r.Src)))
	for _, p := range r.Src {
		b, _ = p.AppendBinary(b)
	}
	b = binary.AppendUvarint(b, uint64(len(r.Dst)))
	for _, p := range r.Dst {
		b, _ = p.AppendBinary(b)
	}
	for _, ports := range []Ports{r.SrcPorts, r.DstPorts} {
		b = binary.AppendUvarint(b, uint64(len(ports)))
		for _, p := range ports {
			b = binary.BigEndian.AppendUint16(b, p.First)
			b = binary.BigEndian.AppendUint16(b, p.Last)
		}
	}
	b = append(b, r.SrcMAC[:]...)
	b = binary.AppendVarint(b, int64(r.Proto))
	b = append(b, byte(r.Dir))
	if r.Draw != nil {
		b = binary.BigEndian.AppendUint64(b, r.Draw.Seed)
		b = binary.AppendVarint(b, int64(r.Draw.Above))
	}
	return b
}

// setWindows sorts the rules' intervals into their groups.
func (s *ruleset) setWindows(members []int32) {
	order := make([]int32, len(members))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(members[a], members[b]), cmp.Compare(s.list[a].From, s.list[b].From), cmp.Compare(a, b))
	})
	s.windows = make([]window, len(order))
	for k, i := range order {
		s.windows[k] = window{from: s.list[i].From, to: s.list[i].To, rule: i, priority: int32(s.list[i].Priority)}
	}
	for lo := 0; lo < len(order); {
		g := members[order[lo]]
		hi := lo
		for hi < len(order) && members[order[hi]] == g {
			hi++
		}
		s.groups[g].lo, s.groups[g].hi = int32(lo), int32(hi)
		s.setLatest(lo, hi)
		lo = hi
	}
}

// setLatest fills the tree of windows from lo up to hi.
func (s *ruleset) setLatest(lo, hi int) int64 {
	if lo == hi {
		return Always
	}
	mid := int(uint(lo+hi) >> 1)
	w := &s.windows[mid]
	w.latest = max(w.to, s.setLatest(lo, mid), s.setLatest(mid+1, hi))
	return w.latest
}

// byFile gathers the groups of each file pattern.
func (s *ruleset) byFile() {
	place := map[string]int{}
	for g := range s.groups {
		r := s.groups[g].rule
		i, known := place[r.File]
		if !known {
			i = len(s.byPattern)
			place[r.File] = i
			s.byPattern = append(s.byPattern, patternGroups{pattern: r})
		}
		s.byPattern[i].groups = append(s.byPattern[i].groups, int32(g))
	}
}

// indexes makes the index of each capture; captures that the same patterns
// cover share one.
func (s *ruleset) indexes(captures []string) []*index {
	made := map[string]*index{}
	out := make([]*index, len(captures))
	var key []byte
	for i, name := range captures {
		key = key[:0]
		for p := range s.byPattern {
			if s.byPattern[p].pattern.covers(name) {
				key = binary.AppendUvarint(key, uint64(p))
			}
		}
		x := made[string(key)]
		if x == nil {
			x = s.index(name)
			made[string(key)] = x
		}
		out[i] = x
	}
	return out
}

func (s *ruleset) index(capture string) *index {
	x := new(index)
	for _, p := range s.byPattern {
		if !p.pattern.covers(capture) {
			continue
		}
		for _, g := range p.groups {
			x.add(g, s.groups[g].rule)
			x.filters |= s.groups[g].filter
		}
	}
	for i := range x.tables {
		x.tables[i].seal()
	}
	return x
}

// search is one goroutine's way through a rule set, row after row.
type search struct {
	rules      *ruleset
	conditions []condition // of predicates, for the batch at hand; nil: the table cannot answer
	marked     bool        // rows' packets were seen by the filters
	found      []int32     // candidates of the row
	matched    []int32     // groups that the row fits but for the time, if it was asked for
	seen       []uint32    // the turn at which a group was last a candidate
	turn       uint32
	best       int32
	priority   int32 // the best's
	open       bool  // whether the best fits, the table cannot tell
	conflict   bool
}

func newSearch(s *ruleset) *search { return &search{rules: s, seen: make([]uint32, len(s.groups))} }

// find gives the position of the rule that labels the row, -1 if there is
// none, and whether another of the same priority says something else. A rule
// that fits but for an expression which the table cannot answer is found too,
// with q.open set: whether it labels the row nobody knows, and so no rule
// behind it does.
func (q *search) find(x *index, w *row, wantMatched bool) (best int32, conflict bool) {
	q.best, q.open, q.conflict = -1, false, false
	q.matched = q.matched[:0]
	q.found = x.candidates(w, q.found[:0])
	q.nextTurn()
	for _, g := range q.found {
		if q.seen[g] == q.turn {
			continue
		}
		q.seen[g] = q.turn
		grp := &q.rules.groups[g]
		fits := q.fits(grp, w)
		if fits == isFalse {
			continue
		}
		if wantMatched && grp.attack {
			q.matched = append(q.matched, g)
		}
		q.visit(int(grp.lo), int(grp.hi), w, fits == isNull)
	}
	return q.best, q.conflict
}

func (q *search) nextTurn() {
	if q.turn++; q.turn == 0 {
		clear(q.seen)
		q.turn = 1
	}
}

// fits says whether the row lies in the group's criteria but for the time;
// isNull where the table cannot tell.
func (q *search) fits(g *group, w *row) truth {
	if !g.matches(w) || g.chance && !g.rule.Draw.hits(w.id) {
		return isFalse
	}
	fits := isTrue
	if g.filter != 0 {
		switch {
		case !q.marked:
			fits = isNull
		case w.mark.Bits&g.filter == 0:
			return isFalse
		}
	}
	if g.when >= 0 {
		switch c := q.conditions[g.when]; {
		case c == nil:
			fits = isNull
		case c(w.n) != isTrue:
			return isFalse
		}
	}
	return fits
}

// visit takes the rules of the windows from lo up to hi that the row meets.
func (q *search) visit(lo, hi int, w *row, open bool) {
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		win := &q.rules.windows[mid]
		if win.latest <= w.from {
			return
		}
		q.visit(lo, mid, w, open)
		if win.from > w.to {
			return
		}
		if win.to > w.from {
			q.take(win, open)
		}
		lo = mid + 1
	}
}

func (q *search) take(w *window, open bool) {
	switch {
	case q.best < 0 || w.priority > q.priority:
		q.best, q.priority, q.open, q.conflict = w.rule, w.priority, open, false
	case w.priority == q.priority:
		r, best := &q.rules.list[w.rule], &q.rules.list[q.best]
		q.conflict = q.conflict || r.Label != best.Label || r.Class != best.Class
		if w.rule < q.best {
			q.best, q.open = w.rule, open
		}
	}
}

// hits draws for a row: SplitMix64 of the seed and the row's number.
func (d *Draw) hits(id uint64) bool {
	return int(mix(d.Seed+(id+1)*0x9e3779b97f4a7c15)%101) > d.Above
}
