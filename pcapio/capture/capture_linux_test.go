package capture

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pcapline/pcapline/pcapio"
)

// running is a capture at work in a test.
type running struct {
	*Handle
	n    atomic.Int64
	mu   sync.Mutex
	got  []pcapio.Packet // copies, if kept
	stop func()          // ends Run and fails the test if it failed
}

// start opens and runs; with keep, packets are copied.
func start(t testing.TB, cfg Config, keep bool) *running {
	t.Helper()
	h, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{Handle: h}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- h.Run(ctx, func(pkts []pcapio.Packet) error {
			if keep {
				r.mu.Lock()
				for _, p := range pkts {
					p.Data = append([]byte(nil), p.Data...)
					r.got = append(r.got, p)
				}
				r.mu.Unlock()
			}
			r.n.Add(int64(len(pkts)))
			return nil
		})
	}()
	r.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		r.stop = func() {}
	}
	t.Cleanup(func() { r.stop(); h.Close() })
	return r
}

// balanced checks the promise that nothing is lost in silence.
func balanced(t *testing.T, r *running, sent int) {
	t.Helper()
	s := r.Stats(0)
	if s.Received != int64(sent) || s.Received != s.Delivered+s.Dropped || s.Delivered != r.n.Load() {
		t.Errorf("%d sent; %v; %d seen", sent, s, r.n.Load())
	}
}

func TestAllSizes(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	near, far := pair(t)
	s := newSender(t, near)
	for _, size := range []int{64, 512, 1500} {
		const sent = 30000
		r := start(t, Config{Interfaces: []string{far}, Promiscuous: true}, false)
		f := numbered(size)
		for i := range sent {
			setNumber(f, i)
			s.send(t, f)
		}
		eventually(t, "packets in the ring", r.reached(sent))
		r.stop()
		balanced(t, r, sent)
	}
}

// TestInOrder checks the contents.
func TestInOrder(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	near, far := pair(t)
	s := newSender(t, near)
	r := start(t, Config{Interfaces: []string{far}, Filter: "ether proto 0x88b5"}, true)
	before := time.Now().UnixNano()
	const sent = 5000
	f := numbered(200)
	for i := range sent {
		setNumber(f, i)
		s.send(t, f[:100+i%100])
	}
	r.stop()
	after := time.Now().UnixNano()
	balanced(t, r, sent)
	if len(r.got)+int(r.Stats(0).Dropped) != sent {
		t.Fatalf("%d packets", len(r.got))
	}
	last, at := -1, before-int64(time.Second)
	for _, p := range r.got {
		n := number(p.Data)
		if n <= last || n >= sent || int(p.WireLen) != 100+n%100 || len(p.Data) != int(p.WireLen) || !bytes.Equal(p.Data[22:], f[22:len(p.Data)]) {
			t.Fatalf("packet %d after %d, %d of %d bytes", n, last, len(p.Data), p.WireLen)
		}
		if p.Time < at || p.Time > after+int64(time.Second) {
			t.Errorf("packet %d at %d, the one before at %d, the test ran until %d", n, p.Time, at, after)
		}
		if p.Direction != pcapio.Inbound || p.LinkType != pcapio.LinkEthernet || p.Interface != 0 {
			t.Errorf("packet %d: %+v", n, p)
		}
		last, at = n, p.Time
	}
}

// TestUnprivileged is for users who may make a user namespace only.
func TestUnprivileged(t *testing.T) {
	if !inNamespace(t, "-Urn") {
		return
	}
	near, far := pair(t)
	s := newSender(t, near)
	r := start(t, Config{Interfaces: []string{far}, Promiscuous: true}, false)
	for range 1000 {
		s.send(t, numbered(100))
	}
	eventually(t, "packets in the ring", r.reached(1000))
	r.stop()
	balanced(t, r, 1000)
}

