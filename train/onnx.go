package train

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train/internal/mlp"
	"github.com/pcapline/pcapline/train/internal/onnx"
	"github.com/pcapline/pcapline/transform"
)

// ONNX gives the model as an ONNX file (operators of version 17) that takes
// features as a dataset's cleaned table has them: scaling is part of the
// graph. Input:
//
//	features       float [rows, len(Columns)]
//
// Outputs:
//
//	score          float [rows]          1 − P(benign)
//	alert          bool  [rows]          whether the score reaches the threshold
//	probabilities  float [rows, classes]
//
// The file's metadata has the columns, the classes, the threshold, the schema
// hash and how columns of a table become features, as pcapline.*. Scores are
// those of [Model.Score] to about 1e-6: another program adds up in another
// order.
func (m *Model) ONNX() ([]byte, error) {
	p, err := m.FeaturePipeline()
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	g := onnx.New("pcapline")
	x := g.Input("features", onnx.Float, "rows", len(m.Columns))
	if p != nil && p.Scaling != nil {
		if x, err = scaleGraph(g, x, p.Scaling); err != nil {
			return nil, fmt.Errorf("onnx: %w", err)
		}
	}
	for _, l := range m.layers {
		w := g.Floats(m.params[l.W:l.B], l.In, l.Out)
		b := g.Floats(m.params[l.B:l.End()], l.Out)
		if x, err = activate(g, g.Node("Gemm", []string{x, w, b}), l.Activation); err != nil {
			return nil, fmt.Errorf("onnx: %w", err)
		}
	}
	m.answers(g, x)
	metadata, err := m.onnxMetadata(p)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	return g.Model("pcapline", transform.Version, metadata), nil
}

func (m *Model) onnxMetadata(p *features.Pipeline) ([][2]string, error) {
	out := [][2]string{
		{"pcapline.table", m.Table}, {"pcapline.schema_hash", m.Schema},
		{"pcapline.threshold", strconv.FormatFloat(float64(m.Threshold.Value), 'g', -1, 32)},
	}
	values := []any{m.Columns, m.Classes}
	keys := []string{"pcapline.columns", "pcapline.classes"}
	if p != nil {
		keys, values = append(keys, "pcapline.encoding", "pcapline.flow"), append(values, p.Encoding, p.Flow)
	}
	for i, key := range keys {
		text, err := json.Marshal(values[i])
		if err != nil {
			return nil, err
		}
		out = append(out, [2]string{key, string(text)})
	}
	return out, nil
}

// activate adds a layer's activation.
func activate(g *onnx.Graph, x string, a mlp.Activation) (string, error) {
	in := []string{x}
	switch a {
	case "", mlp.Linear:
		return x, nil
	case mlp.ReLU:
		return g.Node("Relu", in), nil
	case mlp.LeakyReLU:
		return g.Node("LeakyRelu", in, onnx.Real("alpha", mlp.Leak)), nil
	case mlp.ELU:
		return g.Node("Elu", in), nil
	case mlp.Tanh:
		return g.Node("Tanh", in), nil
	case mlp.Logistic:
		return g.Node("Sigmoid", in), nil
	}
	return "", fmt.Errorf("the activation %q has no operator", a)
}

// answers makes the outputs of the logits z.
func (m *Model) answers(g *onnx.Graph, z string) {
	classes := len(m.Classes)
	columns := g.Ints([]int64{1}, 1)
	if m.Network.Outputs == 1 {
		attack := g.Node("Sigmoid", []string{z})
		pair := []string{attack, attack}
		pair[m.Benign] = g.Node("Sigmoid", []string{g.Node("Neg", []string{z})})
		g.NodeTo("probabilities", "Concat", pair, onnx.Int("axis", 1))
		g.NodeTo("score", "Squeeze", []string{attack, columns})
	} else {
		g.NodeTo("probabilities", "Softmax", []string{z}, onnx.Int("axis", 1))
		var attacks []int64
		for i := range classes {
			if i != m.Benign {
				attacks = append(attacks, int64(i))
			}
		}
		picked := g.Node("Gather", []string{"probabilities", g.Ints(attacks, len(attacks))}, onnx.Int("axis", 1))
		sum := g.Node("ReduceSum", []string{picked, columns}, onnx.Int("keepdims", 0))
		g.NodeTo("score", "Min", []string{sum, g.Floats([]float32{1})})
	}
	g.NodeTo("alert", "GreaterOrEqual", []string{"score", g.Floats([]float32{m.Threshold.Value})})
	g.Output("score", onnx.Float, "rows")
	g.Output("alert", onnx.Bool, "rows")
	g.Output("probabilities", onnx.Float, "rows", classes)
}

