package antinex

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/pcapline/pcapline/transform/pythontest"
)

func runPython(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.Command(pythontest.Interpreter(t, "pandas"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// TestPandas: tables of messages with values of every kind, in any mixture and
// with gaps, are those that pandas makes.
func TestPandas(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			dir := t.TempDir()
			csv, archive, theirs := filepath.Join(dir, "ours.csv"), filepath.Join(dir, "a.json"), filepath.Join(dir, "theirs.csv")
			r, err := NewRecorder(Config{CSV: csv, Archive: archive})
			if err != nil {
				t.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(seed, 7))
			for range 40 {
				if _, err := r.Message(&Message{Layers: randomLayers(rng)}); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			runPython(t, "testdata/flatten.py", archive, theirs)
			sameFile(t, csv, theirs)
		})
	}
}

// randomLayers makes a message of which each field has kinds of its own.
func randomLayers(rng *rand.Rand) []Layer {
	names := []string{"ether", "ip", "tcp", "raw", "dot1q", "udp"}
	rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	layers := []Layer{{"ether", []Field{{"type", intValue(2048)}}}}
	for _, name := range names[:1+rng.IntN(len(names))] {
		l := Layer{Name: name}
		for kind := range 14 {
			if rng.IntN(3) > 0 {
				l.Fields = set(l.Fields, fmt.Sprintf("f%02d", kind), randomValue(rng, kind))
			}
		}
		layers = putLayer(layers, l)
	}
	return layers
}

func randomValue(rng *rand.Rand, kind int) Value {
	texts := []string{"", "a,b", `say "x"`, "it's", "00", "12e5", "é", "2018", "[1, 2]"}
	switch kind {
	case 0:
		return intValue(int64(rng.IntN(70000)))
	case 1:
		return intValue(rng.Int64N(1 << 40))
	case 2:
		return Value{Kind: Float, Float: float64(rng.IntN(1000)) / 8}
	case 3:
		return textValue(texts[rng.IntN(len(texts))])
	case 4:
		return Value{Kind: Bool, Int: int64(rng.IntN(2))}
	case 5:
		return Value{}
	case 6:
		return Value{Kind: List, List: []Value{intValue(1), textValue(texts[rng.IntN(len(texts))]), {}, {Kind: Bool, Int: 1}}}
	case 7:
		return Value{Kind: Map, Fields: []Field{{"MSS", intValue(1460)}, {"NOP", Value{}}, {"deep", Value{Kind: Map, Fields: []Field{{"x", intValue(5)}}}}}}
	case 8:
		return Value{Kind: Map}
	}
	return randomValue(rng, rng.IntN(7)) // a mixture
}
