package ship

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/transform/schema"
)

// Selection says which rows are unexpected. It is the only definition.
type Selection struct {
	Alerts bool    `json:"alerts"` // rows that raised an alert
	Low    float64 `json:"low"`    // rows with a score from Low to High, both included, are uncertain;
	High   float64 `json:"high"`   // none if High is 0
	Unseen int     `json:"unseen"` // rows with so many features that training has not seen; see [train.Reference.Unseen]; 0: none
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
	sel    Selection
	model  *train.Model
	scorer *train.Scorer // nil: drift is not asked for
}

// newJudge looks at a table's schema.
func newJudge(sel Selection, m *train.Model, s schema.Schema) (*judge, error) {
	j := &judge{sel: sel, model: m}
	for _, name := range []string{"score", "alert"} {
		if s.Index(name) < 0 {
			return nil, fmt.Errorf("no column %s: it is no table of watch or score", name)
		}
	}
	if sel.Unseen == 0 {
		return j, nil
	}
	if m == nil || m.Reference == nil {
		return nil, fmt.Errorf("to find drifted rows the model is needed, one that keeps what its training rows looked like")
	}
	var err error
	j.scorer, err = train.NewScorer(m, s.Unlabelled())
	return j, err
}

// reasons gives one for each row of a finished batch, "" for what is expected.
// own is the batch without columns of labels.
func (j *judge) reasons(b, own *schema.Batch) ([]string, error) {
	score, err := schema.Dense[float64](b, "score")
	if err != nil {
		return nil, err
	}
	alert, err := schema.Dense[bool](b, "alert")
	if err != nil {
		return nil, err
	}
	var x []float32
	cols := 0
	if j.scorer != nil {
		own.Rows = b.Rows
		j.scorer.Batch().Reset()
		j.scorer.Annotate(own)
		if err := j.scorer.Err(); err != nil {
			return nil, err
		}
		x, cols = j.scorer.Features().Data, len(j.model.Reference.Columns)
	}
	out := make([]string, b.Rows)
	for row := range out {
		switch {
		case j.sel.Alerts && alert[row]:
			out[row] = Alert
		case j.sel.High > 0 && score[row] >= j.sel.Low && score[row] <= j.sel.High:
			out[row] = Uncertain
		case x != nil && j.model.Reference.Unseen(x[row*cols:(row+1)*cols]) >= j.sel.Unseen:
			out[row] = Drifted
		}
	}
	return out, nil
}
