package flow

// Rebase renumbers the capture files, so that a table that goes on from run to
// run need not know all that it ever read: it gives the first file that an open
// flow, a packet that waits, or the last packet is of, and that file becomes
// file 0. Packets to come are of files numbered likewise. It is for tables with
// Config.Span; others know one file only, and their flows' numbers have it in
// them.
func (t *Table) Rebase() (first int32) {
	if !t.cfg.Span {
		return 0
	}
	first = t.file
	t.eachOpen(func(f *flowState) { first = min(first, f.file) })
	if t.reorder != nil {
		for _, i := range t.reorder.heap {
			first = min(first, t.reorder.slab[i].File)
		}
	}
	t.file -= first
	t.eachOpen(func(f *flowState) { f.file, f.lastFile = f.file-first, f.lastFile-first })
	if t.reorder != nil {
		for _, i := range t.reorder.heap {
			t.reorder.slab[i].File -= first
		}
	}
	return first
}

// eachOpen visits the flows that have not ended, the closed ones that wait for
// their tail included.
func (t *Table) eachOpen(visit func(*flowState)) {
	for _, l := range []list{t.open, t.closed} {
		for i := l.oldest; i != 0; i = t.flows.at(i).newer {
			visit(&t.flows.at(i).val)
		}
	}
}
