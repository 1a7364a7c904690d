package features

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/stat/distuv"
)

func column(values ...float32) *Matrix {
	return &Matrix{Rows: len(values), Names: []string{"x"}, Data: values}
}

func all(n int) TrainingRows { return Training(make([]Part, n)) }

func scaled(t *testing.T, s Scaler, train *Matrix, values ...float32) []float32 {
	t.Helper()
	sc, err := s.Fit(train, all(train.Rows))
	if err != nil {
		t.Fatal(err)
	}
	m := column(slices.Clone(values)...)
	if err := sc.Apply(m); err != nil {
		t.Fatal(err)
	}
	return m.Data
}

func TestScalersByHand(t *testing.T) {
	z := func(p float64) float32 { return float32(distuv.UnitNormal.Quantile(p)) }
	for _, c := range []struct {
		name     string
		s        Scaler
		train    []float32
		in, want []float32
	}{
		{"standard", Scaler{Method: Standard}, []float32{1, 2, 3}, []float32{2, 3, 1e9}, []float32{0, 1.2247449, 10}},
		{"standard of two values", Scaler{Method: Standard}, []float32{0, 1, 0, 1}, []float32{0, 1}, []float32{-1, 1}},
		{"minmax", Scaler{Method: MinMax}, []float32{2, 4, 3}, []float32{2, 3, 4, 0, 9}, []float32{0, 0.5, 1, 0, 1}},
		{"log", Scaler{Method: MinMax, Log: LogAll}, []float32{0, 3, 1}, []float32{0, 1, 3, -1}, []float32{0, 0.5, 1, 0}},
		{"constant", Scaler{Method: Standard}, []float32{5, 5}, []float32{5, 6, 1e30}, []float32{0, 0, 0}},
		{"constant by rank", Scaler{}, []float32{5, 5}, []float32{5, 6}, []float32{0, 0}},
		{"two values by rank", Scaler{}, []float32{3, 7, 3}, []float32{3, 7, 5, 99}, []float32{0, 1, 0.5, 1}},
		{"uniform", Scaler{Method: QuantileUniform}, []float32{10, 20, 40, 20}, []float32{10, 20, 30, 40, 0, 99}, []float32{0.125, 0.5, 0.6875, 0.875, 0.125, 0.875}},
		{"normal", Scaler{}, []float32{10, 20, 40, 20}, []float32{10, 20, 40, 99}, []float32{z(0.125), 0, z(0.875), z(0.875)}},
		{"none", Scaler{Method: None}, []float32{1, 2, 3}, []float32{-7, 1e9}, []float32{-7, 1e9}},
	} {
		got := scaled(t, c.s, column(c.train...), c.in...)
		for i := range c.want {
			if math.Abs(float64(got[i]-c.want[i])) > 1e-6 {
				t.Errorf("%s: %g becomes %g, want %g", c.name, c.in[i], got[i], c.want[i])
			}
		}
	}
}

func TestHeavyTailsGetALogarithm(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	heavy, light := make([]float32, 2000), make([]float32, 2000)
	for i := range heavy {
		heavy[i] = float32(math.Exp(3 * rng.NormFloat64()))
		light[i] = float32(rng.NormFloat64())
	}
	for _, c := range []struct {
		values []float32
		want   bool
	}{{heavy, true}, {light, false}} {
		sc, err := Scaler{Method: Standard}.Fit(column(c.values...), all(2000))
		if err != nil || sc.Columns[0].Log != c.want {
			t.Errorf("log %t, %v; want %t", sc.Columns[0].Log, err, c.want)
		}
	}
}

func TestQuantilesOfManyValues(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	train := make([]float32, 20000)
	for i := range train {
		train[i] = float32(math.Exp(4 * rng.NormFloat64()))
	}
	sc, err := Scaler{}.Fit(column(slices.Clone(train)...), all(len(train)))
	if err != nil {
		t.Fatal(err)
	}
	c := &sc.Columns[0]
	if len(c.Knots) > maxKnots || len(c.Knots) < maxKnots-8 || !slices.IsSorted(c.Knots) || !slices.IsSorted(c.Values) {
		t.Fatalf("%d knots", len(c.Knots))
	}
	m := column(slices.Clone(train)...)
	if err := sc.Apply(m); err != nil {
		t.Fatal(err)
	}
	mean, sd := moments(m.Data)
	if math.Abs(mean) > 0.01 || math.Abs(sd-1) > 0.02 {
		t.Errorf("mean %g, standard deviation %g of values made normal", mean, sd)
	}
	for i := range 500 { // order is kept
		if (train[i] < train[i+1]) && m.Data[i] > m.Data[i+1] {
			t.Fatalf("%g < %g becomes %g > %g", train[i], train[i+1], m.Data[i], m.Data[i+1])
		}
	}
}

func TestInterpolateIsLinearBetweenKnots(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for n := 2; n <= maxKnots; n++ {
		at, to := make([]float32, n), make([]float32, n)
		for i := range at {
			at[i], to[i] = float32(3*i), float32(i)
		}
		c := (&Scaling{Columns: []ColumnScaling{{Knots: at, Values: to}}}).Compile()
		interpolate := func(v float32) float32 {
			row := []float32{v}
			c.Row(row)
			return row[0]
		}
		for range 20 {
			v := rng.Float32() * float32(3*(n-1))
			if got := interpolate(v); math.Abs(float64(got-v/3)) > 1e-4*float64(n) {
				t.Fatalf("%d knots: %g becomes %g, want %g", n, v, got, v/3)
			}
		}
		for i, v := range at {
			if interpolate(v) != to[i] {
				t.Fatalf("%d knots: knot %d is missed", n, i)
			}
		}
	}
}

