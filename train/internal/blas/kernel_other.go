//go:build !amd64

package blas

const hasAVX2 = false

// Never called: no other architecture has the AVX2 kernel.

func gemmAVX(c, a, b, init []float32, s shape, relu bool) { gemmGo(c, a, b, init, s, relu) }
func matVecAVX(y, x, w []float32, bias float32, in int)   { Go.matVec(y, x, w, bias, in, false) }
func adamVec(w, g, m, v []float32, s *AdamStep)           { adamGo(w, g, m, v, s) }
func reluSumVec(dz, db, dy, y []float32)                  { Go.reluSum(dz, db, dy, y) }
func finiteVec(x []float32) bool                          { return finiteGo(x) }
