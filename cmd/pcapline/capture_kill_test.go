//go:build linux

package main

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/spool"
)

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
