package pcapio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/pcapline/pcapline/pcapio"
)

// ranged is a capture of 500 packets of two interfaces, as pcap or pcapng.
func ranged(t *testing.T, pcap bool) []byte {
	t.Helper()
	var out bytes.Buffer
	ifaces := []pcapio.Interface{{LinkType: 1, SnapLen: 65535}, {LinkType: 101, SnapLen: 65535}}
	if pcap {
		ifaces = ifaces[:1]
	}
	w, err := pcapio.NewWriter(&out, pcapio.WriterOptions{Pcap: pcap}, ifaces...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 500 {
		p := pcapio.Packet{Data: bytes.Repeat([]byte{byte(i)}, i%97), Time: int64(i) * 1e6, Interface: int32(i % len(ifaces))}
		if err := w.Write(&p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// listed reads the parts of a file one after another and lists their packets,
// and the errors at their ends.
func listed(path string, ranges []pcapio.Range, opt pcapio.Options) []string {
	var out []string
	for _, g := range ranges {
		opt.Ranges = map[int]pcapio.Range{0: g}
		s := pcapio.Blocks(context.Background(), []string{path}, opt)
		for {
			ev, err := s.Next()
			if err == io.EOF {
				break
			}
			if ev.Kind == pcapio.FileEnd && ev.Err != nil {
				out = append(out, ev.Err.Error())
			}
			if ev.Kind != pcapio.FileBlock {
				continue
			}
			for i := range ev.Block.Packets {
				p := &ev.Block.Packets[i]
				out = append(out, fmt.Sprintf("%d at %d: %x, %d, %d, %d", p.Number, p.Offset, p.Data, p.Time, p.Interface, p.LinkType))
			}
			ev.Block.Release()
		}
		s.Close()
	}
	return out
}

// TestRanges: the parts of a capture hold its packets, each once, with their
// numbers, and the last part its damage.
func TestRanges(t *testing.T) {
	for _, pcap := range []bool{true, false} {
		whole := ranged(t, pcap)
		for _, damage := range []int{0, 3} {
			path := filepath.Join(t.TempDir(), "a")
			if err := os.WriteFile(path, whole[:len(whole)-damage], 0o600); err != nil {
				t.Fatal(err)
			}
			want := listed(path, make([]pcapio.Range, 1), pcapio.Options{})
			for _, opt := range []pcapio.Options{{}, {NoMap: true}} {
				for _, step := range []int64{1, 1000, 7777, 1 << 30} {
					ranges, file, err := pcapio.Cuts(path, step, opt)
					if (err != nil) != (damage > 0) || file == nil || file.Packets != 500-int64(min(damage, 1)) {
						t.Fatalf("pcap %v, damage %d: %v, %+v", pcap, damage, err, file)
					}
					if step == 1000 && len(ranges) < 20 || step == 1<<30 && len(ranges) != 1 {
						t.Errorf("step %d: %d ranges", step, len(ranges))
					}
					if got := listed(path, ranges, opt); fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("pcap %v, damage %d, step %d, %+v: other packets than the whole file has", pcap, damage, step, opt)
					}
				}
			}
		}
	}
}

// TestNotCut: what a part could not be read without is refused.
func TestNotCut(t *testing.T) {
	two := append(ranged(t, false), ranged(t, false)...) // a second section
	for name, data := range map[string][]byte{"sections": two} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := pcapio.Cuts(path, 1000, pcapio.Options{}); !errors.Is(err, pcapio.ErrNotCut) {
			t.Errorf("%s: %v, want ErrNotCut", name, err)
		}
	}
	compressed := filepath.Join("..", "testdata", "lab", "web_xss.pcapng.zst")
	if _, _, err := pcapio.Cuts(compressed, 1000, pcapio.Options{}); !errors.Is(err, pcapio.ErrNotCut) {
		t.Errorf("compressed: %v, want ErrNotCut", err)
	}
	if got := listed(compressed, []pcapio.Range{{From: 1000, To: 2000}}, pcapio.Options{}); len(got) != 1 {
		t.Errorf("a part of a compressed file gives %v", got)
	}
}
