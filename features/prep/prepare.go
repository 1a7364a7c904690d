package prep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/schema"
)

// Options say what Prepare reads and writes. The zero value of a field is its
// default.
type Options struct {
	Tables       []string            // labelled tables of one kind, packets or flows
	Dir          string              // must exist
	Split        features.SplitSpec  //
	Encode       features.EncodeSpec //
	Duplicates   Policy              //
	Attempted    Attempted           // attacks that came to nothing
	MaxPerClass  int64               // training rows of a class, drawn by the split's seed; 0: all
	RefuseBroken bool                // fail on NaN and infinite values in place of filling them
	Formats      []string            // of the tables: parquet, csv; nil: parquet
	Created      time.Time           // zero: the time of the last packet in the tables
	LabelReport  json.RawMessage     // goes into the metadata; nil: what the tables carry under MetaLabels
	RowGroup     int                 // rows; 0: 65,536
}

// MetaLabels is the key of a table's metadata under which its label report
// (JSON of label.Report) is kept.
const MetaLabels = "pcapline.labels"

// Result is what Prepare did.
type Result struct {
	Full    *features.Meta // as written to FullMetaFile
	Cleaned *features.Meta // as written to CleanedMetaFile
	Files   []DataFile     // the tables, full ones first
}

// ErrUnlabelled says that there is nothing to learn from.
var ErrUnlabelled = errors.New("no row has a label")

// Prepare makes a dataset. Its files appear when they are whole; on an error
// those that were there before stay.
func Prepare(ctx context.Context, opt Options) (*Result, error) {
	if opt.RowGroup <= 0 {
		opt.RowGroup = 64 << 10
	}
	if opt.Formats == nil {
		opt.Formats = []string{"parquet"}
	}
	if opt.Duplicates == "" {
		opt.Duplicates = OneSide
	}
	p := &preparation{ctx: ctx, opt: opt}
	for _, step := range []func() error{
		p.check, p.openSources, p.scan, p.dropTwins, p.split, p.fit, p.findDuplicates, p.sample, p.write,
	} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("prepare: %w", err)
		}
	}
	return &Result{Full: p.full, Cleaned: p.cleaned, Files: p.files}, nil
}

// check finds what is wrong with the options before anything is read.
func (p *preparation) check() error {
	for _, f := range p.opt.Formats {
		if !slices.Contains(Formats, f) {
			return fmt.Errorf("format %q is none of %v", f, Formats)
		}
	}
	return errors.Join(p.opt.Duplicates.Check(), p.opt.Attempted.Check())
}

// preparation is one call of Prepare.
type preparation struct {
	ctx       context.Context
	opt       Options
	sources   []*tableSource
	schema    schema.Schema // of all sources
	kind      *kind
	classes   []string
	captures  []string
	positions *positions

	rows     []features.Position // of the rows to be split; nil afterwards
	class    []uint16            // of the same rows
	folds    []uint8             // of the same rows; nil without folds
	state    []rowState          // of all rows
	newest   int64               // ns
	assigned *features.Split
	encoding *features.Encoding
	ledger   features.RowLedger
	counts   []map[features.Part]int64 // by class
	dup      features.Duplicates
	broken   brokenValues

	full, cleaned *features.Meta
	files         []DataFile
}

// brokenValues counts what was NaN or infinite.
type brokenValues struct {
	nan, inf int64
	in       map[string]int64 // both, by column
}

// rowState is a row's part, or why it has none.
type rowState uint8

const (
	sampledOut rowState = 0xfc // a training row beyond what was asked for
	twin       rowState = 0xfd // a packet that was recorded twice
	dropped    rowState = 0xfe // a duplicate
	unknown    rowState = 0xff // has no label
)

// part is the part in which the row is written.
func (s rowState) part() features.Part {
	if s >= sampledOut {
		return features.Purged
	}
	return features.Part(s)
}

// split makes the split and enters it into the rows' states. What the rows'
// positions held is then read again when it is needed.
func (p *preparation) split() (err error) {
	if p.ledger.In == 0 {
		return errors.New("the tables have no rows")
	}
	if len(p.rows) == 0 {
		return fmt.Errorf("%w: label the table first, or look at the label report", ErrUnlabelled)
	}
	if p.assigned, err = p.opt.Split.Assign(p.rows, p.classes, p.captures); err != nil {
		return err
	}
	p.class = make([]uint16, len(p.rows))
	for i := range p.rows {
		p.class[i] = uint16(p.rows[i].Class)
	}
	k := 0
	for i, s := range p.state {
		if s != unknown && s != twin {
			p.state[i] = rowState(p.assigned.Parts[k])
			k++
		}
	}
	p.folds = p.assigned.Folds
	p.rows, p.assigned.Parts, p.assigned.Folds = nil, nil, nil
	return nil
}

