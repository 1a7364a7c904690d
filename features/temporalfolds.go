package features

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// TemporalFolds cuts every capture into folds+1 stretches of time with about
// the same number of rows. In fold f, counted from 0, rows of the first f+1
// stretches are training rows and those of the next one validation rows; a
// flow on a cut, or within the gap behind it, and all that is later, is purged.
// So a model is always judged by what came after its training rows. captures
// is how many there are.
//
// Source: scikit-learn's TimeSeriesSplit, here by capture and with whole flows.
func TemporalFolds(rows []Position, captures, folds int, gap time.Duration) ([][]Part, error) {
	if folds < 2 || folds > 255 {
		return nil, fmt.Errorf("%d temporal folds: there are 2 to 255", folds)
	}
	us := unitsOf(rows, make([]Part, len(rows)), inCapture)
	lists := make([][]id, captures)
	us.each(func(n id) { lists[us.at(n).capture] = append(lists[us.at(n).capture], n) })
	cuts := make([][]int64, captures)
	for c, list := range lists {
		cuts[c] = stretchCuts(us, list, folds)
	}
	out := make([][]Part, folds)
	for f := range out {
		sp := &Split{Spec: SplitSpec{Gap: gap}, Parts: make([]Part, len(rows))}
		us.parts = sp.Parts
		for c, list := range lists {
			for _, n := range list {
				u := us.at(n)
				part := sp.side(&u, cuts[c][f], cuts[c][f+1])
				if part == Test {
					part = Purged
				}
				us.put(n, part)
			}
		}
		us.spread()
		sp.purgeContinued(rows, captures)
		out[f] = sp.Parts
	}
	return out, nil
}

// stretchCuts gives the times at which the stretches behind the first begin,
// and one beyond all.
func stretchCuts(us *units, list []id, folds int) []int64 {
	slices.SortStableFunc(list, func(a, b id) int { return cmp.Compare(us.at(a).start, us.at(b).start) })
	total := 0
	for _, n := range list {
		total += int(us.at(n).rows)
	}
	var cuts []int64
	seen := 0
	for _, n := range list {
		u := us.at(n)
		for len(cuts) < folds && seen*(folds+1) >= total*(len(cuts)+1) {
			cuts = append(cuts, u.start)
		}
		seen += int(u.rows)
	}
	for len(cuts) <= folds {
		cuts = append(cuts, math.MaxInt64)
	}
	return cuts
}