func TestScalerLearnsFromTrainingRowsOnly(t *testing.T) {
	parts := []Part{Train, Test, Train, Valid, Train, Purged, Train}
	a := column(1, 2, 3, 4, 5, 6, 9)
	b := column(1, -2000, 3, float32(math.NaN()), 5, 1e30, 9)
	for _, method := range []Method{Standard, MinMax, QuantileNormal, QuantileUniform} {
		x, err := Scaler{Method: method}.Fit(a, Training(parts))
		if err != nil {
			t.Fatal(err)
		}
		y, err := Scaler{Method: method}.Fit(b, Training(parts))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(x, y); d != "" {
			t.Errorf("%s: other test rows change the scaling: %s", method, d)
		}
		c := column(1, 2, 3, 4, 5, 6, 10)
		if z, err := (Scaler{Method: method}).Fit(c, Training(parts)); err != nil || cmp.Equal(x, z) {
			t.Errorf("%s: another training row does not change it (%v)", method, err)
		}
	}
}

func TestScalerErrors(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		s     Scaler
		x     *Matrix
		parts []Part
		want  string
	}{
		{Scaler{Method: "robust"}, column(1), []Part{Train}, `"robust" is none`},
		{Scaler{Log: "some"}, column(1), []Part{Train}, `"some"`},
		{Scaler{}, column(1), []Part{Test}, "no training rows"},
		{Scaler{}, column(1, nan), []Part{Train, Train}, "row 1"},
		{Scaler{}, &Matrix{Rows: 2, Names: []string{"x"}, Data: []float32{1}}, []Part{Train}, "not 2 rows"},
	} {
		if _, err := c.s.Fit(c.x, Training(c.parts)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v; want it to say %q", c.s, err, c.want)
		}
	}
	sc, err := Scaler{}.Fit(column(1, 2, 3), all(3))
	if err != nil {
		t.Fatal(err)
	}
	if err := sc.Apply(&Matrix{Rows: 1, Names: []string{"y"}, Data: []float32{1}}); err == nil {
		t.Error("applied to another column")
	}
	if err := sc.Apply(NewMatrix(1, []string{"x", "y"})); err == nil {
		t.Error("applied to more columns")
	}
	if _, err := ParsePipeline([]byte(`{"scaling":null}`)); err == nil {
		t.Error("a pipeline without an encoding")
	}
}

func BenchmarkScale(b *testing.B) {
	const rows, cols = 1000, 67
	names := make([]string, cols)
	rng := rand.New(rand.NewPCG(3, 1))
	for i := range names {
		names[i] = string(rune('a' + i))
	}
	m := NewMatrix(rows, names)
	for i := range m.Data {
		m.Data[i] = float32(rng.NormFloat64())
	}
	sc, err := Scaler{}.Fit(m, all(rows))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(rows * cols * 4)
	b.ReportAllocs()
	for b.Loop() {
		if err := sc.Apply(m); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}

// A sample learns what Fit learns where it keeps all rows; where it does not,
// ranks are close, and the ends are those of all rows.
func TestScalerSample(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	m := NewMatrix(30_000, []string{"heavy", "flag", "constant", "rare"})
	for i := range m.Rows {
		row := m.Row(i)
		row[0], row[1], row[2] = float32(math.Exp(3*r.NormFloat64())), float32(i%2), 4
		if i == 17_000 {
			row[3] = 1
		}
	}
	learn := func(s Scaler, memory int64) *Scaling {
		f, err := s.Sample(m.Names, memory)
		if err != nil {
			t.Fatal(err)
		}
		for lo := 0; lo < m.Rows; lo += 999 {
			if err := f.Observe(m.Data[lo*4 : min(lo+999, m.Rows)*4]); err != nil {
				t.Fatal(err)
			}
		}
		out, err := f.Scaling()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, s := range []Scaler{{}, {Method: Standard}, {Method: MinMax}, {Method: QuantileUniform}, {Method: None}} {
		want, err := s.Fit(m, all(m.Rows))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, learn(s, 1<<20)); diff != "" {
			t.Errorf("%s: %s", s.Method, diff)
		}
		got := learn(s, 1) // 8192 rows
		if got.Columns[3].Scale != want.Columns[3].Scale && s.Method != Standard || got.Columns[2].Scale != want.Columns[2].Scale {
			t.Errorf("%s: a value of one row: %v, of all rows %v", s.Method, got.Columns[3], want.Columns[3])
		}
		if s.Method != QuantileUniform {
			continue
		}
		a, b := want.Compile(), got.Compile()
		for i := range m.Rows {
			x, y := slices.Clone(m.Row(i)), slices.Clone(m.Row(i))
			a.Row(x)
			b.Row(y)
			if math.Abs(float64(x[0]-y[0])) > 0.02 {
				t.Fatalf("row %d has the rank %v, by the sample %v", i, x[0], y[0])
			}
		}
	}
	f, err := Scaler{}.Sample([]string{"x"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Observe([]float32{1, float32(math.NaN())}); err == nil || !strings.Contains(err.Error(), "column x is NaN in row 1") {
		t.Error(err)
	}
	if f, err = (Scaler{}).Sample([]string{"x"}, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Scaling(); err == nil {
		t.Error("a scaling of no rows")
	}
	if _, err := (Scaler{Method: "x"}).Sample(nil, 1); err == nil {
		t.Error("an unknown method")
	}
}
