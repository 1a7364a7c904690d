// Package blas holds the few float32 loops that training and scoring spend
// their time in: the dense layer forward, its three gradients, the Adam step
// and a check for NaN and infinities.
//
// There are two kernels, and a third with the build tag openblas. [Go] is plain
// Go and runs everywhere. [AVX2] is amd64 assembly and needs AVX2 and FMA;
// [Best] asks the CPU. [OpenBLAS] leaves products of matrices to that library,
// through cgo; it runs when it is asked for by name. They differ in the last bits, since an FMA rounds once where the plain loop rounds twice,
// so whoever promises identical bytes must promise them for a kernel and
// record its name. Within a kernel every element of a result is the sum of
// its products in ascending order, begun at the bias (the one-column layer
// has its own fixed order), so that the result for a row does not depend on
// how many rows are computed with it, or in how many goroutines. Of OpenBLAS
// that can be said for blocks of rows only, see [Kernel.Block].
//
// All matrices are row-major and dense. Functions check lengths by slicing
// and so panic on slices that are too short: that is a mistake of the caller,
// which has checked its input before. They do not allocate and may be called
// from several goroutines on different results.
package blas

import "fmt"

// Kernel is an implementation of the loops.
type Kernel uint8

// The kernels.
const (
	Go       Kernel = iota // plain Go, any CPU
	AVX2                   // amd64 with AVX2 and FMA
	OpenBLAS               // build tag openblas
)

var names = [...]string{Go: "go", AVX2: "avx2-fma", OpenBLAS: "openblas"}

// String returns the name that models record.
func (k Kernel) String() string { return names[k] }

// Available lists the kernels that run here.
func Available() []Kernel {
	list := []Kernel{Go}
	if hasAVX2 {
		list = append(list, AVX2)
	}
	if hasOpenBLAS {
		list = append(list, OpenBLAS)
	}
	return list
}

// Names lists the names that models may record, also of kernels that this
// program lacks.
func Names() []string { return names[:] }

// vector reports whether the loops beside the products run in assembly.
func (k Kernel) vector() bool { return k != Go && hasAVX2 }

// Block is in how many rows at a time [Kernel.Dense] must be asked so that a
// row's result does not depend on the others: OpenBLAS has other loops for
// other numbers of rows.
func (k Kernel) Block() int {
	if k == OpenBLAS {
		return openBLASBlock
	}
	return 1
}

const openBLASBlock = 64

// Best returns the fastest kernel that this CPU can run without a library.
func Best() Kernel {
	if hasAVX2 {
		return AVX2
	}
	return Go
}

// ByName returns the kernel of that name; "" means [Best]. It fails for a
// name that it does not know and for a kernel that this CPU lacks.
func ByName(name string) (Kernel, error) {
	switch {
	case name == "":
		return Best(), nil
	case name == names[Go]:
		return Go, nil
	case name == names[AVX2] && hasAVX2:
		return AVX2, nil
	case name == names[AVX2]:
		return Go, fmt.Errorf("kernel %q needs an amd64 CPU with AVX2 and FMA", name)
	case name == names[OpenBLAS] && hasOpenBLAS:
		return OpenBLAS, nil
	case name == names[OpenBLAS]:
		return Go, fmt.Errorf("kernel %q needs a program built with -tags openblas", name)
	}
	return Go, fmt.Errorf("unknown kernel %q (there are %q)", name, names)
}

// Dense computes Y = X·W + b, and max(0, Y) when relu is set. X is n×in, W is
// in×out, b has out elements, Y is n×out. NaN in X stays NaN in Y.
func (k Kernel) Dense(y, x, w, b []float32, n, in, out int, relu bool) {
	y, x, w, b = y[:n*out], x[:n*in], w[:in*out], b[:out]
	if out == 1 {
		k.matVec(y, x, w, b[0], in, relu)
		return
	}
	k.gemm(y, x, w, b, shape{m: n, n: out, k: in, aRow: in, aCol: 1}, relu)
}

// gemm computes C = A·B, each row begun with init where it is not nil, and
// max(0, C) when relu is set.
func (k Kernel) gemm(c, a, b, init []float32, s shape, relu bool) {
	switch k {
	case AVX2:
		gemmAVX(c, a, b, init, s, relu)
	case OpenBLAS:
		gemmOpenBLAS(c, a, b, init, s, relu)
	default:
		gemmGo(c, a, b, init, s, relu)
	}
}

// GradW computes dW = Xᵀ·dZ, the gradient of a dense layer's weights. X is
// n×in, dZ is n×out, dW is in×out.
func (k Kernel) GradW(dw, x, dz []float32, n, in, out int) {
	dw, x, dz = dw[:in*out], x[:n*in], dz[:n*out]
	s := shape{m: in, n: out, k: n, aRow: 1, aCol: in}
	if out == 1 { // dWᵀ = dZᵀ·X has long rows
		x, dz = dz, x
		s = shape{m: 1, n: in, k: n, aRow: 1, aCol: 1}
	}
	k.gemm(dw, x, dz, nil, s, false)
}

// GradX computes dX = dZ·Wᵀ, the gradient of a dense layer's input. dZ is
// n×out, W is in×out, dX is n×in; wt is scratch of in×out elements.
func (k Kernel) GradX(dx, dz, w, wt []float32, n, in, out int) {
	dx, dz, w, wt = dx[:n*in], dz[:n*out], w[:in*out], wt[:in*out]
	if out == 1 {
		wt = w
	} else {
		transpose(wt, w, in, out)
	}
	k.gemm(dx, dz, wt, nil, shape{m: n, n: in, k: out, aRow: out, aCol: 1}, false)
}

// GradReLU computes dZ = dY where Y > 0, else 0, and db, the sums of dZ's
// columns. Y, dY and dZ are n×out; dZ may be dY.
func (k Kernel) GradReLU(dz, db, dy, y []float32, n, out int) {
	clear(db[:out])
	for i := 0; i < n; i++ {
		lo, hi := i*out, (i+1)*out
		k.reluSum(dz[lo:hi], db[:out], dy[lo:hi], y[lo:hi])
	}
}

// SumColumns computes db, the sums of the n×out matrix dZ's columns.
func (k Kernel) SumColumns(db, dz []float32, n, out int) {
	db = db[:out]
	clear(db)
	for i := 0; i < n; i++ {
		row := dz[i*out : (i+1)*out]
		for j, v := range row {
			db[j] += v
		}
	}
}

// Finite reports whether x holds neither NaN nor an infinity.
func (k Kernel) Finite(x []float32) bool {
	if k.vector() {
		return finiteVec(x)
	}
	return finiteGo(x)
}

// transpose writes the rows×cols matrix w as cols×rows, in tiles that fit the
// first-level cache.
func transpose(dst, w []float32, rows, cols int) {
	const tile = 16
	for i0 := 0; i0 < rows; i0 += tile {
		for j0 := 0; j0 < cols; j0 += tile {
			for i := i0; i < min(i0+tile, rows); i++ {
				for j := j0; j < min(j0+tile, cols); j++ {
					dst[j*rows+i] = w[i*cols+j]
				}
			}
		}
	}
}

// shape describes C = A·B: C is m×n, B is k×n; A's element (i, p) stands at
// i·aRow + p·aCol, one of which is 1, so that a transposed A needs no copy.
type shape struct{ m, n, k, aRow, aCol int }