// scaleGraph does what features.RowScaler does: the columns with knots and
// those without are scaled apart and put together again.
func scaleGraph(g *onnx.Graph, x string, s *features.Scaling) (string, error) {
	var straight, bent []features.ColumnScaling
	var straightAt, bentAt []int64
	for i, c := range s.Columns {
		if c.Knots == nil {
			straight, straightAt = append(straight, c), append(straightAt, int64(i))
		} else {
			bent, bentAt = append(bent, c), append(bentAt, int64(i))
		}
	}
	pick := func(from string, at []int64) string {
		return g.Node("Gather", []string{from, g.Ints(at, len(at))}, onnx.Int("axis", 1))
	}
	var parts []string
	if len(straight) > 0 {
		parts = append(parts, scaleStraight(g, pick(x, straightAt), straight))
	}
	if len(bent) > 0 {
		y, err := interpolateGraph(g, pick(x, bentAt), bent)
		if err != nil {
			return "", err
		}
		parts = append(parts, y)
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	back := make([]int64, len(s.Columns))
	for k, i := range append(straightAt, bentAt...) {
		back[i] = int64(k)
	}
	return pick(g.Node("Concat", parts, onnx.Int("axis", 1)), back), nil
}

// scaleStraight is (x − shift)·scale within its bounds, of the signed
// logarithm where a column asks for it.
func scaleStraight(g *onnx.Graph, x string, columns []features.ColumnScaling) string {
	n := len(columns)
	shift, scale, lo, hi, log := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
	logs := false
	for i, c := range columns {
		shift[i], scale[i], lo[i], hi[i] = c.Shift, c.Scale, c.Lo, c.Hi
		if c.Log {
			log[i], logs = 1, true
		}
	}
	if logs {
		wide := g.Node("Cast", []string{x}, onnx.Int("to", int64(onnx.Double)))
		one := g.Node("Cast", []string{g.Floats([]float32{1})}, onnx.Int("to", int64(onnx.Double)))
		size := g.Node("Log", []string{g.Node("Add", []string{g.Node("Abs", []string{wide}), one})})
		signed := g.Node("Mul", []string{g.Node("Sign", []string{wide}), size})
		narrow := g.Node("Cast", []string{signed}, onnx.Int("to", int64(onnx.Float)))
		which := g.Node("Cast", []string{g.Floats(log, 1, n)}, onnx.Int("to", int64(onnx.Bool)))
		x = g.Node("Where", []string{which, narrow, x})
	}
	x = g.Node("Mul", []string{g.Node("Sub", []string{x, g.Floats(shift, 1, n)}), g.Floats(scale, 1, n)})
	return g.Node("Min", []string{g.Node("Max", []string{x, g.Floats(lo, 1, n)}), g.Floats(hi, 1, n)})
}

// interpolateGraph takes the straight lines between knots. The last knot at
// or below a value is found as RowScaler finds it, by halving steps over
// tables that are filled up with +Inf.
func interpolateGraph(g *onnx.Graph, x string, columns []features.ColumnScaling) (string, error) {
	n, width := len(columns), 1
	for _, c := range columns {
		for i := 1; i < len(c.Knots); i++ {
			if !(c.Knots[i] > c.Knots[i-1]) {
				return "", fmt.Errorf("column %s: knots do not rise", c.Name)
			}
		}
		for width < len(c.Knots) {
			width *= 2
		}
	}
	knots, values := make([]float32, n*width), make([]float32, n*width)
	first, last, base, most := make([]float32, n), make([]float32, n), make([]int64, n), make([]int64, n)
	for i, c := range columns {
		end := len(c.Knots) - 1
		for k := range width {
			knots[i*width+k] = float32(math.Inf(1))
		}
		copy(knots[i*width:], c.Knots)
		copy(values[i*width:], c.Values)
		first[i], last[i], base[i], most[i] = c.Knots[0], c.Knots[end], int64(i*width), int64(end-1)
	}
	at, to, bases := g.Floats(knots, len(knots)), g.Floats(values, len(values)), g.Ints(base, 1, n)
	gather := func(table, index string) string { return g.Node("Gather", []string{table, index}) }
	add := func(a, b string) string { return g.Node("Add", []string{a, b}) }
	sub := func(a, b string) string { return g.Node("Sub", []string{a, b}) }

	x = g.Node("Min", []string{g.Node("Max", []string{x, g.Floats(first, 1, n)}), g.Floats(last, 1, n)})
	found := bases // of the knot, in the table
	for step := int64(width / 2); step > 0; step /= 2 {
		ahead := add(found, g.Ints([]int64{step}))
		above := g.Node("GreaterOrEqual", []string{x, gather(at, ahead)})
		found = g.Node("Where", []string{above, ahead, found})
	}
	found = add(g.Node("Min", []string{sub(found, bases), g.Ints(most, 1, n)}), bases) // the last knot ends the last line
	next := add(found, g.Ints([]int64{1}))
	x0, y0 := gather(at, found), gather(to, found)
	share := g.Node("Div", []string{sub(x, x0), sub(gather(at, next), x0)})
	return add(y0, g.Node("Mul", []string{sub(gather(to, next), y0), share})), nil
}
