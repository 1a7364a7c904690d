package baseline

import "context"

// lbfgs minimises a convex function from x on, in place, by the
// limited-memory BFGS method (Nocedal and Wright, "Numerical Optimization",
// algorithms 7.4 and 7.5, with steps halved until they descend enough). It
// stops after so many iterations, when no element of the gradient is above
// tol, or when no step descends. f writes the gradient to grad. (gonum's
// optimize would do; it brings a dozen packages that nothing else needs.)
func lbfgs(ctx context.Context, x []float64, f func(x, grad []float64) float64, iterations int, tol float64) error {
	const memory = 10
	n := len(x)
	grad, nextGrad, next, dir := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	var ss, ys [][]float64
	value := f(x, grad)
	for range iterations {
		if err := ctx.Err(); err != nil {
			return err
		}
		if maxAbs(grad) <= tol {
			return nil
		}
		direction(dir, grad, ss, ys)
		slope := dot(dir, grad)
		step, after := 1.0, 0.0
		for {
			for i := range next {
				next[i] = x[i] + step*dir[i]
			}
			after = f(next, nextGrad)
			if after <= value+1e-4*step*slope {
				break
			}
			if step /= 2; step < 1e-10 {
				return nil // rounding: nothing lower can be found
			}
		}
		s, y := make([]float64, n), make([]float64, n)
		for i := range s {
			s[i], y[i] = next[i]-x[i], nextGrad[i]-grad[i]
		}
		if dot(s, y) > 1e-12 {
			ss, ys = append(ss, s), append(ys, y)
		}
		if len(ss) > memory {
			ss, ys = ss[1:], ys[1:]
		}
		copy(x, next)
		copy(grad, nextGrad)
		value = after
	}
	return nil
}

// direction is minus the gradient times the inverse Hessian as the last steps
// let it be estimated.
func direction(dir, grad []float64, ss, ys [][]float64) {
	for i, g := range grad {
		dir[i] = -g
	}
	if len(ss) == 0 {
		scale := 1 / max(1, maxAbs(grad))
		for i := range dir {
			dir[i] *= scale
		}
		return
	}
	alpha := make([]float64, len(ss))
	for k := len(ss) - 1; k >= 0; k-- {
		alpha[k] = dot(ss[k], dir) / dot(ss[k], ys[k])
		for i := range dir {
			dir[i] -= alpha[k] * ys[k][i]
		}
	}
	last := len(ss) - 1
	scale := dot(ss[last], ys[last]) / dot(ys[last], ys[last])
	for i := range dir {
		dir[i] *= scale
	}
	for k := range ss {
		beta := dot(ys[k], dir) / dot(ss[k], ys[k])
		for i := range dir {
			dir[i] += (alpha[k] - beta) * ss[k][i]
		}
	}
}

func dot(a, b []float64) float64 {
	s := 0.0
	for i, v := range a {
		s += v * b[i]
	}
	return s
}

func maxAbs(x []float64) float64 {
	m := 0.0
	for _, v := range x {
		m = max(m, v, -v)
	}
	return m
}
