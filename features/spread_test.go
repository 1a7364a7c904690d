package features

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func spreadOf(values []float32, attack []bool) Spread {
	return SpreadOf(len(values), func(i int) float32 { return values[i] }, func(i int) bool { return attack[i] })
}

// TestSpreadAgainstItsDefinition compares with all pairs and all rules.
func TestSpreadAgainstItsDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		n := 2 + rng.IntN(30)
		values, attack := make([]float32, n), make([]bool, n)
		for i := range n {
			values[i], attack[i] = float32(rng.IntN(8)), rng.IntN(2) == 0
		}
		attack[0], attack[1] = true, false
		s := spreadOf(values, attack)
		wins, pairs, best := 0.0, 0.0, 0.0
		for i := range n {
			hit := map[bool]float64{}
			total := map[bool]float64{}
			for j := range n {
				total[attack[j]]++
				if (values[j] > values[i]) == attack[j] {
					hit[attack[j]]++
				}
				if attack[i] && !attack[j] {
					pairs++
					switch {
					case values[i] > values[j]:
						wins++
					case values[i] == values[j]:
						wins += 0.5
					}
				}
			}
			above := (hit[true]/total[true] + hit[false]/total[false]) / 2
			best = max(best, above, 1-above)
		}
		if math.Abs(s.AUC()-wins/pairs) > 1e-12 {
			t.Fatalf("AUC %g; want %g of %v %v", s.AUC(), wins/pairs, values, attack)
		}
		r := s.BestRule()
		right := map[bool]float64{}
		total := map[bool]float64{}
		for i := range n {
			total[attack[i]]++
			if r.Says(values[i]) == attack[i] {
				right[attack[i]]++
			}
		}
		if got := (right[true]/total[true] + right[false]/total[false]) / 2; math.Abs(got-r.Balanced) > 1e-12 || math.Abs(got-best) > 1e-12 {
			t.Fatalf("rule %+v has %g; the best %g", r, got, best)
		}
	}
}

func TestBinsHoldAsManyRows(t *testing.T) {
	var values []float32
	for i := range 1000 {
		values = append(values, float32(i))
	}
	if d := cmp.Diff([]float32{249.5, 499.5, 749.5}, spreadOf(values, make([]bool, 1000)).Bins(4)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]float32{1.5, 2.5}, spreadOf([]float32{3, 1, 2, 2}, make([]bool, 4)).Bins(4)); d != "" {
		t.Error(d)
	}
}
