//go:build !(openblas && cgo)

package blas

const hasOpenBLAS = false

// Library says which OpenBLAS this is; "" in a program without.
func Library() string { return "" }

// Never called: this build has no such kernel.
func gemmOpenBLAS(c, a, b, init []float32, s shape, relu bool) { gemmGo(c, a, b, init, s, relu) }
