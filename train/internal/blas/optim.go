package blas

import "math"

// SGDStep holds the constants of a step of gradient descent, with momentum as
// PyTorch has it (Sutskever et al. 2013).
type SGDStep struct {
	Rate     float32
	Momentum float32
	Nesterov bool
	L2       float32 // added to the gradient, times the weight
	Keep     float32 // 1 − rate·decay: decoupled decay
}

// SGD updates the weights w from the gradient g; with momentum also the
// velocity v, which may be nil without:
//
//	g += L2·w;  v = Momentum·v + g
//	w = Keep·w − Rate·v, or with Nesterov's momentum Keep·w − Rate·(g + Momentum·v)
//
// It is the same in all kernels and spells out each rounding, as the other
// optimisers do.
func SGD(w, g, v []float32, s *SGDStep) {
	g = g[:len(w)]
	if s.Momentum == 0 {
		for i := range w {
			d := g[i] + float32(s.L2*w[i])
			w[i] = float32(s.Keep*w[i]) - float32(s.Rate*d)
		}
		return
	}
	v = v[:len(w)]
	for i := range w {
		d := g[i] + float32(s.L2*w[i])
		v[i] = float32(s.Momentum*v[i]) + d
		if s.Nesterov {
			d += float32(s.Momentum * v[i])
		} else {
			d = v[i]
		}
		w[i] = float32(s.Keep*w[i]) - float32(s.Rate*d)
	}
}

// RMSPropStep holds the constants of a step of RMSProp (Tieleman and Hinton,
// Coursera lecture 6.5, 2012), as PyTorch has it.
type RMSPropStep struct {
	Rate             float32
	Rho, OneMinusRho float32
	Epsilon          float32
	Momentum         float32
	L2               float32 // added to the gradient, times the weight
	Keep             float32 // 1 − rate·decay: decoupled decay
}

// RMSProp updates the weights w and the mean square v from the gradient g;
// with momentum also the velocity m, which may be nil without:
//
//	g += L2·w;  v = Rho·v + (1−Rho)·g²;  d = g / (√v + ε);  m = Momentum·m + d
//	w = Keep·w − Rate·m, without momentum Keep·w − Rate·d
func RMSProp(w, g, m, v []float32, s *RMSPropStep) {
	g, v = g[:len(w)], v[:len(w)]
	for i := range w {
		d := g[i] + float32(s.L2*w[i])
		v[i] = float32(s.Rho*v[i]) + float32(s.OneMinusRho*float32(d*d))
		d /= float32(math.Sqrt(float64(v[i]))) + s.Epsilon
		if s.Momentum != 0 {
			m[i] = float32(s.Momentum*m[i]) + d
			d = m[i]
		}
		w[i] = float32(s.Keep*w[i]) - float32(s.Rate*d)
	}
}
