package mlp

import "math"

// Activation is the function between layers.
type Activation string

// The activations. Their slopes can all be told from their values, so that
// training need not keep what went in.
const (
	ReLU      Activation = "relu"       // max(0, x), slope 0 at 0
	LeakyReLU Activation = "leaky_relu" // x, below 0 a hundredth of it (Maas et al. 2013), slope 0.01 at 0
	ELU       Activation = "elu"        // x, below 0 e^x − 1 (Clevert et al. 2015)
	Tanh      Activation = "tanh"
	Logistic  Activation = "sigmoid" // 1/(1 + e^−x)
	Linear    Activation = "linear"  // x
)

// Activations lists them.
var Activations = []Activation{ReLU, LeakyReLU, ELU, Tanh, Logistic, Linear}

// Leak is the slope of LeakyReLU below 0.
const Leak = 0.01

// apply replaces each x by its activation; [Dense] has done a ReLU itself.
func (a Activation) apply(x []float32) {
	switch a {
	case LeakyReLU:
		for i, v := range x {
			if v < 0 {
				x[i] = Leak * v
			}
		}
	case ELU:
		for i, v := range x {
			if v < 0 {
				x[i] = float32(math.Expm1(float64(v)))
			}
		}
	case Tanh:
		for i, v := range x {
			x[i] = float32(math.Tanh(float64(v)))
		}
	case Logistic:
		for i, v := range x {
			x[i] = float32(Sigmoid(float64(v)))
		}
	}
}

// Backward computes dz, the gradient before the activation, from dy, the one
// behind it, and y, its values. dz may be dy.
func (a Activation) Backward(dz, dy, y []float32) {
	y = y[:len(dy)]
	switch a {
	case ReLU:
		for i, g := range dy {
			if !(y[i] > 0) {
				g = 0
			}
			dz[i] = g
		}
	case LeakyReLU:
		for i, g := range dy {
			if !(y[i] > 0) {
				g *= Leak
			}
			dz[i] = g
		}
	case ELU:
		for i, g := range dy {
			if !(y[i] > 0) {
				g *= y[i] + 1
			}
			dz[i] = g
		}
	case Tanh:
		for i, g := range dy {
			dz[i] = g * (1 - y[i]*y[i])
		}
	case Logistic:
		for i, g := range dy {
			dz[i] = g * y[i] * (1 - y[i])
		}
	default:
		copy(dz, dy)
	}
}
