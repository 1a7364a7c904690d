package pcapio

import (
	"bytes"
	"os"
	"slices"
	"testing"
)

// Cut anywhere, a capture gives the packets that end before the cut and says
// where the next one begins.
func TestTruncation(t *testing.T) {
	small, smallEnds := smallPcap(5)
	recordEnds := append([]int{pcapHeaderLen}, smallEnds...)
	mixed, mixedEnds, blockEnds := smallPcapng()
	for _, c := range []struct {
		name   string
		file   []byte
		ends   []int // of packets
		clean  []int // where a cut cannot be seen
		header int   // before it, nothing can be opened
	}{
		{"pcap", small, smallEnds, recordEnds, pcapHeaderLen},
		{"pcapng", mixed, mixedEnds, blockEnds, blockEnds[0]},
	} {
		for _, opt := range []Options{{BlockBytes: 1 << 16}, {BlockBytes: 16}, {NoMap: true, BlockBytes: 16}} {
			t.Run(c.name, func(t *testing.T) {
				path := writeFile(t, "cut", c.file)
				for cut := len(c.file); cut > 0; cut-- {
					if err := os.Truncate(path, int64(cut)); err != nil {
						t.Fatal(err)
					}
					checkCut(t, path, opt, c.ends, c.clean, cut, c.header)
				}
			})
		}
	}
}

func checkCut(t *testing.T, path string, opt Options, ends, clean []int, cut, header int) {
	t.Helper()
	r, err := Open(path, opt)
	if cut < header {
		formatError(t, err, ErrTruncated, 0, 0)
		return
	}
	if err != nil {
		t.Fatalf("cut at %d: %v", cut, err)
	}
	defer r.Close()
	got, err := readBlocks(t, r)
	want, _ := slices.BinarySearch(ends, cut+1)
	if len(got) != want {
		t.Fatalf("cut at %d: %d packets, want %d", cut, len(got), want)
	}
	if slices.Contains(clean, cut) {
		if err != nil || r.File().Truncated {
			t.Fatalf("cut at %d, a boundary: %v", cut, err)
		}
		return
	}
	begin := 0 // of the record or block that is cut
	for _, e := range clean {
		if e < cut {
			begin = e
		}
	}
	formatError(t, err, ErrTruncated, int64(want+1), int64(begin))
	if !r.File().Truncated {
		t.Fatalf("cut at %d: not told as truncated", cut)
	}
}

// A compressed file that is cut says so after all that could be decompressed,
// also where a record happens to end there.
func TestTruncatedCompression(t *testing.T) {
	file, _ := smallPcap(2000)
	for name, packed := range packAll(t, file) {
		t.Run(name, func(t *testing.T) {
			for _, cut := range []int{1, 5, 7, 20, len(packed) / 2, len(packed) - 5, len(packed) - 1} {
				r, err := NewReader(bytes.NewReader(packed[:cut]), "x", Options{})
				if err == nil {
					var got []Packet
					got, err = readBlocks(t, r)
					if len(got) > 2000 {
						t.Errorf("cut at %d: %d packets", cut, len(got))
					}
				}
				if err == nil {
					t.Errorf("cut at %d of %d: no error", cut, len(packed))
				}
			}
		})
	}
}

// A mapped file that is shortened ends with an error, not with SIGBUS.
func TestShrunkFile(t *testing.T) {
	var file []byte
	file = append(file, pcapHeader(lowFirst, magicMicro, 0, 1)...)
	for i := range 4000 {
		file = append(file, pcapRecord(lowFirst, uint32(i), 0, 100, payload(i, 100))...)
	}
	path := writeFile(t, "shrinks.pcap", file)
	r, err := Open(path, Options{BlockPackets: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.whole == nil {
		t.Skip("files are not mapped in this build")
	}
	b, err := r.NextBlock()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 8192); err != nil {
		t.Fatal(err)
	}
	var sum int
	err = Guard(func() {
		for _, p := range b.Packets {
			sum += int(p.Data[len(p.Data)-1])
		}
	})
	if err != ErrShrunk { //nolint:errorlint // as documented
		t.Errorf("Guard gave %v", err)
	}
	b.Release()
	_, err = r.NextBlock()
	formatError(t, err, ErrShrunk, 1001, 24+1000*116)
	formatError(t, err, ErrTruncated, 1001, 24+1000*116)
}

// Behind the new end of a file its last page reads as zeros; they are not
// taken for packets.
func TestShrunkInsidePage(t *testing.T) {
	file, ends := smallPcap(100)
	for _, cut := range []int{ends[9], ends[9] + 1, ends[9] + 20} {
		path := writeFile(t, "shrinks.pcap", file)
		r, err := Open(path, Options{BlockPackets: 5})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if r.whole == nil {
			t.Skip("files are not mapped in this build")
		}
		if err := os.Truncate(path, int64(cut)); err != nil {
			t.Fatal(err)
		}
		got, err := readBlocks(t, r)
		if len(got) != 10 {
			t.Errorf("cut at %d: %d packets, want 10", cut, len(got))
		}
		formatError(t, err, ErrShrunk, 11, int64(ends[9]))
		if n := r.File().Packets; n != 10 {
			t.Errorf("cut at %d: %d packets counted", cut, n)
		}
	}
}

// Guard does not hide what is not a shortened file.
func TestGuardPasses(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("the panic is gone")
		}
	}()
	var nothing *Packet
	_ = Guard(func() { nothing.Number++ })
}
