package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train/internal/blas"
)

func TestSaveLoadScore(t *testing.T) {
	d := moons(500, 3, 3)
	c := quick()
	c.Epochs = 5
	for _, k := range blas.Available() {
		kernel := k.String()
		c.Kernel = kernel
		m, _ := mustFit(t, d, c)
		m.Schema, m.Table, m.Manifest.Tool = "abc", "flows", "test"
		m.Manifest.Provenance = json.RawMessage(`{"inputs":["x.pcap"]}`)
		path := filepath.Join(t.TempDir(), "m.model")
		if err := m.Save(path); err != nil {
			t.Fatal(err)
		}
		got, err := LoadModel(path)
		if err != nil {
			t.Fatal(err)
		}
		if got.ScoringKernel() != kernel || got.Schema != "abc" || got.Threshold != m.Threshold {
			t.Errorf("loaded %+v", got.Header)
		}
		if !slices.Equal(scoresOf(t, got, d), scoresOf(t, m, d)) {
			t.Error("the loaded model scores differently")
		}
		again, err := got.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if file, _ := os.ReadFile(path); !bytes.Equal(file, again) {
			t.Error("encoding the loaded model gives other bytes")
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

// A score must not depend on the rows beside it, nor on concurrent callers.
func TestScoresOneByOneAndTogether(t *testing.T) {
	kernels := blas.Available()
	for i := range 2 * len(kernels) {
		classes := 2 + i%2
		d := moons(300, classes, 4)
		c := quick()
		c.Epochs, c.Kernel = 3, kernels[i/2].String()
		m, _ := mustFit(t, d, c)
		all := scoresOf(t, m, d)
		parallel, err := scoreAll(m, d.X.Data, d.X.Rows)
		if err != nil || !slices.Equal(parallel, all) {
			t.Errorf("scored in parallel: %v", err)
		}
		prob := make([]float32, 300*classes)
		if err := m.Probabilities(d.X.Data, 300, prob); err != nil {
			t.Fatal(err)
		}
		for i, s := range all {
			var one [1]float32
			if err := m.Score(d.X.Row(i), 1, one[:]); err != nil || one[0] != s {
				t.Fatalf("row %d alone scores %v (%v), with others %v", i, one[0], err, s)
			}
			sum := float32(0)
			for _, p := range prob[i*classes : (i+1)*classes] {
				sum += p
			}
			if d := float64(1 - prob[i*classes] - s); math.Abs(d) > 1e-6 || math.Abs(float64(sum)-1) > 1e-6 {
				t.Fatalf("row %d: score %v, probabilities %v", i, s, prob[i*classes:(i+1)*classes])
			}
		}
	}
}

func TestScoreDoesNotAllocate(t *testing.T) {
	d := moons(256, 3, 5)
	c := quick()
	c.Epochs = 1
	m, _ := mustFit(t, d, c)
	out := make([]float32, 256)
	if a := testing.AllocsPerRun(50, func() {
		if err := m.Score(d.X.Data, 256, out); err != nil {
			t.Fatal(err)
		}
	}); a >= 1 && !raceEnabled {
		t.Errorf("%v allocations a call", a)
	}
}

func TestDamagedModels(t *testing.T) {
	c := quick()
	c.Epochs = 1
	m, _ := mustFit(t, moons(100, 2, 1), c)
	good, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if n%7 == 0 {
			if _, err := DecodeModel(good[:n]); err == nil {
				t.Fatalf("cut to %d bytes: accepted", n)
			}
			bad := slices.Clone(good)
			bad[n] ^= 0x10
			if _, err := DecodeModel(bad); err == nil {
				t.Fatalf("byte %d changed: accepted", n)
			}
		}
	}
	for name, change := range map[string]func(h *Header){
		"outputs":   func(h *Header) { h.Classes = append(h.Classes, "third") },
		"inputs":    func(h *Header) { h.Columns = h.Columns[:2] },
		"kernel":    func(h *Header) { h.Kernel = "x" },
		"threshold": func(h *Header) { h.Threshold.Value = -1 },
		"weights":   func(h *Header) { h.Network.Hidden = []int{3} },
		"benign":    func(h *Header) { h.Benign = 2 },
	} {
		bad := decode(t, good)
		change(&bad.Header)
		if _, err := DecodeModel(reseal(t, bad)); err == nil {
			t.Errorf("header with a wrong %s accepted", name)
		}
	}
	if _, err := LoadModel(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	text := filepath.Join(t.TempDir(), "text.model")
	if err := os.WriteFile(text, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadModel(text); err == nil || !strings.Contains(err.Error(), "text.model: offset 0") {
		t.Errorf("a text file: %v", err)
	}
}

// reseal encodes a model without checking it.
func reseal(t *testing.T, m *Model) []byte {
	t.Helper()
	head, err := json.Marshal(m.Header)
	if err != nil {
		t.Fatal(err)
	}
	out := append([]byte(modelMagic), 1, 0, 0, 0)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(head)))
	out = append(out, head...)
	for _, p := range m.params {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(p))
	}
	sum := sha256.Sum256(out)
	return append(out, sum[:]...)
}

func FuzzDecodeModel(f *testing.F) {
	c := quick()
	c.Epochs, c.Hidden = 1, []int{2}
	m, _ := mustFit(f, moons(60, 2, 1), c)
	good, err := m.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good[:len(good)-sha256.Size])
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sha256.Sum256(body) // else only the checksum would be tested
		if m, err := DecodeModel(append(slices.Clone(body), sum[:]...)); err == nil {
			out := make([]float32, 1)
			if err := m.Score(make([]float32, len(m.Columns)), 1, out); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	c := quick()
	c.Epochs = 1
	d := moons(100, 2, 1)
	m, _ := mustFit(t, d, c)
	m.Schema = "abc"
	out := make([]float32, 100)
	if err := m.Score(d.X.Data[:299], 100, out); err == nil {
		t.Error("a row too short accepted")
	}
	if err := m.Score(d.X.Data, 100, out[:99]); err == nil {
		t.Error("too few places accepted")
	}
	d.X.Row(70)[2] = float32(math.NaN())
	if err := m.Score(d.X.Data, 100, out); err == nil || !strings.Contains(err.Error(), "row 70, column noise") {
		t.Errorf("NaN: %v", err)
	}
	if err := m.Accepts([]string{"x", "y", "noise"}, "abc"); err != nil {
		t.Error(err)
	}
	for _, bad := range []struct {
		names []string
		hash  string
	}{{[]string{"x", "y"}, "abc"}, {[]string{"y", "x", "noise"}, "abc"}, {[]string{"x", "y", "noise"}, "abd"}} {
		if m.Accepts(bad.names, bad.hash) == nil {
			t.Errorf("%v accepted", bad)
		}
	}
}

// BenchmarkScore is 67 → 200 → 1 on one thread.
func BenchmarkScore(b *testing.B) {
	const cols, rows = 67, 4096
	names := make([]string, cols)
	for i := range names {
		names[i] = fmt.Sprint("c", i)
	}
	d := &Data{X: features.NewMatrix(rows, names), Class: make([]int32, rows), Part: make([]features.Part, rows), Classes: []string{"benign", "attack"}}
	r := rand.New(rand.NewPCG(1, 1))
	for i := range d.X.Data {
		d.X.Data[i] = float32(r.NormFloat64())
	}
	for i := range d.Class {
		d.Class[i] = int32(i % 2)
	}
	out := make([]float32, rows)
	for _, k := range blas.Available() {
		m, _ := mustFit(b, d, Config{Hidden: []int{200}, Epochs: 1, Kernel: k.String()})
		for _, n := range []int{1, 64, rows} {
			b.Run(fmt.Sprintf("%s/rows=%d", m.ScoringKernel(), n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := m.Score(d.X.Data[:n*cols], n, out); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}
