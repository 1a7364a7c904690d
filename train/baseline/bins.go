package baseline

import "sort"

const maxBins = 255

// binned is the training rows as small integers, a column behind another.
type binned struct {
	rows, cols int
	bin        []uint8     // cols × rows
	upper      [][]float32 // upper[c][b] is the largest value of bin b, but for the last bin
}

// newBins gives each value of a column a bin of its own when there are at
// most 255, else cuts at quantiles of the training rows.
func newBins(s Set) *binned {
	n := len(s.Attack)
	b := &binned{rows: n, cols: s.Cols, bin: make([]uint8, n*s.Cols), upper: make([][]float32, s.Cols)}
	each(s.Cols, func(c int) {
		b.upper[c] = cuts(s.groups(c), n)
		for i := range n {
			v := s.X[i*s.Cols+c]
			b.bin[c*n+i] = uint8(sort.Search(len(b.upper[c]), func(k int) bool { return v <= b.upper[c][k] }))
		}
	})
	return b
}

// cuts returns at most 254 ascending thresholds.
func cuts(gs []group, n int) []float32 {
	var out []float32
	seen, next := 0.0, 1
	for i, g := range gs[:len(gs)-1] {
		seen += g.pos + g.neg
		if len(gs) > maxBins && seen < float64(next)*float64(n)/maxBins {
			continue
		}
		out = append(out, between(g.value, gs[i+1].value))
		for float64(next)*float64(n)/maxBins <= seen {
			next++
		}
	}
	return out
}
