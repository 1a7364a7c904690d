package label

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// importer reads one CSV form of the truth. To add one, write a file with its
// load function and put a line into [importers].
type importer struct {
	name    string
	columns []string // that its header must have; the first importer that fits is taken
	load    func(t *table) ([]Rule, error)
}

var importers = []importer{
	{"lab truth", []string{"file", "start", "end", "src", "dst", "proto", "label"}, loadTruth},
}

// SyntaxError says where a rule file is wrong.
type SyntaxError struct {
	File string
	Line int // from 1; 0 when it is not one line
	Err  error
}

func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
}

func (e *SyntaxError) Unwrap() error { return e.Err }

// Load reads a rule file: YAML or JSON by the ending .yaml, .yml or .json
// (see [ParseYAML] for their form), otherwise CSV in a form that is known by
// its header. Errors are a [*SyntaxError] or the file system's.
func Load(path string) (*Rules, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	rules := &Rules{Source: filepath.Base(path)}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml", ".json":
		rules.Importer = "rules"
		rules.List, err = ParseYAML(path, text)
	default:
		rules.Importer, rules.List, err = parseCSV(path, text)
	}
	if err != nil {
		return nil, err
	}
	if len(rules.List) == 0 {
		return nil, &SyntaxError{File: path, Err: errors.New("there are no rules in it")}
	}
	sum := sha256.Sum256(text)
	rules.SHA256 = hex.EncodeToString(sum[:])
	return rules, nil
}

// table is a CSV file with a header.
type table struct {
	file    string
	columns map[string]int
	rows    [][]string
	lines   []int // of each row in the file
}

// cell gives row i's value of a column, "" where the file has no such column.
func (t *table) cell(i int, column string) string {
	if c, ok := t.columns[column]; ok {
		return t.rows[i][c]
	}
	return ""
}

func (t *table) error(i int, err error) error {
	return &SyntaxError{File: t.file, Line: t.lines[i], Err: err}
}

func parseCSV(file string, text []byte) (string, []Rule, error) {
	t, err := readTable(file, text)
	if err != nil {
		return "", nil, err
	}
	for _, imp := range importers {
		if !slices.ContainsFunc(imp.columns, func(c string) bool { _, ok := t.columns[c]; return !ok }) {
			rules, err := imp.load(t)
			return imp.name, rules, err
		}
	}
	var known []string
	for _, imp := range importers {
		known = append(known, fmt.Sprintf("%s (%s)", imp.name, strings.Join(imp.columns, ",")))
	}
	return "", nil, &SyntaxError{file, 1, fmt.Errorf("the header is of no known form; known are %s, and rules as YAML or JSON", strings.Join(known, "; "))}
}

func readTable(file string, text []byte) (*table, error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	header, err := r.Read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the file is empty")
		}
		return nil, csvError(file, err)
	}
	t := &table{file: file, columns: make(map[string]int)}
	for i, h := range header {
		h = strings.ToLower(strings.TrimSpace(h))
		if _, twice := t.columns[h]; !twice {
			t.columns[h] = i
		}
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, csvError(file, err)
		}
		line, _ := r.FieldPos(0)
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		t.rows, t.lines = append(t.rows, row), append(t.lines, line)
	}
}

func csvError(file string, err error) error {
	if pe := (*csv.ParseError)(nil); errors.As(err, &pe) {
		return &SyntaxError{file, pe.Line, pe.Err}
	}
	return &SyntaxError{File: file, Err: err}
}
