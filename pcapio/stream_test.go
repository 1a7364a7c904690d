package pcapio

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// fileRead is what a Stream gave of one file.
type fileRead struct {
	packets []Packet
	err     error
	last    *File
}

// consume reads a Stream and checks the order of its events.
func consume(t *testing.T, s *Stream, paths []string, merged bool) (files []fileRead, all []Packet) {
	t.Helper()
	files = make([]fileRead, len(paths))
	began, ended := make([]bool, len(paths)), make([]bool, len(paths))
	next := 0
	for {
		ev, err := s.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		f := &files[ev.Index]
		if ev.File == nil || ev.File.Path != paths[ev.Index] {
			t.Fatalf("event %d of file %d has File %+v", ev.Kind, ev.Index, ev.File)
		}
		if !merged && ev.Index != next {
			t.Fatalf("an event of file %d while file %d is read", ev.Index, next)
		}
		if began[ev.Index] != (ev.Kind != FileBegin) || ended[ev.Index] {
			t.Fatalf("event %d of file %d out of turn", ev.Kind, ev.Index)
		}
		switch ev.Kind {
		case FileBegin:
			began[ev.Index] = true
		case FileBlock:
			got := copyBlock(t, ev.Block, s.opt)
			f.packets, all = append(f.packets, got...), append(all, got...)
			ev.Block.Release()
		case FileEnd:
			ended[ev.Index], f.err, f.last = true, ev.Err, ev.File
			next++
		}
	}
	if slices.Contains(ended, false) {
		t.Fatalf("files ended: %v", ended)
	}
	return files, all
}

// Blocks gives every file as a Reader of its own does, in order, whatever
// fails between.
func TestBlocks(t *testing.T) {
	small, ends := smallPcap(300)
	cut := writeFile(t, "cut.pcap", small[:ends[122]+5])
	text := writeFile(t, "text.pcap", []byte("no capture\n"))
	empty := writeFile(t, "empty.pcap", nil)
	missing := filepath.Join(t.TempDir(), "missing.pcap")
	paths := append(testCaptures(t), cut, missing, text, writeFile(t, "small.pcap", small), empty)
	for _, ahead := range []int{1, 2, 5, 100} {
		for _, opt := range []Options{{}, {BlockPackets: 50}, {mangle: true, BlockPackets: 9, BlockBytes: 2000}} {
			opt.ReadAhead = ahead
			s := Blocks(t.Context(), paths, opt)
			files, _ := consume(t, s, paths, false)
			s.Close()
			for i, path := range paths {
				var want []Packet
				r, wantErr := Open(path, Options{})
				if wantErr == nil {
					want, wantErr = readAll(r)
					r.Close()
				}
				got := files[i]
				if !equalPackets(got.packets, want) || fmt.Sprint(got.err) != fmt.Sprint(wantErr) {
					t.Errorf("%s, %d ahead: %d packets of %d, %v, want %v", path, ahead, len(got.packets), len(want), got.err, wantErr)
				}
				if got.last.Packets != int64(len(want)) {
					t.Errorf("%s: the end tells %d packets, want %d", path, got.last.Packets, len(want))
				}
			}
			i := len(paths) - 5
			for k, want := range []error{ErrTruncated, fs.ErrNotExist, ErrNotCapture, nil, ErrEmpty} {
				if err := files[i+k].err; !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", paths[i+k], err, want)
				}
			}
		}
	}
}

// The begin of a file tells its interfaces.
func TestFileBegin(t *testing.T) {
	s := Blocks(t.Context(), []string{filepath.Join("testdata", "suite_le_test102.pcapng")}, Options{})
	defer s.Close()
	ev, err := s.Next()
	if err != nil || ev.Kind != FileBegin || len(ev.File.Interfaces) != 3 {
		t.Fatalf("%+v, %v", ev.File, err)
	}
}

// A consumer may stop anywhere, and blocks may be released anywhere.
func TestStreamStops(t *testing.T) {
	paths := testCaptures(t)
	for _, merge := range []bool{false, true} {
		for stop := range 12 {
			ctx, cancel := context.WithCancel(t.Context())
			read := Blocks
			if merge {
				read = Merge
			}
			s := read(ctx, paths, Options{BlockPackets: 20, mangle: true})
			var wait sync.WaitGroup
			for range stop {
				ev, err := s.Next()
				if err != nil {
					t.Fatal(err)
				}
				if ev.Block != nil {
					wait.Go(ev.Block.Release)
				}
			}
			if stop%2 == 0 {
				cancel()
				if _, err := s.Next(); !errors.Is(err, context.Canceled) {
					t.Errorf("after cancel: %v", err)
				}
			}
			s.Close()
			s.Close()
			if _, err := s.Next(); err == nil {
				t.Error("an event after Close")
			}
			wait.Wait()
			cancel()
		}
	}
}

