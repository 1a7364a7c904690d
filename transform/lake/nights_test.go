package lake_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/spool"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/lake"
)

// spooled writes packets of a capture, its time stretched to hours, as n
// segments that follow each other, and as one capture.
func spooled(t *testing.T, capture string, n int) (dir, whole string, segments []string) {
	t.Helper()
	dir = t.TempDir()
	whole = filepath.Join(t.TempDir(), "whole.pcap")
	packets := packetsOf(t, capture)
	for i := range packets {
		packets[i].Time += 1000 * (packets[i].Time - packets[0].Time)
	}
	writePcap(t, whole, packets)
	w, err := spool.Open(spool.Config{
		Dir: dir, Sensor: "lab", Interfaces: []pcapio.Interface{{Name: "eth0", LinkType: pcapio.LinkEthernet}},
		Rotation: spool.Rotation{Packets: int64(len(packets)/n + 1)}, Wait: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range packets {
		if err := w.Write(&packets[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	list, err := spool.List(dir)
	if err != nil || len(list) != n {
		t.Fatalf("%d segments, %v", len(list), err)
	}
	for _, s := range list {
		segments = append(segments, s.Path)
	}
	return dir, whole, segments
}

// TestNights: a spool that is taken into the lake night by night gives the flows
// of one run over all of it: those that are open in the evening go on.
func TestNights(t *testing.T) {
	from, whole, segments := spooled(t, labCaptures()[3], 6)
	aside := t.TempDir()
	move := func(name, to string) {
		t.Helper()
		if err := os.Rename(name, filepath.Join(to, filepath.Base(name))); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range segments[2:] {
		move(s, aside)
	}
	l, cfg := newLake(t), lake.Config{}
	spools := lake.Sources{Spools: []string{from}}
	var flows []string
	ended := false
	for night, part := range [][]string{nil, segments[2:3], segments[3:5], segments[5:]} {
		for _, s := range part {
			move(filepath.Join(aside, filepath.Base(s)), from)
		}
		if night == 3 { // the last one: what is open ends
			cfg.Flows.Carry = &ended
		}
		made := batch(t, l, spools, cfg)
		if len(made) != 1 {
			t.Fatalf("night %d: %d runs", night, len(made))
		}
		m := made[0]
		s := m.Sensors[0]
		if s.Sensor != "lab" || (s.State != nil) != (night < 3) || (s.After != "") != (night > 0) || len(s.Earlier) > 2 {
			t.Errorf("night %d: %+v", night, s)
		}
		if m.Ledger.Flows > 0 {
			flows = append(flows, published(t, l, m.Run, "flows")...)
		}
		found, err := l.Verify(context.Background(), m.Run, lake.Check{Captures: from, Rerun: true, Scratch: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if !f.Holds {
				t.Errorf("night %d: %s: %s", night, f.What, f.Detail)
			}
		}
	}
	opt := transform.Options{Inputs: []string{whole}}
	opt.Flow.Span = true
	opt.Flows.Path = filepath.Join(t.TempDir(), "f.parquet")
	if _, err := transform.Run(context.Background(), opt); err != nil {
		t.Fatal(err)
	}
	without := []string{"file_id", "last_file_id", "first_packet", "last_packet"}
	if got, want := rows(t, without, flows...), rows(t, without, opt.Flows.Path); !slices.Equal(got, want) {
		t.Errorf("%d flows over four nights, %d of all at once, or others", len(got), len(want))
	}
	cursors, err := spool.Cursors(from)
	if err != nil || len(cursors) != 1 || cursors[0].Name != lake.Cursor || cursors[0].Position.Segment != filepath.Base(segments[5]) {
		t.Errorf("cursors %+v, %v", cursors, err)
	}
}

// TestBusy: of two batches the second is refused.
func TestBusy(t *testing.T) {
	l := newLake(t)
	held, err := spool.Lock(l.Root)
	if err != nil {
		t.Fatal(err)
	}
	from := lake.Sources{Corpus: []string{labCaptures()[0]}}
	if _, err := l.Batch(context.Background(), lake.Batch{From: from}); !errors.Is(err, lake.ErrBusy) {
		t.Errorf("batch: %v, want ErrBusy", err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	if made := batch(t, l, from, lake.Config{}); len(made) != 1 {
		t.Errorf("%d runs when the lock was free again", len(made))
	}
}

// TestQuarantine: what cannot be read is named once, and taken up again when it
// is another; what cannot be opened is, when it can be.
func TestQuarantine(t *testing.T) {
	dir := t.TempDir()
	put := func(name, from string, cut int) {
		t.Helper()
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data[:len(data)-cut], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	joined(t, filepath.Join(dir, "whole.pcap"), labCaptures()[3])
	put("torn.pcap", filepath.Join(dir, "whole.pcap"), 5)
	put("poison.pcap", "lake_test.go", 0)
	from := lake.Sources{Corpus: []string{dir}}
	l := newLake(t)
	m := batch(t, l, from, config())[0]
	if len(m.Quarantined) != 1 || m.Quarantined[0].File != "poison.pcap" || m.Quarantined[0].Retry {
		t.Errorf("quarantined %+v", m.Quarantined)
	}
	if len(m.Ledger.Damaged) != 1 || m.Ledger.Damaged[0].File != "torn.pcap" || m.Ledger.Damaged[0].Packets == 0 || strings.Contains(m.Ledger.Damaged[0].Error, dir) {
		t.Errorf("damaged %+v", m.Ledger.Damaged)
	}
	if made := batch(t, l, from, config()); len(made) != 0 {
		t.Errorf("poison made %d more runs", len(made))
	}
	put("poison.pcap", filepath.Join(dir, "whole.pcap"), 0)
	made := batch(t, l, from, config())
	if len(made) != 1 || made[0].Damaged() || made[0].Ledger.PacketsIn == 0 {
		t.Errorf("the mended capture: %+v", made)
	}
}

// TestChanged: captures that change after the plan was made are planned anew,
// and a shard says so.
func TestChanged(t *testing.T) {
	dir := t.TempDir()
	big := filepath.Join(dir, "big.pcap")
	joined(t, big, labCaptures()...)
	from := lake.Sources{Corpus: []string{dir}}
	l := newLake(t)
	p, err := l.Plan(context.Background(), from, config())
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(big)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(big, data, 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := lake.NewWorker(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	for n := range p.Shards {
		_, err := w.Run(context.Background(), n+1)
		if errors.Is(err, lake.ErrChanged) {
			changed++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if changed != 1 {
		t.Errorf("%d of %d shards say that their part has changed, want 1", changed, len(p.Shards))
	}
	if made := batch(t, l, from, config()); len(made) != 1 || made[0].Run == p.Run {
		t.Errorf("made %+v", made)
	}
}

// TestCompactAndGC: a run has the same rows in fewer files; a deleted one stays
// known.
func TestCompactAndGC(t *testing.T) {
	dir := t.TempDir()
	joined(t, filepath.Join(dir, "a.pcap"), labCaptures()[2:]...)
	from := lake.Sources{Corpus: []string{dir}}
	l := newLake(t)
	m := batch(t, l, from, config())[0]
	was := published(t, l, m.Run, "packets")
	want := rows(t, nil, was...)
	c, err := l.Compact(context.Background(), m.Run)
	if err != nil {
		t.Fatal(err)
	}
	now := published(t, l, m.Run, "packets")
	if len(was) < 3 || len(now) != 1 || !c.Compacted || !slices.Equal(rows(t, nil, now...), want) {
		t.Errorf("%d files became %d, or other rows", len(was), len(now))
	}
	found, err := l.Verify(context.Background(), m.Run, lake.Check{Captures: dir, Rerun: true, Scratch: t.TempDir()})
	for _, f := range found {
		if !f.Holds {
			t.Errorf("%s: %s", f.What, f.Detail)
		}
	}
	if err != nil || len(found) != 6 {
		t.Errorf("%d findings, %v", len(found), err)
	}
	joined(t, filepath.Join(dir, "b.pcap"), labCaptures()[3])
	batch(t, l, from, config())
	if old, err := l.GC(lake.Retention{Keep: 1}); err != nil || len(old) != 1 || old[0] != m.Run {
		t.Errorf("deleted %v, %v", old, err)
	}
	if made := batch(t, l, from, config()); len(made) != 0 {
		t.Errorf("captures of a deleted run were taken again")
	}
	if list, err := l.Manifests(); err != nil || len(list) != 2 || !list[0].Expired || list[1].Expired {
		t.Errorf("manifests: %v", err)
	}
}

// TestBadPlans: a plan that somebody changed is refused, not run.
func TestBadPlans(t *testing.T) {
	l := newLake(t)
	p, err := l.Plan(context.Background(), lake.Sources{Corpus: []string{labCaptures()[0]}}, config())
	if err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(p.Path())
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`"stream": 0`, `"stream": 7`}, {`"input": 0`, `"input": -1`}, {`"sensor": "default"`, `"sensor": "../x"`},
		{`"version": 1`, `"version": 2`}, {`"tool": "`, `"tool": "9.`}, {`"shards"`, `"shard"`}, {`"120kB"`, `"0"`}, {"{", "["},
	} {
		bad := strings.Replace(string(good), change[0], change[1], 1)
		if bad == string(good) {
			t.Fatalf("the plan has no %s", change[0])
		}
		if err := os.WriteFile(p.Path(), []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := lake.ReadPlan(p.Path()); err == nil {
			t.Errorf("a plan with %s was taken", change[1])
		}
	}
}
