package label

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// maxOffset is how far a wrong clock is looked for: all time zones and their
// confusion of sign.
const maxOffset = 14 * time.Hour

// binWidth is the resolution at which rows are remembered.
const binWidth = int64(time.Second)

// alignment remembers when the tuple of each attack rule was seen.
type alignment struct {
	seen []map[int64]int64 // for each rule: rows by second since 1970; nil: not an attack
}

func newAlignment(r *Rules) *alignment {
	a := &alignment{seen: make([]map[int64]int64, len(r.List))}
	for i := range r.List {
		if r.List[i].Class == Attack {
			a.seen[i] = make(map[int64]int64)
		}
	}
	return a
}

func (a *alignment) note(x *index, w *row) {
	for _, i := range x.order {
		if a.seen[i] != nil && x.list[i].matches(w) {
			a.seen[i][w.from/binWidth]++
		}
	}
}

// add moves from's rows to a.
func (a *alignment) add(from *alignment) {
	for i, m := range from.seen {
		for t, n := range m {
			a.seen[i][t] += n
		}
		clear(m)
	}
}

func (a *alignment) copy(from *alignment) {
	for i, m := range from.seen {
		maps.Copy(a.seen[i], m)
	}
}

// Offset says whether the rules' clock is the captures'. It is found by
// asking for every shift of the rules' times within 14 hours how many rows
// the attack rules would match; time is taken in whole seconds.
type Offset struct {
	Aligned    bool  `json:"aligned"`      // as they are, the rules match at least 90 % of what the best shift matches
	BestNS     int64 `json:"best_ns"`      // to be added to the rules' times; 0 when aligned
	HitsAtBest int64 `json:"hits_at_best"` // rows that attack rules then match
	HitsAtZero int64 `json:"hits_at_zero"`
}

// Best is the offset as a duration.
func (o *Offset) Best() time.Duration { return time.Duration(o.BestNS) }

// step is a change of the number of matched rows at a shift.
type step struct{ at, change int64 }

// bestOffset scans all shifts. Of a histogram bin at second t and a rule
// [from, to) the shifts d with from+d ≤ t < to+d are an interval too, so the
// number of rows as a function of d is a sum of steps, and exact but for the
// bins' width.
func bestOffset(rules *Rules, tables []Hits) *Offset {
	var steps []step
	any := false
	for _, h := range tables {
		if h.counts.align == nil {
			continue
		}
		any = true
		for i, seen := range h.counts.align.seen {
			steps = appendSteps(steps, &rules.List[i], seen)
		}
	}
	if !any {
		return nil
	}
	slices.SortFunc(steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	levels := sum(steps)
	o := &Offset{HitsAtZero: levelAt(levels, 0)}
	for _, l := range levels {
		o.HitsAtBest = max(o.HitsAtBest, l.change)
	}
	if o.HitsAtZero*10 >= o.HitsAtBest*9 {
		o.Aligned, o.HitsAtBest = true, o.HitsAtZero
		return o
	}
	o.BestNS = int64(roundest(levels, o.HitsAtBest))
	o.HitsAtBest = levelAt(levels, o.BestNS)
	return o
}

func appendSteps(steps []step, r *Rule, seen map[int64]int64) []step {
	const far = int64(maxOffset)
	if r.From == Always || r.To == Ever {
		return steps // matches at any shift
	}
	for _, t := range slices.Sorted(maps.Keys(seen)) {
		// The bin's rows are taken to lie in its middle; the tuple's rows of
		// a whole window then lose or gain at most half a second's.
		mid := t*binWidth + binWidth/2
		lo, hi := mid-r.To+1, mid-r.From+1
		if hi <= -far || lo > far {
			continue
		}
		steps = append(steps, step{max(lo, -far), seen[t]}, step{min(hi, far+1), -seen[t]})
	}
	return steps
}

// sum turns sorted changes into levels: from .at on, .change rows match.
func sum(steps []step) []step {
	var levels []step
	var rows int64
	for i, s := range steps {
		rows += s.change
		if i+1 == len(steps) || steps[i+1].at != s.at {
			levels = append(levels, step{s.at, rows})
		}
	}
	return levels
}

func levelAt(levels []step, d int64) int64 {
	i, found := slices.BinarySearchFunc(levels, d, func(s step, d int64) int { return cmp.Compare(s.at, d) })
	if found {
		return levels[i].change
	}
	if i == 0 {
		return 0
	}
	return levels[i-1].change
}

// roundest gives, of the shifts that match at least 90 % of the best, as Aligned asks, one
// that a person or a time zone may have caused: whole hours before quarters,
// minutes and seconds, and the smallest of those.
func roundest(levels []step, best int64) time.Duration {
	for _, unit := range []time.Duration{time.Hour, 15 * time.Minute, time.Minute, time.Second} {
		found, hits := time.Duration(0), int64(-1)
		for d := -maxOffset; d <= maxOffset; d += unit {
			if n := levelAt(levels, int64(d)); n*10 >= best*9 && (n > hits || n == hits && d.Abs() < found.Abs()) {
				found, hits = d, n
			}
		}
		if hits >= 0 {
			return found
		}
	}
	for _, l := range levels {
		if l.change == best {
			return time.Duration(l.at)
		}
	}
	return 0
}
