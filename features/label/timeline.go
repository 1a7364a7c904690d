package label

import (
	"cmp"
	"slices"
)

// maxTimes bounds the bins of a capture's timeline: more than a picture has
// columns.
const maxTimes = 512

// timeline counts a capture's rows by time and class. As in an alignment the
// bins grow with what comes, and do not depend on the order in which it does.
type timeline struct {
	shift uint // bins are 2^(minShift+shift) ns wide
	bins  map[int64]*[len(classNames)]int64
}

// minShift makes the narrowest bins about a millisecond wide.
const minShift = 20

func (t *timeline) add(ns int64, c Class, n int64) { t.addAt(ns>>(minShift+t.shift), c, n) }

func (t *timeline) addAt(at int64, c Class, n int64) {
	b := t.bins[at]
	if b == nil {
		if t.bins == nil {
			t.bins = make(map[int64]*[len(classNames)]int64)
		}
		b = new([len(classNames)]int64)
		t.bins[at] = b
	}
	b[c] += n
	for len(t.bins) > maxTimes {
		t.widen()
	}
}

func (t *timeline) widen() {
	old := t.bins
	t.shift++
	t.bins = make(map[int64]*[len(classNames)]int64, len(old)/2)
	for at, b := range old {
		if to := t.bins[at>>1]; to != nil {
			for c, n := range b {
				to[c] += n
			}
			continue
		}
		t.bins[at>>1] = b
	}
}

// take moves another's rows to t.
func (t *timeline) take(from *timeline) {
	for t.shift < from.shift {
		t.widen()
	}
	for at, b := range from.bins {
		for c, n := range b {
			if n > 0 {
				t.addAt(at>>(t.shift-from.shift), Class(c), n)
			}
		}
	}
	*from = timeline{}
}

// TimeBin is the rows of a capture within a time.
type TimeBin struct {
	FromNS  int64 `json:"from_ns"` // since 1970 UTC
	Benign  int64 `json:"benign"`
	Attack  int64 `json:"attack"`
	Unknown int64 `json:"unknown"`
}

// sorted gives the bins in order of time, and their width in ns.
func (t *timeline) sorted() (bins []TimeBin, width int64) {
	for at, b := range t.bins {
		bins = append(bins, TimeBin{FromNS: at << (minShift + t.shift), Benign: b[Benign], Attack: b[Attack], Unknown: b[Unknown]})
	}
	slices.SortFunc(bins, func(a, b TimeBin) int { return cmp.Compare(a.FromNS, b.FromNS) })
	return bins, 1 << (minShift + t.shift)
}
