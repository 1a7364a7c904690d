package flow

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// exactStd is the sample standard deviation in 200 bits.
func exactStd(values []int64) float64 {
	f := func(v int64) *big.Float { return new(big.Float).SetPrec(200).SetInt64(v) }
	n, sum, squares := f(int64(len(values))), f(0), f(0)
	for _, v := range values {
		sum.Add(sum, f(v))
		squares.Add(squares, new(big.Float).Mul(f(v), f(v)))
	}
	d := new(big.Float).Sub(squares, new(big.Float).Quo(new(big.Float).Mul(sum, sum), n))
	d.Quo(d, f(int64(len(values)-1)))
	v, _ := d.Float64()
	return math.Sqrt(v)
}

func TestStatistics(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	cases := map[string]func() int64{
		"lengths":            func() int64 { return r.Int64N(1500) },
		"equal":              func() int64 { return 1460 },
		"nearly equal, huge": func() int64 { return 4_000_000_000 + r.Int64N(3) },
		"one far away":       func() int64 { return r.Int64N(1000) / 999 * 60_000 },
	}
	for name, next := range cases {
		for _, n := range []int{2, 3, 1000} {
			var s, half sums
			var m moments
			var values []int64
			for i := range n {
				v := next()
				values = append(values, v)
				s.add(int64(i+1), uint32(v))
				m.add(v)
				if i >= n/2 {
					half.add(int64(i-n/2+1), uint32(v))
				}
			}
			want := exactStd(values)
			tolerance := 1e-9*want + 1e-9
			if got := s.std(int64(n)); math.Abs(got-want) > tolerance {
				t.Errorf("%s, %d: std of sums %v, want %v", name, n, got, want)
			}
			// Welford's error grows with the mean, far below what cancels.
			if got := m.std(); math.Abs(got-want) > 1e-6*want+1e-6 {
				t.Errorf("%s, %d: std of moments %v, want %v", name, n, got, want)
			}
			if float64(m.min) != float64(s.min) || float64(m.max) != float64(s.max) || math.Abs(m.mean-s.mean(int64(n))) > 1e-9*m.mean {
				t.Errorf("%s, %d: %+v %+v", name, n, m, s)
			}
			var first sums
			for i, v := range values[:n/2] {
				first.add(int64(i+1), uint32(v))
			}
			if got := first.plus(int64(n/2), half, int64(n-n/2)); got != s {
				t.Errorf("%s, %d: halves together %+v, whole %+v", name, n, got, s)
			}
		}
	}
}
