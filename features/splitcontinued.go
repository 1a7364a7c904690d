package features

import (
	"cmp"
	"slices"
	"time"
)

// continuation is how long after a capture's last packet of a flow another
// capture's packets may still be of that flow: the time-out for idle flows.
const continuation = 2 * time.Minute

// piece is what a capture has of a flow.
type piece struct {
	capture    int32
	part       Part
	apart      bool // it continues on another side
	start, end int64
}

// purgeContinued purges flows that go on from one capture into the next, as
// they do where a recording was cut into files, if the split put the two
// pieces on different sides.
func (sp *Split) purgeContinued(rows []Position, captures int) {
	if captures < 2 {
		return
	}
	flows := make(map[uint64][]piece)
	for i := range rows {
		p := &rows[i]
		if p.Group == 0 {
			continue
		}
		list := flows[p.Group]
		at := slices.IndexFunc(list, func(q piece) bool { return q.capture == p.Capture })
		if at < 0 {
			flows[p.Group] = append(list, piece{capture: p.Capture, part: sp.Parts[i], start: p.Start, end: p.End})
			continue
		}
		list[at].start, list[at].end = min(list[at].start, p.Start), max(list[at].end, p.End)
	}
	found := false
	for _, list := range flows {
		slices.SortFunc(list, func(a, b piece) int {
			return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.capture, b.capture))
		})
		for k := 1; k < len(list); k++ {
			a, b := &list[k-1], &list[k]
			if b.start-a.end <= int64(continuation) && a.part != b.part && a.part != Purged && b.part != Purged {
				a.apart, b.apart, found = true, true, true
			}
		}
	}
	if !found {
		return
	}
	for i := range rows {
		list := flows[rows[i].Group]
		if at := slices.IndexFunc(list, func(q piece) bool { return q.capture == rows[i].Capture }); at >= 0 && list[at].apart {
			sp.Parts[i] = Purged
		}
	}
}
