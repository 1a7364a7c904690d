package flow

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"
)

func digestFile(t testing.TB, header, trailer string, blocks ...[]Digest) []byte {
	t.Helper()
	e, err := NewDigestEncoder()
	if err != nil {
		t.Fatal(err)
	}
	out := e.Header(nil, []byte(header))
	for _, b := range blocks {
		out = e.Encode(out, b)
	}
	return e.Trailer(out, []byte(trailer))
}

func readDigests(r io.Reader) (header string, ds []Digest, trailer string, err error) {
	d, err := NewDigestReader(r)
	if err != nil {
		return "", nil, "", err
	}
	defer d.Close()
	for {
		b, err := d.Next()
		if err == io.EOF {
			return string(d.Header), ds, string(d.Trailer), nil
		}
		if err != nil {
			return "", nil, "", err
		}
		ds = append(ds, b...)
	}
}

func TestDigestFile(t *testing.T) {
	ds := randomDigests(4, 300)
	saidBy(ds)
	file := digestFile(t, "head", "tail", ds[:100], nil, ds[100:])
	header, got, trailer, err := readDigests(bytes.NewReader(file))
	if err != nil || header != "head" || trailer != "tail" {
		t.Fatal(header, trailer, err)
	}
	for i := range ds {
		if a, b := fmt.Sprintf("%+v", withApp(ds[i], got[i])), fmt.Sprintf("%+v", got[i]); a != b {
			t.Fatalf("digest %d: %s, want %s", i, b, a)
		}
	}
	small := digestFile(t, "h", "t", ds[:4])
	for i := range small {
		if _, _, _, err := readDigests(bytes.NewReader(small[:i])); !errors.Is(err, ErrDigests) {
			t.Fatalf("cut off at %d: %v", i, err)
		}
		bad := bytes.Clone(small)
		bad[i] ^= 0x10
		if _, got, _, err := readDigests(bytes.NewReader(bad)); err == nil && !reflect.DeepEqual(got, ds[:4]) {
			t.Fatalf("byte %d is another, and so are the digests: %+v", i, got)
		}
	}
	if _, _, _, err := readDigests(bytes.NewReader(append(bytes.Clone(small), 0))); !errors.Is(err, ErrDigests) {
		t.Errorf("more behind the end: %v", err)
	}
}

func FuzzDigestReader(f *testing.F) {
	f.Add(digestFile(f, "h", "t", randomDigests(1, 3)))
	f.Add([]byte(digestMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _, _, err := readDigests(bytes.NewReader(data))
		if err != nil && !errors.Is(err, ErrDigests) {
			t.Fatal(err)
		}
	})
}

func BenchmarkDigestFile(b *testing.B) {
	ds := mix()[:8192]
	e, err := NewDigestEncoder()
	if err != nil {
		b.Fatal(err)
	}
	var out []byte
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			out = e.Encode(out[:0], ds)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(ds)), "ns/packet")
		b.ReportMetric(float64(len(out))/float64(len(ds)), "B/packet")
	})
	b.Run("read", func(b *testing.B) {
		file := digestFile(b, "", "", ds)
		for b.Loop() {
			if _, _, _, err := readDigests(bytes.NewReader(file)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(ds)), "ns/packet")
	})
}
