package blas

import "golang.org/x/sys/cpu"

// hasAVX2 also asks for the system's support of the wide registers.
var hasAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// tile is the assembly's view of up to four rows by sixteen columns of C. Its
// layout is known to kernel_amd64.s.
type tile struct {
	a     [4]*float32 // element (row, 0) of A
	aStep uintptr     // bytes from (row, p) to (row, p+1)
	b     *float32    // element (0, column) of B
	bStep uintptr     // bytes from one row of B to the next
	k     int         // > 0
	c     [4]*float32 // where each row goes; rows may be the same one
	init  *float32    // what each row begins with, or nil for 0
	relu  uintptr     // 1: clamp at 0
	mask  *[16]int32  // −1 for a column that exists; used by the masked variant
}

//go:noescape
func gemmTile(t *tile)

//go:noescape
func gemmTileMasked(t *tile)

//go:noescape
func dot4(sum *[4]float32, a *[4]*float32, b *float32, blocks int, mask *[8]int32)

//go:noescape
func adamAVX(w, grad, m, v *float32, blocks int, s *AdamStep)

//go:noescape
func reluSumAVX(dz, db, dy, y *float32, blocks int)

//go:noescape
func finiteAVX(x *float32, blocks int) bool

// ones is read at an offset to give a mask of 0 to 16 leading lanes.
var ones = [32]int32{-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}

// gemmAVX walks C in columns of tiles, so that a strip of B stays in the
// first-level cache while A's rows pass. A tile at the lower edge repeats its
// last row, which is written twice with the same value.
func gemmAVX(c, a, b, init []float32, s shape, relu bool) {
	if s.m == 0 || s.n == 0 {
		return
	}
	if s.k == 0 {
		gemmGo(c, a, b, init, s, relu)
		return
	}
	_, _, _ = c[s.m*s.n-1], a[(s.m-1)*s.aRow+(s.k-1)*s.aCol], b[s.k*s.n-1]
	t := tile{aStep: uintptr(4 * s.aCol), bStep: uintptr(4 * s.n), k: s.k}
	if relu {
		t.relu = 1
	}
	for j := 0; j < s.n; j += 16 {
		t.b = &b[j]
		if init != nil {
			t.init = &init[j]
		}
		whole := s.n-j >= 16
		if !whole {
			t.mask = (*[16]int32)(ones[16-(s.n-j):])
		}
		for i := 0; i < s.m; i += 4 {
			for r := range t.a {
				row := min(i+r, s.m-1)
				t.a[r] = &a[row*s.aRow]
				t.c[r] = &c[row*s.n+j]
			}
			if whole {
				gemmTile(&t)
			} else {
				gemmTileMasked(&t)
			}
		}
	}
}

// matVecAVX takes four rows at a time, which hides the latency of the FMA;
// the last rows are repeated to make four.
func matVecAVX(y, x, w []float32, bias float32, in int) {
	n := len(y)
	if n == 0 {
		return
	}
	if in == 0 {
		for i := range y {
			y[i] = bias
		}
		return
	}
	_ = x[n*in-1]
	var sum [4]float32
	var rows [4]*float32
	mask := (*[8]int32)(ones[16-in&7:])
	for i := 0; i < n; i += 4 {
		for r := range rows {
			rows[r] = &x[min(i+r, n-1)*in]
		}
		dot4(&sum, &rows, &w[0], in>>3, mask)
		for r := range min(4, n-i) {
			y[i+r] = bias + sum[r]
		}
	}
}

// The lengths of the following are multiples of eight, and not 0.

func adamVec(w, g, m, v []float32, s *AdamStep) {
	adamAVX(&w[0], &g[0], &m[0], &v[0], len(w)/8, s)
}

func reluSumVec(dz, db, dy, y []float32) {
	reluSumAVX(&dz[0], &db[0], &dy[0], &y[0], len(dz)/8)
}

func finiteVec(x []float32) bool {
	i := len(x) &^ 7
	return (i == 0 || finiteAVX(&x[0], i/8)) && finiteGo(x[i:])
}
