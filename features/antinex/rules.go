package antinex

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	table "github.com/pcapline/pcapline/transform/antinex"
)

// Rules say how a dataset is prepared.
type Rules struct {
	PostProc table.Value // post_proc_rules, as they stand in the metadata
	Labels   table.Value // label_rules likewise; an empty map for none
	Utils    bool        // follow build_csv of antinex-utils, not the script

	Files      []string // the tables in their order, by the names that the metadata gives them; nil: not said
	Pattern    string   // that finds the tables
	Full       string   // path of the full table
	Cleaned    string   // path of the cleaned table
	MetaSuffix string   // what the metadata files are named after "fulldata_" and "cleaned_"
	Created    string   // time in the metadata
}

// DefaultRules are those of prepare-dataset.py: rows are labelled by dice, one
// of seven an attack, and a row with a gap is not in the cleaned table.
func DefaultRules() *Rules {
	v, err := table.ParseJSON([]byte(`{
		"post": {"predict_feature": "label_name", "drop_columns": ["src_file", "raw_id", "raw_load", "raw_hex_load",
			"raw_hex_field_load", "pad_load", "eth_dst", "eth_src", "ip_dst", "ip_src"]},
		"label": {"set_if_above": 85, "labels": ["not_attack", "attack"], "label_values": [0, 1]}}`))
	if err != nil {
		panic(err) // the text is above
	}
	post, _ := v.Get("post")
	label, _ := v.Get("label")
	return &Rules{PostProc: *post, Labels: *label, MetaSuffix: "metadata.json"}
}

