//go:build openblas && cgo

package blas

import "github.com/pcapline/pcapline/train/internal/openblas"

const hasOpenBLAS = true

// Library says which OpenBLAS this is: its results differ between versions
// and CPUs. It is "" in a program without.
func Library() string { return openblas.Config() }

func gemmOpenBLAS(c, a, b, init []float32, s shape, relu bool) {
	if s.m == 0 || s.n == 0 || s.k == 0 {
		gemmGo(c, a, b, init, s, relu)
		return
	}
	transposed, lda := s.aCol != 1, max(s.aRow, s.k) // of a single row any will do
	if transposed {
		lda = s.aCol
	}
	openblas.Gemm(c, a, b, init, s.m, s.n, s.k, transposed, lda, relu)
}
