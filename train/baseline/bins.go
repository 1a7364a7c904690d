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
		b.upper[c] = s.spread(c).Bins(maxBins)
		for i := range n {
			v := s.X[i*s.Cols+c]
			b.bin[c*n+i] = uint8(sort.Search(len(b.upper[c]), func(k int) bool { return v <= b.upper[c][k] }))
		}
	})
	return b
}
