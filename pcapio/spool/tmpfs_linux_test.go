package spool

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pcapline/pcapline/pcapio"
)

// tmpfs mounts a file system of 8 MiB.
func tmpfs(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a file system of fixed size; run in: unshare -Urm")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestFreeSpaceFloor writes five times what the file system holds.
func TestFreeSpaceFloor(t *testing.T) {
	dir := tmpfs(t)
	cfg := config(t, "filesize:500kB")
	cfg.Dir = filepath.Join(dir, "spool")
	cfg.Quota.MinFree = 3 << 20
	w, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	const n = 40_000
	lowest := int64(1 << 40)
	for i := range n {
		p := packet(i, 1000)
		if err := w.Write(&p); err != nil {
			t.Fatal(err)
		}
		if i%100 == 0 {
			free, err := freeSpace(dir)
			if err != nil {
				t.Fatal(err)
			}
			lowest = min(lowest, free)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	// The file system counts pages, the floor bytes.
	if lowest < cfg.Quota.MinFree-64<<10 {
		t.Errorf("%d bytes were free, the floor is %d", lowest, cfg.Quota.MinFree)
	}
	if s := w.Stats(); s.Written != n || s.Deleted == 0 {
		t.Errorf("%+v", s)
	}
	r := sound(t, cfg.Dir)
	if r.Bytes < 4<<20 {
		t.Errorf("only %d bytes are kept", r.Bytes)
	}
}

// TestFloorHeldByOthers: somebody else fills the disk; what may be deleted is
// deleted, then writing stops.
func TestFloorHeldByOthers(t *testing.T) {
	dir := tmpfs(t)
	if err := os.WriteFile(filepath.Join(dir, "other"), make([]byte, 6<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config(t, "filesize:500kB")
	cfg.Wait, cfg.RetryEvery = false, time.Nanosecond
	cfg.Dir = filepath.Join(dir, "spool")
	cfg.Quota.MinFree = 3 << 20
	w, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	write(t, w, 0, 100)
	if s := w.Stats(); s.DroppedDisk != 100 || !s.Stopped || s.Error == "" {
		t.Errorf("%+v", s)
	}
	os.Remove(filepath.Join(dir, "other"))
	write(t, w, 100, 200)
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if s := w.Stats(); s.Written != 100 || s.DroppedDisk != 100 || s.Stopped {
		t.Errorf("%+v", s)
	}
	if r := sound(t, cfg.Dir); r.Packets != 100 || r.Dropped != 100 {
		t.Errorf("%d packets, %d dropped", r.Packets, r.Dropped)
	}
}

func write(t *testing.T, w *Writer, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		p := packet(i, 1000)
		if err := w.Write(&p); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush()
}

// TestDiskFull fills the disk without a quota, makes room, and fills it again.
func TestDiskFull(t *testing.T) {
	dir := tmpfs(t)
	cfg := config(t, "filesize:1MB")
	cfg.Wait, cfg.RetryEvery = false, time.Millisecond
	cfg.ChunkBytes = 100_000
	cfg.Dir = filepath.Join(dir, "spool")
	var kinds bytes.Buffer
	cfg.Notify = func(e Event) {
		if e.Kind != Finished {
			kinds.WriteString(string(e.Kind) + " ")
		}
	}
	w, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	next := 0
	fillUp := func() {
		before := w.Stats().DroppedDisk
		for w.Stats().DroppedDisk < before+500 {
			write(t, w, next, next+100)
			next += 100
		}
	}
	fillUp()
	if s := w.Stats(); s.Written < 7000 || s.Written+s.DroppedDisk != int64(next) {
		t.Errorf("full: %+v", s)
	}
	kept := map[string][]int{}
	for _, s := range finished(t, cfg.Dir)[:3] { // somebody takes them away
		kept[s.Name], _ = numbers(t, s.Path)
		os.Remove(s.Path)
	}
	time.Sleep(2 * cfg.RetryEvery)
	before := w.Stats()
	write(t, w, next, next+100)
	next += 100
	if s := w.Stats(); s.Stopped || s.Written != before.Written+100 {
		t.Errorf("resumed: %+v", s)
	}
	fillUp()
	for _, s := range finished(t, cfg.Dir)[:2] {
		kept[s.Name], _ = numbers(t, s.Path)
		os.Remove(s.Path)
	}
	time.Sleep(2 * cfg.RetryEvery)
	write(t, w, next, next+1)
	next++
	if err := w.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	s := w.Stats()
	if s.Offered != int64(next) || s.Written+s.DroppedDisk != s.Offered || s.DroppedQueue != 0 || s.DroppedDisk < 1000 {
		t.Errorf("%d packets: %+v", next, s)
	}
	r := sound(t, cfg.Dir)
	var there, lost int64
	last := -1
	for _, seg := range r.Segments {
		list, f := numbers(t, seg.Path)
		there += int64(len(list))
		lost += f.Interfaces[0].Lost
		for _, n := range list {
			if n <= last {
				t.Errorf("packet %d behind %d", n, last)
			}
			last = n
		}
	}
	for _, list := range kept {
		there += int64(len(list))
	}
	if there != s.Written || lost != s.DroppedDisk || last != next-1 {
		t.Errorf("%d packets in segments, %d written; the packets say %d lost, %d were", there, s.Written, lost, s.DroppedDisk)
	}
	if got := kinds.String(); !bytes.HasPrefix([]byte(got), []byte("stopped resumed stopped resumed")) {
		t.Errorf("told: %s", got)
	}
}

// TestDiskFullWaiting: a replay gets the error instead.
func TestDiskFullWaiting(t *testing.T) {
	dir := tmpfs(t)
	cfg := config(t, "filesize:1MB")
	cfg.Dir = filepath.Join(dir, "spool")
	w, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; err == nil && i < 1_000_000; i++ {
		p := packet(i, 1000)
		err = w.Write(&p)
	}
	if !isNoSpace(err) {
		t.Errorf("%v", err)
	}
	if err := w.Close(); err == nil {
		t.Error("Close says nothing")
	}
	s := w.Stats()
	if s.Offered != s.Written+s.DroppedDisk {
		t.Errorf("%+v", s)
	}
	r, err := Check(cfg.Dir, pcapio.Options{})
	if err != nil || r.Packets != s.Written {
		t.Errorf("%d packets, %v; %+v", r.Packets, err, s)
	}
}

func isNoSpace(err error) bool {
	for err != nil {
		if err == unix.ENOSPC {
			return true
		}
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return false
		}
		err = u.Unwrap()
	}
	return false
}
