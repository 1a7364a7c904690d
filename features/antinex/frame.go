package antinex

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	table "github.com/pcapline/pcapline/transform/antinex"
)

// frame is a CSV table as pandas reads it: a guess of each column's type by all
// of its cells, then rows.
type frame struct {
	path    string
	columns []string
	types   []dtype
	rows    int64
	widens  bool // integers become floats where a row is taken as one: it has floats and no other type
}

// dtype is a column's type in pandas.
type dtype uint8

const (
	int64s dtype = iota
	float64s
	bools
	objects
)

// missingTexts stand for no value.
var missingTexts = map[string]bool{
	"": true, "#N/A": true, "#N/A N/A": true, "#NA": true, "-1.#IND": true, "-1.#QNAN": true, "-NaN": true, "-nan": true, "1.#IND": true,
	"1.#QNAN": true, "<NA>": true, "N/A": true, "NA": true, "NULL": true, "NaN": true, "None": true, "n/a": true, "nan": true, "null": true,
}

// readFrame reads all of a table to guess its columns' types.
func readFrame(path string) (*frame, error) {
	f := &frame{path: path}
	var notInt, notFloat, notBool, gap []bool
	err := f.each(func(record []string) error {
		if notInt == nil {
			n := len(f.columns)
			notInt, notFloat, notBool, gap = make([]bool, n), make([]bool, n), make([]bool, n), make([]bool, n)
		}
		for i, s := range record {
			if missingTexts[s] {
				gap[i] = true
				continue
			}
			notInt[i] = notInt[i] || !isInt(s)
			notFloat[i] = notFloat[i] || notInt[i] && !isFloat(s)
			notBool[i] = notBool[i] || !isBool(s)
		}
		f.rows++
		return nil
	})
	if err != nil {
		return nil, err
	}
	if f.rows == 0 {
		f.types = make([]dtype, len(f.columns))
		return f, nil
	}
	for i := range f.columns {
		t := objects
		switch {
		case !notInt[i] && !gap[i]:
			t = int64s
		case !notFloat[i]:
			t = float64s
		case !notBool[i] && !gap[i]:
			t = bools
		}
		f.types = append(f.types, t)
	}
	f.widens = slices.Contains(f.types, float64s) && !slices.Contains(f.types, bools) && !slices.Contains(f.types, objects)
	return f, nil
}

// each calls row for each row's cells, which are valid during the call.
func (f *frame) each(row func(record []string) error) error {
	file, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer file.Close()
	r := csv.NewReader(bufio.NewReaderSize(file, 256<<10))
	r.ReuseRecord, r.FieldsPerRecord = true, -1
	header, err := r.Read()
	if err == io.EOF {
		err = errors.New("empty: a table begins with a header line")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	if err := f.setColumns(header); err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	full := make([]string, len(f.columns))
	for {
		record, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.path, err)
		}
		if len(record) > len(full) {
			line, _ := r.FieldPos(0)
			return fmt.Errorf("%s: line %d has %d cells, the header %d", f.path, line, len(record), len(full))
		}
		clear(full[copy(full, record):]) // a short row has gaps
		if err := row(full); err != nil {
			return err
		}
	}
}

func (f *frame) setColumns(header []string) error {
	f.columns = nil
	for i, name := range header {
		if name == "" {
			name = fmt.Sprintf("Unnamed: %d", i)
		}
		if slices.Contains(f.columns, name) {
			return fmt.Errorf("column %q is there twice", name)
		}
		f.columns = append(f.columns, strings.Clone(name))
	}
	return nil
}

// value is the cell of a column as a row has it, its gap filled.
func (f *frame) value(column int, s string, fill *postProc) table.Value {
	if missingTexts[s] {
		return f.gap(column, fill)
	}
	switch t := f.types[column]; {
	case t == int64s && !f.widens:
		n, _ := strconv.ParseInt(number(s), 10, 64)
		return table.Value{Kind: table.Int, Int: n}
	case t == int64s, t == float64s:
		x, err := strconv.ParseFloat(number(s), 64)
		if err != nil && !math.IsInf(x, 0) {
			x = math.NaN() // isFloat has seen it: this cannot be
		}
		return table.Value{Kind: table.Float, Float: x}
	case t == bools:
		v := table.Value{Kind: table.Bool}
		if s[0] == 'T' || s[0] == 't' {
			v.Int = 1
		}
		return v
	}
	return table.Value{Kind: table.Text, Text: s}
}

// gap is what stands for a missing cell: in a column of numbers the mark is a
// float, too.
func (f *frame) gap(column int, fill *postProc) table.Value {
	if !fill.marks {
		return table.Value{}
	}
	if f.types[column] == float64s && fill.mark.Kind == table.Int {
		return table.Value{Kind: table.Float, Float: float64(fill.mark.Int)}
	}
	return fill.mark
}

// number is a number's text without what pandas passes over.
func number(s string) string { return strings.TrimSpace(s) }

// isInt reports whether pandas reads an int64: leading zeros are no matter.
func isInt(s string) bool {
	s = number(s)
	if _, err := strconv.ParseInt(s, 10, 64); err != nil {
		return false
	}
	return true
}

// isFloat reports whether pandas reads a float64: decimal, with or without an
// exponent, or infinite.
func isFloat(s string) bool {
	s = number(s)
	digits := false
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits = true
		case c != '.' && c != 'e' && c != 'E' && c != '+' && c != '-':
			return isInf(s)
		}
	}
	if !digits {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil || errors.Is(err, strconv.ErrRange)
}

func isInf(s string) bool {
	switch strings.ToLower(strings.TrimLeft(s, "+-")) {
	case "inf", "infinity":
		return true
	}
	return false
}

func isBool(s string) bool {
	switch s {
	case "True", "TRUE", "true", "False", "FALSE", "false":
		return true
	}
	return false
}
