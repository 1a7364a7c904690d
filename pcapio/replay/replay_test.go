package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/spool"
)

const t0 = int64(1_700_000_000_000_000_000)

// capture writes a file of packets at these times after t0, in ms. Data says
// which.
func capture(t testing.TB, dir, name string, ms ...int64) string {
	t.Helper()
	path := filepath.Join(dir, name)
	var b bytes.Buffer
	w, err := pcapio.NewWriter(&b, pcapio.WriterOptions{}, pcapio.Interface{Name: "eth0", LinkType: pcapio.LinkEthernet, SnapLen: 100})
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range ms {
		p := pcapio.Packet{Time: t0 + at*1e6, Data: fmt.Appendf(nil, "%s-%02d-0123456789", name, i), WireLen: 1500}
		if at == math.MinInt64 {
			p.Time = 0
		}
		if err := w.Write(&p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// fakeClock jumps instead of sleeping.
type fakeClock struct {
	now  time.Time
	slow time.Duration // that a look at the clock takes
}

func (c *fakeClock) Now() time.Time {
	c.now = c.now.Add(c.slow)
	return c.now
}

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return ctx.Err()
}

// record notes what comes when.
type record struct {
	clock *fakeClock
	begin time.Time
	got   []string
	times []int64
	skip  string
	fail  error
}

func newRecord() *record {
	c := &fakeClock{now: time.Unix(5, 0)}
	return &record{clock: c, begin: c.now}
}

func (r *record) Send(f *pcapio.File, p *pcapio.Packet) error {
	name := string(p.Data[:4])
	if r.skip != "" && strings.HasPrefix(name, r.skip) {
		return Skip("no " + r.skip)
	}
	if r.fail != nil {
		return r.fail
	}
	r.got = append(r.got, fmt.Sprintf("%s@%v", name, r.clock.now.Sub(r.begin)))
	r.times = append(r.times, p.Time)
	return nil
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	a := capture(t, dir, "a", 0, 100, 50, 400)
	b := capture(t, dir, "b", 60, 61, math.MinInt64, 1_000_000)
	for name, c := range map[string]struct {
		opt   Options
		want  string
		stats Stats
	}{
		"as fast as possible": {Options{}, "a-00@0s a-01@0s a-02@0s a-03@0s b-00@0s b-01@0s b-02@0s b-03@0s",
			Stats{OutOfOrder: 4}},
		"1x": {Options{Speed: 1}, "a-00@0s a-01@100ms a-02@100ms a-03@400ms b-00@400ms b-01@401ms b-02@401ms b-03@16m40.34s",
			Stats{OutOfOrder: 4}},
		"10x": {Options{Speed: 10}, "a-00@0s a-01@10ms a-02@10ms a-03@40ms b-00@40ms b-01@40.1ms b-02@40.1ms b-03@1m40.034s",
			Stats{OutOfOrder: 4}},
		"gaps cut": {Options{Speed: 1, MaxGap: 200 * time.Millisecond}, "a-00@0s a-01@100ms a-02@100ms a-03@300ms b-00@300ms b-01@301ms b-02@301ms b-03@501ms",
			Stats{OutOfOrder: 4, GapsCut: 2}},
		"merged": {Options{Speed: 1, Merge: true}, "a-00@0s b-00@60ms b-01@61ms b-02@61ms a-01@100ms a-02@100ms a-03@400ms b-03@16m40s",
			Stats{OutOfOrder: 1}},
		"limit": {Options{Limit: 2}, "a-00@0s a-01@0s", Stats{}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRecord()
			c.opt.Clock = r.clock
			s, err := Run(t.Context(), []string{a, b}, r, c.opt)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(strings.Fields(c.want), r.got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if s.Sent != int64(len(r.got)) || s.Packets != s.Sent || s.OutOfOrder != c.stats.OutOfOrder || s.GapsCut != c.stats.GapsCut ||
				s.Cut != s.Sent || s.MaxLate != 0 || c.opt.Limit == 0 && s.Untimed != 1 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestShift(t *testing.T) {
	a := capture(t, t.TempDir(), "a", 7, 107, 57, 407)
	for _, speed := range []float64{0, 10} {
		r := newRecord()
		if _, err := Run(t.Context(), []string{a}, r, Options{Speed: speed, ShiftTo: 5e9, Clock: r.clock}); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]int64{5e9, 5.1e9, 5.05e9, 5.4e9}, r.times); d != "" {
			t.Errorf("speed %v: %s", speed, d)
		}
	}
}

// TestLate: delays do not add up.
func TestLate(t *testing.T) {
	a := capture(t, t.TempDir(), "a", 0, 1, 2, 3, 1000)
	r := newRecord()
	r.clock.slow = 5 * time.Millisecond
	s, err := Run(t.Context(), []string{a}, r, Options{Speed: 1, Clock: r.clock})
	if err != nil {
		t.Fatal(err)
	}
	if last := r.got[4]; last != "a-04@1.005s" { // from the begin, which is the first look at the clock
		t.Errorf("the last packet went at %s", last)
	}
	if s.MaxLate != 17*time.Millisecond {
		t.Errorf("late by %v", s.MaxLate)
	}
}

func TestSkipAndFail(t *testing.T) {
	dir := t.TempDir()
	a, b := capture(t, dir, "a", 0, 1), capture(t, dir, "b", 2, 3, 4)
	r := newRecord()
	r.skip = "b"
	s, err := Run(t.Context(), []string{a, b}, r, Options{})
	if err != nil || s.Packets != 5 || s.Sent != 2 || s.Skipped["no b"] != 3 {
		t.Errorf("%+v, %v", s, err)
	}
	r.fail = errors.New("broken")
	if s, err := Run(t.Context(), []string{b, a}, r, Options{}); !errors.Is(err, r.fail) || s.Packets != 3 || s.Sent != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if err := os.Truncate(b, 250); err != nil {
		t.Fatal(err)
	}
	s, err = Run(t.Context(), []string{filepath.Join(dir, "none"), b, a}, newRecord(), Options{})
	if err != nil || len(s.Damaged) != 2 || s.Files != 3 || s.Sent < 3 {
		t.Errorf("%+v, %v", s, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, []string{a}, newRecord(), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestParseSpeed(t *testing.T) {
	for in, want := range map[string]float64{"1x": 1, "10": 10, "0.5x": 0.5, "max": 0} {
		if got, err := ParseSpeed(in); err != nil || got != want {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	for _, bad := range []string{"", "x", "0", "-1x", "NaN", "Inf", "1e99", "fast"} {
		if got, err := ParseSpeed(bad); err == nil {
			t.Errorf("%q is %v", bad, got)
		}
	}
}

// TestSpool replays files of two link types and reads the spool back.
func TestSpool(t *testing.T) {
	dir := t.TempDir()
	a, c := capture(t, dir, "a", 0, 10, 20), capture(t, dir, "c", 30, 31)
	raw := filepath.Join(dir, "b.pcap")
	var buf bytes.Buffer
	w, err := pcapio.NewWriter(&buf, pcapio.WriterOptions{Pcap: true}, pcapio.Interface{LinkType: pcapio.LinkRaw})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(&pcapio.Packet{Time: t0 + 25e6, Data: []byte("raw")}); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(raw, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "spool")
	sink := NewSpool(spool.Config{Dir: out, Sensor: "lab", NoSync: true, Rotation: spool.Rotation{Packets: 4}})
	s, err := Run(t.Context(), []string{a, raw, c}, sink, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	if st := sink.Stats(); s.Sent != 6 || st.Written != 6 || len(st.Interfaces) != 2 {
		t.Errorf("%+v, %+v", s, st)
	}
	tail, err := spool.OpenTail(out, spool.Position{}, spool.TailOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer tail.Close()
	var got []string
	var p pcapio.Packet
	for tail.TryNext(&p) == nil {
		got = append(got, fmt.Sprintf("%s %d %v %d", p.Data[:3], (p.Time-t0)/1e6, p.LinkType, p.WireLen))
	}
	want := []string{"a-0 0 ETHERNET 1500", "a-0 10 ETHERNET 1500", "a-0 20 ETHERNET 1500", "raw 25 RAW 3", "c-0 30 ETHERNET 1500", "c-0 31 ETHERNET 1500"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	list, err := spool.List(out)
	if err != nil || len(list) != 2 || list[0].Interface != "eth0" {
		t.Errorf("%+v, %v", list, err)
	}
	empty := NewSpool(spool.Config{Dir: out})
	if err := empty.Close(); err != nil || empty.Stats().Offered != 0 {
		t.Error(err)
	}
}

// TestRealClock is about order of magnitude only: nothing is early.
func TestRealClock(t *testing.T) {
	a := capture(t, t.TempDir(), "a", 0, 10, 20)
	s, err := Run(t.Context(), []string{a}, newRecord(), Options{Speed: 2})
	if err != nil || s.Elapsed < 10*time.Millisecond {
		t.Errorf("%+v, %v", s, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := Run(ctx, []string{a}, newRecord(), Options{Speed: 1e-6}); !errors.Is(err, context.Canceled) {
		t.Errorf("a sleep of hours: %v", err)
	}
}

// TestSpoolOfLab replays real captures merged by time; the spool has the same
// packets as the files.
func TestSpoolOfLab(t *testing.T) {
	lab := filepath.Join("..", "..", "testdata", "lab")
	paths := []string{filepath.Join(lab, "scan_syn.pcapng.zst"), filepath.Join(lab, "web_sqli.pcapng.zst"), filepath.Join(lab, "dos_dns_amp.pcapng.zst")}
	out := filepath.Join(t.TempDir(), "spool")
	sink := NewSpool(spool.Config{Dir: out, NoSync: true, Rotation: spool.Rotation{Bytes: 1 << 20}})
	s, err := Run(t.Context(), paths, sink, Options{Merge: true})
	if err != nil || len(s.Damaged) != 0 {
		t.Fatal(s, err)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := spool.Check(out, pcapio.Options{})
	if err != nil || r.Packets != s.Sent || s.Sent == 0 {
		t.Fatalf("%+v, %v; sent %+v", r, err, s)
	}
	tail, err := spool.OpenTail(out, spool.Position{}, spool.TailOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer tail.Close()
	same := compareWith{t: t, tail: tail}
	if _, err := Run(t.Context(), paths, &same, Options{Merge: true}); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d packets in %d segments", r.Packets, len(r.Segments))
}

// compareWith is a Sink that expects the packets of a Tail.
type compareWith struct {
	t    *testing.T
	tail *spool.Tail
}

func (c *compareWith) Send(f *pcapio.File, p *pcapio.Packet) error {
	var got pcapio.Packet
	if err := c.tail.TryNext(&got); err != nil {
		return err
	}
	if !bytes.Equal(got.Data, p.Data) || got.Time != p.Time || got.WireLen != p.WireLen || got.LinkType != p.LinkType ||
		got.Direction != p.Direction || got.Comment != p.Comment {
		return fmt.Errorf("%s: packet %d: read back %+v, want %+v", f.Path, p.Number, got, p)
	}
	return nil
}
