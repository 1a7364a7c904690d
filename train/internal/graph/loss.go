package graph

import (
	"math"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/pcapline/pcapline/train/internal/mlp"
)

// lossOp is the weighted mean of the rows' cross-entropies, Σ wᵢ·lᵢ / Σ wᵢ,
// computed from logits without ever taking the log of a probability. With one
// logit a row the target is 0 or 1 and lᵢ = max(z,0) − z·t + log(1+e^−|z|);
// with several the target is a class and lᵢ = log Σ e^z − z[t].
type lossOp struct {
	base
	n, classes int
	prob       []float32 // of the last forward pass
	total      float64   // Σ wᵢ of it
	loss       float64   // its result, before it became a float32
}

var _ G.SDOp = (*lossOp)(nil)

func newLoss(n, classes int) *lossOp {
	o := &lossOp{n: n, classes: classes, prob: make([]float32, n*classes)}
	value := G.NewF32(0)
	o.base = base{
		name: "loss", in: []hm.Type{matrix, vector, vector}, out: tensor.Float32, shape: tensor.ScalarShape(),
		do: func(v []G.Value) (G.Value, error) {
			z, target, err := two(v, n*classes, n)
			if err != nil {
				return nil, err
			}
			weight, err := floats(v[2], n)
			if err != nil {
				return nil, err
			}
			o.forward(z, target, weight)
			*value = G.F32(o.loss)
			return value, nil
		},
	}
	return o
}

func (o *lossOp) forward(z, target, weight []float32) {
	var sum, total float64
	for i, t := range target {
		w := float64(weight[i])
		total += w
		if o.classes == 1 {
			zi := float64(z[i])
			sum += w * (math.Max(zi, 0) - zi*float64(t) + math.Log1p(math.Exp(-math.Abs(zi))))
			o.prob[i] = float32(mlp.Sigmoid(zi))
			continue
		}
		row := z[i*o.classes : (i+1)*o.classes]
		log := mlp.Softmax(o.prob[i*o.classes:(i+1)*o.classes], row)
		sum += w * (log - float64(row[int(t)]))
	}
	o.total = total
	o.loss = sum / total
}

// DiffWRT: the logits only.
func (o *lossOp) DiffWRT(int) []bool { return []bool{true, false, false} }

// SymDiff is (p − t)·wᵢ/Σw times the incoming gradient. The loss is an input
// of the node too, though not of the formula, so that it runs after the
// forward pass whose probabilities it takes.
func (o *lossOp) SymDiff(in G.Nodes, loss, dloss *G.Node) (G.Nodes, error) {
	dz := make([]float32, o.n*o.classes)
	value := wrap(dz, o.n, o.classes)
	node, err := G.ApplyOp(base{
		name: "loss.dz", in: []hm.Type{vector, vector, tensor.Float32, tensor.Float32},
		out: matrix, shape: tensor.Shape{o.n, o.classes},
		do: func(v []G.Value) (G.Value, error) {
			target, weight, err := two(v, o.n, o.n)
			if err != nil {
				return nil, err
			}
			o.backward(dz, target, weight, float64(v[3].Data().(float32)))
			return value, nil
		},
	}, in[1], in[2], loss, dloss)
	return G.Nodes{node, nil, nil}, err
}

func (o *lossOp) backward(dz, target, weight []float32, dloss float64) {
	for i, t := range target {
		f := float32(dloss * float64(weight[i]) / o.total)
		if o.classes == 1 {
			dz[i] = (o.prob[i] - t) * f
			continue
		}
		lo := i * o.classes
		for j, p := range o.prob[lo : lo+o.classes] {
			if j == int(t) {
				p--
			}
			dz[lo+j] = p * f
		}
	}
}
