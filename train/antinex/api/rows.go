package api

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/pcapline/pcapline/transform/schema"
)

// rowMaker turns rows of a table into row objects.
type rowMaker struct {
	s       *Settings
	columns []rowColumn
	absent  []string // features that the table lacks
	text    []byte
}

type rowColumn struct {
	feature string
	column  schema.Column
	next    int // value of the next row that has one
}

// newRowMaker finds the features in a batch: by the name of a column, else by
// the AntiNex name that it declares.
func (s *Settings) newRowMaker(b *schema.Batch, features []string) (*rowMaker, error) {
	m := &rowMaker{s: s}
	for _, feature := range features {
		c := b.Column(feature)
		for i := 0; c == nil && i < len(b.Columns); i++ {
			if b.Columns[i].Field().AntiNex == feature {
				c = b.Columns[i]
			}
		}
		lost := s.Compat && feature == "idx" || feature == s.Predict
		if c == nil || lost {
			m.absent = append(m.absent, feature)
			continue
		}
		if c.Field().List {
			return nil, fmt.Errorf("column %s is a list, which no row of AntiNex's has", c.Field().Name)
		}
		m.columns = append(m.columns, rowColumn{feature: feature, column: c})
	}
	if s.CheckPredict && !slices.Contains(m.absent, s.Predict) {
		m.absent = append(m.absent, s.Predict)
	}
	if len(m.columns) == 0 {
		return nil, fmt.Errorf("the table has none of the %d features; for packets write it with --dialect antinex or antinex-v1, or name others in ANTINEX_FEATURES_TO_PROCESS", len(features))
	}
	return m, nil
}

// convertRow makes a row of an object.
func (s *Settings) convertRow(object map[string]any, features []string) map[string]any {
	m := &rowMaker{s: s}
	row := map[string]any{}
	if s.CheckPredict {
		row[s.Predict] = m.absentValue()
	}
	for _, feature := range features {
		v, there := object[feature]
		switch {
		case !there || feature == s.Predict || s.Compat && feature == "idx":
			row[feature] = m.absentValue()
		case v == nil:
			row[feature] = m.missing()
		default:
			var keep bool
			if row[feature], keep = m.convert(schema.Float64, fmt.Sprint(v)); !keep {
				row[feature] = m.absentValue()
			}
		}
	}
	return row
}

// begin is called for each batch.
func (m *rowMaker) begin() {
	for i := range m.columns {
		m.columns[i].next = 0
	}
}

// row is the next row of the batch, as JSON.
func (m *rowMaker) row(row int) (json.RawMessage, error) {
	values := make(map[string]any, len(m.columns)+len(m.absent))
	for i := range m.columns {
		c := &m.columns[i]
		if p := c.column.Presence(); p != nil && !p.Has(row) {
			values[c.feature] = m.missing()
			continue
		}
		m.text = c.column.AppendText(m.text[:0], c.next)
		c.next++
		if v, keep := m.convert(c.column.Field().Kind, string(m.text)); keep {
			values[c.feature] = v
		} else {
			values[c.feature] = m.absentValue()
		}
	}
	for _, name := range m.absent {
		values[name] = m.absentValue()
	}
	return json.Marshal(values)
}

// convert makes a number of a value, or says that it is none.
func (m *rowMaker) convert(kind schema.Kind, text string) (v any, keep bool) {
	if kind == schema.Bool {
		text = map[bool]string{true: "1", false: "0"}[text == "true"]
	}
	if text == "" {
		return m.missing(), true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return text, m.s.IncludeFailed || !m.s.Convert
	}
	if f == 0 && m.s.Compat {
		return m.missing(), true
	}
	return m.number(f), true
}

func (m *rowMaker) number(f float64) any {
	if m.s.Convert && m.s.ConvertInt {
		return int64(f)
	}
	return float(f)
}

// missing stands for a value that the row lacks.
func (m *rowMaker) missing() any { return m.number(m.s.Missing) }

// absentValue stands for a column that the table lacks, and for values that
// are no numbers, which the original drops first.
func (m *rowMaker) absentValue() any {
	if m.s.Compat {
		text, _ := float(m.s.Missing).MarshalJSON() // of a finite number it has no error
		return string(text)
	}
	return m.missing()
}

// float is a number that looks like one with a fraction, as Python writes it.
type float float64

// MarshalJSON writes -1.0 for -1.
func (f float) MarshalJSON() ([]byte, error) {
	text := strconv.AppendFloat(nil, float64(f), 'f', -1, 64)
	if float64(f) == math.Trunc(float64(f)) {
		text = append(text, ".0"...)
	}
	return text, nil
}
