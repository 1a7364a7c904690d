package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/parquet-go/jsonlite"

	"github.com/pcapline/pcapline/transform/schema"
)

// jsonlTable reads a file with a JSON object a line. A member of an object in
// a row's object is a column named by both keys, joined as package sink took
// them apart: {"ip": {"src": …}} is ip_src, and {"payload": {"payload": …}} is
// payload.
type jsonlTable struct {
	reading
	rows jsonReader
	set  []int // for each column, the number of rows read when it last had a value
	read int
	part bool // members that are no columns are passed over
}

func openJSONL(f *os.File, path string, opt Options) (*jsonlTable, error) {
	t := &jsonlTable{reading: reading{path: path}, part: opt.Columns != nil}
	t.rows.os = f
	if err := t.open(opt); err != nil {
		return nil, errors.Join(err, t.rows.end())
	}
	return t, nil
}

func (t *jsonlTable) open(opt Options) error {
	err := t.rows.rewind()
	if err != nil {
		return err
	}
	fields := opt.Schema
	if fields == nil {
		if fields, err = t.rows.infer(); err == nil {
			err = t.rows.rewind()
		}
		if err != nil {
			return err
		}
	}
	keep, err := project(fields.Names(), opt.Columns)
	if err != nil {
		return err
	}
	t.rows.index = make(map[string]int, len(fields))
	for i, f := range fields {
		if keep[i] {
			t.rows.index[f.Name] = len(t.schema)
			t.schema = append(t.schema, f)
		}
	}
	if len(t.schema) == 0 {
		return errors.New("no columns")
	}
	t.set = make([]int, len(t.schema))
	return nil
}

func (t *jsonlTable) Metadata() map[string]string { return nil }
func (t *jsonlTable) Rows() int64                 { return -1 }
func (t *jsonlTable) Close() error                { return t.rows.close() }

func (t *jsonlTable) Next(b *schema.Batch) error { return t.next(b, t.fill) }

func (t *jsonlTable) fill(b *schema.Batch) error {
	for b.Rows < BatchRows {
		err := t.rows.row()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = t.setRow(b)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", t.rows.lines, err)
		}
		b.Rows++
	}
	if b.Rows == 0 {
		return io.EOF
	}
	b.Finish()
	return nil
}

// setRow gives the next row of b the values of the row that was read.
func (t *jsonlTable) setRow(b *schema.Batch) error {
	t.read++
	for _, m := range t.rows.members {
		if m.column < 0 {
			if t.part {
				continue
			}
			return fmt.Errorf("member %q is no column", m.name)
		}
		values := t.rows.values[m.from:m.to]
		if !m.list && values[0].kind == jsonNull {
			continue
		}
		if t.set[m.column] == t.read {
			return fmt.Errorf("column %s is there twice", t.schema[m.column].Name)
		}
		t.set[m.column] = t.read
		if err := m.set(b.Columns[m.column], b.Rows, values); err != nil {
			return err
		}
	}
	for i, f := range t.schema {
		if !f.Nullable && t.set[i] != t.read {
			return fmt.Errorf("column %s has no value, and is not nullable", f.Name)
		}
	}
	return nil
}

// jsonKind is what a JSON value is.
type jsonKind uint8

const (
	jsonNull jsonKind = iota
	jsonBool
	jsonNumber
	jsonString
)

// jsonValue is a value that holds no others.
type jsonValue struct {
	kind jsonKind
	text string
}

// jsonMember is a member of a row's object, or of an object in it.
type jsonMember struct {
	column   int    // -1: none
	name     string // where it is none
	list     bool
	from, to int // its values
}

// set gives row of a column the member's value.
func (m *jsonMember) set(c schema.Column, row int, values []jsonValue) error {
	f := c.Field()
	if m.list != f.List {
		return fmt.Errorf("column %s is %s, the member a list: %t", f.Name, f.Type(), m.list)
	}
	if m.list {
		return setList(c, row, values)
	}
	return schema.SetText(c, row, []byte(values[0].text))
}

// jsonReader takes the rows of a file apart.
type jsonReader struct {
	lineReader
	index   map[string]int // columns
	line    []byte
	path    []byte // keys so far, joined
	members []jsonMember
	values  []jsonValue
}

var errNoObject = errors.New("not a JSON object")

// row reads the next row, passing over blank lines; io.EOF at the end.
func (r *jsonReader) row() error {
	for {
		var err error
		if r.line, err = r.next(r.line[:0]); err != nil {
			return err
		}
		if line := bytes.TrimSpace(r.line); len(line) > 0 {
			if line[0] != '{' || !json.Valid(line) {
				return errNoObject
			}
			r.members, r.values, r.path = r.members[:0], r.values[:0], r.path[:0]
			tokens := jsonlite.Tokenize(string(line))
			tokens.Next()
			return r.object(tokens, "")
		}
	}
}

