package flow

import (
	"testing"
	"time"
)

func TestDuplicates(t *testing.T) {
	hashed := func(ms int64, way string, hash uint64, ttl uint8) Digest {
		d := pkt(ms, way, "", 10)
		d.TTL = ttl
		if hash != 0 {
			d.Hash = hash<<8 | uint64(ttl)
		}
		return d
	}
	ds := []Digest{
		hashed(0, up, 1, 64),
		hashed(1, up, 1, 64),   // the same
		hashed(2, up, 1, 63),   // behind a router
		hashed(3, down, 2, 64), // another
		hashed(50, down, 2, 64),
		hashed(51, up, 0, 64), // no hash
		hashed(51, up, 0, 64),
		hashed(45, down, 2, 64), // late
	}
	rows, s := flowsOf(t, Config{}, ds)
	check(t, rows[0], "dup_packets=2", "routed_packets=1", "flow_packets=8")
	if s.InFlows != 8 {
		t.Errorf("%+v", s)
	}
	rows, s = flowsOf(t, Config{DropDuplicates: true}, ds)
	check(t, rows[0], "dup_packets=0", "routed_packets=0", "flow_packets=5")
	if s.InFlows != 5 || s.NonFlow[Duplicate] != 3 {
		t.Errorf("%+v", s)
	}
	rows, _ = flowsOf(t, Config{DupWindow: -1}, ds)
	check(t, rows[0], "dup_packets=0", "routed_packets=0")
	rows, _ = flowsOf(t, Config{DupWindow: time.Minute, DupPackets: 2}, ds)
	check(t, rows[0], "dup_packets=3", "routed_packets=1")
}

// The ring finds what is in it and nothing else.
func TestDuplicatesAgreeWithCounting(t *testing.T) {
	ds := randomDigests(3, 3000)
	c := Config{DupPackets: 64, DupWindow: 2 * time.Second}.withDefaults()
	u := newDuplicates(&c)
	found := 0
	for i := range ds {
		d := &ds[i]
		d.Hash = uint64(i*i%97+1)<<8 | uint64(d.TTL&1)
		want := noTwin
		for j := max(0, i-64); j < i; j++ {
			e := &ds[j]
			if e.Hash>>8 != d.Hash>>8 || abs(e.Time-d.Time) > int64(c.DupWindow) {
				continue
			}
			if e.Hash == d.Hash {
				want = sameTwin
				break
			}
			want = routedTwin
		}
		if got := u.see(d); got != want {
			t.Fatalf("packet %d: %d, want %d", i, got, want)
		}
		if want != noTwin {
			found++
		}
	}
	if found < 100 || found > 2900 {
		t.Errorf("%d of %d packets are duplicates: a poor test", found, len(ds))
	}
}
