package audit

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/source"
)

// table is one of the tables that are joined.
type table struct {
	path   string
	index  int
	schema schema.Schema
	label  string
	known  bool // it carries our schema: roles are declared
}

// labelNames are the columns in which tables have their classes, the most
// telling first.
var labelNames = []string{"label_class", "label_value", "label", "Label", " Label", "class", "attack", "attack_cat", "type", "label_name"}

// benignNames are what tables call rows that are no attacks.
var benignNames = []string{"benign", "normal", "not_attack", "0", "0.0", "-1", "-1.0", "false", "-"}

// captureNames are the columns that say which recording a row is of.
var captureNames = []string{"file_id", "capture", "src_file", "flow_file", "capture_id"}

// hostNames are the columns with the sender's address.
var hostNames = []string{"src_ip", "ip_src", "srcip", "Src IP", "Source IP", "src_mac", "eth_src"}

// timeNames are the columns with a row's time in nanoseconds.
var timeNames = []string{"ts_ns", "start_ns"}

// openTables looks at the tables' columns. The union of them is audited.
func openTables(paths []string, opt TableOptions) (*input, error) {
	if len(paths) == 0 {
		return nil, errors.New("there are no tables")
	}
	in := &input{classes: []string{"benign"}, timed: true}
	var tables []*table
	at := map[string]int{}
	for i, path := range paths {
		t, err := openTable(path, i, opt, in)
		if err != nil {
			return nil, err
		}
		tables = append(tables, t)
		in.source = append(in.source, filepath.Base(path))
		for _, f := range t.schema {
			if _, there := at[f.Name]; there || !t.audits(f, opt) {
				continue
			}
			at[f.Name] = len(in.columns)
			in.columns = append(in.columns, t.candidate(f))
		}
	}
	if len(in.columns) == 0 {
		return nil, fmt.Errorf("%s: has no column to learn from", paths[0])
	}
	r := newTableReader(in, at, opt)
	in.each = func(ctx context.Context, visit func(*block) error) error {
		for _, t := range tables {
			if err := r.read(ctx, t, visit); err != nil {
				return fmt.Errorf("%s: %w", t.path, err)
			}
		}
		return nil
	}
	return in, nil
}

func openTable(path string, index int, opt TableOptions, in *input) (*table, error) {
	f, err := source.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t := &table{path: path, index: index, schema: f.Schema(), known: f.Metadata()[schema.MetadataKey] != "", label: opt.Label}
	if t.label == "" {
		for _, n := range labelNames {
			if t.schema.Index(n) >= 0 {
				t.label = n
				break
			}
		}
	}
	if t.schema.Index(t.label) < 0 {
		return nil, fmt.Errorf("%s: has no column %q: name the one with the class", path, t.label)
	}
	in.timed = in.timed && slices.ContainsFunc(timeNames, func(n string) bool { return t.schema.Index(n) >= 0 })
	rows := f.Rows()
	if rows < 0 {
		if rows, err = countRows(path, t.label); err != nil {
			return nil, err
		}
	}
	in.rows += rows
	return t, nil
}

func countRows(path, column string) (n int64, err error) {
	t, err := source.OpenWith(path, source.Options{Columns: []string{column}})
	if err != nil {
		return 0, err
	}
	defer t.Close()
	b := schema.FromFields(t.Schema())
	err = source.Each(context.Background(), t, b, func() error { n += int64(b.Rows); return nil })
	return n, err
}

// audits reports whether a column is one to judge: not the answer, and of a
// type that can be learned from.
func (t *table) audits(f *schema.Field, opt TableOptions) bool {
	switch {
	case f.List || f.Kind == schema.Binary || f.Role == schema.Label || f.Name == t.label:
		return false
	case slices.Contains(labelNames, f.Name) || slices.Contains(opt.Ignore, f.Name):
		return false
	case slices.Contains([]string{"split", "fold", "label_index"}, f.Name):
		return false
	}
	return true
}

// candidate says what is known of a column.
func (t *table) candidate(f *schema.Field) candidate {
	c := candidate{name: f.Name, used: true, text: !f.Kind.Numeric() && f.Kind != schema.Timestamp}
	if t.known {
		c.used, c.known = f.Role == schema.Feature, f.Role == schema.Feature
		if f.Role != schema.Feature {
			c.names = "role " + string(f.Role)
		}
		return c
	}
	switch {
	case slices.Contains(captureNames, f.Name):
		c.used, c.names = false, "the recording"
	case slices.Contains(timeNames, f.Name):
		c.used, c.names = false, "the time"
	default:
		c.names, c.soft = namedBy(f.Name)
	}
	return c
}
