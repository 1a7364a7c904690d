package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCursor(t *testing.T) {
	dir := t.TempDir()
	for _, bad := range []string{"", "a/b", "..", ".x", "ü", strings.Repeat("x", 200)} {
		if _, err := OpenCursor(dir, bad); err == nil {
			t.Errorf("name %q was taken", bad)
		}
	}
	c, err := OpenCursor(dir, "watch-1")
	if err != nil {
		t.Fatal(err)
	}
	want := Position{Segment: "s", Offset: 1, Packet: 2, Digest: "d", DigestBytes: 3}
	if err := c.Advance(want); err != nil {
		t.Fatal(err)
	}
	again, err := OpenCursor(dir, "watch-1")
	if err != nil || again.Position() != want || again.Name() != "watch-1" {
		t.Errorf("%+v, %v", again, err)
	}
	list, err := Cursors(dir)
	if err != nil || len(list) != 1 || list[0].Position != want {
		t.Errorf("%+v, %v", list, err)
	}
	files, err := os.ReadDir(filepath.Join(dir, cursorDir))
	if err != nil || len(files) != 1 {
		t.Errorf("left behind: %v, %v", files, err)
	}
	if err := os.WriteFile(filepath.Join(dir, cursorDir, "watch-1.json"), []byte(`{"version":2}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCursor(dir, "watch-1"); err == nil {
		t.Error("a version that nobody knows was taken")
	}
	if r, err := GC(dir, Quota{Bytes: 1}, time.Now(), false); err != nil || len(r.Problems) != 1 {
		t.Errorf("GC with a cursor that it cannot read: %+v, %v", r, err)
	}
	if err := c.Remove(); err != nil {
		t.Error(err)
	}
	if list, err := Cursors(dir); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := OpenCursor(filepath.Join(dir, "nowhere"), "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a cursor without a spool: %v", err)
	}
}

func TestPlan(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	var list []Segment
	for i := int64(1); i <= 6; i++ {
		name := segmentName("s", "i", i, i)
		list = append(list, Segment{Name: name, Seq: i, Size: 100, Modified: now.Add(time.Duration(i-6) * time.Hour), Part: i == 6})
	}
	cursor := func(seq, offset int64) CursorState {
		return CursorState{Position: Position{Segment: segmentName("s", "i", seq, seq), Offset: offset}}
	}
	for _, c := range []struct {
		name    string
		q       Quota
		cursors []CursorState
		extra   int64
		free    int64
		want    string
	}{
		{"nothing to do", Quota{Bytes: 600, Age: 10 * time.Hour, MinFree: 50, Files: 5}, nil, 0, 50, "[]"},
		{"bytes", Quota{Bytes: 350}, nil, 0, 0, "[1bytes 2bytes 3bytes]"},
		{"bytes to come", Quota{Bytes: 600}, nil, 1, 0, "[1bytes]"},
		{"never the newest or the part", Quota{Bytes: 1}, nil, 0, 0, "[1bytes 2bytes 3bytes 4bytes] short"},
		{"age", Quota{Age: 210 * time.Minute}, nil, 0, 0, "[1age 2age]"},
		{"free", Quota{MinFree: 1000}, nil, 0, 850, "[1free 2free]"},
		{"free to come", Quota{MinFree: 1000}, nil, 60, 850, "[1free 2free 3free]"},
		{"files", Quota{Files: 3}, nil, 0, 0, "[1files 2files]"},
		{"consumed", Quota{Bytes: 350}, []CursorState{cursor(3, 99), cursor(4, 0)}, 0, 0, "[1bytes+ 2bytes+ 3bytes]"},
		{"consumed to the end", Quota{Bytes: 350}, []CursorState{cursor(3, 100)}, 0, 0, "[1bytes+ 2bytes+ 3bytes+]"},
		{"a new cursor", Quota{Files: 4}, []CursorState{{}, cursor(5, 0)}, 0, 0, "[1files]"},
	} {
		r := plan(list, c.cursors, c.q, c.extra, c.free, now)
		var got []string
		for _, d := range r.Deleted {
			s := fmt.Sprint(d.Seq, d.Reason)
			if d.Consumed {
				s += "+"
			}
			got = append(got, s)
		}
		g := fmt.Sprint(got)
		if r.Short {
			g += " short"
		}
		if g != c.want || r.Used != 600-100*int64(len(got)) {
			t.Errorf("%s: %s, want %s; %d used", c.name, g, c.want, r.Used)
		}
	}
}

func TestGC(t *testing.T) {
	cfg := config(t, "packets:1")
	fill(t, cfg, 0, 5, 1000)
	q := Quota{Files: 2}
	dry, err := GC(cfg.Dir, q, time.Now(), true)
	if err != nil || len(dry.Deleted) != 3 || len(segments(t, cfg.Dir)) != 5 {
		t.Fatalf("dry run: %+v, %v", dry, err)
	}
	r, err := GC(cfg.Dir, q, time.Now(), false)
	list := segments(t, cfg.Dir)
	if err != nil || len(r.Deleted) != 3 || r.Unconsumed != 3 || len(list) != 2 || list[0].Seq != 4 || r.Used != list[0].Size+list[1].Size {
		t.Errorf("%+v, %v; left %+v", r, err, list)
	}
}

// TestWriterKeepsQuota looks at the directory all the time while packets come.
func TestWriterKeepsQuota(t *testing.T) {
	cfg := config(t, "filesize:20kB")
	cfg.Quota.Bytes = 200_000
	cfg.ChunkBytes = 5000
	deleted := 0
	cfg.Notify = func(e Event) {
		if e.Kind == Deleted {
			deleted++
		}
	}
	w, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3000 {
		p := packet(i, 500)
		if err := w.Write(&p); err != nil {
			t.Fatal(err)
		}
		if i%50 != 0 {
			continue
		}
		w.Flush() // sizes stand still while they are summed
		list, err := List(cfg.Dir)
		if err != nil {
			t.Fatal(err)
		}
		var used int64
		for _, s := range list {
			used += s.Size
		}
		if used > cfg.Quota.Bytes {
			t.Fatalf("%d bytes of %d", used, cfg.Quota.Bytes)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s := w.Stats()
	if s.Written != 3000 || s.Deleted == 0 || s.Deleted != int64(deleted) {
		t.Errorf("%+v, told of %d deleted", s, deleted)
	}
	list := segments(t, cfg.Dir)
	last, _ := numbers(t, list[len(list)-1].Path)
	if last[len(last)-1] != 2999 || len(list) < 5 {
		t.Errorf("%d segments, the last packet is %d", len(list), last[len(last)-1])
	}
	if r := sound(t, cfg.Dir); r.Gaps != 0 {
		t.Errorf("%d gaps", r.Gaps)
	}
}
