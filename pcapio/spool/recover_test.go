package spool

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pcapline/pcapline/pcapio"
)

const tornName = "lab_eth0_1700000000000000000_0000000001.pcapng"

// tornSpool is a spool with one segment that a crash left.
func tornSpool(t testing.TB, content []byte) (dir, part string) {
	t.Helper()
	if dir = t.TempDir(); strings.HasPrefix(t.Name(), "Fuzz") {
		// Memory instead of a disk: fsync would take most of the time.
		if shm, err := os.MkdirTemp("/dev/shm", "spool"); err == nil {
			dir = shm
			t.Cleanup(func() { os.RemoveAll(shm) })
		}
	}
	part = filepath.Join(dir, partName(tornName))
	if err := os.WriteFile(part, content, 0o640); err != nil {
		t.Fatal(err)
	}
	return dir, part
}

// unfinished is a segment without statistics, and where its packets end.
func unfinished() (file []byte, ends []int) {
	file = header(pcapio.Section{OS: "x"}, []pcapio.Interface{eth0})
	for i := range 4 {
		p := packet(i, 9+i)
		file = pcapio.AppendPacket(file, &p, uint64(i))
		ends = append(ends, len(file))
	}
	return file, ends
}

func TestRecoverAtEveryByte(t *testing.T) {
	file, ends := unfinished()
	finished := bytes.Clone(file)
	n := int64(4)
	finished = pcapio.AppendStatistics(finished, 0, &pcapio.InterfaceStats{Delivered: &n}, "")
	for cut := 0; cut <= len(finished); cut++ {
		packets, size := 0, 0
		for _, e := range ends {
			if e <= cut {
				packets, size = packets+1, e
			}
		}
		dir, _ := tornSpool(t, finished[:cut])
		done, err := Recover(dir)
		if err != nil || len(done) != 1 {
			t.Fatalf("cut at %d: %v, %v", cut, done, err)
		}
		r := done[0]
		if r.Packets != int64(packets) || r.Removed != (packets == 0) {
			t.Errorf("cut at %d: %+v, want %d packets", cut, r, packets)
		}
		if packets > 0 && cut < len(finished) && (r.Size != int64(size) || r.Cut != int64(cut-size) || (r.Cut > 0) != (r.Reason != "")) {
			t.Errorf("cut at %d: %+v, want %d bytes to stay", cut, r, size)
		}
		list := segments(t, dir)
		if (len(list) == 1) != (packets > 0) {
			t.Fatalf("cut at %d: %d segments", cut, len(list))
		}
		if packets > 0 {
			got, f := numbers(t, list[0].Path)
			if len(got) != packets {
				t.Errorf("cut at %d: %d packets", cut, len(got))
			}
			if s := f.Interfaces[0].Stats; s == nil || s.Blocks != 1 || *s.Delivered != int64(packets) {
				t.Errorf("cut at %d: statistics %+v", cut, s)
			}
		}
		again, err := Recover(dir)
		if err != nil || len(again) != 0 {
			t.Errorf("cut at %d: a second time: %v, %v", cut, again, err)
		}
	}
}

func TestRecoverDamage(t *testing.T) {
	file, ends := unfinished()
	broken := bytes.Clone(file)
	broken[ends[1]+4] ^= 0xff // the length of the third packet's block
	for name, c := range map[string]struct {
		content []byte
		packets int64
	}{
		"zeros behind":   {append(bytes.Clone(file), make([]byte, 8192)...), 4},
		"garbage behind": {append(bytes.Clone(file), bytes.Repeat([]byte("garbage!"), 100)...), 4},
		"broken inside":  {broken, 2},
	} {
		dir, _ := tornSpool(t, c.content)
		done, err := Recover(dir)
		if err != nil || done[0].Packets != c.packets || done[0].Cut == 0 || done[0].Reason == "" {
			t.Errorf("%s: %+v, %v", name, done, err)
		}
		sound(t, dir)
	}
}

// TestRecoverAfterItself: a recovery that dies between statistics and rename.
func TestRecoverAfterItself(t *testing.T) {
	file, _ := unfinished()
	dir, part := tornSpool(t, file)
	if _, err := Recover(dir); err != nil {
		t.Fatal(err)
	}
	final := filepath.Join(dir, tornName)
	want, err := os.ReadFile(final)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(final, part); err != nil {
		t.Fatal(err)
	}
	if _, err := Recover(dir); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(final); !bytes.Equal(got, want) {
		t.Error("the second recovery changed the segment")
	}
}

