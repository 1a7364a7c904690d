//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pcapline/pcapline/pcapio"
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
	needsTools(t, "unshare", "ip")
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
	out, _ := separately(t, 0, args...)
	return out
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
