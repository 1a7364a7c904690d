package audit

import (
	"strings"

	"github.com/pcapline/pcapline/features"
)

// splitAudit holds a dataset's rows against what its split promises.
type splitAudit struct {
	spec  features.SplitSpec
	part  map[flowID]features.Part // of flows with several rows
	cut   map[flowID]bool          // flows on two sides
	first map[int32]*[len(features.Parts)]int64
	last  map[int32]*[len(features.Parts)]int64
	meta  *features.Meta
	rows  int64
	want  int64
}

type flowID struct {
	capture int32
	group   int64
}

func newSplitAudit(m *features.Meta) *splitAudit {
	return &splitAudit{
		spec: m.Split.Spec, meta: m, want: m.Rows.Used(),
		part: map[flowID]features.Part{}, cut: map[flowID]bool{},
		first: map[int32]*[len(features.Parts)]int64{}, last: map[int32]*[len(features.Parts)]int64{},
	}
}

// see takes a row of any part.
func (a *splitAudit) see(p features.Part, start, end, group int64, capture int32) {
	if a.rows >= a.want { // the second reading
		return
	}
	a.rows++
	if a.first[capture] == nil {
		a.first[capture], a.last[capture] = new([len(features.Parts)]int64), new([len(features.Parts)]int64)
	}
	first, last := a.first[capture], a.last[capture]
	if first[p] == 0 || start < first[p] {
		first[p] = start
	}
	last[p] = max(last[p], end)
	if group == 0 {
		return
	}
	k := flowID{capture, group}
	if q, known := a.part[k]; known && q != p {
		a.cut[k] = true
	}
	a.part[k] = p
}

func (a *splitAudit) check() Check {
	c := Check{Name: "split", Verdict: Pass}
	if len(a.cut) > 0 {
		c.found(Fail, "%d conversations have rows on two sides of the split.", len(a.cut))
	} else {
		c.found(Pass, "No conversation has rows on two sides of the split.")
	}
	if a.spec.Kind == features.ByTime {
		late := 0
		for capture, last := range a.last {
			first := a.first[capture]
			if first[features.Test] != 0 && max(last[features.Train], last[features.Valid]) >= first[features.Test] ||
				first[features.Valid] != 0 && last[features.Train] >= first[features.Valid] {
				late++
			}
		}
		if late > 0 {
			c.found(Fail, "In %d captures training rows end after test rows begin.", late)
		} else {
			c.found(Pass, "In each capture training rows end before validation rows begin, and those before test rows.")
		}
	}
	if a.spec.Kind == features.Random {
		c.found(Fail, "The split is random: neighbours in time are on both sides.")
	}
	for _, p := range []features.Part{features.Train, features.Test} {
		var none []string
		for _, class := range a.meta.Classes {
			if a.meta.Rows.Of(p) > 0 && a.meta.Counts[class][p.String()] == 0 {
				none = append(none, class)
			}
		}
		if len(none) > 0 {
			c.found(Warn, "%d of %d classes have no %s rows: %s.", len(none), len(a.meta.Classes), p, strings.Join(none, ", "))
		}
	}
	return c
}
