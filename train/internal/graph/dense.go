package graph

import (
	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/pcapline/pcapline/train/internal/blas"
	"github.com/pcapline/pcapline/train/internal/mlp"
)

// denseOp is Y = activation(X·W + b) of n rows, fused. Its gradients go
// through dZ, the gradient before the activation: dW = Xᵀ·dZ, db = the sums
// of dZ's columns, dX = dZ·Wᵀ.
type denseOp struct {
	base
	kernel blas.Kernel
	layer  mlp.Layer
	n      int
	first  bool // the input is data: nobody needs dX

	dw, db []float32 // where the gradients of the parameters go
}

var _ G.SDOp = (*denseOp)(nil)

func newDense(name string, k blas.Kernel, l mlp.Layer, n int, first bool, grad []float32) *denseOp {
	o := &denseOp{kernel: k, layer: l, n: n, first: first, dw: grad[l.W:l.B], db: grad[l.B:l.End()]}
	y := make([]float32, n*l.Out)
	value := wrap(y, n, l.Out)
	o.base = base{
		name: name, in: []hm.Type{matrix, matrix, vector}, out: matrix, shape: tensor.Shape{n, l.Out},
		do: func(v []G.Value) (G.Value, error) {
			x, w, err := two(v, n*l.In, l.In*l.Out)
			if err != nil {
				return nil, err
			}
			b, err := floats(v[2], l.Out)
			if err != nil {
				return nil, err
			}
			mlp.Dense(k, l, w, b, x, n, y)
			return value, nil
		},
	}
	return o
}

// DiffWRT leaves out the data.
func (o *denseOp) DiffWRT(int) []bool { return []bool{!o.first, true, true} }

// SymDiff adds the nodes that compute dZ, dX, dW and db from dY.
func (o *denseOp) SymDiff(in G.Nodes, y, dy *G.Node) (G.Nodes, error) {
	dz, err := o.gradZ(y, dy)
	if err != nil {
		return nil, err
	}
	grads := make(G.Nodes, 3)
	if !o.first {
		if grads[0], err = G.ApplyOp(o.gradX(), dz, in[1]); err != nil {
			return nil, err
		}
	}
	if grads[1], err = G.ApplyOp(o.gradW(), in[0], dz); err != nil {
		return nil, err
	}
	grads[2], err = G.ApplyOp(o.gradB(), dz)
	return grads, err
}

// gradZ is dY through the activation. For a ReLU it sums db in passing.
func (o *denseOp) gradZ(y, dy *G.Node) (*G.Node, error) {
	if o.layer.Activation == "" || o.layer.Activation == mlp.Linear {
		return dy, nil
	}
	size := o.n * o.layer.Out
	dz := make([]float32, size)
	value := wrap(dz, o.n, o.layer.Out)
	return G.ApplyOp(base{
		name: o.name + ".dz", in: []hm.Type{matrix, matrix}, out: matrix, shape: o.shape,
		do: func(v []G.Value) (G.Value, error) {
			y, dy, err := two(v, size, size)
			if err != nil {
				return nil, err
			}
			if o.layer.Activation == mlp.ReLU {
				o.kernel.GradReLU(dz, o.db, dy, y, o.n, o.layer.Out)
				return value, nil
			}
			o.layer.Activation.Backward(dz, dy, y)
			return value, nil
		},
	}, y, dy)
}

func (o *denseOp) gradX() G.Op {
	l := o.layer
	dx, wt := make([]float32, o.n*l.In), make([]float32, l.In*l.Out)
	value := wrap(dx, o.n, l.In)
	return base{
		name: o.name + ".dx", in: []hm.Type{matrix, matrix}, out: matrix, shape: tensor.Shape{o.n, l.In},
		do: func(v []G.Value) (G.Value, error) {
			dz, w, err := two(v, o.n*l.Out, l.In*l.Out)
			if err != nil {
				return nil, err
			}
			o.kernel.GradX(dx, dz, w, wt, o.n, l.In, l.Out)
			return value, nil
		},
	}
}

func (o *denseOp) gradW() G.Op {
	l := o.layer
	value := wrap(o.dw, l.In, l.Out)
	return base{
		name: o.name + ".dw", in: []hm.Type{matrix, matrix}, out: matrix, shape: tensor.Shape{l.In, l.Out},
		do: func(v []G.Value) (G.Value, error) {
			x, dz, err := two(v, o.n*l.In, o.n*l.Out)
			if err != nil {
				return nil, err
			}
			o.kernel.GradW(o.dw, x, dz, o.n, l.In, l.Out)
			return value, nil
		},
	}
}

// gradB needs no work after a ReLU, whose dz op has the sums already.
func (o *denseOp) gradB() G.Op {
	l := o.layer
	value := wrap(o.db, l.Out)
	return base{
		name: o.name + ".db", in: []hm.Type{matrix}, out: vector, shape: tensor.Shape{l.Out},
		do: func(v []G.Value) (G.Value, error) {
			dz, err := floats(v[0], o.n*l.Out)
			if err != nil {
				return nil, err
			}
			if l.Activation != mlp.ReLU {
				o.kernel.SumColumns(o.db, dz, o.n, l.Out)
			}
			return value, nil
		},
	}
}

// maskOp is Y = X⊙M, and dX = dY⊙M: dropout, with the mask an input of the
// graph, so that it is seeded by the trainer and absent from scoring.
type maskOp struct{ base }

var _ G.SDOp = maskOp{}

func newMask(name string, n, width int) maskOp {
	y := make([]float32, n*width)
	value := wrap(y, n, width)
	return maskOp{base{
		name: name, in: []hm.Type{matrix, matrix}, out: matrix, shape: tensor.Shape{n, width},
		do: func(v []G.Value) (G.Value, error) {
			x, m, err := two(v, len(y), len(y))
			if err != nil {
				return nil, err
			}
			for i := range y {
				y[i] = x[i] * m[i]
			}
			return value, nil
		},
	}}
}

// DiffWRT leaves out the mask.
func (o maskOp) DiffWRT(int) []bool { return []bool{true, false} }

// SymDiff multiplies the gradient by the mask.
func (o maskOp) SymDiff(in G.Nodes, _, dy *G.Node) (G.Nodes, error) {
	dx, err := G.ApplyOp(newMask(o.name+".dx", o.shape[0], o.shape[1]), dy, in[1])
	return G.Nodes{dx, nil}, err
}
