package simulate

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// started runs a listener on a free port until its test ends, and returns its
// address and what ended it.
func started(t *testing.T, network string, l Listener, listen func(context.Context, Listener, func(Received)) error, got func(Received)) (string, chan error) {
	t.Helper()
	l.Address = freePort(t, network)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- listen(ctx, l, got) }()
	t.Cleanup(cancel)
	for range 500 { // until the port is taken
		if network == "udp" {
			c, err := net.ListenPacket("udp", l.Address)
			if err != nil {
				return l.Address, ended
			}
			c.Close()
		} else if c, err := net.Listen("tcp", l.Address); err != nil {
			return l.Address, ended
		} else {
			c.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("nobody listens")
	return "", nil
}

func freePort(t *testing.T, network string) string {
	t.Helper()
	if network == "udp" {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.LocalAddr().String()
	}
	c, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.Addr().String()
}

func TestTCPMessagesAreEchoed(t *testing.T) {
	heard := make(chan string, 9)
	addr, _ := started(t, "tcp", Listener{Size: 1024}, ListenTCP, func(r Received) { heard <- string(r.Data) })
	large := bytes.Repeat([]byte("0123456789"), 36000)
	for _, c := range []struct {
		name       string
		sent, want []byte
	}{
		{"short", []byte("hello"), []byte("hello")},
		{"360 KB, of which the first chunk comes back", large, large[:1024]},
	} {
		answer, err := SendTCP(t.Context(), Message{Address: addr, Data: c.sent, Answer: true})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		// One read takes what has arrived, which of a long message is a part.
		if len(answer) == 0 || !bytes.HasPrefix(c.want, answer) {
			t.Errorf("%s: answer of %d bytes %.20q", c.name, len(answer), answer)
		}
		if h := <-heard; h != string(answer) {
			t.Errorf("%s: heard %.20q, answered %.20q", c.name, h, answer)
		}
	}
}

func TestUDPDatagramsAreEchoed(t *testing.T) {
	addr, _ := started(t, "udp", Listener{Size: 4}, ListenUDP, nil)
	answer, err := SendUDP(t.Context(), Message{Address: addr, Data: []byte("datagram"), Answer: true})
	if err != nil || string(answer) != "data" {
		t.Errorf("answer %q, %v; want the first 4 bytes", answer, err)
	}
}

func TestSilentPeerIsAnError(t *testing.T) {
	peer, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	_, err = SendUDP(t.Context(), Message{Address: peer.LocalAddr().String(), Data: []byte("x"), Answer: true, Timeout: 50 * time.Millisecond})
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v; want a deadline that passed", err)
	}
}

func TestStopFile(t *testing.T) {
	for name, listen := range map[string]func(context.Context, Listener, func(Received)) error{"tcp": ListenTCP, "udp": ListenUDP} {
		t.Run(name, func(t *testing.T) {
			l := Listener{StopFile: filepath.Join(t.TempDir(), "stop"), Poll: time.Millisecond}
			_, ended := started(t, name, l, listen, nil)
			if err := os.WriteFile(l.StopFile, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-ended:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(30 * time.Second):
				t.Fatal("still listening 30 s after the stop file appeared")
			}
			l.Address = "127.0.0.1:0"
			if err := listen(t.Context(), l, nil); !errors.Is(err, ErrStopFile) {
				t.Errorf("started beside its stop file: %v", err)
			}
		})
	}
}

func TestARPFrame(t *testing.T) {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	b := arpFrame(mac, net.HardwareAddr{255, 255, 255, 255, 255, 255}, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.9"))
	const want = "ffffffffffff020000000001" + "0806" + "0001080006040001" + "020000000001c0000201" + "000000000000c0000209"
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("frame\n%s, want\n%s", got, want)
	}
	reply := bytes.Clone(b)
	reply[21] = arpOpReply
	copy(reply[22:], []byte{2, 0, 0, 0, 0, 9, 192, 0, 2, 9})
	if got, ok := arpAnswer(reply, netip.MustParseAddr("192.0.2.9")); !ok || got.String() != "02:00:00:00:00:09" {
		t.Errorf("answer %v, %v", got, ok)
	}
	for name, frame := range map[string][]byte{"a request": b, "short": reply[:41], "empty": nil} {
		if _, ok := arpAnswer(frame, netip.MustParseAddr("192.0.2.9")); ok {
			t.Errorf("%s is taken for an answer", name)
		}
	}
	if _, ok := arpAnswer(reply, netip.MustParseAddr("192.0.2.8")); ok {
		t.Error("an answer for another host is taken")
	}
}

func TestPing(t *testing.T) {
	var got []Pong
	err := SendICMP(t.Context(), Ping{Host: "127.0.0.1", Count: 2, Size: 64, Timeout: 10 * time.Second}, func(p Pong) { got = append(got, p) })
	if errors.Is(err, os.ErrPermission) {
		t.Skip("neither raw nor ping sockets are allowed here")
	}
	if err != nil || len(got) != 2 || got[1].Lost || got[1].From != "127.0.0.1" {
		t.Errorf("%v, %v", got, err)
	}
}
