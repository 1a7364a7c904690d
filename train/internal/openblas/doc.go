// Package openblas multiplies float32 matrices by the OpenBLAS library, in
// programs built with cgo and the tag openblas; otherwise it is empty:
//
//	CGO_ENABLED=1 go build -tags openblas ./cmd/pcapline
//
// It is a package by itself since cgo and Go's assembly cannot share one;
// package blas has the kernel made of it. The library keeps to one thread, so
// that a sum has one order. Its results depend on its version and on the CPU
// for which it picks its loops, see [Config].
//
// Source: https://www.openblas.net, https://www.netlib.org/blas.
package openblas
