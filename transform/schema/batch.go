package schema

import (
	"fmt"
	"reflect"
)

// Batch is some rows of a table, column by column. It is made once and
// reused; it is not safe for concurrent use.
type Batch struct {
	Rows    int      // rows filled so far
	Columns []Column // in the order of declaration
	layers  []*Layer
	byName  map[string]int
	arena   []byte
}

// Of makes a batch whose columns are the fields of the given pointers to
// layer structs, in order. It panics when a struct is not declared as the
// package comment says: that is a mistake in the program, found by its first
// test.
func Of(layers ...any) *Batch { return OfPrefixed("", layers...) }

// OfPrefixed is Of with a prefix before every column's and layer's name: the
// inner headers of a tunnel are the outer ones with "inner_" before them. They
// lack AntiNex's names, which stand for one set of headers.
func OfPrefixed(prefix string, layers ...any) *Batch {
	b := &Batch{byName: make(map[string]int)}
	for _, l := range layers {
		b.addLayer(prefix, l)
	}
	return b
}

// FromFields makes a batch for a schema that was read from a file.
func FromFields(s Schema) *Batch {
	b := &Batch{byName: make(map[string]int)}
	for _, f := range s {
		b.add(NewColumn(f))
	}
	return b
}

// Join makes a batch of the columns of several, which it shares; Rows and the
// arena are its own.
func Join(parts ...*Batch) *Batch {
	b := &Batch{byName: make(map[string]int)}
	for _, p := range parts {
		b.layers = append(b.layers, p.layers...)
		for _, c := range p.Columns {
			b.add(c)
		}
	}
	return b
}

func (b *Batch) addLayer(prefix string, ptr any) {
	v := reflect.ValueOf(ptr).Elem()
	t := v.Type()
	var layer *Layer
	var name, source string
	for i := range t.NumField() {
		sf := t.Field(i)
		if sf.Type == reflect.TypeFor[Layer]() {
			layer = ptr.(interface{ self() *Layer }).self()
			layer.every = sf.Tag.Get("every") == "row"
			name, source = prefix+sf.Tag.Get("name"), sf.Tag.Get("source")
			b.layers = append(b.layers, layer)
			continue
		}
		if !sf.IsExported() {
			continue // the layer's own state
		}
		c, ok := v.Field(i).Addr().Interface().(Column)
		if !ok {
			continue
		}
		if layer == nil {
			panic(fmt.Sprintf("schema: %s has columns but no Layer before them", t))
		}
		f := fieldOf(sf, prefix, c, layer)
		f.Layer = name
		if f.Source == "" {
			f.Source = source
		}
		c.bind(f, layer.Presence())
		b.add(c)
	}
}

func fieldOf(sf reflect.StructField, prefix string, c Column, l *Layer) *Field {
	tag := sf.Tag.Get
	f := &Field{
		Name: prefix + tag("name"), Unit: tag("unit"), Doc: tag("doc"), Source: tag("source"),
		Wireshark: tag("ws"),
		Role:      Role(tag("role")), Storage: Storage(tag("store")),
	}
	if tag("name") == "" || f.Doc == "" {
		panic(fmt.Sprintf("schema: column %s has no name or no doc", sf.Name))
	}
	if prefix == "" {
		f.AntiNex = tag("antinex")
	}
	f.Kind = c.kind()
	f.List = c.list()
	f.Nullable = c.nullable() || !l.every
	return f
}

func (b *Batch) add(c Column) {
	name := c.Field().Name
	if _, twice := b.byName[name]; twice {
		panic(fmt.Sprintf("schema: column %s is declared twice", name))
	}
	b.byName[name] = len(b.Columns)
	b.Columns = append(b.Columns, c)
}

// Column returns the named column, or nil.
func (b *Batch) Column(name string) Column {
	if i, ok := b.byName[name]; ok {
		return b.Columns[i]
	}
	return nil
}

// Schema lists the batch's fields.
func (b *Batch) Schema() Schema {
	s := make(Schema, len(b.Columns))
	for i, c := range b.Columns {
		s[i] = c.Field()
	}
	return s
}

// Select returns a batch that shares the named columns, in the order given.
// Rows must be set by the caller after each fill.
func (b *Batch) Select(names []string) (*Batch, error) {
	out := &Batch{byName: make(map[string]int)}
	for _, n := range names {
		c := b.Column(n)
		if c == nil {
			return nil, fmt.Errorf("no column %q", n)
		}
		if out.Column(n) != nil {
			return nil, fmt.Errorf("column %q is named twice", n)
		}
		out.add(c)
	}
	return out, nil
}

// Finish completes the presences up to Rows, so that sinks find one
// definition level for each row. Call it when the batch is full, before it is
// handed on.
func (b *Batch) Finish() {
	for _, l := range b.layers {
		if !l.every {
			l.presence.finish(b.Rows)
		}
	}
	for _, c := range b.Columns {
		c.finish(b.Rows)
	}
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.Rows = 0
	b.arena = b.arena[:0]
	for _, l := range b.layers {
		l.presence.reset()
	}
	for _, c := range b.Columns {
		c.reset()
	}
}

// Text returns a copy of s that lives until Reset, for values that are
// computed rather than found in the packet.
func (b *Batch) Text(s []byte) Text {
	if len(b.arena)+len(s) > cap(b.arena) {
		b.arena = make([]byte, 0, max(64<<10, 2*cap(b.arena), len(s)))
	}
	start := len(b.arena)
	b.arena = append(b.arena, s...)
	return Text(b.arena[start:len(b.arena):len(b.arena)])
}
