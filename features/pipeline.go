package features

import (
	"encoding/json"
	"fmt"

	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
)

// Pipeline is everything between a table and a learner: it is kept in the
// model, so that rows are scored with what was learned in training.
type Pipeline struct {
	Encoding *Encoding `json:"encoding"`
	Scaling  *Scaling  `json:"scaling"` // nil: not scaled

	// Flow holds the settings by which the flows of the training table were
	// made (flow.Config.Settings); null: not known, or the table holds packets.
	Flow json.RawMessage `json:"flow,omitempty"`
}

// FlowConfig says how flows to be scored must be made of packets: as those
// were that were learned from. Without settings it is the default.
func (p *Pipeline) FlowConfig() (flow.Config, error) {
	if !told(p.Flow) {
		return flow.Config{}, nil
	}
	c, err := flow.ParseSettings(string(p.Flow))
	if err != nil {
		return c, fmt.Errorf("pipeline: %w", err)
	}
	return c, nil
}

// A FlowsError says that flows were made in another way than those that a
// model learned from: the same columns mean something else.
type FlowsError struct{ Got, Want string }

func (e *FlowsError) Error() string {
	return fmt.Sprintf("the flows were made with the settings %s, the model was trained on flows made with %s ({} is the defaults)", e.Got, e.Want)
}

// CheckFlows compares the settings of a table's flows with those learned
// from: a [FlowsError] where they differ. Where either is not known there is
// nothing to compare, and compared is false.
func (p *Pipeline) CheckFlows(settings json.RawMessage) (compared bool, err error) {
	if !told(p.Flow) || !told(settings) {
		return false, nil
	}
	want, err := p.FlowConfig()
	if err != nil {
		return false, err
	}
	got, err := flow.ParseSettings(string(settings))
	if err != nil {
		return false, err
	}
	if g, w := got.Settings(), want.Settings(); g != w {
		return true, &FlowsError{g, w}
	}
	return true, nil
}

func told(settings json.RawMessage) bool { return len(settings) > 0 && string(settings) != "null" }

// ParsePipeline reads the JSON form and checks that it is whole.
func ParsePipeline(text []byte) (*Pipeline, error) {
	p := new(Pipeline)
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	return p, p.check()
}

func (p *Pipeline) check() error {
	if p.Encoding == nil {
		return fmt.Errorf("pipeline: there is no encoding")
	}
	names := p.Encoding.Names()
	if p.Scaling == nil {
		return nil
	}
	if p.Scaling.Version != ScalingVersion {
		return fmt.Errorf("pipeline: scaling has version %d, this program reads %d", p.Scaling.Version, ScalingVersion)
	}
	if len(p.Scaling.Columns) != len(names) {
		return fmt.Errorf("pipeline: %d columns are encoded, %d scaled", len(names), len(p.Scaling.Columns))
	}
	for i := range p.Scaling.Columns {
		c := &p.Scaling.Columns[i]
		if c.Name != names[i] {
			return fmt.Errorf("pipeline: column %s is encoded where %s is scaled", names[i], c.Name)
		}
		if len(c.Knots) != len(c.Values) || len(c.Knots) == 1 || len(c.Knots) > maxKnots {
			return fmt.Errorf("pipeline: column %s has %d knots and %d values", c.Name, len(c.Knots), len(c.Values))
		}
	}
	return nil
}

// Applier turns the batches of one table into scaled features. It belongs to
// one goroutine.
type Applier struct {
	binding *Binding
	scaler  *RowScaler // nil: not scaled
	out     *Matrix
}

// Bind prepares to apply the pipeline to b, which is filled anew between calls
// of [Applier.Apply]. It fails when b lacks a column or has it in another type.
func (p *Pipeline) Bind(b *schema.Batch) (*Applier, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	bd, err := p.Encoding.Bind(b)
	if err != nil {
		return nil, err
	}
	a := &Applier{binding: bd, out: NewMatrix(0, p.Encoding.Names())}
	if p.Scaling != nil {
		a.scaler = p.Scaling.Compile()
	}
	return a, nil
}

// Apply returns the features of the batch's rows. The matrix is the applier's
// and is overwritten by the next call. It fails when a column without nulls
// has not a value for each row: the batch was not filled to its end.
func (a *Applier) Apply() (*Matrix, error) {
	n := a.binding.batch.Rows
	for i := range a.binding.enc.Columns {
		c := a.binding.batch.Column(a.binding.enc.Columns[i].Column)
		if c.Presence() == nil && c.Len() != n {
			return nil, fmt.Errorf("column %s has %d values for %d rows", c.Field().Name, c.Len(), n)
		}
	}
	a.out.Data, a.out.Rows = a.out.Data[:0], 0
	a.out.Grow(n)
	a.binding.Fill(a.out, 0)
	if a.scaler != nil {
		for i := range n {
			a.scaler.Row(a.out.Row(i))
		}
	}
	return a.out, nil
}

// BrokenIn counts the values of [Applier.Broken] by column.
func (a *Applier) BrokenIn() map[string]int64 { return a.binding.in }

// Broken is how many values were NaN or infinite so far, and were imputed.
func (a *Applier) Broken() (nan, inf int64) { return a.binding.NaN, a.binding.Inf }
