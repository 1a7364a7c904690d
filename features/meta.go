package features

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/sink"
)

// MetaSchema is the JSON Schema of the metadata file, and its reference: it
// says what each key means.
//
//go:embed metadata.schema.json
var MetaSchema []byte

// MetaVersion is that of the JSON form of [Meta].
const MetaVersion = 2

// Meta is the metadata file of a dataset. The first nine keys are those of
// AntiNex's prepare-dataset, with their meaning; a reader of those finds what
// it expects. The keys of the file are sorted. [MetaSchema] describes it.
type Meta struct {
	Created           string         `json:"created"` // time of the newest capture's last packet, UTC: the same input gives the same file
	FeatureToPredict  string         `json:"feature_to_predict"`
	FeaturesToProcess []string       `json:"features_to_process"` // columns to learn from, in the order of the matrix
	Headers           []string       `json:"headers"`             // all columns of the table
	IgnoreFeatures    []string       `json:"ignore_features"`     // columns that are not to be learned from
	LabelRules        LabelRules     `json:"label_rules"`
	OutputType        string         `json:"output_type"`    // "fulldata" or "clean"
	PipelineFiles     []string       `json:"pipeline_files"` // tables that were read, without their folders
	PostProcRules     map[string]any `json:"post_proc_rules"`

	Version     int                         `json:"version"`      // of this form
	Tool        string                      `json:"tool"`         // name and version
	Table       string                      `json:"table"`        // "packets" or "flows"
	SchemaHash  string                      `json:"schema_hash"`  // of the table that was read
	Flow        json.RawMessage             `json:"flow"`         // by which the flows of the tables were made: flow.Config.Settings; null: the tables do not say, or hold packets
	Sources     []Source                    `json:"sources"`      // tables
	Inputs      []transform.Input           `json:"inputs"`       // captures
	Captures    []string                    `json:"captures"`     // what the column capture counts
	Classes     []string                    `json:"classes"`      // what the column label_index counts; 0 is benign
	Counts      map[string]map[string]int64 `json:"counts"`       // rows by class and part
	Seeds       map[string]uint64           `json:"seeds"`        //
	Ledger      []json.RawMessage           `json:"ledger"`       // of the tables, as transform.Run wrote it
	Rows        RowLedger                   `json:"rows"`         //
	Split       *Split                      `json:"split"`        //
	Transforms  *Encoding                   `json:"transforms"`   // how columns became features
	Broken      map[string]int64            `json:"broken"`       // values that were "nan" or "inf" and were imputed
	BrokenIn    map[string]int64            `json:"broken_in"`    // the same by column
	Weights     map[string]float64          `json:"weights"`      // of training rows by class: rows / (classes · rows of the class)
	Duplicates  Duplicates                  `json:"duplicates"`   //
	LabelReport json.RawMessage             `json:"label_report"` // of package label; null without
}

// Warnings lists what a reader of figures should know.
func (m *Meta) Warnings() []string {
	var w []string
	if m.Split != nil {
		w = append(w, m.Split.Warnings...)
	}
	if m.Transforms != nil {
		w = append(w, m.Transforms.Warnings()...)
	}
	return w
}

// Source is a table that was read.
type Source struct {
	File   string `json:"file"` // without its folder
	SHA256 string `json:"sha256"`
	Rows   int64  `json:"rows"`
}

// LabelRules says which label_value a label_name has, as AntiNex does;
// here labels are given by truth, never drawn.
type LabelRules struct {
	Labels      []string `json:"labels"`
	LabelValues []int    `json:"label_values"`
}

// RowLedger accounts for every row that was read: in is the sum of the others.
type RowLedger struct {
	In                int64 `json:"in"`
	Unknown           int64 `json:"unknown"`            // without a label: left out of both tables
	Attempted         int64 `json:"attempted"`          // attacks that came to nothing: likewise, unless asked for
	TwinsDropped      int64 `json:"twins_dropped"`      // packets that a loopback interface recorded twice; in the full table only, as purged
	Purged            int64 `json:"purged"`             // on a border of the split; in the full table only
	DuplicatesDropped int64 `json:"duplicates_dropped"` // as Purged, by the policy of duplicates
	SampledOut        int64 `json:"sampled_out"`        // as Purged: training rows beyond what was asked for of a class
	Train             int64 `json:"train"`
	Valid             int64 `json:"valid"`
	Test              int64 `json:"test"`
}

// Check verifies that no row was lost in silence.
func (l RowLedger) Check() error {
	out := l.Unknown + l.Attempted + l.TwinsDropped + l.Purged + l.DuplicatesDropped + l.SampledOut + l.Used()
	if out != l.In {
		return fmt.Errorf("rows do not balance: %d in, %d accounted for", l.In, out)
	}
	return nil
}

// Used is the number of rows in the cleaned table.
func (l RowLedger) Used() int64 { return l.Train + l.Valid + l.Test }

// Of is the number of rows of a part of the cleaned table.
func (l RowLedger) Of(p Part) int64 { return [...]int64{l.Train, l.Valid, l.Test, 0}[p] }

// Duplicates counts rows whose features are the same, in all columns, as
// those of another, as they were found; the policy says what became of them.
type Duplicates struct {
	Policy      string `json:"policy"`      // one-side, drop or keep
	Train       int64  `json:"train"`       // training rows that an earlier training row equals
	Valid       int64  `json:"valid"`       // validation rows that a training row equals
	Test        int64  `json:"test"`        // test rows that a training or validation row equals
	Conflicting int64  `json:"conflicting"` // rows of all parts that equal a row of another class: nothing can tell them apart
}

// Pipeline joins what the dataset's features were made with to a scaling of
// them, for a model to keep.
func (m *Meta) Pipeline(s *Scaling) *Pipeline {
	return &Pipeline{Encoding: m.Transforms, Scaling: s, Flow: m.Flow}
}

// CreatedAt formats a time as the key created has it.
func CreatedAt(ns int64) string { return time.Unix(0, ns).UTC().Format(time.DateTime) }

// Encode gives the file's bytes: indented, keys sorted, a newline at the end.
func (m *Meta) Encode() ([]byte, error) {
	flat, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	// Structs keep their fields' order, maps are sorted: the way round by
	// maps sorts all keys, as the original's files are.
	dec := json.NewDecoder(bytes.NewReader(flat))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(tree); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	return out.Bytes(), nil
}

// WriteFile writes the metadata; the file appears under its name only when
// it is whole.
func (m *Meta) WriteFile(path string) error {
	text, err := m.Encode()
	if err != nil {
		return err
	}
	if err := sink.WriteFile(path, text); err != nil {
		return fmt.Errorf("write metadata: %w", err)
	}
	return nil
}

// ReadMeta reads a metadata file that Encode wrote.
func ReadMeta(path string) (*Meta, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read metadata: %w", err)
	}
	m := new(Meta)
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if m.Version != MetaVersion {
		return nil, fmt.Errorf("%s: has version %d, this program reads %d", path, m.Version, MetaVersion)
	}
	return m, nil
}
