package watch

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

const second = int64(time.Second)

func keyOf(n uint32) alertKey {
	return alertKey{Source: netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n))), Class: "scan"}
}

func TestLimiter(t *testing.T) {
	l := newLimiter(10*time.Second, 1, 2)
	a, b, c := keyOf(1), keyOf(2), keyOf(3)
	for i, step := range []struct {
		key     alertKey
		at      int64
		verdict string
		repeats int64
	}{
		{a, 100 * second, sent, 0},
		{a, 101 * second, duplicate, 0},
		{a, 99 * second, duplicate, 0}, // late
		{b, 101 * second, sent, 0},
		{c, 101 * second, sent, 0}, // one came in by the second that passed
		{keyOf(4), 101 * second, overRate, 0},
		{a, 111 * second, sent, 2},
		{a, 112 * second, duplicate, 0},
		{a, 125 * second, sent, 1},
		{a, 200 * second, sent, 0},
	} {
		repeats, verdict := l.allow(step.key, step.at)
		if verdict != step.verdict || repeats != step.repeats {
			t.Errorf("step %d: %q with %d repeats, want %q with %d", i, verdict, repeats, step.verdict, step.repeats)
		}
	}
}

func TestLimiterGoesOn(t *testing.T) {
	l := newLimiter(10*time.Second, 1000, 1000)
	k := keyOf(1)
	l.allow(k, second)
	l.allow(k, 2*second)
	next := newLimiter(10*time.Second, 1000, 1000)
	next.restore(l.state())
	if _, v := next.allow(k, 3*second); v != duplicate {
		t.Errorf("verdict %q", v)
	}
	if n, v := next.allow(k, 12*second); v != sent || n != 2 {
		t.Errorf("verdict %q, %d repeats", v, n)
	}
}

func TestLimiterIsBounded(t *testing.T) {
	l := newLimiter(time.Hour, 1e9, 1e9)
	for i := range maxHeld + 1000 {
		l.allow(keyOf(uint32(i)), int64(i))
	}
	if len(l.keys) > maxHeld || len(l.order) > maxHeld+1 {
		t.Errorf("%d keys, %d in order", len(l.keys), len(l.order))
	}
}
