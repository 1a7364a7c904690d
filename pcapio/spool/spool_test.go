package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pcapline/pcapline/pcapio"
)

const t0 = int64(1_700_000_000_000_000_000)

var eth0 = pcapio.Interface{Name: "eth0", LinkType: pcapio.LinkEthernet, SnapLen: 262144, Filter: "tcp"}

// config is that of a test: nothing is synced and nothing ends by the clock.
func config(t testing.TB, rotation ...string) Config {
	t.Helper()
	r, err := ParseRotation(rotation...)
	if err != nil {
		t.Fatal(err)
	}
	return Config{Dir: filepath.Join(t.TempDir(), "spool"), Sensor: "lab", Interfaces: []pcapio.Interface{eth0},
		Rotation: r, PacketTime: true, NoSync: true, Wait: true, FlushEvery: time.Millisecond}
}

// packet is the n-th, which says so.
func packet(n int, size int) pcapio.Packet {
	data := make([]byte, max(size, 8))
	binary.BigEndian.PutUint64(data, uint64(n))
	return pcapio.Packet{Time: t0 + int64(n)*1e9, Data: data, WireLen: uint32(len(data))}
}

func number(p *pcapio.Packet) int { return int(binary.BigEndian.Uint64(p.Data)) }

// fill writes packets [from, to) and closes.
func fill(t testing.TB, cfg Config, from, to, size int) Stats {
	t.Helper()
	w, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := from; i < to; i++ {
		p := packet(i, size)
		if err := w.Write(&p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.Stats()
}

// segments lists a spool, which must have no unfinished one.
func segments(t testing.TB, dir string) []Segment {
	t.Helper()
	list, err := List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if s.Part {
			t.Errorf("%s is unfinished", s.Name)
		}
	}
	return list
}

// numbers reads a segment.
func numbers(t testing.TB, path string) (list []int, f *pcapio.File) {
	t.Helper()
	r, err := pcapio.Open(path, pcapio.Options{NoMap: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var p pcapio.Packet
	for err = r.Next(&p); err == nil; err = r.Next(&p) {
		list = append(list, number(&p))
	}
	if err != io.EOF {
		t.Fatal(err)
	}
	return list, r.File()
}

// sound checks a spool, and by Wireshark where there is one.
func sound(t testing.TB, dir string) CheckReport {
	t.Helper()
	r, err := Check(dir, pcapio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Problems {
		t.Error(p)
	}
	capinfos, err := exec.LookPath("capinfos")
	if err != nil || len(r.Segments) == 0 {
		return r
	}
	args := []string{"-cMTr"}
	want := map[string]string{}
	for _, s := range r.Segments {
		args = append(args, s.Path)
		want[s.Path] = fmt.Sprint(s.Packets)
	}
	out, err := exec.Command(capinfos, args...).CombinedOutput()
	if err != nil {
		t.Errorf("capinfos: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 2 && want[f[0]] != f[1] {
			t.Errorf("capinfos finds %s packets in %s, want %s", f[1], f[0], want[f[0]])
		}
	}
	return r
}

func TestRotation(t *testing.T) {
	for _, c := range []struct {
		rotation string
		want     string // packets of the segments
	}{
		{"packets:4", "[4 4 2]"},
		{"duration:3", "[3 3 3 1]"},
		{"duration:1ms", "[1 1 1 1 1 1 1 1 1 1]"},
		{"interval:4", "[4 4 2]"}, // t0 is a multiple of 4 s
		{"filesize:1500B", "[8 2]"},
		{"filesize:1B", "[1 1 1 1 1 1 1 1 1 1]"},
		{"packets:100", "[10]"},
	} {
		t.Run(c.rotation, func(t *testing.T) {
			cfg := config(t, c.rotation)
			s := fill(t, cfg, 0, 10, 100)
			var got []int64
			next := 0
			for i, seg := range segments(t, cfg.Dir) {
				list, f := numbers(t, seg.Path)
				got = append(got, int64(len(list)))
				if want := fmt.Sprintf("lab_eth0_%d_%010d.pcapng", t0+int64(next)*1e9, i+1); seg.Name != want {
					t.Errorf("named %s, want %s", seg.Name, want)
				}
				for _, n := range list {
					if n != next {
						t.Errorf("%s: packet %d, want %d", seg.Name, n, next)
					}
					next++
				}
				st := f.Interfaces[0].Stats
				if st == nil || *st.Received != int64(len(list)) || *st.Delivered != int64(len(list)) ||
					*st.Dropped != 0 || *st.DroppedByOS != 0 || st.Start != seg.Start || st.End != t0+int64(next-1)*1e9 {
					t.Errorf("%s: statistics %+v", seg.Name, st)
				}
				if i := f.Interfaces[0]; i.Name != "eth0" || i.Filter != "tcp" || i.SnapLen != 262144 || i.TicksPerSecond != 1e9 {
					t.Errorf("%s: interface %+v", seg.Name, i)
				}
				if cfg.Rotation.Bytes > 1 && seg.Size > cfg.Rotation.Bytes {
					t.Errorf("%s has %d bytes", seg.Name, seg.Size)
				}
			}
			if fmt.Sprint(got) != c.want || next != 10 {
				t.Errorf("segments of %v packets, want %s", got, c.want)
			}
			if s.Offered != 10 || s.Written != 10 || s.Segments != int64(len(got)) || s.DroppedQueue+s.DroppedDisk != 0 {
				t.Errorf("%+v", s)
			}
			sound(t, cfg.Dir)
		})
	}
}

// TestRotationByClock: a quiet interface does not keep a segment open.
func TestRotationByClock(t *testing.T) {
	cfg := config(t, "duration:0.05")
	cfg.PacketTime = false
	done := make(chan Event, 8)
	cfg.Notify = func(e Event) { done <- e }
	w, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	p := packet(0, 60)
	if err := w.Write(&p); err != nil {
		t.Fatal(err)
	}
	if e := <-done; e.Kind != Finished || e.Packets != 1 {
		t.Errorf("%+v", e)
	}
}

func TestModesAndNames(t *testing.T) {
	cfg := config(t, "packets:1")
	cfg.Sensor = "../a_b c"
	cfg.Interfaces = []pcapio.Interface{{Name: "br_lan"}, {Name: "wlan/0"}}
	fill(t, cfg, 0, 1, 60)
	s := segments(t, cfg.Dir)[0]
	if s.Sensor != "-a-b-c" || s.Interface != "br_lan+wlan-0" {
		t.Errorf("%+v", s)
	}
	for path, mode := range map[string]os.FileMode{cfg.Dir: 0o750 | os.ModeDir, s.Path: 0o640} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != mode {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), mode)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	cfg := config(t)
	for name, change := range map[string]func(*Config){
		"no directory":              func(c *Config) { c.Dir = "" },
		"no interface":              func(c *Config) { c.Interfaces = nil },
		"quota below five segments": func(c *Config) { c.Quota.Bytes, c.Rotation = 4000, Rotation{Bytes: 1000} },
	} {
		c := cfg
		change(&c)
		if w, err := Open(c); err == nil {
			w.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

func TestOneWriterOnly(t *testing.T) {
	cfg := config(t, "packets:2")
	w, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(cfg); !errors.Is(err, ErrLocked) {
		t.Errorf("a second writer: %v", err)
	}
	if _, err := Recover(cfg.Dir); !errors.Is(err, ErrLocked) {
		t.Errorf("recovery beside a writer: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	p := packet(0, 60)
	if err := w.Write(&p); !errors.Is(err, ErrClosed) {
		t.Errorf("Write after Close: %v", err)
	}
	w.Flush() // returns
	// Numbers go on where they were, also when only a cursor remembers.
	fill(t, cfg, 0, 4, 60)
	fill(t, cfg, 4, 6, 60)
	list := segments(t, cfg.Dir)
	if len(list) != 3 || list[2].Seq != 3 {
		t.Errorf("%+v", list)
	}
	c, err := OpenCursor(cfg.Dir, "c")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Advance(Position{Segment: list[2].Name, Offset: 1}); err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		os.Remove(s.Path)
	}
	fill(t, cfg, 6, 7, 60)
	if list := segments(t, cfg.Dir); len(list) != 1 || list[0].Seq != 4 {
		t.Errorf("%+v", list)
	}
}

// TestInterfaces declares some while a segment is open.
func TestInterfaces(t *testing.T) {
	cfg := config(t, "packets:4")
	w, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if i == 2 || i == 5 {
			got, err := w.AddInterface(pcapio.Interface{Name: fmt.Sprint("if", i), LinkType: pcapio.LinkRaw})
			if err != nil || got != map[int]int{2: 1, 5: 2}[i] {
				t.Fatal(got, err)
			}
		}
		p := packet(i, 60)
		p.Interface = int32(min(i/2, 2))
		if p.Interface == 2 && i < 5 {
			p.Interface = 1
		}
		if err := w.Write(&p); err != nil {
			t.Fatal(err)
		}
	}
	p := packet(0, 60)
	p.Interface = 3
	if err := w.Write(&p); !errors.Is(err, pcapio.ErrNotWritable) {
		t.Errorf("interface 3: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range segments(t, cfg.Dir) {
		list, f := numbers(t, s.Path)
		var delivered []int64
		for _, i := range f.Interfaces {
			delivered = append(delivered, *i.Stats.Delivered)
		}
		got = append(got, fmt.Sprint(list, delivered))
	}
	want := "[0 1 2 3] [2 2]|[4 5 6 7] [0 1 3]|[8 9] [0 0 2]"
	if g := strings.Join(got, "|"); g != want {
		t.Errorf("got  %s\nwant %s", g, want)
	}
	sound(t, cfg.Dir)
}

// TestHold holds up the goroutine that writes: nothing is dropped, Write waits.
func TestHold(t *testing.T) {
	cfg := config(t, "packets:1")
	cfg.Wait, cfg.Hold = false, true
	cfg.ChunkBytes, cfg.QueueBytes = 1000, 3000
	hold := make(chan struct{})
	cfg.Notify = func(Event) { <-hold }
	w, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	const offered = 200 // several times what the queue takes
	go func() {
		for w.Stats().Offered < 10 {
			time.Sleep(time.Millisecond)
		}
		close(hold)
	}()
	for i := range offered {
		p := packet(i, 100)
		if err := w.Write(&p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if s := w.Stats(); s.Written != offered || s.DroppedQueue != 0 {
		t.Errorf("%+v", s)
	}
	sound(t, cfg.Dir)
}

// TestStalledDisk holds up the goroutine that writes until the queue is full:
// what is lost is counted, and said at the packet behind it and in the statistics.
func TestStalledDisk(t *testing.T) {
	cfg := config(t, "packets:1")
	cfg.Wait = false
	cfg.ChunkBytes, cfg.QueueBytes = 1000, 3000
	cfg.Counters = func(int) Counters { return Counters{Received: 1_000_000, DroppedByInterface: 3, DroppedByOS: 7} }
	hold := make(chan struct{})
	cfg.Notify = func(e Event) { <-hold }
	w, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	dropped := 0
	offered := 0
	for ; dropped < 25; offered++ {
		p := packet(offered, 100)
		switch err := w.Write(&p); {
		case errors.Is(err, ErrDropped):
			dropped++
		case err != nil:
			t.Fatal(err)
		}
	}
	close(hold)
	w.Flush()
	p := packet(offered, 100)
	if err := w.Write(&p); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s := w.Stats()
	if s.DroppedQueue != int64(dropped) || s.Offered != int64(offered)+1 || s.Written != s.Offered-int64(dropped) || s.DroppedDisk != 0 {
		t.Errorf("%d offered, %d dropped: %+v", offered+1, dropped, s)
	}
	var said, stats, received, byOS, packets int64
	for _, seg := range segments(t, cfg.Dir) {
		list, f := numbers(t, seg.Path)
		packets += int64(len(list))
		said += f.Interfaces[0].Lost
		stats += *f.Interfaces[0].Stats.Dropped
		received += *f.Interfaces[0].Stats.Received
		byOS += *f.Interfaces[0].Stats.DroppedByOS
	}
	if said != int64(dropped) || stats != int64(dropped)+3 || received != 1_000_000 || byOS != 7 || packets != s.Written {
		t.Errorf("%d dropped; packets say %d; statistics: %d lost here (3 by the interface), %d received, %d lost in the kernel", dropped, said, stats, received, byOS)
	}
	sound(t, cfg.Dir)
}

func TestLossKeepsOptions(t *testing.T) {
	for _, p := range []pcapio.Packet{
		{Data: []byte("abcde"), Time: t0},
		{Data: []byte("abcd"), Time: t0, Comment: "c", Direction: pcapio.Outbound},
		{},
	} {
		b := header(pcapio.Section{}, []pcapio.Interface{eth0})
		b = appendWithLoss(b, pcapio.AppendPacket(nil, &p, 0), 5)
		want := pcapio.AppendPacket(header(pcapio.Section{}, []pcapio.Interface{eth0}), &p, 5)
		if string(b) != string(want) {
			t.Errorf("%+v:\n% x\nwant\n% x", p, b, want)
		}
	}
}

// TestAtomic lists the spool all the time: whatever has a final name is whole.
func TestAtomic(t *testing.T) {
	cfg := config(t, "packets:50")
	w, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var seen atomic.Int64
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			list, err := List(cfg.Dir)
			if err != nil {
				t.Error(err)
			}
			for _, s := range list[max(0, len(list)-3):] {
				if s.Part {
					continue
				}
				c, problems := checkSegment(s, pcapio.Options{})
				if len(problems) > 0 || c.Packets != 50 {
					t.Errorf("%s: %d packets, %v", s.Name, c.Packets, problems)
				}
				seen.Add(1)
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	for i := 0; seen.Load() < 200 || i%50 != 0; i++ {
		p := packet(i, 200)
		if err := w.Write(&p); err != nil {
			t.Fatal(err)
		}
		if i%500 == 0 {
			w.Flush()
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	close(stop)
	<-ended
}

func TestNeverOverwrites(t *testing.T) {
	cfg := config(t, "packets:1")
	cfg.Notify = func(Event) {}
	if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
		t.Fatal(err)
	}
	w, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	final := filepath.Join(cfg.Dir, segmentName("lab", "eth0", t0, 1))
	if err := os.WriteFile(final, []byte("somebody's"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := packet(0, 60)
	if err := w.Write(&p); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); !errors.Is(err, os.ErrExist) {
		t.Errorf("Close: %v", err)
	}
	if b, _ := os.ReadFile(final); string(b) != "somebody's" {
		t.Error("overwritten")
	}
}

func TestDeterministic(t *testing.T) {
	var first string
	for _, chunk := range []int{1 << 20, 500, 5000} {
		cfg := config(t, "packets:7", "filesize:2kB")
		cfg.ChunkBytes = chunk
		fill(t, cfg, 0, 100, 150)
		var all strings.Builder
		for _, s := range segments(t, cfg.Dir) {
			b, err := os.ReadFile(s.Path)
			if err != nil {
				t.Fatal(err)
			}
			all.WriteString(s.Name)
			all.Write(b)
		}
		if first == "" {
			first = all.String()
		}
		if all.String() != first {
			t.Errorf("chunks of %d bytes give other segments", chunk)
		}
	}
}

func TestWriteDoesNotAllocate(t *testing.T) {
	if testing.CoverMode() != "" {
		t.Skip("coverage allocates")
	}
	cfg := config(t, "filesize:64MB")
	w, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	p := packet(0, 500)
	for range 5000 { // chunks are made when first needed
		w.Write(&p)
	}
	if n := testing.AllocsPerRun(10000, func() { w.Write(&p) }); n > 0.1 {
		t.Errorf("%v allocations a packet", n)
	}
}

// BenchmarkWrite is what the goroutine that captures pays, and the disk.
func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{64, 512, 1500} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			cfg := config(b, "filesize:64MB", "files:2")
			w, err := Open(cfg)
			if err != nil {
				b.Fatal(err)
			}
			p := packet(0, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				p.Time++
				if err := w.Write(&p); err != nil {
					b.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mpkt/s")
		})
	}
}
