package names

import (
	"fmt"
	"strings"

	"github.com/pcapline/pcapline/transform/schema"
)

// Dialect is the vocabulary of a flow meter.
type Dialect struct {
	Name    string // as --names takes it
	Title   string // the tool, and the version or option that writes these columns
	Log     string // what the tool calls the table, for formats that say it; "" where it has no name
	Columns []Column
}

// Column is a column of a dialect.
type Column struct {
	Name    string
	Kind    schema.Kind
	Unit    string
	Value   formula
	Missing missing // what stands where the formula has no value
	Doc     string  // how the value differs from the tool's; "" where it does not
}

// missing says what a tool writes where there is no value.
type missing uint8

const (
	null     missing = iota // nothing
	zero                    // 0
	optional                // nothing, and the column itself is missing where the flows table lacks what it is made of
)

// Dialects lists the dialects of the flows table.
var Dialects = []*Dialect{&cicFlowMeter, &nfstream, &zeek}

// Native is the name of the flows table's own columns, which is no dialect.
const Native = "native"

// ByName returns the dialect of that name, nil for [Native].
func ByName(name string) (*Dialect, error) {
	if name == Native || name == "" {
		return nil, nil //nolint:nilnil // native is no dialect, and no error
	}
	for _, d := range Dialects {
		if d.Name == name {
			return d, nil
		}
	}
	return nil, fmt.Errorf("no names %q; known: %s", name, strings.Join(Known(), ", "))
}

// Known lists what ByName takes.
func Known() []string {
	known := []string{Native}
	for _, d := range Dialects {
		known = append(known, d.Name)
	}
	return known
}

// Schema lists the dialect's columns as they are made from a table with the
// columns of native. It fails where columns that are needed are not there.
func (d *Dialect) Schema(native schema.Schema) (schema.Schema, error) {
	var s schema.Schema
	for i := range d.Columns {
		c := &d.Columns[i]
		f, err := c.field(d, native)
		if err != nil {
			return nil, err
		}
		if f != nil {
			s = append(s, f)
		}
	}
	return s, nil
}

// field describes the column; nil for an optional one that cannot be made.
func (c *Column) field(d *Dialect, native schema.Schema) (*schema.Field, error) {
	f := &schema.Field{
		Name: c.Name, Layer: d.Name, Kind: c.Kind, Unit: c.Unit, Nullable: c.Missing != zero,
		Doc: strings.TrimSpace(c.Value.sentence() + " " + c.Doc), Source: d.Title,
	}
	for _, from := range c.Value.from {
		i := native.Index(from)
		if i < 0 {
			if c.Missing == optional {
				return nil, nil //nolint:nilnil // a column that is left out
			}
			return nil, fmt.Errorf("names %s: column %q is made of %s, which the table does not have", d.Name, c.Name, from)
		}
		if f.Role == schema.Feature {
			f.Role = native[i].Role
		}
		if c.Value.same || c.Value.each != nil {
			f.Storage, f.List, f.Nullable = native[i].Storage, native[i].List, f.Nullable && native[i].Nullable
		}
	}
	return f, nil
}
