package flow

import "math"

// Times outside of this span (the years 1896 to 2116) are taken to its ends,
// so that differences of times fit.
const (
	minTime = -1 << 61
	maxTime = 1 << 62
)

// Table joins packets to flows. It is used by one goroutine.
type Table struct {
	cfg   Config
	stats Stats
	err   error

	flows  store[Key, flowState]
	open   list // in order of their last packet
	closed list // TCP flows that are over and wait for their tail, likewise

	now     int64 // latest time of a packet so far
	file    int32
	started bool  // a packet or a file has come
	begun   int64 // flows begun in this file; with Config.Span, in all
	clamped Digest

	dups       *duplicates // nil: not looked for
	earlyQueue earlyQueue
	frags      fragments
	claims     claims
	services   *services
	windows    *windowing
	reorder    *reorder // nil: packets are taken as they come

	rows, earlyRows *output // nil where nobody wants them
}

// NewTable makes an empty table.
func NewTable(cfg Config) *Table {
	cfg = cfg.withDefaults()
	t := &Table{cfg: cfg, now: math.MinInt64, flows: newStore[Key, flowState]()}
	t.frags = fragments{store: newStore[fragmentKey, fragmentState](), max: cfg.MaxFragments}
	t.claims = claims{store: newStore[hostKey, claimState](), max: cfg.MaxHosts}
	t.services = newServices(&cfg)
	t.windows = newWindowing(&cfg, t.services)
	t.dups = newDuplicates(&cfg)
	if cfg.Reorder > 0 {
		t.reorder = new(reorder)
	}
	if cfg.IDsOnly {
		return t
	}
	if cfg.Rows != nil {
		t.rows = &output{deliver: cfg.Rows, limit: cfg.BatchRows, rows: NewRows()}
	}
	if cfg.EarlyRows != nil && (cfg.Early > 0 || cfg.EarlyTime > 0) {
		t.earlyRows = &output{deliver: cfg.EarlyRows, limit: cfg.BatchRows, rows: NewRows()}
	}
	return t
}

// Add takes the next packet, in capture order, and says which flow it belongs
// to. With Config.Reorder that is only known when the packet's turn has come,
// and Add returns the zero Member. The digest is not kept.
func (t *Table) Add(d *Digest) (m Member) {
	if t.err != nil {
		return m
	}
	if !t.started || d.File != t.file {
		t.NextFile(d.File)
	}
	t.stats.Packets++
	if d.Time < minTime || d.Time > maxTime {
		t.clamped = *d
		d = &t.clamped
		d.Time = min(max(d.Time, minTime), maxTime)
		t.stats.ClampedTimes++
	}
	if t.reorder == nil {
		return t.take(d)
	}
	t.reorder.push(d)
	for t.reorder.ready(int64(t.cfg.Reorder)) {
		t.take(t.reorder.pop())
	}
	return m
}

// NextFile begins a capture file; Add does it by itself when the digests'
// file changes. Unless Config.Span is set, the flows of the file before end
// and everything that was learned from it is forgotten: the rows of a file do
// not depend on what was read before it.
func (t *Table) NextFile(file int32) {
	if t.started && file == t.file {
		return
	}
	if t.started && !t.cfg.Span {
		t.endFile()
	}
	t.file, t.started = file, true
	if !t.cfg.Span {
		t.begun = 0
	}
}

// Finish ends all flows and delivers the last rows. It returns the first
// error of Config.Rows or Config.EarlyRows.
func (t *Table) Finish() error {
	t.endFile()
	t.Flush()
	return t.err
}

// Flush delivers the rows made so far without waiting for a full batch.
func (t *Table) Flush() {
	for _, o := range []*output{t.rows, t.earlyRows} {
		if o != nil && t.err == nil {
			t.err = o.flush()
		}
	}
}

// Advance says that time has come to now, in ns since 1970, and that no
// packet will come with an earlier one: live, flows end by the clock though
// nothing is heard. It makes rows come sooner and changes nothing else.
func (t *Table) Advance(now int64) {
	if t.reorder != nil {
		for t.reorder.before(now) {
			t.take(t.reorder.pop())
		}
	}
	t.expire(now, endIdle)
}

// Err returns the first error of the receivers of rows.
func (t *Table) Err() error { return t.err }

// Stats gives the table's ledger so far.
func (t *Table) Stats() Stats {
	s := t.stats
	s.OpenFlows = int64(t.flows.used)
	if t.reorder != nil {
		s.Waiting = int64(t.reorder.len())
	}
	s.ForgottenHosts = t.windows.forgottenHosts + t.claims.forgotten
	s.ForgottenEvents = t.windows.forgottenEvents
	s.ForgottenPairs = t.windows.forgottenPairs
	s.ForgottenServices = t.services.forgotten
	return s
}

func (t *Table) endFile() {
	if t.reorder != nil {
		for t.reorder.len() > 0 {
			t.take(t.reorder.pop())
		}
	}
	t.expire(math.MaxInt64, endEOF)
	t.dups.reset()
	t.frags.reset()
	t.claims.reset()
	t.services.reset()
	t.windows.reset()
	t.now = math.MinInt64
}
