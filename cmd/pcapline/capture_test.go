//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/capture"
	"github.com/pcapline/pcapline/pcapio/spool"
)

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
