package capture

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inside is set in the process that runs in a network namespace of its own.
const inside = "PCAPLINE_TEST_NAMESPACE"

// inNamespace runs the calling test again, alone, in a process with a network
// namespace of its own, which ends with it. It returns true in that process; in the
// first one it reports what came out and returns false. Flags are unshare's, if
// the test needs certain ones.
func inNamespace(t *testing.T, flags ...string) bool {
	t.Helper()
	if os.Getenv(inside) != "" {
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
	for _, f := range flags {
		flag = f
	}
	if out, err := exec.Command("unshare", flag, "--", "ip", "link", "add", "tva", "type", "veth", "peer", "name", "tvb").CombinedOutput(); err != nil {
		t.Skipf("no network namespace with a veth pair can be made here: %v: %s", err, out)
	}
	cmd := exec.Command("unshare", flag, "--", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=120s")
	cmd.Env = append(os.Environ(), inside+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("in the namespace: %v\n%s", err, out)
	} else if bytes.Contains(out, []byte("--- SKIP")) {
		t.Skipf("in the namespace: %s", out)
	} else {
		t.Logf("%s", out)
	}
	return false
}

func ip(t testing.TB, args string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", args, err, out)
	}
}

// pair makes a veth pair that sends nothing of its own accord.
func pair(t testing.TB) (near, far string) {
	t.Helper()
	near, far = "tva", "tvb"
	ip(t, "link add "+near+" type veth peer name "+far)
	for _, name := range []string{near, far} {
		ip(t, "link set "+name+" addrgenmode none")
		ip(t, "link set "+name+" arp off up")
	}
	return near, far
}

// sender writes frames to an interface.
type sender struct{ fd int }

func newSender(t testing.TB, name string) *sender {
	t.Helper()
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	ifindex, _, err := lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: ifindex}); err != nil {
		t.Fatal(err)
	}
	return &sender{fd}
}

// send writes a frame, again while the interface is full.
func (s *sender) send(t testing.TB, frame []byte) {
	for {
		_, err := unix.Write(s.fd, frame)
		if err == nil {
			return
		}
		if err != unix.ENOBUFS && err != unix.EINTR && err != unix.EAGAIN {
			t.Errorf("send: %v", err)
			return
		}
	}
}

// testType is the EtherType for local experiments (IEEE 802).
const testType = 0x88b5

// numbered makes a frame of a length that carries a number.
func numbered(length int) []byte {
	f := make([]byte, length)
	copy(f, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, testType >> 8, testType & 0xff})
	return f
}

func setNumber(frame []byte, n int) { binary.BigEndian.PutUint64(frame[14:], uint64(n)) }
func number(frame []byte) int       { return int(binary.BigEndian.Uint64(frame[14:])) }

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited for 20 s: %s", what)
		}
	}
}

// reached says whether what was sent has come as far as the rings.
func (h *Handle) reached(n int) func() bool {
	return func() bool {
		var sum int64
		for i := range h.devices {
			sum += h.Stats(i).Received
		}
		return sum >= int64(n)
	}
}

// atLeast waits for packets given to Run's function.
func atLeast(n *atomic.Int64, want int64) func() bool {
	return func() bool { return n.Load() >= want }
}
