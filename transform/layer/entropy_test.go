package layer

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
)

func TestEntropy(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, c := range []struct {
		name string
		b    []byte
		want float64
	}{
		{"one byte", []byte{7}, 0},
		{"two bytes", []byte("ab"), 1},
		{"a run", bytes.Repeat([]byte{'x'}, 500), 0},
		{"every byte once", all, 8},
		{"half and half", bytes.Repeat([]byte("ab"), 700), 1},
		{"every byte, many times", bytes.Repeat(all, 300), 8},
		{"a quarter", bytes.Repeat([]byte("aaab"), 200), 2 - 0.75*math.Log2(3)},
	} {
		if got := new(entropy).of(c.b); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// The ways to compute it agree, and leave their counters clean.
func TestEntropyAllLengths(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 3000)
	for i := range b {
		b[i] = byte(r.ExpFloat64() * 20)
	}
	var e entropy
	for n := 1; n <= len(b); n++ {
		if got, want := e.of(b[:n]), entropyOfLong(b[:n]); math.Abs(got-want) > 1e-9 {
			t.Fatalf("%d bytes: %v, want %v", n, got, want)
		}
	}
}

func BenchmarkEntropy(b *testing.B) {
	data := make([]byte, 1400)
	for i := range data {
		data[i] = byte(i * i)
	}
	var e entropy
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		e.of(data)
	}
}
