package train

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/pcapline/pcapline/features"
)

// threeColumns is rows of which the first column tells attacks, the second is
// noise and the third is one of two values.
func threeColumns(n int, seed uint64) *Data {
	rng := rand.New(rand.NewPCG(seed, 1))
	d := &Data{X: features.NewMatrix(n, []string{"tells", "noise", "flag"}), Classes: []string{"benign", "attack"}}
	for i := range n {
		class := int32(rng.IntN(2))
		copy(d.X.Row(i), []float32{float32(rng.NormFloat64()) + 3*float32(class), float32(rng.NormFloat64()), float32(i % 4 / 3)})
		d.Class = append(d.Class, class)
		d.Part = append(d.Part, []features.Part{features.Train, features.Train, features.Valid}[i%3])
	}
	return d
}

func TestReferenceIsOfTheTrainingRows(t *testing.T) {
	d := threeColumns(9000, 1)
	r, err := newReference(context.Background(), newPacked(d), 6000, Header{Columns: d.X.Names})
	if err != nil {
		t.Fatal(err)
	}
	if r.Rows != 6000 || r.check(3) != nil || r.check(2) == nil {
		t.Errorf("%d rows, %v", r.Rows, r.check(3))
	}
	for j, c := range r.Columns[:2] {
		if len(c.Edges) != 10 {
			t.Fatalf("column %d: %d edges", j, len(c.Edges))
		}
		for i, s := range c.Shares {
			want := 0.1
			if i == 10 {
				want = 0
			}
			if math.Abs(s-want) > 0.001 {
				t.Errorf("column %d: bin %d has the share %v", j, i, s)
			}
		}
	}
	if flag := r.Columns[2]; len(flag.Edges) != 2 || flag.Typical != 0 {
		t.Errorf("flag: %+v", flag)
	}
	if v := r.Columns[0].Typical; math.Abs(float64(v)) > 0.1 {
		t.Errorf("the typical benign value is %v", v)
	}
}

func TestDriftFindsWhatChanged(t *testing.T) {
	m, _, err := Fit(context.Background(), threeColumns(9000, 1), Config{Epochs: 1, Hidden: []int{4}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if m, err = DecodeModel(data); err != nil {
		t.Fatal(err)
	}
	d, psi := NewDrift(m), make([]float64, 3)
	same := threeColumns(DriftRows, 2).X
	d.Add(same.Data[:3*(DriftRows/2)])
	if d.PSI(psi) {
		t.Error("a figure of too few rows")
	}
	for seed := range uint64(40) {
		d.Add(threeColumns(DriftRows, seed+3).X.Data)
	}
	if !d.PSI(psi) || psi[0] > 0.02 || psi[1] > 0.02 || psi[2] > 0.02 {
		t.Errorf("nothing has changed: %v", psi)
	}
	for range 100 { // old rows count no more
		x := threeColumns(DriftRows, 99).X
		for i := range x.Rows {
			x.Row(i)[1] += 1
		}
		d.Add(x.Data)
	}
	if d.PSI(psi); psi[0] > 0.1 || psi[1] < 0.25 || psi[2] > 0.1 {
		t.Errorf("the second column has changed: %v", psi)
	}
}

// TestPSI is the definition on two bins.
func TestPSI(t *testing.T) {
	m := &Model{Header: Header{Reference: &Reference{Columns: []ReferenceColumn{{Edges: []float32{0}, Shares: []float64{0.75, 0.25}}}}}}
	d := NewDrift(m)
	for i := range 2 * DriftRows {
		d.Add([]float32{float32(i % 2)})
	}
	psi := make([]float64, 1)
	want := (0.5-0.75)*math.Log(0.5/0.75) + (0.5-0.25)*math.Log(0.5/0.25)
	if !d.PSI(psi) || math.Abs(psi[0]-want) > 1e-3 {
		t.Errorf("%v, want %v", psi[0], want)
	}
}

func TestExplainerNamesWhatTells(t *testing.T) {
	for _, classes := range [][]string{{"benign", "attack"}, {"benign", "attack", "other"}} {
		d := threeColumns(9000, 1)
		d.Classes = classes
		if len(classes) == 3 {
			for i := range d.Class {
				if d.Class[i] == 1 && i%2 == 0 {
					d.Class[i] = 2
				}
			}
		}
		m, _, err := Fit(context.Background(), d, Config{Epochs: 10, Hidden: []int{8}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		e, err := NewExplainer(m)
		if err != nil {
			t.Fatal(err)
		}
		causes, err := e.Explain([]float32{4, 0, 0}, 1)
		if err != nil || len(causes) != 1 || causes[0].Column != "tells" || causes[0].LogOdds < 0.3 {
			t.Errorf("%d classes: %v, %v", len(classes), causes, err)
		}
		causes, err = e.Explain([]float32{m.Reference.Columns[0].Typical, m.Reference.Columns[1].Typical, m.Reference.Columns[2].Typical}, 3)
		if err != nil || len(causes) != 0 {
			t.Errorf("%d classes: the typical row: %v, %v", len(classes), causes, err)
		}
	}
}

// TestModelsOfVersion1AreRead: they have no reference, and stay what they are.
func TestModelsOfVersion1AreRead(t *testing.T) {
	m, _, err := Fit(context.Background(), threeColumns(900, 1), Config{Epochs: 1, Hidden: []int{4}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m.Reference = nil
	old, err := m.Encode()
	if err != nil || old[8] != 1 {
		t.Fatalf("version %d, %v", old[8], err)
	}
	again, err := DecodeModel(old)
	if err != nil || again.Reference != nil || NewDrift(again) != nil {
		t.Fatalf("%v", err)
	}
	if _, err := NewExplainer(again); err == nil {
		t.Error("it explains without knowing what is typical")
	}
}
