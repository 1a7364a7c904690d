package antinex

import (
	"fmt"
	"os"
	"slices"

	table "github.com/pcapline/pcapline/transform/antinex"
)

// Metadata is what AntiNex says of a prepared table, in the nine keys of its
// JSON files.
type Metadata struct {
	Created           string      // when it was prepared
	FeatureToPredict  string      // "" for null
	FeaturesToProcess []string    // may be empty: see Features
	Headers           []string    // the table's columns
	IgnoreFeatures    []string    // columns that were left out
	LabelRules        table.Value // an object, empty where rows had their labels
	OutputType        string      // "fulldata" or "clean"
	PipelineFiles     []string    // the tables that it was made of, in their order
	PostProc          table.Value // an object
}

func readJSON(path string) (v table.Value, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return v, err
	}
	if v, err = table.ParseJSON(data); err != nil {
		return v, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}

// ReadMetadata reads a metadata file.
func ReadMetadata(path string) (*Metadata, error) {
	v, err := readJSON(path)
	if err != nil {
		return nil, err
	}
	m, err := parseMetadata(&v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

func parseMetadata(v *table.Value) (m *Metadata, err error) {
	m = &Metadata{}
	for name, to := range map[string]*string{
		"created": &m.Created, "feature_to_predict": &m.FeatureToPredict, "output_type": &m.OutputType,
	} {
		if f, ok := v.Get(name); ok {
			*to = f.Text
		}
	}
	for _, list := range []struct {
		name string
		to   *[]string
	}{
		{"features_to_process", &m.FeaturesToProcess}, {"headers", &m.Headers},
		{"ignore_features", &m.IgnoreFeatures}, {"pipeline_files", &m.PipelineFiles},
	} {
		if *list.to, err = texts(v, list.name); err != nil {
			return nil, err
		}
	}
	if m.LabelRules, err = object(v, "label_rules"); err != nil {
		return nil, err
	}
	m.PostProc, err = object(v, "post_proc_rules")
	return m, err
}

// Features lists the columns to learn from. Where the file has none, as a
// defect of antinex-utils leaves it, they are the headers without the labels
// and what was to be predicted.
func (m *Metadata) Features() []string {
	if len(m.FeaturesToProcess) > 0 {
		return m.FeaturesToProcess
	}
	return slices.DeleteFunc(slices.Clone(m.Headers), func(h string) bool {
		return h == "label_name" || h == "label_value" || h == m.FeatureToPredict
	})
}

// JSON writes the metadata as the original does.
func (m *Metadata) JSON() []byte {
	predict := textValue(m.FeatureToPredict)
	if m.FeatureToPredict == "" {
		predict = table.Value{}
	}
	v := table.Value{Kind: table.Map, Fields: []table.Field{
		{Name: "created", Value: textValue(m.Created)},
		{Name: "feature_to_predict", Value: predict},
		{Name: "features_to_process", Value: textList(m.FeaturesToProcess)},
		{Name: "headers", Value: textList(m.Headers)},
		{Name: "ignore_features", Value: textList(m.IgnoreFeatures)},
		{Name: "label_rules", Value: m.LabelRules},
		{Name: "output_type", Value: textValue(m.OutputType)},
		{Name: "pipeline_files", Value: textList(m.PipelineFiles)},
		{Name: "post_proc_rules", Value: m.PostProc},
	}}
	return v.JSON("    ")
}

func textValue(s string) table.Value { return table.Value{Kind: table.Text, Text: s} }

func textList(list []string) table.Value {
	v := table.Value{Kind: table.List}
	for _, s := range list {
		v.List = append(v.List, textValue(s))
	}
	return v
}
