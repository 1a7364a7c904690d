package train

import (
	"fmt"
	"sync"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/transform/schema"
)

// ScoreColumns are what a [Scorer] adds to a table.
type ScoreColumns struct {
	schema.Layer `name:"score" title:"Scores" source:"pcapline" every:"row"`

	Score schema.Values[float64]     `name:"score" role:"label" doc:"Attack score by the model: 1 − P(benign), 0 to 1."`
	Alert schema.Values[bool]        `name:"alert" role:"label" doc:"Whether the score reaches the model's threshold."`
	Class schema.Values[schema.Text] `name:"predicted_class" role:"label" store:"dict" doc:"The model's most probable class."`
}

// Scorer adds a model's scores to the rows of a table or of captures being
// flattened. It belongs to one goroutine; clones share the error.
type Scorer struct {
	model    *Model
	pipeline *features.Pipeline
	columns  ScoreColumns
	batch    *schema.Batch
	source   *schema.Batch // that applier is bound to
	applier  *features.Applier
	features *features.Matrix // of the rows annotated last
	probs    []float32
	classes  []schema.Text
	failure  *failure
}

type failure struct {
	mu  sync.Mutex
	err error
}

// NewScorer makes a scorer for tables of the given schema; it refuses one
// that differs from what the model was trained on.
func NewScorer(m *Model, s schema.Schema) (*Scorer, error) {
	p, err := m.FeaturePipeline()
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fmt.Errorf("the model was trained on features without a pipeline: it cannot score a table")
	}
	if got := s.Unlabelled().Hash(); got != m.Schema {
		return nil, fmt.Errorf("the table's schema is %s, the model was trained on %s (a %s table)", got, m.Schema, m.Table)
	}
	sc := &Scorer{model: m, pipeline: p, failure: &failure{}}
	for _, c := range m.Classes {
		sc.classes = append(sc.classes, schema.Text(c))
	}
	sc.batch = schema.Of(&sc.columns)
	return sc, nil
}

// Clone returns a scorer for another goroutine.
func (s *Scorer) Clone() *Scorer {
	c := &Scorer{model: s.model, pipeline: s.pipeline, classes: s.classes, failure: s.failure}
	c.batch = schema.Of(&c.columns)
	return c
}

// Batch holds the score columns.
func (s *Scorer) Batch() *schema.Batch { return s.batch }

// Err is the first error of this scorer and its clones. Rows after it have
// score 0.
func (s *Scorer) Err() error {
	s.failure.mu.Lock()
	defer s.failure.mu.Unlock()
	return s.failure.err
}

// Features are those of the rows annotated last, as the network saw them. They
// are valid until the next call of Annotate.
func (s *Scorer) Features() *features.Matrix { return s.features }

// AttackClass is the most probable class but benign of a row annotated last.
func (s *Scorer) AttackClass(row int) string {
	best, k := -1, len(s.classes)
	for c, p := range s.probs[row*k : (row+1)*k] {
		if c != s.model.Benign && (best < 0 || p > s.probs[row*k+best]) {
			best = c
		}
	}
	return s.model.Classes[best]
}

// Annotate fills the score columns for every row of src.
func (s *Scorer) Annotate(src *schema.Batch) {
	src.Finish()
	if err := s.score(src); err != nil {
		s.failure.mu.Lock()
		if s.failure.err == nil {
			s.failure.err = err
		}
		s.failure.mu.Unlock()
		s.fill(src.Rows, nil)
	}
	s.batch.Rows = src.Rows
}

func (s *Scorer) score(src *schema.Batch) error {
	if s.source != src {
		a, err := s.pipeline.Bind(src)
		if err != nil {
			return err
		}
		s.source, s.applier = src, a
	}
	x, err := s.applier.Apply()
	if err != nil {
		return err
	}
	if need := src.Rows * len(s.classes); cap(s.probs) < need {
		s.probs = make([]float32, need)
	}
	probs := s.probs[:src.Rows*len(s.classes)]
	s.features = x
	if err := s.model.Probabilities(x.Data, src.Rows, probs); err != nil {
		return err
	}
	s.fill(src.Rows, probs)
	return nil
}

func (s *Scorer) fill(rows int, probs []float32) {
	k := len(s.classes)
	for i := range rows {
		best, attack := s.model.Benign, float32(0)
		if probs != nil {
			row := probs[i*k : (i+1)*k]
			for c, p := range row {
				if p > row[best] {
					best = c
				}
				if c != s.model.Benign {
					attack += p
				}
			}
		}
		s.columns.Score.Append(float64(attack))
		s.columns.Alert.Append(probs != nil && attack >= s.model.Threshold.Value)
		s.columns.Class.Append(s.classes[best])
	}
}
