package pcapio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/iotest"
)

func equalPackets(a, b []Packet) bool {
	return slices.EqualFunc(a, b, func(x, y Packet) bool {
		same := bytes.Equal(x.Data, y.Data)
		x.Data, y.Data = nil, nil
		return same && fmt.Sprint(x) == fmt.Sprint(y)
	})
}

// testCaptures are the captures of the repository.
func testCaptures(t testing.TB) []string {
	t.Helper()
	lab := filepath.Join("..", "testdata", "lab")
	paths, err := Expand([]string{"testdata", filepath.Join(lab, "scan_masscan.pcapng.zst"), filepath.Join(lab, "web_xss.pcapng.zst")})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// However a capture is read, its packets are the same.
func TestWaysOfReading(t *testing.T) {
	small, _, _ := smallPcapng()
	paths := append(testCaptures(t), writeFile(t, "small.pcapng", small))
	for _, path := range paths {
		r, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		want, err := readAll(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		for name, opt := range map[string]Options{
			"blocks":            {},
			"blocks of one":     {BlockPackets: 1},
			"little memory":     {BlockBytes: 100},
			"not mapped":        {NoMap: true, BlockBytes: 5000},
			"overwritten":       {mangle: true, BlockBytes: 3000, BlockPackets: 7},
			"overwritten, tiny": {mangle: true, BlockBytes: 1},
		} {
			r, err := Open(path, opt)
			if err != nil {
				t.Fatal(err)
			}
			got, err := readBlocks(t, r)
			if err != nil || !equalPackets(got, want) {
				t.Errorf("%s, %s: %d packets of %d, %v", path, name, len(got), len(want), err)
			}
			r.Close()
			r, _ = Open(path, opt)
			got, err = readAll(r)
			if err != nil || !equalPackets(got, want) {
				t.Errorf("%s, %s, Next: %d packets of %d, %v", path, name, len(got), len(want), err)
			}
			r.Close()
		}
	}
}

// A stream that gives one byte at a time is read as any.
func TestSlowStream(t *testing.T) {
	file, _, _ := smallPcapng()
	want, _ := readAll(open(t, file, Options{}))
	r, err := NewReader(iotest.OneByteReader(bytes.NewReader(file)), "x", Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := readBlocks(t, r)
	if err != nil || !equalPackets(got, want) {
		t.Errorf("%d packets of %d, %v", len(got), len(want), err)
	}
}

// Next and NextBlock may be mixed.
func TestMixedReading(t *testing.T) {
	file, _ := smallPcap(100)
	r := open(t, file, Options{BlockPackets: 3, BlockBytes: 200})
	var p Packet
	for n := int64(1); n <= 100; {
		b, err := r.NextBlock()
		if err != nil {
			t.Fatal(err)
		}
		n += int64(len(b.Packets))
		if n <= 100 {
			if err := r.Next(&p); err != nil || p.Number != n {
				t.Fatalf("packet %d, want %d, %v", p.Number, n, err)
			}
			n++
		}
		for i := range b.Packets {
			if q := &b.Packets[i]; !bytes.Equal(q.Data, payload(int(q.Number-1), len(q.Data))) {
				t.Fatalf("packet %d has changed", q.Number)
			}
		}
		b.Release()
	}
	if err := r.Next(&p); err != io.EOF { //nolint:errorlint // as documented
		t.Errorf("then %v", err)
	}
}

// Blocks outlive their Reader, and a breach of ownership shows.
func TestOwnership(t *testing.T) {
	file, _ := smallPcap(200)
	for _, opt := range []Options{{mangle: true, BlockBytes: 1000}, {BlockBytes: 1000, NoMap: true}} {
		r, err := NewReader(bytes.NewReader(file), "x", opt)
		if err != nil {
			t.Fatal(err)
		}
		var blocks []*Block
		for {
			b, err := r.NextBlock()
			if err != nil {
				break
			}
			blocks = append(blocks, b)
		}
		r.Close()
		var kept [][]byte
		n := 0
		for _, b := range blocks {
			for _, p := range b.Packets {
				if !bytes.Equal(p.Data, payload(n, len(p.Data))) {
					t.Fatalf("packet %d changed before its release", n+1)
				}
				kept = append(kept, p.Data)
				n++
			}
		}
		if n != 200 {
			t.Fatalf("%d packets", n)
		}
		for _, b := range blocks {
			b.Release()
		}
		if !opt.mangle {
			continue
		}
		for i, k := range kept {
			if bytes.Count(k, []byte{0xCC}) != len(k) {
				t.Fatalf("packet %d was kept and nothing shows it", i+1)
			}
		}
	}
}

// What Next gave is overwritten by the next call.
func TestOwnershipOfNext(t *testing.T) {
	file, _ := smallPcap(3)
	r := open(t, file, Options{mangle: true})
	var p Packet
	for range 3 {
		kept := p.Data
		if err := r.Next(&p); err != nil {
			t.Fatal(err)
		}
		if bytes.Count(kept, []byte{0xCC}) != len(kept) {
			t.Fatal("a packet was kept and nothing shows it")
		}
	}
}

// A File that was handed out does not change.
func TestFileIsSnapshot(t *testing.T) {
	file, _, _ := smallPcapng()
	r := open(t, file, Options{BlockPackets: 1})
	b, err := r.NextBlock()
	if err != nil {
		t.Fatal(err)
	}
	before := fmt.Sprintf("%+v", *b.File)
	early := r.File()
	if _, err := readAll(r); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%+v", *b.File); got != before {
		t.Errorf("the block's File changed: %s", got)
	}
	if len(early.Interfaces) != 1 || early.Interfaces[0].Stats != nil || early.Packets != 1 {
		t.Errorf("the early File changed: %+v", early)
	}
	if late := r.File(); len(late.Interfaces) != 2 || late.Packets != 6 {
		t.Errorf("the late File is %+v", late)
	}
}

func TestProgress(t *testing.T) {
	file, _ := smallPcap(50)
	for _, opt := range []Options{{BlockPackets: 7}, {BlockPackets: 7, NoMap: true}} {
		path := writeFile(t, "x.pcap", file)
		r, err := Open(path, opt)
		if err != nil {
			t.Fatal(err)
		}
		last := int64(0)
		for {
			b, err := r.NextBlock()
			if err != nil {
				break
			}
			if b.Read < last {
				t.Errorf("read went back from %d to %d", last, b.Read)
			}
			last = b.Read
			b.Release()
		}
		if last != int64(len(file)) {
			t.Errorf("read %d of %d bytes", last, len(file))
		}
		r.Close()
	}
}

func TestStandardInput(t *testing.T) {
	file, _ := smallPcap(5)
	in, err := os.Open(writeFile(t, "x.pcap", file))
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stdin
	os.Stdin = in
	defer func() { os.Stdin = old; in.Close() }()
	r, err := Open("-", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := readBlocks(t, r); len(got) != 5 || err != nil {
		t.Errorf("%d packets, %v", len(got), err)
	}
}

func TestClosedReader(t *testing.T) {
	file, _ := smallPcap(5)
	r := open(t, file, Options{})
	r.Close()
	r.Close()
	if err := r.Next(new(Packet)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Next after Close: %v", err)
	}
	if _, err := r.NextBlock(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("NextBlock after Close: %v", err)
	}
}

// Reading blocks costs no allocation per packet.
func TestAllocations(t *testing.T) {
	if mangleBuild {
		t.Skip("this build copies")
	}
	file, _ := smallPcap(20_000)
	path := writeFile(t, "x.pcap", file)
	for _, opt := range []Options{{}, {NoMap: true}} {
		got := testing.AllocsPerRun(3, func() {
			r, err := Open(path, opt)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for {
				b, err := r.NextBlock()
				if err != nil {
					break
				}
				b.Release()
			}
		})
		if got > 200 {
			t.Errorf("%v allocations for 20,000 packets", got)
		}
	}
}
