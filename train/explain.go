package train

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"github.com/pcapline/pcapline/train/internal/mlp"
)

// Contribution is what one column of the table has to do with a row's score:
// how much the log-odds of an attack fall when the column says what it says of
// the typical benign row. Of two columns that say the same, neither seems to
// matter, since the other is still there.
type Contribution struct {
	Column  string  `json:"column"`
	LogOdds float64 `json:"log_odds"`
}

// Explainer finds the columns that speak most for an attack, by occlusion:
// each is replaced in turn (Zeiler and Fergus 2014). All features made of one
// column are replaced together. It costs one score a column, and is for one goroutine.
type Explainer struct {
	model  *Model
	groups []columnGroup
	rows   []float32
	odds   []float64
}

// NewExplainer needs a model that knows what its training rows looked like.
func NewExplainer(m *Model) (*Explainer, error) {
	if m.Reference == nil {
		return nil, errors.New("the model does not say what its training rows looked like: it was trained by an older version")
	}
	p, err := m.FeaturePipeline()
	if err != nil {
		return nil, err
	}
	e := &Explainer{model: m}
	at := map[string]int{}
	for i, name := range m.Columns {
		if p != nil {
			name = p.Encoding.Sources()[i]
		}
		k, known := at[name]
		if !known {
			k = len(e.groups)
			at[name] = k
			e.groups = append(e.groups, columnGroup{name: name})
		}
		e.groups[k].features = append(e.groups[k].features, i)
	}
	e.rows = make([]float32, (len(e.groups)+1)*len(m.Columns))
	e.odds = make([]float64, len(e.groups)+1)
	return e, nil
}

// Explain gives the columns of a row of features that speak for an attack, the
// weightiest first, at most top of them.
func (e *Explainer) Explain(row []float32, top int) ([]Contribution, error) {
	cols := len(e.model.Columns)
	for i := range e.odds {
		copy(e.rows[i*cols:], row)
	}
	for i, g := range e.groups {
		for _, f := range g.features {
			e.rows[(i+1)*cols+f] = e.model.Reference.Columns[f].Typical
		}
	}
	err := e.model.forward(e.rows, len(e.odds), func(lo int, z []float32) {
		n := e.model.Network.Outputs
		for i := 0; i < len(z); i += n {
			e.odds[lo+i/n] = e.model.logOdds(z[i : i+n])
		}
	})
	if err != nil {
		return nil, err
	}
	var out []Contribution
	for i, g := range e.groups {
		if fall := e.odds[0] - e.odds[i+1]; fall > 0 {
			out = append(out, Contribution{g.name, math.Round(fall*1e4) / 1e4})
		}
	}
	slices.SortStableFunc(out, func(a, b Contribution) int { return cmp.Compare(b.LogOdds, a.LogOdds) })
	return out[:min(top, len(out))], nil
}

// logOdds is ln(P(attack)/P(benign)) of one row's logits.
func (m *Model) logOdds(z []float32) float64 {
	if len(z) == 1 {
		return float64(z[0])
	}
	attacks := slices.Delete(slices.Clone(z), m.Benign, m.Benign+1)
	return mlp.LogSumExp(attacks) - float64(z[m.Benign])
}
