package baseline

import (
	"context"
	"fmt"
	"math"

	"github.com/pcapline/pcapline/train/internal/blas"
	"github.com/pcapline/pcapline/train/internal/mlp"
)

// logistic is logistic regression: mean cross-entropy plus 1/(2n)·|w|² (as
// scikit-learn's C = 1), found by L-BFGS. Columns are brought to mean 0 and
// deviation 1 for it, by figures of the training rows, which are then folded
// into the weights.
type logistic struct {
	w      []float32
	bias   float32
	kernel blas.Kernel
	names  []string
}

// regression is the problem while it is being solved. Chunks of standardised
// rows are made anew at each pass rather than kept: they would double the
// memory.
type regression struct {
	set         Set
	mean, scale []float64
	kernel      blas.Kernel
	chunk, z    []float32
	w, dw       []float32
}

const logisticChunk = 512

func fitLogistic(ctx context.Context, s Set) (Model, error) {
	r := &regression{
		set: s, kernel: blas.Best(), chunk: make([]float32, logisticChunk*s.Cols), z: make([]float32, logisticChunk),
		w: make([]float32, s.Cols), dw: make([]float32, s.Cols),
	}
	r.standardise()
	x := make([]float64, s.Cols+1) // weights, then the bias
	if err := lbfgs(ctx, x, r.evaluate, 100, 1e-4); err != nil {
		return nil, err
	}
	m := &logistic{w: make([]float32, s.Cols), kernel: r.kernel, names: s.Names}
	bias := x[s.Cols]
	for j := range m.w {
		m.w[j] = float32(x[j] * r.scale[j])
		bias -= x[j] * r.scale[j] * r.mean[j]
	}
	m.bias = float32(bias)
	return m, nil
}

func (r *regression) standardise() {
	cols, n := r.set.Cols, float64(len(r.set.Attack))
	r.mean, r.scale = make([]float64, cols), make([]float64, cols)
	for i, v := range r.set.X {
		r.mean[i%cols] += float64(v) / n
	}
	for i, v := range r.set.X {
		d := float64(v) - r.mean[i%cols]
		r.scale[i%cols] += d * d / n
	}
	for j, v := range r.scale {
		r.scale[j] = 0 // a constant column, but for rounding, says nothing
		if math.Sqrt(v) > 1e-6*math.Abs(r.mean[j]) {
			r.scale[j] = 1 / math.Sqrt(v)
		}
	}
}

// evaluate computes the loss and its gradient at x.
func (r *regression) evaluate(x, grad []float64) float64 {
	cols, n := r.set.Cols, len(r.set.Attack)
	loss := 0.0
	clear(grad)
	for j, v := range x[:cols] {
		r.w[j] = float32(v)
		loss += v * v / 2
		grad[j] = v
	}
	bias := [1]float32{float32(x[cols])}
	for lo := 0; lo < n; lo += logisticChunk {
		m := min(logisticChunk, n-lo)
		r.load(lo, m)
		r.kernel.Dense(r.z, r.chunk, r.w, bias[:], m, cols, 1, false)
		for i, a := range r.set.Attack[lo : lo+m] {
			z := float64(r.z[i])
			p := mlp.Sigmoid(z)
			loss += math.Max(z, 0) + math.Log1p(math.Exp(-math.Abs(z)))
			if a {
				loss -= z
				p--
			}
			r.z[i] = float32(p)
			grad[cols] += p
		}
		r.kernel.GradW(r.dw, r.chunk, r.z, m, cols, 1)
		for j, v := range r.dw {
			grad[j] += float64(v)
		}
	}
	for j := range grad {
		grad[j] /= float64(n)
	}
	return loss / float64(n)
}

func (r *regression) load(lo, m int) {
	cols := r.set.Cols
	for i := range m {
		from, to := r.set.X[(lo+i)*cols:(lo+i+1)*cols], r.chunk[i*cols:(i+1)*cols]
		for j, v := range from {
			to[j] = float32((float64(v) - r.mean[j]) * r.scale[j])
		}
	}
}

func (m *logistic) Name() string { return "logistic" }

func (m *logistic) Describe() string {
	top := 0
	for j, w := range m.w {
		if math.Abs(float64(w)) > math.Abs(float64(m.w[top])) {
			top = j
		}
	}
	return fmt.Sprintf("logistic regression on %d columns, largest weight %.3g on %s", len(m.w), m.w[top], m.names[top])
}

func (m *logistic) Score(rows []float32, n int, out []float32) error {
	if err := checkRows(rows, n, len(m.w), out); err != nil {
		return err
	}
	m.kernel.Dense(out, rows, m.w, []float32{m.bias}, n, len(m.w), 1, false)
	for i, z := range out[:n] {
		out[i] = float32(mlp.Sigmoid(float64(z)))
	}
	return nil
}
