package mlp

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestLayersCoverTheParameters(t *testing.T) {
	s := Shape{Inputs: 5, Hidden: []int{7, 3}, Outputs: 2, Activation: Tanh}
	at := 0
	for i, l := range s.Layers() {
		if l.W != at || l.B != at+l.In*l.Out {
			t.Errorf("layer %d: %+v begins at %d", i, l, at)
		}
		at = l.End()
	}
	if want := 6*7 + 8*3 + 4*2; at != want || s.Params() != want || s.Width() != 7 {
		t.Errorf("%d parameters, Params %d, want %d; width %d", at, s.Params(), want, s.Width())
	}
}

func TestCheck(t *testing.T) {
	good := Shape{Inputs: 5, Hidden: []int{7}, Outputs: 2, Activation: ReLU}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for name, bad := range map[string]Shape{
		"inputs":     {Outputs: 1, Activation: ReLU},
		"outputs":    {Inputs: 1, Activation: ReLU},
		"hidden":     {Inputs: 1, Hidden: []int{0}, Outputs: 1, Activation: ReLU},
		"activation": {Inputs: 1, Outputs: 1},
		"size":       {Inputs: 1 << 20, Hidden: []int{1 << 20}, Outputs: 1, Activation: ReLU},
		"overflow":   {Inputs: math.MaxInt, Hidden: []int{math.MaxInt}, Outputs: math.MaxInt, Activation: ReLU},
	} {
		if bad.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestInit(t *testing.T) {
	s := Shape{Inputs: 50, Hidden: []int{100}, Outputs: 1, Activation: ReLU}
	p := Init(s, nil, rand.NewPCG(1, 1))
	for i, l := range s.Layers() {
		limit := []float64{math.Sqrt(6.0 / 50), math.Sqrt(6.0 / 101)}[i]
		sum, top := 0.0, 0.0
		for _, w := range p[l.W:l.B] {
			sum += float64(w)
			top = max(top, math.Abs(float64(w)))
		}
		if top > limit || top < 0.95*limit || math.Abs(sum)/float64(l.B-l.W) > limit/5 {
			t.Errorf("layer %d: largest weight %v of %v, mean %v", i, top, limit, sum/float64(l.B-l.W))
		}
		for _, b := range p[l.B:l.End()] {
			if b != 0 {
				t.Errorf("layer %d: bias %v", i, b)
			}
		}
	}
}

func TestExtremeLogits(t *testing.T) {
	if Sigmoid(-1000) != 0 || Sigmoid(1000) != 1 || Sigmoid(0) != 0.5 || Sigmoid(-700) == 0 {
		t.Error("sigmoid")
	}
	p := make([]float32, 3)
	if log := Softmax(p, []float32{1e30, 0, -1e30}); p[0] != 1 || p[1] != 0 || log != float64(float32(1e30)) {
		t.Errorf("%v, %v", p, log)
	}
	if log := Softmax(p, []float32{-500, -500, -500}); math.Abs(float64(p[1])-1.0/3) > 1e-7 || math.Abs(log+500-math.Log(3)) > 1e-12 {
		t.Errorf("%v, %v", p, log)
	}
}
