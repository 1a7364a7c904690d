package antinex

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strconv"

	"github.com/pcapline/pcapline/features"
	prepared "github.com/pcapline/pcapline/features/antinex"
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/source"
)

// missing stands for no value, as AntiNex has it.
const missing = -1

// table is the columns of a prepared table that a request is about.
type table struct {
	path     string
	sha256   string
	schema   string // hash
	encoding *features.Encoding
	x        *features.Matrix // not scaled, in the order of the table's columns
	label    []float64        // what to predict
	absent   []string         // features that the table lacks
	text     []string         // columns that nobody named and that are no numbers
	noMeta   string           // the request's metadata file, where it is not there
}

// readTable reads the features and the predicted column.
func readTable(path string, r *Request) (*table, error) {
	t := &table{path: path}
	if err := t.read(r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if t.x.Rows == 0 {
		return nil, fmt.Errorf("%s: the table has no rows", path)
	}
	return t, nil
}

func (t *table) read(r *Request) (err error) {
	if t.sha256, _, err = pcapio.Digest(t.path); err != nil {
		return err
	}
	src, err := source.Open(t.path)
	if err != nil {
		return err
	}
	defer src.Close()
	if err := t.choose(src.Schema(), r); err != nil {
		return err
	}
	batch := schema.FromFields(src.Schema())
	binding, err := t.encoding.Bind(batch)
	if err != nil {
		return err
	}
	for {
		switch err := src.Next(batch); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		binding.Fill(t.x, t.x.Grow(batch.Rows))
		if err := t.labels(batch, r.PredictFeature); err != nil {
			return err
		}
	}
}

// choose picks the columns to learn from: those listed, in the order of the
// table; or, without a list, all numbers that nothing else speaks against.
func (t *table) choose(s schema.Schema, r *Request) error {
	t.schema, t.encoding = s.Unlabelled().Hash(), &features.Encoding{Version: features.EncodingVersion}
	if s.Index(r.PredictFeature) < 0 {
		return fmt.Errorf("there is no column %q to predict", r.PredictFeature)
	}
	listed := r.Features
	if len(listed) == 0 && r.Meta != "" {
		switch m, err := prepared.ReadMetadata(r.Meta); {
		case errors.Is(err, fs.ErrNotExist) && t.path != r.Dataset: // the request is of another machine
			t.noMeta = r.Meta
		case err != nil:
			return err
		default:
			listed = m.Features()
		}
	}
	never := append([]string{r.PredictFeature, "label_name", "label_value"}, r.Ignore...)
	for _, f := range s {
		switch number := f.Kind.Numeric() && !f.List; {
		case slices.Contains(never, f.Name), listed != nil && !slices.Contains(listed, f.Name):
		case !number && listed != nil:
			return fmt.Errorf("column %s is a %s, no number to learn from", f.Name, f.Type())
		case !number:
			t.text = append(t.text, f.Name)
		default:
			how := features.Number
			if f.Kind == schema.Bool {
				how = features.Flag
			}
			t.encoding.Columns = append(t.encoding.Columns, features.ColumnEncoding{Column: f.Name, Type: f.Type(), How: how, Impute: missing})
		}
	}
	for _, name := range listed {
		if s.Index(name) < 0 {
			t.absent = append(t.absent, name)
		}
	}
	if len(t.encoding.Columns) == 0 {
		return errors.New("none of its columns is a feature")
	}
	t.x = features.NewMatrix(0, t.encoding.Names())
	return nil
}

// labels reads the predicted column, which must have a number in each row.
func (t *table) labels(b *schema.Batch, name string) error {
	c := b.Column(name)
	var text []byte
	for row, k := 0, 0; row < b.Rows; row++ {
		if !c.Presence().Has(row) {
			return fmt.Errorf("row %d has no %s", len(t.label), name)
		}
		text = c.AppendText(text[:0], k)
		k++
		v, err := strconv.ParseFloat(string(text), 64)
		if err != nil || math.IsNaN(v) {
			return fmt.Errorf("row %d: %s is %q, no number", len(t.label), name, text)
		}
		t.label = append(t.label, v)
	}
	return nil
}

// keep leaves only some of the features.
func (t *table) keep(columns []int) {
	x := features.NewMatrix(t.x.Rows, nil)
	encoding := &features.Encoding{Version: features.EncodingVersion}
	for _, c := range columns {
		x.Names = append(x.Names, t.x.Names[c])
		encoding.Columns = append(encoding.Columns, t.encoding.Columns[c])
	}
	for r := range t.x.Rows {
		row := t.x.Row(r)
		for _, c := range columns {
			x.Data = append(x.Data, row[c])
		}
	}
	t.x, t.encoding = x, encoding
}
