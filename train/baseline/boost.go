package baseline

import (
	"context"
	"fmt"
	"math"

	"github.com/pcapline/pcapline/train/internal/mlp"
)

// boost is gradient-boosted trees on histograms with logistic loss, as
// LightGBM introduced them (Ke et al. 2017), with the defaults of
// scikit-learn's HistGradientBoostingClassifier: 100 trees of at most 31
// leaves, grown best leaf first, at least 20 rows a leaf, 255 bins, rate 0.1.
type boost struct {
	base  float64 // log-odds of the training rows
	trees []tree
	cols  int
	names []string
	gains []float64
}

// tree is nodes in the order in which they were made; 0 is the root.
type tree []node

type node struct {
	column      int32 // −1: a leaf
	left, right int32
	threshold   float32 // left when value ≤ threshold
	value       float32 // of a leaf, in log-odds
}

const (
	boostTrees   = 100
	boostLeaves  = 31
	boostMinLeaf = 20
	boostRate    = 0.1
	minHessian   = 1e-3
)

func fitBoost(ctx context.Context, s Set) (Model, error) {
	n := len(s.Attack)
	rate := float64(s.attacks()) / float64(n)
	m := &boost{base: math.Log(rate / (1 - rate)), cols: s.Cols, names: s.Names, gains: make([]float64, s.Cols)}
	b := newBins(s)
	raw := make([]float64, n)
	for i := range raw {
		raw[i] = m.base
	}
	g := &grower{bins: b, grad: make([]float32, n), hess: make([]float32, n), rows: make([]int32, n), spare: make([]int32, n), gains: m.gains}
	for range boostTrees {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for i, a := range s.Attack {
			p := mlp.Sigmoid(raw[i])
			g.hess[i] = float32(p * (1 - p))
			if a {
				p--
			}
			g.grad[i] = float32(p)
		}
		t := g.grow(raw)
		if len(t) == 1 {
			break // nothing left to split
		}
		m.trees = append(m.trees, t)
	}
	return m, nil
}

func (m *boost) Name() string { return "boosted_trees" }

func (m *boost) Describe() string {
	top := 0
	for j, v := range m.gains {
		if v > m.gains[top] {
			top = j
		}
	}
	return fmt.Sprintf("%d gradient-boosted trees, largest gain on %s", len(m.trees), m.names[top])
}

func (m *boost) Score(rows []float32, n int, out []float32) error {
	if err := checkRows(rows, n, m.cols, out); err != nil {
		return err
	}
	for i := range n {
		row := rows[i*m.cols : (i+1)*m.cols]
		z := m.base
		for _, t := range m.trees {
			z += t.value(row)
		}
		out[i] = float32(mlp.Sigmoid(z))
	}
	return nil
}

func (t tree) value(row []float32) float64 {
	at := int32(0)
	for {
		n := &t[at]
		switch {
		case n.column < 0:
			return float64(n.value)
		case row[n.column] <= n.threshold:
			at = n.left
		default:
			at = n.right
		}
	}
}