// TestForcedDrops fills a ring that nobody empties.
func TestForcedDrops(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	near, far := pair(t)
	s := newSender(t, near)
	for _, fanout := range []int{1, 2} {
		h, err := Open(Config{Interfaces: []string{far}, RingBytes: 64 << 10, BlockBytes: 8 << 10, Fanout: fanout})
		if err != nil {
			t.Fatal(err)
		}
		const sent = 20000
		f := numbered(512)
		for i := range sent {
			setNumber(f, i)
			s.send(t, f)
			if i%256 == 0 { // on a busy machine the kernel's backlog of 1000 frames would lose some before the ring
				time.Sleep(time.Millisecond)
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // what is in the ring is delivered nevertheless
		var seen atomic.Int64
		if err := h.Run(ctx, func(p []pcapio.Packet) error { seen.Add(int64(len(p))); return nil }); err != nil {
			t.Fatal(err)
		}
		st := h.Stats(0)
		if st.Dropped == 0 || st.Delivered == 0 || st.Received != sent || st.Delivered+st.Dropped != sent || seen.Load() != st.Delivered {
			t.Errorf("fan-out %d: %d sent, %v, %d seen", fanout, sent, st, seen.Load())
		}
		h.Close()
	}
}

func TestVLAN(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	near, far := pair(t)
	s := newSender(t, near)
	body := numbered(100)[12:]
	tagged := func(tags ...byte) []byte {
		return bytes.Join([][]byte{numbered(14)[:12], tags, body}, nil)
	}
	frames := [][]byte{
		tagged(),
		tagged(0x81, 0, 0, 10),
		tagged(0x81, 0, 0xe0, 0),
		tagged(0x88, 0xa8, 0x20, 5, 0x81, 0, 0, 10),
	}
	for _, c := range []struct {
		filter  string
		snaplen int
		want    []int
	}{
		{"", 0, []int{0, 1, 2, 3}}, {"", 64, []int{0, 1, 2, 3}}, {"vlan", 0, []int{1, 2, 3}}, {"not vlan", 0, []int{0}}, {"vlan 10", 0, []int{1}},
		{"vlan 5", 40, []int{3}}, {"vlan 5 and vlan 10", 0, []int{3}}, {"vlan 0", 0, []int{2}},
		{"vlan 10 and ether proto 0x88b5", 0, []int{1}}, {"ether proto 0x88b5", 0, []int{0, 1, 2}},
		{"ether proto 0x8100", 0, []int{1, 2}}, {"ether proto 0x88a8", 0, []int{3}}, {"inbound", 0, []int{0, 1, 2, 3}}, {"outbound", 0, nil},
	} {
		r := start(t, Config{Interfaces: []string{far}, Filter: c.filter, Snaplen: c.snaplen, BlockTimeout: time.Millisecond}, true)
		for _, f := range frames {
			s.send(t, f)
		}
		r.stop()
		if len(r.got) != len(c.want) {
			t.Errorf("%q: %d packets, want %v", c.filter, len(r.got), c.want)
			continue
		}
		for i, n := range c.want {
			want := frames[n]
			if int(r.got[i].WireLen) != len(want) {
				t.Errorf("%q: packet %d is said to be %d bytes long", c.filter, n, r.got[i].WireLen)
			}
			if c.snaplen > 0 {
				want = want[:min(len(want), c.snaplen)]
			}
			if !bytes.Equal(r.got[i].Data, want) {
				t.Errorf("%q: packet %d is\n% x, want\n% x", c.filter, n, r.got[i].Data, want)
			}
		}
	}
}

// TestDirection captures where packets leave.
func TestDirection(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	near, far := pair(t)
	r := start(t, Config{Interfaces: []string{near, far}, BlockTimeout: time.Millisecond}, true)
	s := newSender(t, near)
	for range 3 {
		s.send(t, numbered(60))
	}
	r.stop()
	var out, in int
	for _, p := range r.got {
		switch {
		case p.Interface == 0 && p.Direction == pcapio.Outbound:
			out++
		case p.Interface == 1 && p.Direction == pcapio.Inbound:
			in++
		}
	}
	if len(r.got) != 6 || out != 3 || in != 3 {
		t.Errorf("%d packets, %d outbound, %d inbound", len(r.got), out, in)
	}
	ifs := r.Interfaces()
	if ifs[0].Name != near || ifs[1].Name != far || ifs[0].MAC == "" || ifs[0].SnapLen != defaultSnaplen || ifs[0].TicksPerSecond != 1e9 {
		t.Errorf("interfaces %+v", ifs)
	}
}

func TestLoopback(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	ip(t, "link set lo up")
	for _, c := range []struct {
		keep   bool
		fanout int
	}{{false, 1}, {true, 1}, {false, 2}} {
		r := start(t, Config{Interfaces: []string{"lo"}, Filter: "udp port 9", KeepLoopbackPairs: c.keep, Fanout: c.fanout, RingBytes: 4 << 20}, true)
		conn, err := net.Dial("udp", "127.0.0.1:9")
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			_, _ = conn.Write([]byte("x")) // nobody listens, so that some are refused
		}
		conn.Close()
		r.stop()
		s := r.Stats(0)
		if s.Received != s.Delivered+s.Dropped {
			t.Errorf("keep %v: %v", c.keep, s)
		}
		in, out := 0, 0
		for _, p := range r.got {
			if p.Direction == pcapio.Outbound {
				out++
			} else {
				in++
			}
		}
		if in == 0 || !c.keep && out != 0 || c.keep && out != in {
			t.Errorf("keep %v, fan-out %d: %d inbound, %d outbound", c.keep, c.fanout, in, out)
		}
	}
}

func TestFanout(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	near, far := pair(t)
	s := newSender(t, near)
	r := start(t, Config{Interfaces: []string{far}, Fanout: 4, RingBytes: 32 << 20}, true)
	const sent, flows = 8000, 64
	for i := range sent {
		s.send(t, udp(byte(i%flows), uint16(1000+i%flows), 53, i))
	}
	eventually(t, "packets in the rings", r.reached(sent))
	r.stop()
	balanced(t, r, sent)
	used := 0
	for _, ring := range r.devices[0].rings {
		if ring.delivered.Load() > 0 {
			used++
		}
	}
	if used < 2 {
		t.Errorf("only %d of 4 rings were used for %d flows", used, flows)
	}
	last := map[byte]int{} // within a flow, order is kept
	for _, p := range r.got {
		flow, n := p.Data[29], int(p.Data[42])<<8|int(p.Data[43])
		if n < last[flow] {
			t.Fatalf("flow %d: packet %d after %d", flow, n, last[flow])
		}
		last[flow] = n
	}
}

// udp makes an IPv4 packet that says it is number n.
func udp(host byte, sport, dport uint16, n int) []byte {
	f := numbered(60)
	copy(f[12:], []byte{8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 198, 18, 0, host, 198, 18, 1, 1,
		byte(sport >> 8), byte(sport), byte(dport >> 8), byte(dport), 0, 26, 0, 0, byte(n >> 8), byte(n)})
	return f
}

// TestDownUp takes the interface down, and then away, under the capture.
func TestDownUp(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	for _, fanout := range []int{1, 2} {
		near, far := pair(t)
		var mu sync.Mutex
		var events []string
		seen := func(want string) func() bool {
			return func() bool {
				mu.Lock()
				defer mu.Unlock()
				return strings.Join(events, " ") == want
			}
		}
		r := start(t, Config{Interfaces: []string{far}, Filter: "ether proto 0x88b5", Promiscuous: true, Fanout: fanout, RingBytes: 4 << 20,
			Notify: func(e Event) {
				mu.Lock()
				defer mu.Unlock()
				events = append(events, string(e.Kind))
				if e.Interface != far || e.Kind == Down && !errors.Is(e.Err, unix.ENETDOWN) {
					t.Errorf("event %+v", e)
				}
			}}, false)
		send := func(n int) {
			t.Helper()
			want := r.n.Load() + int64(n)
			s := newSender(t, near)
			for range n {
				s.send(t, numbered(80))
			}
			eventually(t, "packets", atLeast(&r.n, want))
		}
		send(10)
		ip(t, "link set "+far+" down")
		eventually(t, "down", seen("down"))
		ip(t, "link set "+far+" up")
		eventually(t, "up", seen("down up"))
		send(20)
		ip(t, "link del "+near)
		eventually(t, "gone", seen("down up down"))
		time.Sleep(checkEvery + 50*time.Millisecond)
		pair(t)
		eventually(t, "back", seen("down up down up"))
		send(30)
		r.stop()
		balanced(t, r, 60)
		if s := r.Stats(0); s.Restarts != 2 {
			t.Errorf("fan-out %d: %d restarts", fanout, s.Restarts)
		}
		ip(t, "link del "+near)
	}
}

func TestAny(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	if _, err := Open(Config{Interfaces: []string{"any"}}); err == nil || !strings.Contains(err.Error(), "no interface is up") {
		t.Errorf("nothing is up: %v", err)
	}
	near, far := pair(t)
	ip(t, "link add tvc type veth peer name tvd") // down
	r := start(t, Config{Interfaces: []string{"any"}, Filter: "ether proto 0x88b5"}, true)
	if ifs := r.Interfaces(); len(ifs) != 2 || ifs[0].Name != far && ifs[1].Name != far {
		t.Errorf("interfaces %+v", ifs)
	}
	newSender(t, near).send(t, numbered(60))
	r.stop()
	if len(r.got) != 2 || r.got[0].Interface == r.got[1].Interface {
		t.Errorf("%d packets", len(r.got))
	}
}

// TestRawIP captures a tunnel, whose packets have no link header.
func TestRawIP(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no tunnels here: %v", err)
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("ttun")
	if err != nil {
		t.Fatal(err)
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		t.Skipf("no tunnels here: %v", err)
	}
	ip(t, "link set ttun addrgenmode none up")
	r := start(t, Config{Interfaces: []string{"ttun"}, Filter: "udp port 9 and dst host 198.18.1.1"}, true)
	packet := udp(1, 9, 7, 1)[14:]
	for _, p := range [][]byte{packet, udp(1, 8, 7, 1)[14:]} {
		if _, err := unix.Write(fd, p); err != nil {
			t.Fatal(err)
		}
	}
	r.stop()
	if len(r.got) != 1 || r.got[0].LinkType != pcapio.LinkRaw || !bytes.Equal(r.got[0].Data, packet) {
		t.Errorf("packets %+v", r.got)
	}
}

func TestRunEndsWithError(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	near, far := pair(t)
	h, err := Open(Config{Interfaces: []string{far}, Fanout: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	newSender(t, near).send(t, numbered(60))
	enough := errors.New("enough")
	if err := h.Run(context.Background(), func([]pcapio.Packet) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("Run: %v", err)
	}
	if err := h.Run(context.Background(), nil); err == nil {
		t.Error("a second Run")
	}
}

// TestNetRawOnly gives up all capabilities but CAP_NET_RAW and captures.
func TestNetRawOnly(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	near, far := pair(t)
	const netRaw = 1 << unix.CAP_NET_RAW
	capabilities(t, netRaw)
	r := start(t, Config{Interfaces: []string{far}, Promiscuous: true, Fanout: 2, Filter: "ether proto 0x88b5"}, false)
	s := newSender(t, near)
	capabilities(t, 0) // the sockets are open
	for range 100 {
		s.send(t, numbered(60))
	}
	eventually(t, "packets", atLeast(&r.n, 100))
	r.stop()
	balanced(t, r, 100)
	if _, err := Open(Config{Interfaces: []string{far}}); !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "CAP_NET_RAW") {
		t.Errorf("without capabilities: %v", err)
	}
}

// capabilities sets those of all threads.
func capabilities(t *testing.T, set uint32) {
	t.Helper()
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{{Effective: set, Permitted: set}}
	if _, _, e := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&hdr)), uintptr(unsafe.Pointer(&data[0])), 0); e != 0 {
		t.Skipf("capset: %v", e)
	}
}

func TestDropPrivileges(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if !inNamespace(t, "-n") {
		return
	}
	near, far := pair(t)
	if err := DropPrivileges("no-such-user"); err == nil {
		t.Error("an unknown user")
	}
	if err := DropPrivileges("root"); err == nil {
		t.Error("root")
	}
	r := start(t, Config{Interfaces: []string{far}, Filter: "ether proto 0x88b5"}, false)
	s := newSender(t, near)
	if err := DropPrivileges("nobody"); err != nil {
		t.Fatal(err)
	}
	if err := DropPrivileges("nobody"); err != nil {
		t.Errorf("again: %v", err)
	}
	if os.Getuid() == 0 || os.Getgid() == 0 {
		t.Errorf("uid %d, gid %d", os.Getuid(), os.Getgid())
	}
	for range 100 {
		s.send(t, numbered(60))
	}
	eventually(t, "packets", atLeast(&r.n, 100))
	r.stop()
	balanced(t, r, 100)
	if _, err := Open(Config{Interfaces: []string{far}}); !errors.Is(err, unix.EPERM) {
		t.Errorf("Open as nobody: %v", err)
	}
}