// ReadRules reads rules from one of the original's metadata files, which also
// says which tables were read in which order, or from a prepare config, the
// body of a request to its REST API, in which objects may stand as text.
func ReadRules(path string) (*Rules, error) {
	v, err := readJSON(path)
	if err != nil {
		return nil, err
	}
	var r *Rules
	if _, is := v.Get("post_proc_rules"); is {
		r, err = rulesOfMetadata(path, &v)
	} else if _, is := v.Get("post_proc"); is {
		r, err = rulesOfConfig(&v)
	} else {
		err = fmt.Errorf(`neither metadata ("post_proc_rules") nor a prepare config ("post_proc")`)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func rulesOfMetadata(path string, v *table.Value) (*Rules, error) {
	m, err := parseMetadata(v)
	if err != nil {
		return nil, err
	}
	r := &Rules{PostProc: m.PostProc, Labels: m.LabelRules, Files: m.PipelineFiles, Created: m.Created}
	_, mark := r.PostProc.Get("mark_empty")
	_, keep := r.PostProc.Get("keep_nans")
	r.Utils = mark || keep || m.FeatureToPredict == ""
	r.MetaSuffix = filepath.Base(path)
	for _, prefix := range []string{"fulldata_", "cleaned_"} {
		if i := strings.Index(r.MetaSuffix, prefix); i >= 0 {
			r.MetaSuffix = r.MetaSuffix[i+len(prefix):]
		}
	}
	return r, nil
}

func rulesOfConfig(v *table.Value) (*Rules, error) {
	r := &Rules{Utils: true, MetaSuffix: "metadata.json"}
	for name, to := range map[string]*string{
		"full_file": &r.Full, "clean_file": &r.Cleaned, "meta_suffix": &r.MetaSuffix, "ds_glob_path": &r.Pattern,
	} {
		if f, ok := v.Get(name); ok && f.Text != "" {
			*to = f.Text
		}
	}
	var err error
	if r.PostProc, err = object(v, "post_proc"); err != nil {
		return nil, err
	}
	if r.Labels, err = object(v, "label_rules"); err != nil {
		return nil, err
	}
	files, err := object(v, "pipeline_files")
	if err != nil {
		return nil, err
	}
	for i := range files.Fields {
		list, err := texts(&files, files.Fields[i].Name)
		if err != nil {
			return nil, err
		}
		r.Files = append(r.Files, list...)
	}
	return r, nil
}

// object gives a map, which may stand as text; a missing one is empty.
func object(v *table.Value, name string) (table.Value, error) {
	f, ok := v.Get(name)
	if !ok || f.Kind == table.Null || f.Kind == table.Text && strings.TrimSpace(f.Text) == "" {
		return table.Value{Kind: table.Map}, nil
	}
	if f.Kind == table.Text {
		parsed, err := table.ParseJSON([]byte(f.Text))
		if err != nil {
			return table.Value{}, fmt.Errorf("%q, a text: %w", name, err)
		}
		f = &parsed
	}
	if f.Kind != table.Map {
		return table.Value{}, fmt.Errorf("%q is not an object", name)
	}
	return *f, nil
}

// texts gives a list of texts; a missing one is empty.
func texts(v *table.Value, name string) ([]string, error) {
	f, ok := v.Get(name)
	if !ok || f.Kind == table.Null {
		return nil, nil
	}
	var list []string
	for i := range f.List {
		if f.List[i].Kind != table.Text {
			return nil, fmt.Errorf("%q: element %d is not a text", name, i+1)
		}
		list = append(list, f.List[i].Text)
	}
	if f.Kind != table.List {
		return nil, fmt.Errorf("%q is not a list", name)
	}
	return list, nil
}

// Names are those of the tables that belong to a suffix of metadata files:
// v1_django_attack_metadata.json belongs to v1_django_full_attack.csv and
// v1_django_cleaned_attack.csv, as in antinex-datasets; metadata.json to what
// prepare-dataset.py writes.
func Names(metaSuffix string) (full, cleaned string) {
	base := strings.TrimSuffix(metaSuffix, "_metadata.json")
	if base == metaSuffix {
		return "fulldata_attack_scans.csv", "cleaned_attack_scans.csv"
	}
	end := ""
	for _, kind := range []string{"_attack", "_nonattack"} {
		if rest, ok := strings.CutSuffix(base, kind); ok {
			base, end = rest, kind
		}
	}
	return base + "_full" + end + ".csv", base + "_cleaned" + end + ".csv"
}

// labels reads the label rules; nil for none.
func (r *Rules) labels() (*labelling, error) {
	if len(r.Labels.Fields) == 0 {
		return nil, nil //nolint:nilnil // no rules are no error
	}
	l := &labelling{}
	above, ok := r.Labels.Get("set_if_above")
	if !ok || above.Kind != table.Int && above.Kind != table.Float {
		return nil, fmt.Errorf("label_rules: set_if_above is not a number")
	}
	l.above = above.Float
	if above.Kind == table.Int {
		l.above = float64(above.Int)
	}
	names, ok1 := r.Labels.Get("labels")
	values, ok2 := r.Labels.Get("label_values")
	if !ok1 || !ok2 || len(names.List) != len(values.List) {
		return nil, fmt.Errorf("label_rules: labels and label_values are not two lists of one length")
	}
	l.names, l.values = names.List, values.List
	if need := l.needs(); len(l.names) < need {
		return nil, fmt.Errorf("label_rules: set_if_above %v needs %d labels, there are %d", l.above, need, len(l.names))
	}
	return l, nil
}

// labelling gives rows their labels.
type labelling struct {
	above         float64
	names, values []table.Value
}

// dice reports whether labels depend on what is drawn, a number from 0 to 100.
func (l *labelling) dice() bool { return l.above >= 0 && l.above < 100 }

func (l *labelling) needs() int {
	if l.above < 100 {
		return 2
	}
	return 1
}

// postProc is what the post_proc_rules say.
type postProc struct {
	drop    []string
	predict string // "": not said
	mark    table.Value
	marks   bool // mark fills gaps: it is there and not 0
	keep    bool // rows with gaps stay
}

func (r *Rules) postProc() (*postProc, error) {
	p := &postProc{}
	var err error
	if p.drop, err = texts(&r.PostProc, "drop_columns"); err != nil {
		return nil, fmt.Errorf("post_proc_rules: %w", err)
	}
	if f, ok := r.PostProc.Get("predict_feature"); ok {
		p.predict = f.Text
	}
	if !r.Utils {
		p.predict = "label_name"
		return p, nil
	}
	if m, ok := r.PostProc.Get("mark_empty"); ok {
		p.mark = *m
		p.marks = m.Int != 0 || m.Float != 0 || m.Text != ""
		if !slices.Contains([]table.Kind{table.Null, table.Int, table.Float, table.Text, table.Bool}, m.Kind) {
			return nil, fmt.Errorf("post_proc_rules: mark_empty is not a number or a text")
		}
	}
	_, p.keep = r.PostProc.Get("keep_nans")
	return p, nil
}
