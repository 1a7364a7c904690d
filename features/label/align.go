package label

import (
	"cmp"
	"slices"
	"time"
)

// maxOffset is how far a wrong clock is looked for: all time zones and their
// confusion of sign.
const maxOffset = 14 * time.Hour

// maxBins bounds the memory of an alignment. Where there would be more, two
// bins become one.
const maxBins = 1 << 19

// span is rows of one group that began and ended in the same bins.
type span struct {
	group  int32
	length uint32 // bins from the first to the last
	from   int64  // bin of the beginning, since 1970
}

// alignment remembers when the tuples of attack rules were seen: rows by
// group and span. How wide its bins are follows from all the rows that it
// takes, not from their order.
type alignment struct {
	seconds int64 // width of a bin
	seen    map[span]int64
}

func newAlignment() *alignment { return &alignment{seconds: 1, seen: make(map[span]int64)} }

func (a *alignment) note(group int32, w *row) {
	width := a.seconds * int64(time.Second)
	from := floorDiv(w.from, width)
	length := min(max(floorDiv(w.to, width)-from, 0), 1<<32-1)
	a.add(span{group, uint32(length), from}, 1)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// add counts n rows of a span in the bins of width a.seconds.
func (a *alignment) add(s span, n int64) {
	a.seen[s] += n
	for len(a.seen) > maxBins {
		a.widen()
	}
}

func (a *alignment) widen() {
	old := a.seen
	a.seconds, a.seen = 2*a.seconds, make(map[span]int64, len(old)/2)
	for s, n := range old {
		a.seen[s.halved()] += n
	}
}

// halved is the span in bins of twice the width.
func (s span) halved() span {
	from, to := floorDiv(s.from, 2), floorDiv(s.from+int64(s.length), 2)
	return span{s.group, uint32(to - from), from}
}

// take moves another's rows to a.
func (a *alignment) take(from *alignment) {
	for a.seconds < from.seconds {
		a.widen()
	}
	for s, n := range from.seen {
		for w := from.seconds; w < a.seconds; w *= 2 {
			s = s.halved()
		}
		a.add(s, n)
	}
	clear(from.seen)
	from.seconds = 1
}

// Offset says whether the rules' clock is the captures'. It is found by
// asking for every shift of the rules' times within 14 hours how many rows
// the attack rules would match, at whole seconds.
type Offset struct {
	Aligned    bool  `json:"aligned"`       // as they are, the rules match at least 90 % of what the best shift matches
	BestNS     int64 `json:"best_ns"`       // to be added to the rules' times; 0 when aligned
	HitsAtBest int64 `json:"hits_at_best"`  // rows that attack rules then match, a row once for each tuple
	HitsAtZero int64 `json:"hits_at_zero"`  // the same as they are, to the resolution
	Resolution int64 `json:"resolution_ns"` // to which rows' times were kept
}

// Best is the offset as a duration.
func (o *Offset) Best() time.Duration { return time.Duration(o.BestNS) }

// bestOffset scans all shifts. Of rows from second f to second t and a rule
// [from, to) the shifts d with from+d ≤ t and f < to+d are an interval too, so
// the number of rows as a function of d is a sum of steps.
func bestOffset(tables []Hits) *Offset {
	levels := make([]int64, 2*seconds(maxOffset)+2)
	o := &Offset{}
	for _, h := range tables {
		if h.counts.align == nil {
			return nil
		}
		h.counts.align.addSteps(h.set, levels)
		o.Resolution = max(o.Resolution, h.counts.align.seconds*int64(time.Second))
	}
	if len(tables) == 0 {
		return nil
	}
	var rows int64
	for i, change := range levels {
		rows += change
		levels[i] = rows
	}
	levels = levels[:len(levels)-1]
	zero, bin := seconds(maxOffset), o.Resolution/int64(time.Second)
	o.HitsAtZero, o.HitsAtBest = levels[zero], slices.Max(levels)
	if near := slices.Max(levels[max(zero-bin, 0):min(zero+bin+1, int64(len(levels)))]); near > o.HitsAtZero {
		// Rows lie somewhere in their bins: a shift by one bin is none. A
		// scan that lasts half a second would else be missed at zero.
		o.HitsAtZero = near
	}
	if o.HitsAtZero*10 >= o.HitsAtBest*9 {
		o.Aligned, o.HitsAtBest = true, o.HitsAtZero
		return o
	}
	best := roundest(levels, o.HitsAtBest)
	o.BestNS, o.HitsAtBest = int64(best), levels[seconds(maxOffset+best)]
	return o
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// maxSteps bounds the work of a scan: where spans times windows are more,
// only every n-th span counts.
const maxSteps = 1 << 27

// addSteps adds to levels, which are differences from one shift to the next.
func (a *alignment) addSteps(set *ruleset, levels []int64) {
	spans := make([]span, 0, len(a.seen))
	for s := range a.seen {
		spans = append(spans, s)
	}
	slices.SortFunc(spans, func(x, y span) int {
		return cmp.Or(cmp.Compare(x.group, y.group), cmp.Compare(x.from, y.from), cmp.Compare(x.length, y.length))
	})
	windows := make([][]window, len(set.groups))
	var steps int64
	for _, s := range spans {
		if windows[s.group] == nil {
			windows[s.group] = set.attackTimes(s.group, a.seconds*int64(time.Second))
		}
		steps += int64(len(windows[s.group]))
	}
	stride := int(steps/maxSteps) + 1
	for i := 0; i < len(spans); i += stride {
		for _, w := range windows[spans[i].group] {
			spans[i].step(w, a.seconds, a.seen[spans[i]]*int64(stride), levels)
		}
	}
}

// step adds n rows for the shifts at which the span meets the window.
func (s span) step(w window, width, n int64, levels []int64) {
	const second = int64(time.Second)
	half := width * second / 2 // rows are taken to lie in their bins' middles
	first := s.from*width*second + half
	last := (s.from+int64(s.length))*width*second + half
	// first < w.to+d and w.from+d ≤ last
	lo, hi := floorDiv(first-w.to, second)+1, floorDiv(last-w.from, second)
	zero := seconds(maxOffset)
	lo, hi = max(lo, -zero), min(hi, zero)
	if lo > hi {
		return
	}
	levels[lo+zero] += n
	levels[hi+zero+1] -= n
}

// attackTimes is when the attacks of a group were, as few intervals as
// possible, none shorter than a bin, which would fall between two.
func (s *ruleset) attackTimes(g int32, width int64) []window {
	times := []window{}
	for _, w := range s.windows[s.groups[g].lo:s.groups[g].hi] {
		if s.list[w.rule].Class != Attack || w.from == Always || w.to == Ever {
			continue // matches at any shift
		}
		if short := width - (w.to - w.from); short > 0 {
			w.from, w.to = w.from-short/2, w.to+(short+1)/2
		}
		if n := len(times); n > 0 && w.from <= times[n-1].to {
			times[n-1].to = max(times[n-1].to, w.to)
			continue
		}
		times = append(times, w)
	}
	return times
}

// roundest gives, of the shifts that match at least 90 % of the best, as
// Aligned asks, one that a person or a time zone may have caused: whole hours
// before quarters, minutes and seconds, and the smallest of those.
func roundest(levels []int64, best int64) time.Duration {
	for _, unit := range []time.Duration{time.Hour, 15 * time.Minute, time.Minute, time.Second} {
		found, hits := time.Duration(0), int64(-1)
		for d := -maxOffset; d <= maxOffset; d += unit {
			if n := levels[seconds(maxOffset+d)]; n*10 >= best*9 && (n > hits || n == hits && d.Abs() < found.Abs()) {
				found, hits = d, n
			}
		}
		if hits >= 0 {
			return found
		}
	}
	return 0
}
