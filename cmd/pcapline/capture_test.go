//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/capture"
	"github.com/pcapline/pcapline/pcapio/replay"
	"github.com/pcapline/pcapline/pcapio/spool"
)

// inside is set in the process that runs in a network namespace of its own.
const inside = "PCAPLINE_TEST_NAMESPACE"

// inNamespace runs the calling test again, alone, in a process with a network
// namespace of its own and a veth pair tva, tvb in it. It returns true in that
// process; in the first one it reports what came out and returns false.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) != "" {
		for _, args := range []string{
			"link add tva type veth peer name tvb",
			"link set tva addrgenmode none", "link set tvb addrgenmode none", // they send nothing of their own accord
			"link set tva arp off up", "link set tvb arp off up",
		} {
			if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
				t.Fatalf("ip %s: %v: %s", args, err, out)
			}
		}
		return true
	}
	for _, tool := range []string{"unshare", "ip"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	flag := "-n"
	if os.Geteuid() != 0 {
		flag = "-Urn"
	}
	if out, err := exec.Command("unshare", flag, "--", "ip", "link", "add", "tva", "type", "veth", "peer", "name", "tvb").CombinedOutput(); err != nil {
		t.Skipf("no network namespace with a veth pair can be made here: %v: %s", err, out)
	}
	cmd := exec.Command("unshare", flag, "--", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=20m")
	cmd.Env = append(os.Environ(), inside+"="+flag)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("in the namespace: %v\n%s", err, out)
	} else {
		t.Logf("%s", out)
	}
	return false
}

// testType is the EtherType for local experiments (IEEE 802).
const testType = 0x88b5

// sender sends numbered frames on tva.
type sender struct {
	out  *replay.Interface
	next uint64 // number of the next frame
}

func newSender(t *testing.T) *sender {
	t.Helper()
	out, err := replay.OpenInterface("tva")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	return &sender{out: out}
}

// send sends n frames of a size and says whether all of them left.
func (s *sender) send(n, size int) error {
	p := pcapio.Packet{Data: make([]byte, size), WireLen: uint32(size), LinkType: pcapio.LinkEthernet}
	copy(p.Data, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, testType >> 8, testType & 0xff})
	for range n {
		binary.BigEndian.PutUint64(p.Data[14:], s.next)
		if err := s.out.Send(&pcapio.File{}, &p); err != nil {
			return fmt.Errorf("frame %d: %w", s.next, err)
		}
		s.next++
	}
	return nil
}

// captured is a capture command at work on tvb.
type captured struct {
	*exec.Cmd
	out, err output
	ended    chan struct{} // Wait has returned
	failure  error         // Wait's
}

// output is what a process has printed so far.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// startCapture starts pcapline capture and waits until its socket is open.
func startCapture(t *testing.T, dir string, flags ...string) *captured {
	t.Helper()
	return startTool(t, append([]string{"pcapline", "--json", "-q", "capture", "-i", "tvb", "-w", dir}, flags...)...)
}

// startTool starts a program that opens a packet socket, and waits for that.
func startTool(t *testing.T, args ...string) *captured {
	t.Helper()
	c := &captured{Cmd: exec.Command(args[0], args[1:]...), ended: make(chan struct{})}
	c.Stdout, c.Stderr = &c.out, &c.err
	before := sockets(t)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { c.failure = c.Wait(); close(c.ended) }()
	t.Cleanup(func() { c.Process.Kill(); <-c.ended })
	eventually(t, args[0]+" listens", func() bool {
		select {
		case <-c.ended:
			t.Fatalf("%s: %v: %s", args[0], c.failure, c.err.String())
		default:
		}
		return sockets(t) > before
	})
	return c
}

// sockets counts packet sockets that are bound to a protocol.
func sockets(t *testing.T) (n int) {
	t.Helper()
	b, err := os.ReadFile("/proc/net/packet")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(b), "\n") {
		if f := strings.Fields(line); len(f) > 5 && f[3] == "0003" && f[4] != "0" {
			n++
		}
	}
	return n
}

