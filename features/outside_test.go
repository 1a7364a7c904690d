package features

import "testing"

// What training rows have is never outside, whatever the method; what is just
// beyond them is, where the method keeps their range.
func TestOutside(t *testing.T) {
	x := NewMatrix(500, []string{"spread", "tail", "constant", "flag"})
	var rows []int
	for r := range x.Rows {
		v := float32(r)
		copy(x.Row(r), []float32{v/7 - 3, v * v * v * v, 5, float32(r % 2)})
		rows = append(rows, r)
	}
	for _, m := range []Method{QuantileNormal, QuantileUniform, MinMax, Standard, None} {
		s, err := Scaler{Method: m}.Fit(x, TrainingRows{rows})
		if err != nil {
			t.Fatal(err)
		}
		for r := range x.Rows {
			if n := s.Outside(x.Row(r)); n != 0 {
				t.Fatalf("%s: %d features of training row %d are outside: %v", m, n, r, x.Row(r))
			}
		}
		want := map[Method]int{QuantileNormal: 4, QuantileUniform: 4, MinMax: 4, Standard: 1, None: 0}[m]
		if got := s.Outside([]float32{-3.1, 7e10, 6, 2}); got != want {
			t.Errorf("%s: %d of 4 features are outside, want %d", m, got, want)
		}
	}
}
