package blas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// product is A·B in float64, the reference of all the tests.
func product(a, b []float32, m, k, n int, at func(i, p int) int) []float64 {
	c := make([]float64, m*n)
	for i := range m {
		for p := range k {
			for j := range n {
				c[i*n+j] += float64(a[at(i, p)]) * float64(b[p*n+j])
			}
		}
	}
	return c
}

func near(t *testing.T, what string, got []float32, want []float64, terms int) {
	t.Helper()
	for i := range want {
		tol := 2e-6 * math.Sqrt(float64(terms+1)) * (1 + math.Abs(want[i]))
		if d := math.Abs(float64(got[i]) - want[i]); !(d <= tol) {
			t.Fatalf("%s[%d] = %v, want %v (off by %v)", what, i, got[i], want[i], d)
		}
	}
}

var sizes = [][3]int{ // n, in, out
	{1, 1, 1}, {1, 5, 3}, {2, 7, 16}, {3, 67, 17}, {4, 8, 15}, {5, 9, 1}, {6, 200, 1},
	{7, 3, 33}, {32, 67, 200}, {31, 64, 42}, {9, 16, 8}, {13, 1, 40}, {8, 2, 2},
}

func TestAgainstReference(t *testing.T) {
	for _, k := range Available() {
		for _, s := range sizes {
			n, in, out := s[0], s[1], s[2]
			t.Run(fmt.Sprintf("%v/%dx%dx%d", k, n, in, out), func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, uint64(n*in*out)))
				x, w, b, dz := random(r, n*in), random(r, in*out), random(r, out), random(r, n*out)
				y, dw, dx := fill(n*out), fill(in*out), fill(n*in)

				want := product(x, w, n, in, out, func(i, p int) int { return i*in + p })
				for i := range want {
					want[i] += float64(b[i%out])
				}
				k.Dense(y, x, w, b, n, in, out, false)
				near(t, "y", y, want, in)
				for i := range want {
					want[i] = max(0, want[i])
				}
				k.Dense(y, x, w, b, n, in, out, true)
				near(t, "relu y", y, want, in)

				k.GradW(dw, x, dz, n, in, out)
				near(t, "dw", dw, product(x, dz, in, n, out, func(i, p int) int { return p*in + i }), n)

				wt := make([]float32, in*out)
				transpose(wt, w, in, out)
				want = product(dz, slices.Clone(wt), n, out, in, func(i, p int) int { return i*out + p })
				k.GradX(dx, dz, w, wt, n, in, out)
				near(t, "dx", dx, want, out)

				checkReLU(t, k, dz, y, n, out)
			})
		}
	}
}

// fill returns a slice of values that no result has, so that an element left
// out is seen.
func fill(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 1e30
	}
	return x
}

func checkReLU(t *testing.T, k Kernel, dy, y []float32, n, out int) {
	t.Helper()
	dz, db, want, sum := fill(n*out), fill(out), make([]float64, n*out), make([]float64, out)
	for i := range want {
		if y[i] > 0 {
			want[i] = float64(dy[i])
		}
		sum[i%out] += want[i]
	}
	k.GradReLU(dz, db, dy, y, n, out)
	near(t, "dz", dz, want, 1)
	near(t, "db", db, sum, n)
	k.SumColumns(db, dz, n, out)
	near(t, "db of sums", db, sum, n)
}

// A row's result must not depend on the rows beside it: scores would depend
// on the batch size.
func TestRowsAreIndependent(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for _, k := range Available() {
		n, alone := 11, 1
		if block := k.Block(); block > 1 { // it promises that for whole blocks only
			n, alone = block, block
		}
		for i, out := range []int{1, 3, 16, 42, 200} {
			in := []int{67, 3, 300, 67, 128}[i]
			x, w, b := random(r, n*in), random(r, in*out), random(r, out)
			all, one := fill(n*out), fill(alone*out)
			k.Dense(all, x, w, b, n, in, out, true)
			for i := range n {
				rows := random(r, alone*in)
				copy(rows, x[i*in:(i+1)*in])
				k.Dense(one, rows, w, b, alone, in, out, true)
				if !slices.Equal(one[:out], all[i*out:(i+1)*out]) {
					t.Fatalf("%v, %d columns: row %d of %d differs elsewhere", k, out, i, n)
				}
			}
		}
	}
}

// Writing past the end of a result would corrupt the neighbour in memory.
func TestNothingBeyondTheEnd(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, k := range Available() {
		for _, s := range sizes {
			n, in, out := s[0], s[1], s[2]
			x, w, b := random(r, n*in), random(r, in*out), random(r, out)
			y := fill(n*out + 32)
			k.Dense(y, x, w, b, n, in, out, true)
			if !slices.Equal(y[n*out:], fill(32)) {
				t.Fatalf("%v %v: wrote beyond the result", k, s)
			}
		}
	}
}

func TestAdamKernelsAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	const n = 203
	for _, c := range []struct{ l2, decay float64 }{{0, 0}, {0.01, 0}, {0, 0.1}} {
		w0, m0, v0 := random(r, n), make([]float32, n), make([]float32, n)
		var results [][]float32
		for _, k := range append(Available(), Go) {
			w, m, v := slices.Clone(w0), slices.Clone(m0), slices.Clone(v0)
			for step := 1; step <= 5; step++ {
				g := random(rand.New(rand.NewPCG(5, uint64(step))), n)
				s := NewAdamStep(1e-3, 0.9, 0.999, 1e-8, c.l2, c.decay, step)
				k.Adam(w, g, m, v, &s)
			}
			results = append(results, w)
		}
		for _, w := range results[1:] {
			if !slices.Equal(w, results[0]) {
				t.Fatalf("L2 %v, decay %v: kernels give different weights", c.l2, c.decay)
			}
		}
	}
}

// The first step of Adam moves each weight by the rate against the gradient's
// sign, whatever its size.
func TestAdamFirstStep(t *testing.T) {
	for _, k := range Available() {
		w, g := make([]float32, 9), []float32{1, -1, 1e-3, -1e3, 5, -5, 2, -2, 3}
		s := NewAdamStep(0.1, 0.9, 0.999, 1e-8, 0, 0, 1)
		k.Adam(w, g, make([]float32, 9), make([]float32, 9), &s)
		for i, v := range w {
			want := -0.1 * float64(g[i]) / math.Abs(float64(g[i]))
			if math.Abs(float64(v)-want) > 1e-5 {
				t.Errorf("%v: weight %d moved to %v, want %v", k, i, v, want)
			}
		}
	}
}

func TestNaNPassesThrough(t *testing.T) {
	nan := float32(math.NaN())
	for _, k := range Available() {
		for _, out := range []int{1, 5, 16} {
			x, w, b := make([]float32, 8), make([]float32, 8*out), make([]float32, out)
			x[3] = nan
			y := fill(out)
			k.Dense(y, x, w, b, 1, 8, out, true)
			if y[0] == y[0] {
				t.Errorf("%v, %d columns: NaN became %v", k, out, y[0])
			}
		}
		for at := range 37 {
			for _, bad := range []float32{nan, float32(math.Inf(1)), float32(math.Inf(-1))} {
				x := make([]float32, 37)
				x[0] = math.MaxFloat32
				x[at] = bad
				if k.Finite(x) {
					t.Errorf("%v: %v at %d taken for finite", k, bad, at)
				}
			}
		}
		if !k.Finite([]float32{math.MaxFloat32, -math.MaxFloat32, 0, 1, 2, 3, 4, 5, 6}) || !k.Finite(nil) {
			t.Errorf("%v: finite values refused", k)
		}
	}
}

func TestByName(t *testing.T) {
	for _, k := range Available() {
		if got, err := ByName(k.String()); err != nil || got != k {
			t.Errorf("ByName(%q) = %v, %v", k.String(), got, err)
		}
	}
	if k, err := ByName(""); err != nil || k != Best() {
		t.Errorf("no name gives %v, %v", k, err)
	}
	if _, err := ByName("mkl"); err == nil {
		t.Error("unknown kernel accepted")
	}
}

func TestNoAllocations(t *testing.T) {
	const n, in, out = 32, 67, 200
	r := rand.New(rand.NewPCG(6, 6))
	x, w, b, y := random(r, n*in), random(r, in*out), random(r, out), fill(n*out)
	dw, db, dx, wt := fill(in*out), fill(out), fill(n*in), fill(in*out)
	for _, k := range Available() {
		if a := testing.AllocsPerRun(10, func() {
			k.Dense(y, x, w, b, n, in, out, true)
			k.GradReLU(y, db, y, y, n, out)
			k.GradW(dw, x, y, n, in, out)
			k.GradX(dx, y, w, wt, n, in, out)
			s := NewAdamStep(1e-3, 0.9, 0.999, 1e-8, 0, 0, 3)
			k.Adam(w, dw, wt, wt, &s)
		}); a != 0 {
			t.Errorf("%v: %v allocations a step", k, a)
		}
	}
}

func BenchmarkDense(b *testing.B) {
	for _, k := range Available() {
		for _, n := range []int{32, 512} {
			b.Run(fmt.Sprintf("%v/%dx67x200", k, n), func(b *testing.B) {
				const in, out = 67, 200
				r := rand.New(rand.NewPCG(1, 1))
				x, w, bias, y := random(r, n*in), random(r, in*out), random(r, out), fill(n*out)
				b.ReportAllocs()
				for b.Loop() {
					k.Dense(y, x, w, bias, n, in, out, true)
				}
				b.ReportMetric(float64(n*in*out)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFMA/s")
			})
		}
	}
}

func BenchmarkAdam(b *testing.B) {
	for _, k := range Available() {
		b.Run(k.String(), func(b *testing.B) {
			const n = 67 * 200
			w, g, m, v := fill(n), fill(n), fill(n), fill(n)
			s := NewAdamStep(1e-3, 0.9, 0.999, 1e-8, 0, 0, 3)
			b.SetBytes(4 * n)
			for b.Loop() {
				k.Adam(w, g, m, v, &s)
			}
		})
	}
}