// end sends a signal and waits for the exit status 0.
func (c *captured) end(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := c.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	<-c.ended
	if c.failure != nil {
		t.Fatalf("%v: %s", c.failure, c.err.String())
	}
}

// summary is what the command printed at its end.
func (c *captured) summary(t *testing.T) captureSummary {
	t.Helper()
	var s captureSummary
	if err := json.Unmarshal([]byte(c.out.String()), &s); err != nil || len(s.Interfaces) != 1 {
		t.Fatalf("summary %s: %v", c.out.String(), err)
	}
	return s
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited for 30 s: %s", what)
		}
	}
}

// pcapline runs a command that must succeed.
func pcapline(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command("pcapline", args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("pcapline %s: %v: %s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String()
}

// checked is what pcapline spool check says of a spool, which must be sound.
func checked(t *testing.T, dir string) (r spool.CheckReport) {
	t.Helper()
	if err := json.Unmarshal([]byte(pcapline(t, "--json", "spool", "check", dir)), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// readSpool calls f for each of the test's packets in the segments behind a number.
func readSpool(t *testing.T, dir string, after int64, f func(n uint64, p *pcapio.Packet)) (segments []spool.Segment, ours int64) {
	t.Helper()
	list, err := spool.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if s.Seq <= after {
			continue
		}
		segments = append(segments, s)
		r, err := pcapio.Open(s.Path, pcapio.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var p pcapio.Packet
		for err = r.Next(&p); err == nil; err = r.Next(&p) {
			if len(p.Data) >= 22 && binary.BigEndian.Uint16(p.Data[12:]) == testType {
				ours++
				f(binary.BigEndian.Uint64(p.Data[14:]), &p)
			}
		}
		if err != io.EOF {
			t.Errorf("%s: %v", s.Name, err)
		}
		r.Close()
	}
	return segments, ours
}

// TestCaptureKilled kills the capture at random moments. What it leaves is, after
// a recovery, all that was on the wire up to shortly before. PCAPLINE_KILLS is
// how often (10).
func TestCaptureKilled(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	kills := 10
	if n, _ := strconv.Atoi(os.Getenv("PCAPLINE_KILLS")); n > 0 {
		kills = n
	}
	rng := rand.New(rand.NewPCG(4, 9))
	s := newSender(t)
	k := killed{dir: filepath.Join(t.TempDir(), "spool")}
	for round := range kills {
		after := time.Duration(rng.IntN(300)) * time.Millisecond
		k.round(t, s, after)
		if t.Failed() {
			t.Fatalf("round %d, killed after %v", round, after)
		}
	}
	r := checked(t, k.dir)
	if r.Packets != k.packets {
		t.Errorf("%d packets at the end, %d were recovered", r.Packets, k.packets)
	}
	t.Logf("%d kills: %d packets in %d segments, of which %d torn, %d bytes cut; nothing recovered %d times; the tail that was lost: %v at most, %v on average",
		kills, k.packets, len(r.Segments), k.torn, k.cut, k.empty, k.worst.Round(time.Microsecond), (k.sum / time.Duration(kills)).Round(time.Microsecond))
}

// killed counts over all rounds.
type killed struct {
	dir          string
	last         int64 // number of the newest segment
	packets, cut int64
	torn, empty  int
	worst, sum   time.Duration
}

// tailLimit is how much of the end a kill may cost. A block of the ring is
// handed over after 20 ms and written 5 ms later; the rest is for a machine
// that has other things to do.
const tailLimit = 2 * time.Second

// round starts a capture, kills it while packets come in, and recovers.
func (k *killed) round(t *testing.T, s *sender, after time.Duration) {
	first := s.next
	c := startCapture(t, k.dir, "-b", "filesize:1MB", "--promiscuous")
	begin := time.Now()
	when := make(chan time.Time, 1)
	go func() {
		time.Sleep(after)
		_ = c.Process.Kill()
		when <- time.Now()
	}()
	for open := true; open; { // 40 frames, 40 kB, a millisecond
		select {
		case <-c.ended:
			open = false
		default:
			if err := s.send(20, 1000); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Until(begin.Add(time.Duration(s.next-first) * 25 * time.Microsecond)))
		}
	}
	k.recover(t)
	end := begin
	next, found := first, int64(0)
	segments, found := readSpool(t, k.dir, k.last, func(n uint64, p *pcapio.Packet) {
		if n != next {
			t.Errorf("frame %d where %d was to come", n, next)
		}
		next, end = n+1, time.Unix(0, p.Time)
	})
	lost := (<-when).Sub(end)
	if lost > tailLimit {
		t.Errorf("killed %v after its start, the capture kept %d packets and lost the last %v", after, found, lost)
	}
	if found == 0 {
		k.empty++
	}
	for _, seg := range segments {
		k.last = seg.Seq
	}
	k.packets += found
	k.worst, k.sum = max(k.worst, lost), k.sum+lost
	readable(t, segments, found)
}

// recover runs pcapline spool recover.
func (k *killed) recover(t *testing.T) {
	t.Helper()
	var done []spool.Recovery
	if err := json.Unmarshal([]byte(pcapline(t, "--json", "spool", "recover", k.dir)), &done); err != nil {
		t.Fatal(err)
	}
	for _, r := range done {
		if r.Cut > 0 {
			k.torn++
			k.cut += r.Cut
		}
	}
}

// readable has Wireshark's programs read the segments: all of them their
// headers and lengths, the newest one every packet.
func readable(t *testing.T, segments []spool.Segment, packets int64) {
	t.Helper()
	if len(segments) == 0 {
		return
	}
	if _, err := exec.LookPath("capinfos"); err == nil {
		args := []string{"-c", "-T", "-r", "-M"}
		for _, s := range segments {
			args = append(args, s.Path)
		}
		out, err := exec.Command("capinfos", args...).CombinedOutput()
		if err != nil {
			t.Errorf("capinfos: %v: %s", err, out)
		}
		var sum int64
		for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
			n, _ := strconv.ParseInt(line[strings.LastIndexByte(line, '\t')+1:], 10, 64)
			sum += n
		}
		if sum != packets {
			t.Errorf("capinfos finds %d packets, want %d", sum, packets)
		}
	}
	if _, err := exec.LookPath("tshark"); err == nil {
		last := segments[len(segments)-1]
		if out, err := exec.Command("tshark", "-n", "-r", last.Path, "-Y", "frame.number == 1", "-T", "fields", "-e", "eth.type").CombinedOutput(); err != nil || !strings.Contains(string(out), "0x88b5") {
			t.Errorf("tshark: %s: %v: %s", last.Name, err, out)
		}
	}
}

// TestCaptureSignals has a capture print statistics and go on, then ends it
// while packets are in the ring: it ends with status 0 and has them all.
func TestCaptureSignals(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	s := newSender(t)
	arrived := counter(t)
	for _, sig := range []os.Signal{unix.SIGINT, unix.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "spool")
			c := startCapture(t, dir, "-b", "packets:700", "-f", "ether proto 0x88b5")
			first, before := s.next, arrived()
			send := func(n int) {
				if err := s.send(n, 100); err != nil {
					t.Fatal(err)
				}
				eventually(t, "frames arrive", func() bool { return arrived() == before+int64(s.next-first) })
			}
			send(1000)
			eventually(t, "a segment", func() bool { list, _ := spool.List(dir); return len(list) > 0 })
			if err := c.Process.Signal(unix.SIGUSR1); err != nil {
				t.Fatal(err)
			}
			eventually(t, "statistics", func() bool { return strings.Contains(c.err.String(), "segments\n") })
			if got := c.err.String(); !strings.HasPrefix(got, "tvb: 1000 packets received") {
				t.Errorf("SIGUSR1 printed %s", got)
			}
			send(2500)
			c.end(t, sig)
			sum := c.summary(t)
			if sum.Interfaces[0].Received != 3500 || sum.Spool.Written != 3500 {
				t.Errorf("3500 sent, %+v", sum)
			}
			next := first
			_, n := readSpool(t, dir, 0, func(n uint64, _ *pcapio.Packet) {
				if n != next {
					t.Errorf("frame %d where %d was to come", n, next)
				}
				next = n + 1
			})
			if r := checked(t, dir); n != 3500 || r.Packets != 3500 || len(r.Segments) != 5 {
				t.Errorf("3500 sent, %d read, %d in %d segments", n, r.Packets, len(r.Segments))
			}
		})
	}
}

