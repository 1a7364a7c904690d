package flow

// earlyQueue is flows whose early row is due when a time has passed, in the
// order of these times, which is that in which the flows began.
type earlyQueue struct {
	due   []earlyDue
	first int // of due; what is before it is done
}

type earlyDue struct {
	flow ref
	time int64
}

// push adds a flow. alive says which flows still wait: as many entries may be
// there as flows are open, so the others are dropped when they are as many.
func (q *earlyQueue) push(e earlyDue, alive func(ref) bool, open int) {
	if len(q.due) == cap(q.due) && len(q.due) >= 2*open {
		kept := q.due[:0]
		for _, e := range q.due[q.first:] {
			if alive(e.flow) {
				kept = append(kept, e)
			}
		}
		q.due, q.first = kept, 0
	}
	q.due = append(q.due, e)
}

// waits reports whether a flow is open and had no early row.
func (t *Table) waits(r ref) bool {
	f := t.flows.get(r)
	return f != nil && !f.early
}

// nextEarly gives the flow whose early row is due next by time, or 0.
func (t *Table) nextEarly() (i int32, time int64) {
	q := &t.earlyQueue
	for ; q.first < len(q.due); q.first++ {
		if e := q.due[q.first]; t.waits(e.flow) {
			return e.flow.index(), e.time
		}
	}
	q.due, q.first = q.due[:0], 0
	return 0, 0
}

// early makes a flow's early row.
func (t *Table) early(i int32) {
	t.flows.at(i).val.early = true
	t.row(t.earlyRows, i, endEarly)
}
