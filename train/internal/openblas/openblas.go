//go:build openblas && cgo

package openblas

// The one function that is needed is called directly. gonum.org/v1/netlib
// wraps the same call, but bias and ReLU would then be passes in Go, and it
// cannot tell OpenBLAS to keep to one thread.

/*
#cgo CFLAGS: -O3
#cgo LDFLAGS: -lopenblas
#include <string.h>
#include <cblas.h>

static void gemm(float *c, const float *a, const float *b, const float *init, int m, int n, int k, int transposed, int lda, int relu) {
	if (init)
		for (int i = 0; i < m; i++)
			memcpy(c + (size_t)i * n, init, (size_t)n * sizeof *c);
	cblas_sgemm(CblasRowMajor, transposed ? CblasTrans : CblasNoTrans, CblasNoTrans, m, n, k, 1, a, lda, b, n, init ? 1 : 0, c, n);
	if (relu)
		for (size_t i = 0, len = (size_t)m * n; i < len; i++)
			c[i] = c[i] < 0 ? 0 : c[i]; // keeps NaN
}
*/
import "C"

func init() { C.openblas_set_num_threads(1) }

// Config is the library's version and the CPU that it takes this one for.
func Config() string { return C.GoString(C.openblas_get_config()) }

// Gemm computes C = init + A·B, and max(0, C) when relu is set. C is m×n, B is
// k×n, init is a row of n elements, nil for zeros. A is m×k, its rows lda
// elements apart; or k×m and to be transposed. All of them are row-major, and
// m, n and k at least 1. It checks lengths by slicing.
func Gemm(c, a, b, init []float32, m, n, k int, transposed bool, lda int, relu bool) {
	rows, cols := m, k
	if transposed {
		rows, cols = k, m
	}
	_, _, _ = c[m*n-1], a[(rows-1)*lda+cols-1], b[k*n-1]
	var first *C.float
	if init != nil {
		first = (*C.float)(&init[:n][0])
	}
	C.gemm((*C.float)(&c[0]), (*C.float)(&a[0]), (*C.float)(&b[0]), first, C.int(m), C.int(n), C.int(k), flag(transposed), C.int(lda), flag(relu))
}

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}
