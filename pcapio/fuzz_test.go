package pcapio

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// FuzzPcap and FuzzPcapng feed the readers anything: no panic, the same
// packets whichever way they are read, and errors that say where.
func FuzzPcap(f *testing.F) {
	small, ends := smallPcap(3)
	f.Add(small)
	f.Add(small[:ends[1]+9])
	f.Add(append(pcapHeader(highFirst, magicNano, 0, 0x30000071), pcapRecord(highFirst, 1, 2, 3, payload(1, 3))...))
	f.Add(append(pcapHeader(lowFirst, magicKuznetzov, 0, 1), make([]byte, 24)...))
	old := bytes.Clone(small)
	old[6] = 3
	f.Add(old)
	f.Fuzz(fuzzReader)
}

func FuzzPcapng(f *testing.F) {
	small, ends, _ := smallPcapng()
	f.Add(small)
	f.Add(small[:ends[2]-3])
	paths, err := filepath.Glob(filepath.Join("testdata", "suite_*.pcapng"))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(fuzzReader)
}

// FuzzCompressed feeds the decompressors.
func FuzzCompressed(f *testing.F) {
	small, _ := smallPcap(3)
	for _, b := range packAll(f, small) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<12 {
			t.Skip("a small file can say enough")
		}
		r, err := NewReader(bytes.NewReader(data), "x", Options{BlockBytes: 1 << 12, MaxPacket: 1 << 16, MaxWindow: 1 << 20})
		if err != nil {
			checkError(t, err)
			return
		}
		defer r.Close()
		for range 1000 { // a bomb is nobody's fault
			b, err := r.NextBlock()
			if err != nil {
				checkError(t, err)
				return
			}
			b.Release()
		}
	})
}

func fuzzReader(t *testing.T, data []byte) {
	if matchCompression(data) != nil {
		t.Skip("compressed")
	}
	const room = 1 << 16
	r, err := NewReader(bytes.NewReader(data), "x", Options{MaxPacket: room, BlockBytes: 1 << 12, mangle: true})
	if err != nil {
		checkError(t, err)
		return
	}
	defer r.Close()
	one, err := readAll(r)
	if err != nil {
		checkError(t, err)
		var fe *FormatError
		errors.As(err, &fe)
		if fe.Index != int64(len(one))+1 || fe.Offset > int64(len(data)) {
			t.Fatalf("after %d packets in %d bytes: %v", len(one), len(data), err)
		}
	}
	for _, opt := range []Options{{MaxPacket: room, BlockBytes: 64, BlockPackets: 3}, {MaxPacket: room, BlockBytes: 1 << 12, mangle: true}} {
		r, err2 := NewReader(bytes.NewReader(data), "x", opt)
		if err2 != nil {
			t.Fatalf("opens in one way only: %v", err2)
		}
		many, err2 := readBlocks(t, r)
		r.Close()
		if !equalPackets(one, many) || (err == nil) != (err2 == nil) || err != nil && err.Error() != err2.Error() {
			t.Fatalf("Next: %d packets, %v; NextBlock: %d packets, %v", len(one), err, len(many), err2)
		}
	}
	offset := int64(-1)
	for i, p := range one {
		if p.Number != int64(i)+1 || p.Offset <= offset || p.Offset >= int64(len(data)) || len(p.Data) > room {
			t.Fatalf("packet %d is %+v", i+1, p)
		}
		offset = p.Offset
	}
}

func checkError(t *testing.T, err error) {
	t.Helper()
	var fe *FormatError
	if err != io.EOF && !errors.As(err, &fe) { //nolint:errorlint // NextBlock gives it bare
		t.Fatalf("%T: %v", err, err)
	}
}
