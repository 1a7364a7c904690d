package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pcapline/pcapline/pcapio"
)

func openTail(t testing.TB, dir string, from Position, opt TailOptions) *Tail {
	t.Helper()
	tail, err := OpenTail(dir, from, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tail.Close() })
	return tail
}

// rest reads until there is nothing more.
func rest(t testing.TB, tail *Tail) (list []int) {
	t.Helper()
	var p pcapio.Packet
	for {
		switch err := tail.TryNext(&p); err {
		case nil:
			list = append(list, number(&p))
		case io.EOF:
			return list
		default:
			t.Fatal(err)
		}
	}
}

func position(t testing.TB, tail *Tail) Position {
	t.Helper()
	p, err := tail.Position()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestTailExactlyOnce follows a writer across hundreds of segments, and is
// itself replaced by another Tail at the same position again and again.
func TestTailExactlyOnce(t *testing.T) {
	const total = 20_000
	cfg := config(t, "packets:97")
	w, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for i := range total {
			p := packet(i, 100)
			if err := w.Write(&p); err != nil {
				t.Error(err)
			}
			if i%1000 == 0 {
				w.Flush()
			}
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	rnd := rand.New(rand.NewPCG(1, 2))
	cursor, err := OpenCursor(cfg.Dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	restarts := 0
	tail := openTail(t, cfg.Dir, cursor.Position(), TailOptions{Rescan: 50 * time.Millisecond})
	for want := range total {
		var p pcapio.Packet
		if err := tail.Next(ctx, &p); err != nil {
			t.Fatalf("packet %d: %v; %+v", want, err, tail.Stats())
		}
		if n := number(&p); n != want {
			t.Fatalf("packet %d of %s is number %d, want %d", p.Number, tail.Segment().Name, n, want)
		}
		if rnd.IntN(300) == 0 {
			restarts++
			if err := cursor.Advance(position(t, tail)); err != nil {
				t.Fatal(err)
			}
			tail.Close()
			if cursor, err = OpenCursor(cfg.Dir, "test"); err != nil {
				t.Fatal(err)
			}
			tail = openTail(t, cfg.Dir, cursor.Position(), TailOptions{Rescan: 50 * time.Millisecond})
		}
	}
	var p pcapio.Packet
	if err := tail.TryNext(&p); err != io.EOF {
		t.Errorf("behind the last packet: %v", err)
	}
	if s := tail.Stats(); s.Missing+s.Damaged+s.Skipped != 0 {
		t.Errorf("%+v", s)
	}
	t.Logf("%d restarts", restarts)
}

// TestTailOfPart: packets are there before the segment is finished, and
// Finished leaves them out.
func TestTailOfPart(t *testing.T) {
	cfg := config(t, "packets:3")
	w, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	all := openTail(t, cfg.Dir, Position{}, TailOptions{Rescan: time.Nanosecond})
	done := openTail(t, cfg.Dir, Position{}, TailOptions{Rescan: time.Nanosecond, Finished: true})
	for i := range 5 {
		p := packet(i, 60)
		if err := w.Write(&p); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		if got := rest(t, all); fmt.Sprint(got) != fmt.Sprint([]int{i}) {
			t.Errorf("after packet %d: %v", i, got)
		}
		if f := all.File(); f == nil || len(f.Interfaces) != 1 || f.Interfaces[0].Name != "eth0" {
			t.Errorf("File() = %+v", f)
		}
	}
	for len(finished(t, cfg.Dir)) == 0 { // by a goroutine of its own
		time.Sleep(time.Millisecond)
	}
	if got := rest(t, done); fmt.Sprint(got) != "[0 1 2]" {
		t.Errorf("finished: %v", got)
	}
}

func finished(t testing.TB, dir string) (list []Segment) {
	t.Helper()
	all, err := List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if !s.Part {
			list = append(list, s)
		}
	}
	return list
}

// TestTailIsTold: without a rescan, news come by the file system's events.
func TestTailIsTold(t *testing.T) {
	cfg := config(t, "packets:2")
	w, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	tail := openTail(t, cfg.Dir, Position{}, TailOptions{Rescan: time.Hour})
	if tail.watch == nil {
		t.Skip("the file system tells nothing")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for i := range 50 {
		p := packet(i, 60)
		if err := w.Write(&p); err != nil {
			t.Fatal(err)
		}
		if err := tail.Next(ctx, &p); err != nil || number(&p) != i {
			t.Fatalf("packet %d: %v", i, err)
		}
	}
	cancel()
	var p pcapio.Packet
	if err := tail.Next(ctx, &p); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestTailOfTorn reads a segment whose writer has died, before, while and
// after it is recovered.
func TestTailOfTorn(t *testing.T) {
	file, ends := unfinished()
	dir, part := tornSpool(t, file[:ends[2]+20])
	tail := openTail(t, dir, Position{}, TailOptions{Rescan: time.Nanosecond})
	if got := rest(t, tail); fmt.Sprint(got) != "[0 1 2]" {
		t.Fatalf("torn: %v", got)
	}
	at := position(t, tail)
	if got := rest(t, tail); got != nil {
		t.Fatalf("waiting: %v", got)
	}
	if _, err := Recover(dir); err != nil {
		t.Fatal(err)
	}
	cfg := config(t, "packets:2")
	cfg.Dir = dir
	fill(t, cfg, 3, 8, 60)
	for name, tail := range map[string]*Tail{"the same": tail, "another": openTail(t, dir, at, TailOptions{})} {
		if got := rest(t, tail); fmt.Sprint(got) != "[3 4 5 6 7]" {
			t.Errorf("%s tail, after recovery: %v", name, got)
		}
		if s := tail.Stats(); s.Damaged+s.Skipped+s.Missing != 0 {
			t.Errorf("%+v", s)
		}
	}
	// Somebody renames a torn segment instead.
	if err := os.WriteFile(part, file[:ends[2]+20], 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(part, filepath.Join(dir, tornName)); err != nil {
		t.Fatal(err)
	}
	tail = openTail(t, dir, Position{}, TailOptions{})
	if got := rest(t, tail); fmt.Sprint(got) != "[0 1 2 3 4 5 6 7]" {
		t.Errorf("damaged: %v", got)
	}
	if s := tail.Stats(); s.Damaged != 1 || s.Skipped != 20 {
		t.Errorf("%+v", s)
	}
}

// TestTailOfRemoved: a segment without a packet goes away and its number is
// given to another.
func TestTailOfRemoved(t *testing.T) {
	file, ends := unfinished()
	dir, _ := tornSpool(t, file[:ends[0]-1])
	tail := openTail(t, dir, Position{}, TailOptions{Rescan: time.Nanosecond})
	if got := rest(t, tail); got != nil {
		t.Fatalf("%v", got)
	}
	cfg := config(t, "packets:2")
	cfg.Dir = dir
	fill(t, cfg, 5, 8, 60)
	if list := segments(t, dir); list[0].Seq != 1 {
		t.Errorf("%+v", list)
	}
	if got := rest(t, tail); fmt.Sprint(got) != "[5 6 7]" {
		t.Errorf("%v", got)
	}
	if s := tail.Stats(); s.Missing+s.Damaged != 0 {
		t.Errorf("%+v", s)
	}
}

// TestTailOfDeleted: an open segment is read to its end, and those that went
// away unread are counted.
func TestTailOfDeleted(t *testing.T) {
	cfg := config(t, "packets:2")
	fill(t, cfg, 0, 10, 60)
	tail := openTail(t, cfg.Dir, Position{}, TailOptions{})
	var p pcapio.Packet
	if err := tail.TryNext(&p); err != nil {
		t.Fatal(err)
	}
	for _, s := range segments(t, cfg.Dir)[:3] {
		os.Remove(s.Path)
	}
	if got := rest(t, tail); fmt.Sprint(got) != "[1 6 7 8 9]" {
		t.Errorf("%v", got)
	}
	if s := tail.Stats(); s.Missing != 2 || s.Packets != 6 {
		t.Errorf("%+v", s)
	}
}

func TestTailPosition(t *testing.T) {
	cfg := config(t, "packets:4")
	fill(t, cfg, 0, 10, 60)
	// From every packet on, the rest comes.
	tail := openTail(t, cfg.Dir, Position{}, TailOptions{})
	var p pcapio.Packet
	var marks []Position
	for i := range 10 {
		marks = append(marks, position(t, tail))
		if err := tail.TryNext(&p); err != nil || p.Number != int64(i%4+1) {
			t.Fatal(err, p.Number)
		}
	}
	marks = append(marks, position(t, tail))
	for i, at := range marks {
		got := rest(t, openTail(t, cfg.Dir, at, TailOptions{}))
		if len(got) != 10-i || len(got) > 0 && got[0] != i {
			t.Errorf("from %+v: %v", at, got)
		}
	}
	if rest(t, tail) != nil {
		t.Error("a packet behind the last")
	}
	// The segment at the position is another one now.
	at := marks[6]
	path := filepath.Join(cfg.Dir, at.Segment)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[at.DigestBytes-10] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenTail(cfg.Dir, at, TailOptions{}); !errors.Is(err, ErrChanged) {
		t.Errorf("changed: %v", err)
	}
	// It is gone.
	os.Remove(path)
	if got := rest(t, openTail(t, cfg.Dir, at, TailOptions{})); fmt.Sprint(got) != "[8 9]" {
		t.Errorf("gone: %v", got)
	}
	for _, bad := range []Position{{Segment: "../x"}, {Segment: marks[1].Segment, Packet: 1, Offset: 3},
		{Segment: marks[1].Segment, DigestBytes: 1 << 40}} {
		if _, err := OpenTail(cfg.Dir, bad, TailOptions{}); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

func TestCheck(t *testing.T) {
	cfg := config(t, "packets:2")
	fill(t, cfg, 0, 8, 60)
	if r := sound(t, cfg.Dir); r.Packets != 8 || len(r.Segments) != 4 || r.Gaps != 0 {
		t.Errorf("%+v", r)
	}
	list := segments(t, cfg.Dir)
	os.Remove(list[1].Path)
	if err := os.Truncate(list[2].Path, list[2].Size-200); err != nil {
		t.Fatal(err)
	}
	r, err := Check(cfg.Dir, pcapio.Options{})
	if err != nil || r.Gaps != 1 || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], list[2].Name) || r.Segments[1].Error == "" {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := Check(filepath.Join(cfg.Dir, "nowhere"), pcapio.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// BenchmarkTail reads a spool of finished segments.
func BenchmarkTail(b *testing.B) {
	cfg := config(b, "filesize:16MB")
	const n = 100_000
	fill(b, cfg, 0, n, 512)
	b.SetBytes(n * 512)
	b.ReportAllocs()
	for b.Loop() {
		tail, err := OpenTail(cfg.Dir, Position{}, TailOptions{})
		if err != nil {
			b.Fatal(err)
		}
		var p pcapio.Packet
		for err = tail.TryNext(&p); err == nil; err = tail.TryNext(&p) {
		}
		if s := tail.Stats(); s.Packets != n {
			b.Fatalf("%+v, %v", s, err)
		}
		tail.Close()
	}
}

// BenchmarkTailLatency is how long after Write a Tail gives a packet, with the
// Writer's default of flushing: of packets that come at once behind the one
// before, and of those that come after a pause.
func BenchmarkTailLatency(b *testing.B) {
	for name, pause := range map[string]time.Duration{"busy": 0, "sparse": 10 * time.Millisecond} {
		b.Run(name, func(b *testing.B) { benchLatency(b, pause) })
	}
}

func benchLatency(b *testing.B, pause time.Duration) {
	cfg := config(b, "packets:1000")
	cfg.FlushEvery = 0
	w, err := Open(cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	tail := openTail(b, cfg.Dir, Position{}, TailOptions{})
	var took []time.Duration
	for b.Loop() {
		time.Sleep(pause)
		p := packet(0, 200)
		at := time.Now()
		if err := w.Write(&p); err != nil {
			b.Fatal(err)
		}
		if err := tail.Next(b.Context(), &p); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(at))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1e3, "ms-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1e3, "ms-p99")
}
