package pcapio

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

func pack(t testing.TB, data []byte, open func(io.Writer) (io.WriteCloser, error)) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := open(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func packGzip(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }
func packZstd(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }
func packXZ(w io.Writer) (io.WriteCloser, error)   { return xz.NewWriter(w) }
func packLZ4(w io.Writer) (io.WriteCloser, error)  { return lz4.NewWriter(w), nil }

func packAll(t testing.TB, data []byte) map[string][]byte {
	return map[string][]byte{
		"gzip": pack(t, data, packGzip), "zstd": pack(t, data, packZstd),
		"xz": pack(t, data, packXZ), "lz4": pack(t, data, packLZ4),
	}
}

// Compression is known by content, nested once, and changes nothing.
func TestCompression(t *testing.T) {
	plain, _ := smallPcap(500)
	want, _ := readAll(open(t, plain, Options{}))
	check := func(name string, packed []byte, layers ...string) {
		t.Run(name, func(t *testing.T) {
			path := writeFile(t, "misnamed.pcap", packed)
			r, err := Open(path, Options{BlockPackets: 64})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			got, err := readBlocks(t, r)
			if err != nil || !equalPackets(got, want) {
				t.Errorf("%d packets of %d, %v", len(got), len(want), err)
			}
			f := r.File()
			if !slices.Equal(f.Compression, layers) || f.Size != int64(len(packed)) {
				t.Errorf("compression %v of %d bytes, want %v of %d", f.Compression, f.Size, layers, len(packed))
			}
		})
	}
	packed := packAll(t, plain)
	for name, b := range packed {
		check(name, b, name)
		check("gzip of "+name, pack(t, b, packGzip), "gzip", name)
	}
	check("gzip in two members", append(pack(t, plain[:1000], packGzip), pack(t, plain[1000:], packGzip)...), "gzip")
	check("zstd behind a skippable frame", append([]byte("\x50\x2a\x4d\x18\x04\x00\x00\x00skip"), packed["zstd"]...), "zstd")

	thrice := pack(t, pack(t, packed["xz"], packGzip), packZstd)
	_, err := NewReader(bytes.NewReader(thrice), "x", Options{})
	formatError(t, err, ErrNotCapture, 0, 0)
}

// Damage inside a compressed file is told, and not as a clean end.
func TestCorruptCompression(t *testing.T) {
	plain, _ := smallPcap(3000)
	for name, packed := range packAll(t, plain) {
		t.Run(name, func(t *testing.T) {
			for _, at := range []int{len(packed) / 3, len(packed) / 2, len(packed) - 9} {
				bad := bytes.Clone(packed)
				bad[at] ^= 0x55
				r, err := NewReader(bytes.NewReader(bad), "x", Options{})
				if err == nil {
					_, err = readAll(r)
				}
				var fe *FormatError
				if !errors.As(err, &fe) {
					t.Errorf("byte %d of %d changed: %v", at, len(packed), err)
				}
			}
		})
	}
}

// A zstd frame that asks for more memory than is allowed is refused.
func TestZstdWindow(t *testing.T) {
	plain, _ := smallPcap(40_000)
	packed := pack(t, plain, func(w io.Writer) (io.WriteCloser, error) {
		return zstd.NewWriter(w, zstd.WithWindowSize(1<<20))
	})
	_, err := NewReader(bytes.NewReader(packed), "x", Options{MaxWindow: 1 << 19})
	if err == nil {
		t.Error("a window of 1 MiB where 512 KiB are allowed")
	}
}

// failing gives an error of its own after n bytes.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err == io.EOF { //nolint:errorlint // bytes.Reader's
		err = f.err
	}
	return n, err
}

// An error of the stream is told as it is, behind the packets before it.
func TestStreamError(t *testing.T) {
	file, ends := smallPcap(10)
	broken := errors.New("the line is down")
	for _, cut := range []int{ends[4], ends[4] + 7} {
		r, err := NewReader(&failing{bytes.NewReader(file[:cut]), broken}, "x", Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := readBlocks(t, r)
		if len(got) != 5 {
			t.Errorf("%d packets, want 5", len(got))
		}
		formatError(t, err, broken, 6, int64(ends[4]))
		if r.File().Truncated {
			t.Error("told as truncated")
		}
	}
}
