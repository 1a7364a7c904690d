package ship

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/transform/schema"
)

// Selection says which rows are unexpected. It is the only definition.
type Selection struct {
	Alerts bool    `json:"alerts"` // rows that raised an alert
	Low    float64 `json:"low"`    // rows with a score from Low to High, both included, are uncertain;
	High   float64 `json:"high"`   // none if High is 0
	Unseen int     `json:"unseen"` // rows with so many features beyond all training rows are drifted, see [features.Scaling.Outside]; 0: none
}

// DefaultSelection is alerts and scores from 0.1 to 0.9.
func DefaultSelection() Selection { return Selection{Alerts: true, Low: 0.1, High: 0.9} }

// ParseBand reads "LOW..HIGH", the scores that are uncertain.
func ParseBand(text string) (low, high float64, err error) {
	a, b, ok := strings.Cut(text, "..")
	low, err1 := strconv.ParseFloat(a, 64)
	high, err2 := strconv.ParseFloat(b, 64)
	if !ok || err1 != nil || err2 != nil || !(low >= 0 && low <= high && high <= 1) {
		return 0, 0, fmt.Errorf("%q: uncertain scores are LOW..HIGH, between 0 and 1", text)
	}
	return low, high, nil
}

// Why a row is unexpected, in the order in which they are looked for.
const (
	Alert     = "alert"
	Uncertain = "uncertain"
	Drifted   = "drifted"
)

// mark is the column that says it.
type mark struct {
	schema.Layer `name:"ship" title:"Shipment" source:"pcapline" every:"row"`

	Unexpected schema.Values[schema.Text] `name:"unexpected" role:"label" store:"dict" doc:"Why the row was shipped: alert, uncertain, drifted, the first that applies."`
}

// judge finds the unexpected rows of batches of one table.
type judge struct {
	sel     Selection
	scaling *features.Scaling
	applier *features.Applier // of unscaled features; nil: drift is not asked for
}

// newJudge looks at a table's columns, which b is filled with.
func newJudge(sel Selection, m *train.Model, b *schema.Batch) (*judge, error) {
	j := &judge{sel: sel}
	for _, name := range []string{"score", "alert"} {
		if b.Column(name) == nil {
			return nil, fmt.Errorf("no column %s: it is no table of watch or score", name)
		}
	}
	if sel.Unseen == 0 {
		return j, nil
	}
	if m == nil {
		return nil, errors.New("to find drifted rows the model is needed")
	}
	p, err := m.FeaturePipeline()
	if err != nil {
		return nil, err
	}
	if p == nil || p.Scaling == nil {
		return nil, errors.New("the model keeps no range of its training rows, so that it cannot be said what is drifted")
	}
	if got := b.Schema().Unlabelled().Hash(); got != m.Schema {
		return nil, fmt.Errorf("the table's schema is %s, the model was trained on %s", got, m.Schema)
	}
	j.scaling = p.Scaling
	j.applier, err = (&features.Pipeline{Encoding: p.Encoding}).Bind(b)
	return j, err
}

// reasons gives one for each row of a finished batch, "" for what is expected.
func (j *judge) reasons(b *schema.Batch) ([]string, error) {
	score, err := schema.Dense[float64](b, "score")
	if err != nil {
		return nil, err
	}
	alert, err := schema.Dense[bool](b, "alert")
	if err != nil {
		return nil, err
	}
	var x *features.Matrix
	if j.applier != nil {
		if x, err = j.applier.Apply(); err != nil {
			return nil, err
		}
	}
	out := make([]string, b.Rows)
	for row := range out {
		switch {
		case j.sel.Alerts && alert[row]:
			out[row] = Alert
		case j.sel.High > 0 && score[row] >= j.sel.Low && score[row] <= j.sel.High:
			out[row] = Uncertain
		case x != nil && j.scaling.Outside(x.Row(row)) >= j.sel.Unseen:
			out[row] = Drifted
		}
	}
	return out, nil
}