// TestRecoverLeaves what it cannot read alone, if that is large, and files
// that are none of its own.
func TestRecoverLeaves(t *testing.T) {
	dir, part := tornSpool(t, bytes.Repeat([]byte("x"), unreadable+1))
	other := filepath.Join(dir, ".other.pcapng.part")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Recover(dir); err == nil || !strings.Contains(err.Error(), part) {
		t.Errorf("%v", err)
	}
	for _, p := range []string{part, other} {
		if _, err := os.Stat(p); err != nil {
			t.Error(err)
		}
	}
	// A sensor starts all the same, and says so in the end.
	cfg := config(t, "packets:1")
	cfg.Dir = dir
	w, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p := packet(0, 60)
	if err := w.Write(&p); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err == nil {
		t.Error("Close says nothing of what could not be recovered")
	}
}

// TestMain is also the process that gets killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PCAPLINE_TEST_CRASH_DIR"); dir != "" {
		writeForever(dir)
		return
	}
	os.Exit(m.Run())
}

// writeForever writes packets and says on standard output how many of them
// are in the file for sure.
func writeForever(dir string) {
	w, err := Open(Config{Dir: dir, Sensor: "lab", Interfaces: []pcapio.Interface{eth0}, PacketTime: true, Wait: true,
		Rotation: Rotation{Packets: 700}, FlushEvery: time.Millisecond, NoSync: true, ChunkBytes: 64 << 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	seed, _ := strconv.ParseUint(os.Getenv("PCAPLINE_TEST_CRASH_SEED"), 10, 64)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for i := 0; ; i++ {
		p := packet(i, 8+rnd.IntN(1500))
		if err := w.Write(&p); err != nil {
			fmt.Println(err)
			return
		}
		if i%100 == 99 {
			w.Flush()
			fmt.Println(i + 1)
		}
	}
}

// TestKill kills a writer at random moments, 30 of them, or as many as
// PCAPLINE_KILLS says.
func TestKill(t *testing.T) {
	kills := 30
	if testing.Short() {
		kills = 5
	}
	if s := os.Getenv("PCAPLINE_KILLS"); s != "" {
		var err error
		if kills, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	exe, err := os.Executable()
	if err != nil {
		t.Skip(err)
	}
	torn := 0
	for k := range kills {
		dir := filepath.Join(t.TempDir(), "spool")
		sure := runAndKill(t, exe, dir, k)
		done, err := Recover(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range done {
			if r.Cut > 0 {
				torn++
			}
		}
		next := 0
		for _, s := range segments(t, dir) {
			list, _ := numbers(t, s.Path)
			for _, n := range list {
				if n != next {
					t.Fatalf("kill %d: %s has packet %d, want %d", k, s.Name, n, next)
				}
				next++
			}
		}
		if next < sure {
			t.Errorf("kill %d: %d packets, but %d had been written", k, next, sure)
		}
		sound(t, dir)
	}
	t.Logf("%d of %d kills tore a block", torn, kills)
}

// runAndKill gives how many packets the process had reported.
func runAndKill(t *testing.T, exe, dir string, seed int) int {
	t.Helper()
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "PCAPLINE_TEST_CRASH_DIR="+dir, "PCAPLINE_TEST_CRASH_SEED="+strconv.Itoa(seed))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	rnd := rand.New(rand.NewPCG(uint64(seed), 2))
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the writer said nothing")
	}
	time.AfterFunc(time.Duration(rnd.IntN(40_000))*time.Microsecond, func() { cmd.Process.Kill() })
	sure := 0
	for ok := true; ok; ok = lines.Scan() {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			if _, torn := strconv.Atoi(strings.TrimSpace(lines.Text())); torn != nil {
				t.Fatalf("the writer said %q", lines.Text())
			}
		}
		sure = max(sure, n)
	}
	if err := lines.Err(); err != nil && err != io.ErrClosedPipe {
		t.Fatal(err)
	}
	return sure
}

func FuzzRecover(f *testing.F) {
	file, ends := unfinished()
	f.Add(file)
	f.Add(file[:ends[2]-3])
	f.Add(append(bytes.Clone(file), make([]byte, 100)...))
	f.Add([]byte{})
	big := []byte{0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 28, 0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 28,
		0, 0, 0, 1, 0, 0, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 20, 0, 0, 0, 4, 1, 2, 3, 4, 0, 0, 0, 20, 9}
	f.Add(big)
	f.Add(append(bytes.Clone(file), big...))
	f.Fuzz(func(t *testing.T, content []byte) {
		dir, _ := tornSpool(t, content)
		done, err := Recover(dir)
		if err != nil || len(done) != 1 {
			t.Fatalf("%+v, %v", done, err)
		}
		list := segments(t, dir)
		if done[0].Removed {
			if len(list) != 0 || done[0].Packets != 0 {
				t.Errorf("%+v, but %+v", done[0], list)
			}
			return
		}
		var packets int64
		r, err := pcapio.Open(list[0].Path, pcapio.Options{NoMap: true})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var p pcapio.Packet
		for err = r.Next(&p); err == nil; err = r.Next(&p) {
			packets++
		}
		if err != io.EOF || packets != done[0].Packets {
			t.Errorf("recovered %+v; reading gives %d packets, %v", done[0], packets, err)
		}
	})
}
