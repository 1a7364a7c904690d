package graph

import (
	"fmt"
	"hash"
	"hash/fnv"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var (
	matrix = G.TensorType{Dims: 2, Of: tensor.Float32}
	vector = G.TensorType{Dims: 1, Of: tensor.Float32}
)

// base has what Gorgonia asks of every op and ours answer alike: they keep
// their own result, overwrite no input and call nothing outside of Go. The
// name tells two ops apart, so that Gorgonia never merges their nodes.
type base struct {
	name  string
	in    []hm.Type
	out   hm.Type
	shape tensor.Shape
	do    func(v []G.Value) (G.Value, error)
}

var _ G.Op = base{}

func (o base) Arity() int           { return len(o.in) }
func (o base) ReturnsPtr() bool     { return true }
func (o base) CallsExtern() bool    { return false }
func (o base) OverwritesInput() int { return -1 }
func (o base) String() string       { return o.name }
func (o base) Type() hm.Type        { return hm.NewFnType(append(o.in[:len(o.in):len(o.in)], o.out)...) }

func (o base) InferShape(...G.DimSizer) (tensor.Shape, error) { return o.shape, nil }

func (o base) WriteHash(h hash.Hash) { _, _ = h.Write([]byte(o.name)) }

func (o base) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

func (o base) Do(v ...G.Value) (G.Value, error) {
	if len(v) != len(o.in) {
		return nil, fmt.Errorf("%s: %d inputs, want %d", o.name, len(v), len(o.in))
	}
	return o.do(v)
}

// floats is the memory of a tensor that an op is given, of which it needs n
// elements.
func floats(v G.Value, n int) ([]float32, error) {
	t, ok := v.(*tensor.Dense)
	if !ok || t.Dtype() != tensor.Float32 {
		return nil, fmt.Errorf("a %T where float32s were expected", v)
	}
	x := t.Float32s()
	if len(x) != n {
		return nil, fmt.Errorf("a tensor of %d elements where %d were expected", len(x), n)
	}
	return x, nil
}

// two reads two tensors.
func two(v []G.Value, n0, n1 int) (a, b []float32, err error) {
	if a, err = floats(v[0], n0); err == nil {
		b, err = floats(v[1], n1)
	}
	return a, b, err
}

// wrap makes a tensor of existing memory. Each graph has headers of its own
// over the shared parameters: Gorgonia writes to the headers.
func wrap(x []float32, shape ...int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
}