// fit learns the encoding from the training rows.
func (p *preparation) fit() error {
	enc, err := features.NewEncoder(p.schema, p.opt.Encode)
	if err != nil {
		return err
	}
	var parts []features.Part
	err = p.each(enc.SourceColumns(), func(b *schema.Batch, state []rowState) error {
		parts = parts[:0]
		for _, s := range state {
			parts = append(parts, s.part())
		}
		enc.Observe(b, parts)
		return nil
	})
	if err != nil {
		return err
	}
	p.encoding, err = enc.Encoding()
	return err
}

// meta fills in what both metadata files share.
func (p *preparation) meta() *features.Meta {
	m := &features.Meta{
		Created: features.CreatedAt(p.newest), FeatureToPredict: "label_name",
		LabelRules:    features.LabelRules{Labels: p.classes, LabelValues: []int{}},
		PipelineFiles: []string{}, PostProcRules: map[string]any{"drop_columns": []string{}, "predict_feature": "label_name"},
		Version: features.MetaVersion, Tool: "pcapline " + transform.Version,
		Table: p.kind.name, SchemaHash: p.schema.Unlabelled().Hash(), Flow: p.sources[0].flow, Inputs: []transform.Input{},
		Captures: p.captures, Classes: p.classes, Counts: map[string]map[string]int64{},
		Seeds: map[string]uint64{"split": p.assigned.Spec.Seed}, Ledger: []json.RawMessage{},
		Rows: p.ledger, Split: p.assigned, Transforms: p.encoding,
		Broken: map[string]int64{"nan": p.broken.nan, "inf": p.broken.inf}, BrokenIn: p.broken.in,
		Weights: map[string]float64{}, Duplicates: p.dup, LabelReport: p.opt.LabelReport,
	}
	if !p.opt.Created.IsZero() {
		m.Created = features.CreatedAt(p.opt.Created.UnixNano())
	}
	for i := range p.classes {
		m.LabelRules.LabelValues = append(m.LabelRules.LabelValues, min(i, 1))
		m.Counts[p.classes[i]] = map[string]int64{}
		for _, part := range features.Parts {
			m.Counts[p.classes[i]][part.String()] = p.counts[i][part]
		}
	}
	p.weigh(m)
	for _, s := range p.sources {
		m.PipelineFiles = append(m.PipelineFiles, filepath.Base(s.path))
		m.Sources = append(m.Sources, features.Source{File: filepath.Base(s.path), SHA256: s.sha256, Rows: s.rows})
		m.Inputs = append(m.Inputs, s.inputs...)
		if s.ledger != nil {
			m.Ledger = append(m.Ledger, s.ledger)
		}
		if m.LabelReport == nil {
			m.LabelReport = s.labels
		}
	}
	return m
}

// weigh gives each class of the training rows the weight at which all of them
// count the same, as scikit-learn's class_weight="balanced" does.
func (p *preparation) weigh(m *features.Meta) {
	met := 0
	for i := range p.classes {
		if p.counts[i][features.Train] > 0 {
			met++
		}
	}
	for i, name := range p.classes {
		if n := p.counts[i][features.Train]; n > 0 {
			m.Weights[name] = float64(p.ledger.Train) / (float64(met) * float64(n))
		}
	}
}

// describe makes the two metadata files.
func (p *preparation) describe(full, cleaned schema.Schema) {
	p.full, p.cleaned = p.meta(), p.meta()
	p.full.OutputType, p.full.Headers = "fulldata", full.Names()
	p.full.FeaturesToProcess = p.encoding.SourceColumns()
	p.cleaned.OutputType, p.cleaned.Headers = "clean", cleaned.Names()
	p.cleaned.FeaturesToProcess = p.encoding.Names()
	for _, m := range []*features.Meta{p.full, p.cleaned} {
		m.IgnoreFeatures = slices.DeleteFunc(slices.Clone(m.Headers), func(h string) bool {
			return slices.Contains(m.FeaturesToProcess, h)
		})
		m.PostProcRules["drop_columns"] = m.IgnoreFeatures
	}
}