// counter counts frames that arrived at tvb, by a socket of its own. The kernel
// hands a frame to all sockets before it turns to the next frame.
func counter(t *testing.T) func() int64 {
	t.Helper()
	h, err := capture.Open(capture.Config{Interfaces: []string{"tvb"}, Filter: "ether proto 0x88b5", Snaplen: 1, RingBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return func() int64 { return h.Stats(0).Received }
}

// TestCaptureLimits tries the count and the snapshot length.
func TestCaptureLimits(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	s := newSender(t)
	dir := filepath.Join(t.TempDir(), "spool")
	c := startCapture(t, dir, "-c", "1234", "-s", "64", "-f", "ether proto 0x88b5", "--promiscuous")
	first := s.next
	if err := s.send(5000, 400); err != nil {
		t.Fatal(err)
	}
	<-c.ended
	if c.failure != nil {
		t.Fatalf("%v: %s", c.failure, c.err.String())
	}
	if sum := c.summary(t); sum.Spool.Written != 1234 || sum.Spool.Offered != 1234 {
		t.Errorf("-c 1234: %+v", sum.Spool)
	}
	_, n := readSpool(t, dir, 0, func(n uint64, p *pcapio.Packet) {
		if n != first || len(p.Data) != 64 || p.WireLen != 400 {
			t.Errorf("frame %d where %d was to come, %d of %d bytes", n, first, len(p.Data), p.WireLen)
		}
		first++
	})
	if n != 1234 {
		t.Errorf("-c 1234: %d packets", n)
	}
}

// TestCaptureDropsAreCounted stops the process, so that a small ring overflows.
func TestCaptureDropsAreCounted(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	s := newSender(t)
	arrived := counter(t)
	dir := filepath.Join(t.TempDir(), "spool")
	c := startCapture(t, dir, "--ring", "128KiB", "-b", "packets:500", "-f", "ether proto 0x88b5")
	const rounds, each = 5, 2000
	for i := range rounds {
		if err := c.Process.Signal(unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if err := s.send(each, 300); err != nil {
			t.Fatal(err)
		}
		eventually(t, "frames arrive", func() bool { return arrived() == int64(i+1)*each })
		if err := c.Process.Signal(unix.SIGCONT); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Millisecond) // it may empty the ring, or not
	}
	c.end(t, unix.SIGTERM)
	sum := c.summary(t)
	iface, sp := sum.Interfaces[0], sum.Spool
	if iface.Dropped == 0 || iface.Received != rounds*each || sp.Written+iface.Dropped+sp.DroppedQueue+sp.DroppedDisk != rounds*each {
		t.Errorf("%d sent, %v; %+v", rounds*each, iface.Stats, sp)
	}
	r := checked(t, dir)
	if r.Packets != sp.Written || r.Packets+r.Dropped != rounds*each {
		t.Errorf("%d sent; the segments have %d packets and say %d were dropped", rounds*each, r.Packets, r.Dropped)
	}
	t.Logf("%d sent = %d in %d segments + %d dropped", rounds*each, r.Packets, len(r.Segments), r.Dropped)
}

// TestCaptureUser gives root up before anything is written.
func TestCaptureUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if !inNamespace(t) {
		return
	}
	uid, gid, err := capture.UserIDs("nobody")
	if err != nil {
		t.Skip(err)
	}
	top, err := os.MkdirTemp("", "pcapline") // t.TempDir is root's alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	if err := os.Chmod(top, 0o755); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(top, "new", "spool")
	for round := range 2 { // the second time the folder is there
		c := startCapture(t, dir, "--user", "nobody", "-c", "100", "-f", "ether proto 0x88b5")
		if err := newSender(t).send(100, 100); err != nil {
			t.Fatal(err)
		}
		<-c.ended
		if c.failure != nil {
			t.Fatalf("round %d: %v: %s", round, c.failure, c.err.String())
		}
	}
	for _, name := range []string{filepath.Dir(dir), dir, checked(t, dir).Segments[1].Path} {
		var st unix.Stat_t
		if err := unix.Stat(name, &st); err != nil || int(st.Uid) != uid || int(st.Gid) != gid || st.Mode&0o027 != 0 {
			t.Errorf("%s: user %d, group %d, mode %o, %v", name, st.Uid, st.Gid, st.Mode, err)
		}
	}
	roots := filepath.Join(top, "roots")
	if err := os.Mkdir(roots, 0o750); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("pcapline", "capture", "-i", "tvb", "-w", roots, "--user", "nobody").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "as user nobody") || !strings.Contains(string(out), "permission denied") {
		t.Errorf("a spool of root's: %v: %s", err, out)
	}
}

