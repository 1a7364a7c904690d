package capture

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/filter"
)

// TestKernelFilters sends the filter compiler's packets through the kernel
// under every one of its expressions, and compares what comes with what the
// compiler's own machine accepts.
func TestKernelFilters(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	var exprs []string
	for _, name := range []string{"filters.txt", "more.txt"} {
		b, err := os.ReadFile("../filter/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
			exprs = append(exprs, s.Text())
		}
	}
	frames := mixedFrames(t)
	near, far := pair(t)
	s := newSender(t, near)
	checked := 0
	const atOnce = 30
	for len(exprs) > 0 {
		n := min(atOnce, len(exprs))
		captures := map[string]*running{}
		for _, expr := range exprs[:n] {
			if _, err := filter.Compile(expr, filter.Options{LinkType: pcapio.LinkEthernet}); err == nil {
				captures[expr] = start(t, Config{Interfaces: []string{far}, Filter: expr, RingBytes: 4 << 20, BlockBytes: 32 << 10, BlockTimeout: 5 * time.Millisecond}, true)
			}
		}
		for _, f := range frames {
			s.send(t, f)
		}
		var wg sync.WaitGroup
		for _, r := range captures { // together, as closing a socket takes the kernel some time
			wg.Go(func() { r.stop() })
		}
		wg.Wait()
		for expr, r := range captures {
			wg.Go(func() { r.Close() })
			if d := r.Stats(0).Dropped; d != 0 {
				t.Fatalf("%s: %d dropped", expr, d)
			}
			sameAsMachine(t, expr, frames, r.got)
			checked++
		}
		wg.Wait()
		exprs = exprs[n:]
	}
	if checked < 220 {
		t.Errorf("only %d expressions were checked", checked)
	}
}

// sameAsMachine compares packets that came with those that should. Tagged
// packets are looked at by filters without "vlan" as if they had no tag, since the
// kernel takes it out; where vlan is not the first word, or ether[…] looks at the
// tag itself, they are left out here.
func sameAsMachine(t *testing.T, expr string, frames [][]byte, got []pcapio.Packet) {
	t.Helper()
	p, err := filter.Compile(expr, filter.Options{LinkType: pcapio.LinkEthernet})
	if err != nil {
		t.Fatal(err)
	}
	words := strings.TrimLeft(expr, "(! ")
	first := strings.HasPrefix(words, "vlan") || strings.HasPrefix(words, "not vlan")
	skip := strings.Contains(expr, "vlan") && (!first || strings.Contains(expr, "ether["))
	i := 0
	for n, f := range frames {
		tagged := false
		switch binary.BigEndian.Uint16(f[12:]) {
		case 0x8100, 0x88a8:
			tagged = true
		}
		came := i < len(got) && bytes.Equal(got[i].Data, f)
		if came {
			i++
		}
		if tagged && skip {
			continue
		}
		seen := f
		if tagged && !strings.Contains(expr, "vlan") {
			seen = append(append([]byte(nil), f[:12]...), f[16:]...)
		}
		if want := p.Match(seen, len(seen)); came != want {
			t.Errorf("%s: frame %d came %v, want %v: % x", expr, n, came, want, f)
			return
		}
	}
	if i != len(got) {
		t.Errorf("%s: %d packets more came than were sent", expr, len(got)-i)
	}
}

// mixedFrames are the compiler's packets, filled up to the least length that
// an interface takes, each with its number at the end so that none equals another.
func mixedFrames(t *testing.T) (out [][]byte) {
	b, err := os.ReadFile("../filter/testdata/mixed.pcap")
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	for b = b[24:]; len(b) >= 16; {
		n := int(le.Uint32(b[8:]))
		if n >= 14 {
			f := append([]byte(nil), b[16:16+n]...)
			f = append(f, make([]byte, max(0, 18-n))...)
			out = append(out, binary.BigEndian.AppendUint16(f, uint16(len(out))))
		}
		b = b[16+n:]
	}
	return out
}
