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
//
// With an exponent γ > 0 it is the focal loss (Lin et al. 2017), which makes
// little of rows that are right already: lᵢ is multiplied by (1 − pₜ)^γ, where
// pₜ = e^−lᵢ is the probability of the target.
type lossOp struct {
	base
	n, classes int
	gamma      float64
	prob       []float32 // of the last forward pass
	slope      []float64 // of each row's loss by its cross-entropy: 1 without γ
	total      float64   // Σ wᵢ of it
	loss       float64   // its result, before it became a float32
}

var _ G.SDOp = (*lossOp)(nil)

func newLoss(n, classes int, gamma float64) *lossOp {
	o := &lossOp{n: n, classes: classes, gamma: gamma, prob: make([]float32, n*classes), slope: make([]float64, n)}
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
		var l float64
		if o.classes == 1 {
			zi := float64(z[i])
			l = math.Max(zi, 0) - zi*float64(t) + math.Log1p(math.Exp(-math.Abs(zi)))
			o.prob[i] = float32(mlp.Sigmoid(zi))
		} else {
			row := z[i*o.classes : (i+1)*o.classes]
			l = mlp.Softmax(o.prob[i*o.classes:(i+1)*o.classes], row) - float64(row[int(t)])
		}
		l, o.slope[i] = focal(l, o.gamma)
		sum += w * l
	}
	o.total = total
	o.loss = sum / total
}

// focal is (1 − e^−l)^γ · l and its slope by l, the cross-entropy, whose own
// gradient by the logits is p − t.
func focal(l, gamma float64) (loss, slope float64) {
	if gamma == 0 {
		return l, 1
	}
	l = math.Max(l, 0)   // rounding
	q := -math.Expm1(-l) // 1 − pₜ
	if q == 0 {
		return 0, 0
	}
	f := math.Pow(q, gamma)
	return f * l, f + gamma*l*math.Exp(-l)*f/q
}

// DiffWRT: the logits only.
func (o *lossOp) DiffWRT(int) []bool { return []bool{true, false, false} }

// SymDiff is (p − t)·wᵢ/Σw times the incoming gradient, and the focal slope. The loss is an input
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
		f := float32(dloss * float64(weight[i]) / o.total * o.slope[i])
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
