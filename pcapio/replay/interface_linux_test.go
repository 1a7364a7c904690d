package replay

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pcapline/pcapline/pcapio"
)

// experimental is the EtherType that IEEE 802 leaves to experiments.
const experimental = 0x88b5

// TestInterface sends on the loopback interface and receives there.
func TestInterface(t *testing.T) {
	out, err := OpenInterface("lo")
	if errors.Is(err, unix.EPERM) {
		t.Skip("packet sockets take CAP_NET_RAW; run in: unshare -Urn, with lo up")
	} else if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	const network = experimental>>8 | experimental&0xff<<8
	in, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(in)
	if err := unix.Bind(in, &unix.SockaddrLinklayer{Protocol: network, Ifindex: 1}); err != nil {
		t.Fatal(err)
	}
	unix.SetsockoptTimeval(in, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5})

	frame := append(make([]byte, 12), experimental>>8, experimental&0xff)
	frame = append(frame, "pcapline replay"...)
	path := filepath.Join(t.TempDir(), "x.pcapng")
	var b bytes.Buffer
	w, err := pcapio.NewWriter(&b, pcapio.WriterOptions{}, pcapio.Interface{LinkType: pcapio.LinkEthernet, FCSLen: 4},
		pcapio.Interface{LinkType: pcapio.LinkSLL})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []pcapio.Packet{
		{Data: append(bytes.Clone(frame), "FCS!"...)},
		{Data: frame, WireLen: 1500}, // cut: its FCS is not there
		{Data: frame, Interface: 1},
		{Data: []byte("short")},
		{Data: make([]byte, 70_000)},
	} {
		p.Time = t0
		if err := w.Write(&p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Run(t.Context(), []string{path}, out, Options{})
	if errors.Is(err, unix.ENETDOWN) {
		t.Skip("lo is down")
	} else if err != nil {
		t.Fatal(err)
	}
	if s.Packets != 5 || s.Sent != 2 || s.Cut != 1 || s.Skipped[string(SkipLink)] != 1 ||
		s.Skipped[string(SkipShort)] != 1 || s.Skipped[string(SkipLong)] != 1 {
		t.Errorf("%+v", s)
	}
	for range 2 {
		got := make([]byte, 2000)
		n, err := unix.Read(in, got)
		if err != nil || !bytes.Equal(got[:n], frame) {
			t.Fatalf("received %q, %v", got[:max(n, 0)], err)
		}
	}
	if _, err := OpenInterface("none0"); err == nil {
		t.Error("no error for an interface that is not there")
	}
}