// object reads the members of an object, behind its brace; what is wrong with
// the syntax was found before. The object is the member key of another.
func (r *jsonReader) object(tokens *jsonlite.Tokenizer, key string) error {
	prefix := len(r.path)
	for {
		token, _ := tokens.Next()
		if token == "," {
			token, _ = tokens.Next()
		}
		if token == "}" {
			return nil
		}
		name, err := jsonlite.Unquote(token)
		if err != nil {
			return err
		}
		switch {
		case prefix == 0:
			r.path = append(r.path[:0], name...)
		case name == key: // the column is named as its layer
			r.path = r.path[:prefix]
		default:
			r.path = append(append(r.path[:prefix], '_'), name...)
		}
		tokens.Next() // the colon
		if err := r.member(tokens, name); err != nil {
			return err
		}
	}
}

// member reads the value of the member that path names.
func (r *jsonReader) member(tokens *jsonlite.Tokenizer, key string) error {
	token, _ := tokens.Next()
	if token == "{" {
		return r.object(tokens, key)
	}
	m := jsonMember{column: -1, list: token == "[", from: len(r.values)}
	if at, ok := r.index[string(r.path)]; ok {
		m.column = at
	} else {
		m.name = string(r.path)
	}
	for more := true; more; more = m.list {
		if m.list {
			if token, _ = tokens.Next(); token == "," {
				token, _ = tokens.Next()
			}
			if token == "]" {
				break
			}
		}
		v, err := valueOf(token)
		if err == nil && m.list && v.kind == jsonNull {
			err = errors.New("null in a list")
		}
		if err != nil {
			return fmt.Errorf("column %s: %w", r.path, err)
		}
		r.values = append(r.values, v)
	}
	m.to = len(r.values)
	r.members = append(r.members, m)
	return nil
}

func valueOf(token string) (jsonValue, error) {
	switch token[0] {
	case '"':
		text, err := jsonlite.Unquote(token)
		return jsonValue{jsonString, text}, err
	case 'n':
		return jsonValue{kind: jsonNull}, nil
	case 't', 'f':
		return jsonValue{jsonBool, token}, nil
	case '[', '{':
		return jsonValue{}, errors.New("lists of lists and of objects are not read")
	}
	return jsonValue{jsonNumber, token}, nil
}

// infer reads all rows and says what the columns are, in the order in which
// they first come, by the rules for CSV, but that strings are no numbers.
func (r *jsonReader) infer() (schema.Schema, error) {
	r.index = make(map[string]int)
	var s schema.Schema
	var guesses []jsonGuess
	rows := 0
	for {
		err := r.row()
		if err == io.EOF {
			break
		}
		rows++
		for i := range r.members {
			m := &r.members[i]
			if err != nil {
				break
			}
			if m.column < 0 {
				at, known := r.index[m.name] // twice in this row
				if !known {
					at = len(s)
					r.index[m.name] = at
					s = append(s, &schema.Field{Name: m.name})
					guesses = append(guesses, jsonGuess{})
				}
				m.column = at
			}
			if err = guesses[m.column].see(m.list, r.values[m.from:m.to]); err != nil {
				err = fmt.Errorf("column %s: %w", s[m.column].Name, err)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", r.lines, err)
		}
	}
	for i := range s {
		g := &guesses[i]
		s[i].Kind, s[i].List, s[i].Nullable = g.kind(), g.list, g.rows < rows
	}
	return s, nil
}

// jsonGuess is what the values of a column so far allow.
type jsonGuess struct {
	guess
	list bool
	rows int // that have a value
}

func (g *jsonGuess) see(list bool, values []jsonValue) error {
	if !list && values[0].kind == jsonNull {
		return nil
	}
	if g.rows > 0 && g.list != list {
		return errors.New("a list in one row and none in another")
	}
	g.list = list
	g.rows++
	for _, v := range values {
		g.value(v)
	}
	return nil
}

// value narrows the kinds. The strings that stand for numbers that JSON lacks
// are taken for them among numbers.
func (g *jsonGuess) value(v jsonValue) {
	if v.text == "" {
		g.empty = true
	} else {
		g.narrow(v.text)
	}
	number := v.kind == jsonNumber || slices.Contains([]string{"NaN", "Infinity", "-Infinity"}, v.text)
	for i, c := range candidates {
		switch c.kind {
		case schema.Int64, schema.Float64:
			g.out[i] = g.out[i] || !number
		case schema.Bool:
			g.out[i] = g.out[i] || v.kind != jsonBool
		case schema.Timestamp:
			g.out[i] = g.out[i] || v.kind != jsonString
		}
	}
}