// timedPcap is a capture of packets at these seconds; the packets tell file and place.
func timedPcap(t *testing.T, name string, file int, seconds ...int) string {
	t.Helper()
	b := pcapHeader(lowFirst, magicNano, 0, 1)
	for i, s := range seconds {
		b = append(b, pcapRecord(lowFirst, uint32(s), 0, 2, []byte{byte(file), byte(i)})...)
	}
	return writeFile(t, name, b)
}

func TestMerge(t *testing.T) {
	small, _ := smallPcap(1)
	paths := []string{
		timedPcap(t, "a.pcap", 0, 10, 12, 12, 30, 31, 32),
		timedPcap(t, "b.pcap", 1, 5, 12, 12, 12, 40),
		writeFile(t, "damaged.pcap", small[:30]),
		timedPcap(t, "c.pcap", 3, 11, 9, 33), // not in order itself
		timedPcap(t, "d.pcap", 4),
		timedPcap(t, "e.pcap", 5, 100, 101),
		filepath.Join(t.TempDir(), "missing.pcap"),
	}
	want := [][2]byte{
		{1, 0}, {0, 0}, {3, 0}, {3, 1}, {0, 1}, {0, 2}, {1, 1}, {1, 2}, {1, 3},
		{0, 3}, {0, 4}, {0, 5}, {3, 2}, {1, 4}, {5, 0}, {5, 1},
	}
	for _, opt := range []Options{{}, {BlockPackets: 1}, {BlockPackets: 2}, {mangle: true, BlockBytes: 20}} {
		s := Merge(t.Context(), paths, opt)
		files, all := consume(t, s, paths, true)
		s.Close()
		var got [][2]byte
		for _, p := range all {
			got = append(got, [2]byte(p.Data))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v:\ngot  %v\nwant %v", opt, got, want)
		}
		if !errors.Is(files[2].err, ErrTruncated) || !errors.Is(files[6].err, fs.ErrNotExist) {
			t.Errorf("errors %v, %v", files[2].err, files[6].err)
		}
	}
}

// Packets without a time stay behind the one before them.
func TestMergeUntimed(t *testing.T) {
	g := ng{lowFirst}
	b := append(g.section(), g.iface(1, 0)...)
	b = append(b, g.enhanced(0, 20e6, []byte{1, 0})...)
	b = append(b, g.simple(2, []byte{1, 1})...)
	b = append(b, g.enhanced(0, 40e6, []byte{1, 2})...)
	paths := []string{timedPcap(t, "a.pcap", 0, 10, 30, 50), writeFile(t, "b.pcapng", b)}
	s := Merge(t.Context(), paths, Options{})
	defer s.Close()
	_, all := consume(t, s, paths, true)
	var got []byte
	for _, p := range all {
		got = append(got, 10*p.Data[0]+p.Data[1])
	}
	if want := []byte{0, 10, 11, 1, 12, 2}; !bytes.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A merge is a stable sort, where a packet that goes back in time counts as
// at the same time as the one before it; mergecap makes the same.
func TestMergeLab(t *testing.T) {
	var paths []string
	for _, p := range testCaptures(t) {
		if filepath.Ext(p) == ".zst" {
			paths = append(paths, p)
		}
	}
	s := Merge(t.Context(), paths, Options{BlockPackets: 100})
	defer s.Close()
	_, got := consume(t, s, paths, true)
	var want []risen
	for _, p := range paths {
		r, err := Open(p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		all, err := readAll(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		want = append(want, rising(all)...)
	}
	slices.SortStableFunc(want, byTime)
	if !slices.EqualFunc(got, want, func(a Packet, b risen) bool { return a.Time == b.was && bytes.Equal(a.Data, b.Data) }) {
		t.Error("not a stable sort by time")
	}
	mergecap, err := exec.LookPath("mergecap")
	if err != nil {
		t.Skip("mergecap is not installed")
	}
	out := filepath.Join(t.TempDir(), "merged.pcapng")
	if msg, err := exec.Command(mergecap, append([]string{"-w", out}, paths...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, msg)
	}
	r, err := Open(out, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	theirs, err := readAll(r)
	if err != nil || !slices.EqualFunc(theirs, got, func(a, b Packet) bool { return a.Time == b.Time && bytes.Equal(a.Data, b.Data) }) {
		t.Errorf("mergecap has %d packets, we %d, %v", len(theirs), len(got), err)
	}
}

// risen is a packet at the latest time up to it in its file.
type risen struct {
	Packet
	was int64
}

func rising(packets []Packet) []risen {
	var all []risen
	for i, p := range packets {
		r := risen{p, p.Time}
		if i > 0 {
			r.Time = max(r.Time, all[i-1].Time)
		}
		all = append(all, r)
	}
	return all
}

func byTime(a, b risen) int { return cmp.Compare(a.Time, b.Time) }
