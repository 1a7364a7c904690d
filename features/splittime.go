package features

import (
	"math"
	"slices"
	"sort"
	"time"
)

// DefaultGap is the purge gap of the split by time. It is short because the
// attacks of a capture often last but seconds: of the 52,128 flows of 44
// recorded captures of 10 to 60 s, 2 % are purged without a gap or with 10 ms,
// 4 % with 50 ms, 6 % with 100 ms, 13 % with 250 ms and 19 % with 500 ms, and
// from 250 ms on classes lose their test rows. Long recordings can afford a
// longer one, at best the active time-out of the flows.
const DefaultGap = 50 * time.Millisecond

// cutCandidates is how many times of a capture are tried as cuts.
const cutCandidates = 96

// maxCandidateUnits bounds the units of a capture whose times are sorted.
const maxCandidateUnits = 1 << 20

// byTime cuts each capture at two times. A unit that lies on a cut or begins
// within the gap behind it is purged; so training rows end before the first
// validation row begins, and those end before the first test row begins.
//
// An attack lies somewhere in a capture, often short beside it, so cuts at
// fixed shares of the capture's time or rows would leave it whole in one
// part. Of all pairs of candidate times, which are quantiles of the attack
// rows' beginnings and ends (of all rows in a benign capture), the pair is
// taken that maximises
//
//	Σ over classes, parts: weight · share · log(1 + 10·rows)
//
// This is greatest when rows are many (few are purged) and are distributed as
// the shares want it, and an empty part costs more than an uneven one. Each
// attack class has weight 1, benign ¼.
func (sp *Split) byTime(us *units, classes, captures []string) {
	lists := make([][]id, len(captures))
	us.each(func(n id) {
		c := us.at(n).capture
		lists[c] = append(lists[c], n)
	})
	for c, list := range lists {
		if len(list) == 0 {
			continue
		}
		first, second := sp.bestCuts(us, list, len(classes))
		sp.Cuts = append(sp.Cuts, Cut{Capture: captures[c], Valid: first, Test: second})
		for _, n := range list {
			u := us.at(n)
			us.put(n, sp.side(&u, first, second))
		}
	}
}

func (sp *Split) side(u *unit, first, second int64) Part {
	gap := int64(sp.Spec.Gap)
	switch {
	case u.end < first:
		return Train
	case u.start >= first+gap && u.end < second:
		return Valid
	case u.start >= second+gap:
		return Test
	}
	return Purged
}

// candidates are quantiles of the times at which a cut would lie between
// units; of a very long list, of evenly many of its units.
func candidates(us *units, list []id) []int64 {
	attack := slices.ContainsFunc(list, func(n id) bool { return us.at(n).class != 0 })
	var t []int64
	for i := 0; i < len(list); i += 1 + len(list)/maxCandidateUnits {
		if u := us.at(list[i]); !attack || u.class != 0 {
			t = append(t, u.start, u.end+1)
		}
	}
	if len(t) == 0 { // attacks so rare that none was looked at
		return []int64{us.at(list[0]).start, us.at(list[len(list)-1]).end + 1}
	}
	slices.Sort(t)
	t = slices.Compact(t)
	if len(t) <= cutCandidates {
		return t
	}
	out := make([]int64, 0, cutCandidates)
	for k := range cutCandidates {
		out = append(out, t[k*(len(t)-1)/(cutCandidates-1)])
	}
	return slices.Compact(out)
}

// bestCuts tries all pairs of candidates. For a cut i and a cut j ≥ i the rows
// of the three parts are sums over a histogram of units by the number of cuts
// that lie at or before their end, and before their start by a gap.
func (sp *Split) bestCuts(us *units, list []id, classes int) (first, second int64) {
	cuts := candidates(us, list)
	gap := int64(sp.Spec.Gap)
	k := len(cuts)
	hist := make([]*cutHistogram, classes)
	for _, n := range list {
		u := us.at(n)
		h := hist[u.class]
		if h == nil {
			h = newCutHistogram(k)
			hist[u.class] = h
		}
		e := sort.Search(k, func(j int) bool { return cuts[j] > u.end })
		s := sort.Search(k, func(j int) bool { return cuts[j]+gap > u.start })
		h.add(s, e, float64(u.rows))
	}
	for _, h := range hist {
		if h != nil {
			h.finish()
		}
	}
	best, bi, bj := math.Inf(-1), 0, 0
	for i := range k {
		for j := i; j < k; j++ {
			if v := sp.value(hist, i, j); v > best+1e-9 {
				best, bi, bj = v, i, j
			}
		}
	}
	return cuts[bi], cuts[bj]
}

// value is what cuts i and j are worth.
func (sp *Split) value(hist []*cutHistogram, i, j int) (v float64) {
	for c, h := range hist {
		if h == nil {
			continue
		}
		weight := 1.0
		if c == 0 {
			weight = 0.25
		}
		train, valid, test := h.rows(i, j)
		// The test part is worth a trifle more, so that of two rows that
		// could be validated or tested on, one is tested on.
		v += weight * (sp.Spec.Train*math.Log1p(10*train) + sp.Spec.Valid*math.Log1p(10*valid) + 1.01*sp.Spec.Test*math.Log1p(10*test))
	}
	return v
}

// cutHistogram counts rows by s, the number of cuts wholly before them, and
// e, the index of the first cut wholly behind them.
type cutHistogram struct {
	k int
	n []float64 // (k+1)²; after finish: at [s][e] the rows with at least s and at most e
}

func newCutHistogram(k int) *cutHistogram { return &cutHistogram{k, make([]float64, (k+1)*(k+1))} }

func (h *cutHistogram) at(s, e int) *float64 { return &h.n[s*(h.k+1)+e] }

func (h *cutHistogram) add(s, e int, rows float64) { *h.at(s, e) += rows }

func (h *cutHistogram) finish() {
	for s := h.k; s >= 0; s-- {
		for e := range h.k + 1 {
			v := *h.at(s, e)
			if s < h.k {
				v += *h.at(s+1, e)
			}
			if e > 0 {
				v += *h.at(s, e-1)
			}
			if s < h.k && e > 0 {
				v -= *h.at(s+1, e-1)
			}
			*h.at(s, e) = v
		}
	}
}

func (h *cutHistogram) rows(i, j int) (train, valid, test float64) {
	return *h.at(0, i), *h.at(i+1, j), *h.at(j+1, h.k)
}