// TestCaptureMeasured compares the command, writing a spool, with dumpcap and
// tcpdump: packets lost and CPU seconds, with rings of 64 MiB.
// PCAPLINE_MEASURE is how many packets to send, as fast as they go.
func TestCaptureMeasured(t *testing.T) {
	count, _ := strconv.Atoi(os.Getenv("PCAPLINE_MEASURE"))
	if count == 0 {
		t.Skip("set PCAPLINE_MEASURE=600000")
	}
	if !inNamespace(t) {
		return
	}
	dir, err := os.MkdirTemp("/dev/shm", "pcapline") // the disk is not what is measured
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, size := range []int{64, 512, 1500} {
		for round := range 3 {
			for _, args := range [][]string{
				{"pcapline", "-q", "capture", "--promiscuous", "-i", "tvb", "--ring", "64MiB", "-w"},
				{"dumpcap", "-q", "-i", "tvb", "-B", "64", "-w"},
				{"tcpdump", "-q", "-n", "-i", "tvb", "-B", "65536", "-w"},
			} {
				if _, err := exec.LookPath(args[0]); err == nil {
					measureTool(t, args, filepath.Join(dir, args[0]), round, count, size)
				}
			}
		}
	}
}

// measureTool runs one program while packets are sent, and logs a line.
func measureTool(t *testing.T, args []string, to string, round, count, size int) {
	c := startTool(t, append(args, to)...)
	time.Sleep(500 * time.Millisecond)
	s := newSender(t)
	begin := time.Now()
	if err := s.send(count, size); err != nil {
		t.Fatal(err)
	}
	rate := float64(count) / time.Since(begin).Seconds()
	time.Sleep(1500 * time.Millisecond)
	c.end(t, unix.SIGINT)
	files := []string{to}
	if info, err := os.Stat(to); err == nil && info.IsDir() {
		files, _ = filepath.Glob(filepath.Join(to, "*.pcapng"))
	}
	got := 0
	for _, f := range files {
		got += packetsIn(t, f)
	}
	cpu := c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	t.Logf("%-8s %4d bytes, round %d: %6d of %d lost, %.2f CPU s (%.2f user), %.0f packets/s offered; %s",
		args[0], size, round+1, count-got, count, cpu.Seconds(), c.ProcessState.UserTime().Seconds(), rate, strings.Join(strings.Fields(c.out.String()+c.err.String()), " "))
	os.RemoveAll(to)
}

// packetsIn counts the test's packets in a file.
func packetsIn(t *testing.T, file string) (n int) {
	t.Helper()
	r, err := pcapio.Open(file, pcapio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var p pcapio.Packet
	for err = r.Next(&p); err == nil; err = r.Next(&p) {
		if len(p.Data) >= 14 && binary.BigEndian.Uint16(p.Data[12:]) == testType {
			n++
		}
	}
	if err != io.EOF {
		t.Errorf("%s: %v", file, err)
	}
	return n
}
