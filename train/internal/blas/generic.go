package blas

import "math"

// gemmGo computes C = init + A·B with the rows of B as the inner loop, four
// at a time. The conversions keep compilers from fusing multiply and add, so
// that this kernel gives the same bits on every architecture.
func gemmGo(c, a, b, init []float32, s shape, relu bool) {
	for i := 0; i < s.m; i++ {
		row := c[i*s.n : (i+1)*s.n]
		if init == nil {
			clear(row)
		} else {
			copy(row, init)
		}
		p, at := 0, i*s.aRow
		for ; p+4 <= s.k; p += 4 {
			a0, a1, a2, a3 := a[at], a[at+s.aCol], a[at+2*s.aCol], a[at+3*s.aCol]
			at += 4 * s.aCol
			axpy4(row, b[p*s.n:], s.n, a0, a1, a2, a3)
		}
		for ; p < s.k; p++ {
			ap := a[at]
			at += s.aCol
			bp := b[p*s.n : (p+1)*s.n]
			for j, v := range bp[:len(row)] {
				row[j] += float32(ap * v)
			}
		}
		if relu {
			reluGo(row)
		}
	}
}

func axpy4(row, b []float32, n int, a0, a1, a2, a3 float32) {
	b0, b1, b2, b3 := b[:n], b[n:2*n], b[2*n:3*n], b[3*n:4*n]
	b0, b1, b2, b3 = b0[:len(row)], b1[:len(row)], b2[:len(row)], b3[:len(row)]
	for j, v := range row {
		v += float32(a0 * b0[j])
		v += float32(a1 * b1[j])
		v += float32(a2 * b2[j])
		v += float32(a3 * b3[j])
		row[j] = v
	}
}

// reluGo keeps NaN, as the assembly does.
func reluGo(y []float32) {
	for i, v := range y {
		if v < 0 {
			y[i] = 0
		}
	}
}

// matVec is Dense with one output column: a dot product for each row.
func (k Kernel) matVec(y, x, w []float32, bias float32, in int, relu bool) {
	if k.vector() {
		matVecAVX(y, x, w, bias, in)
	} else {
		for i := range y {
			y[i] = bias + dotGo(x[i*in:(i+1)*in], w)
		}
	}
	if relu {
		reluGo(y)
	}
}

// dotGo keeps four sums, which CPUs add in parallel.
func dotGo(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += float32(a[i] * b[i])
		s1 += float32(a[i+1] * b[i+1])
		s2 += float32(a[i+2] * b[i+2])
		s3 += float32(a[i+3] * b[i+3])
	}
	for ; i < len(a); i++ {
		s0 += float32(a[i] * b[i])
	}
	return (s0 + s1) + (s2 + s3)
}

func (k Kernel) reluSum(dz, db, dy, y []float32) {
	i, n := 0, len(db)
	if k.vector() && n >= 8 {
		i = n &^ 7
		reluSumVec(dz[:i], db[:i], dy[:i], y[:i])
	}
	for ; i < n; i++ {
		g := dy[i]
		if !(y[i] > 0) {
			g = 0
		}
		dz[i] = g
		db[i] += g
	}
}

func finiteGo(x []float32) bool {
	const exponent = 0x7f800000 // all ones: NaN or infinity
	for _, v := range x {
		if math.Float32bits(v)&exponent == exponent {
			return false
		}
	}
	return true
}
