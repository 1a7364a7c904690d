package watch

import (
	"net/netip"
	"time"

	"golang.org/x/time/rate"
)

// alertKey is what alerts alike have in common. Ports are not part of it: a
// scan is one thing.
type alertKey struct {
	Source netip.Addr `json:"src"`
	Target netip.Addr `json:"dst"`
	Class  string     `json:"class"`
}

// Verdicts of a limiter, which are also the reasons of Stats.Suppressed.
const (
	sent      = ""
	duplicate = "duplicate"
	overRate  = "rate"
)

// held is a key that was alerted of, and how often it came again since.
type held struct {
	alertKey
	Until   int64 `json:"until"`
	Repeats int64 `json:"repeats"`
}

const maxHeld = 1 << 16 // keys that a limiter remembers

// limiter decides which alerts are sent. Its time is that of the packets.
type limiter struct {
	window int64 // ns; negative: every alert is sent
	keys   map[alertKey]*held
	order  []*held // by when they were sent, the oldest first
	bucket *rate.Limiter
	now    int64
}

func newLimiter(window time.Duration, perSecond float64, burst int) *limiter {
	return &limiter{
		window: int64(window), keys: map[alertKey]*held{},
		bucket: rate.NewLimiter(rate.Limit(perSecond), burst),
	}
}

// allow says whether an alert of time t is sent, and then how many alike were
// not since the last.
func (l *limiter) allow(k alertKey, t int64) (repeats int64, verdict string) {
	l.now = max(l.now, t)
	h := l.keys[k]
	if h != nil && l.now < h.Until && l.window > 0 {
		h.Repeats++
		return 0, duplicate
	}
	if !l.bucket.AllowN(time.Unix(0, l.now), 1) {
		if h != nil {
			h.Repeats++
		}
		return 0, overRate
	}
	if h != nil {
		repeats = h.Repeats
	}
	l.hold(held{alertKey: k, Until: l.now + l.window})
	return repeats, sent
}

// hold remembers a key, and forgets those whose time was over for as long
// again: until then a repeat can still be told.
func (l *limiter) hold(h held) {
	if l.window <= 0 {
		return
	}
	for len(l.order) > 0 && (len(l.keys) >= maxHeld || l.order[0].Until+l.window < l.now) {
		if old := l.order[0]; l.keys[old.alertKey] == old {
			delete(l.keys, old.alertKey)
		}
		l.order = l.order[1:]
	}
	l.keys[h.alertKey] = &h
	l.order = append(l.order, &h)
}

// state and restore carry what is held back from one run to the next.
func (l *limiter) state() []held {
	out := []held{}
	for _, h := range l.order {
		if l.keys[h.alertKey] == h {
			out = append(out, *h)
		}
	}
	return out
}

func (l *limiter) restore(list []held) {
	for _, h := range list {
		l.now = max(l.now, h.Until-l.window)
		l.hold(h)
	}
}
