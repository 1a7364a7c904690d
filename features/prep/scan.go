package prep

import (
	"fmt"
	"math"
	"slices"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/label"
	"github.com/pcapline/pcapline/transform/schema"
)

// scanner is the first reading: where rows are, and what they are labelled.
type scanner struct {
	p        *preparation
	source   int
	captures map[capture]int32
	classes  map[string]int32 // in the order of appearance; 0 is benign
	names    []string
}

// capture is a file_id of a table.
type capture struct {
	source int
	file   int64
}

// scan fills rows, state, classes and captures.
func (p *preparation) scan() error {
	sc := &scanner{p: p, captures: map[capture]int32{}, classes: map[string]int32{"benign": 0}, names: []string{"benign"}}
	columns := []string{"file_id", p.kind.start, "label", "label_class"}
	if p.kind.end != p.kind.start {
		columns = append(columns, p.kind.end)
	}
	if p.kind.group != "" && p.schema.Index(p.kind.group) >= 0 {
		columns = append(columns, p.kind.group)
	}
	p.newest = math.MinInt64
	for i, s := range p.sources {
		sc.source = i
		before := len(p.state)
		if err := p.read(s, columns, sc.batch); err != nil {
			return err
		}
		s.rows = int64(len(p.state) - before)
	}
	p.ledger.In = int64(len(p.state))
	p.sortClasses(sc.names)
	return nil
}

// batch adds the rows of a batch.
func (sc *scanner) batch(b *schema.Batch) error {
	file, err := integers(b, "file_id")
	if err != nil {
		return err
	}
	start, err := integers(b, sc.p.kind.start)
	if err != nil {
		return err
	}
	end, err := integers(b, sc.p.kind.end)
	if err != nil {
		return err
	}
	group := func(int) (int64, bool) { return 0, false }
	if b.Column(sc.p.kind.group) != nil {
		if group, err = integers(b, sc.p.kind.group); err != nil {
			return err
		}
	}
	name, err := texts(b, "label")
	if err != nil {
		return err
	}
	class, err := texts(b, "label_class")
	if err != nil {
		return err
	}
	for row := range b.Rows {
		t0, _ := start(row)
		t1, _ := end(row)
		sc.p.newest = max(sc.p.newest, t0, t1)
		c, labelled, err := sc.class(class, name, row)
		if err != nil {
			return fmt.Errorf("row %d: %w", len(sc.p.state), err)
		}
		f, _ := file(row)
		at := sc.capture(f) // also without a label, so that every capture is listed
		if !labelled {
			sc.p.state = append(sc.p.state, unknown)
			sc.p.ledger.Unknown++
			continue
		}
		g, _ := group(row)
		sc.p.state = append(sc.p.state, 0)
		sc.p.rows = append(sc.p.rows, features.Position{Start: t0, End: t1, Group: uint64(g), Capture: at, Class: c})
	}
	return nil
}

// class gives the index of a row's class; benign rows are one class whatever
// their label is.
func (sc *scanner) class(class, name func(int) []byte, row int) (c int32, labelled bool, err error) {
	switch string(class(row)) {
	case label.Benign.String():
		return 0, true, nil
	case label.Attack.String():
		n := name(row)
		if len(n) == 0 || string(n) == "benign" {
			return 0, false, fmt.Errorf("an attack is labelled %q", n)
		}
		i, known := sc.classes[string(n)]
		if !known {
			i = int32(len(sc.names))
			sc.classes[string(n)] = i
			sc.names = append(sc.names, string(n))
		}
		return i, true, nil
	case label.Unknown.String():
		return 0, false, nil
	}
	return 0, false, fmt.Errorf("label_class %q is none of benign, attack, unknown", class(row))
}

// capture gives the index of a capture, and its name when it is new.
func (sc *scanner) capture(file int64) int32 {
	k := capture{sc.source, file}
	if i, known := sc.captures[k]; known {
		return i
	}
	i := int32(len(sc.p.captures))
	sc.captures[k] = i
	s := sc.p.sources[sc.source]
	name := fmt.Sprintf("table %d file %d", sc.source, file)
	if file >= 0 && int(file) < len(s.inputs) {
		name = s.inputs[file].File
	}
	sc.p.captures = append(sc.p.captures, name)
	return i
}

// sortClasses numbers the classes in the order of their names, benign first.
func (p *preparation) sortClasses(found []string) {
	p.classes = slices.Clone(found)
	slices.Sort(p.classes[1:])
	to := make([]int32, len(found))
	for i, n := range found {
		to[i] = int32(slices.Index(p.classes, n))
	}
	for i := range p.rows {
		p.rows[i].Class = to[p.rows[i].Class]
	}
}

// integers reads a column of whole numbers, whatever their width.
func integers(b *schema.Batch, name string) (func(row int) (int64, bool), error) {
	c := b.Column(name)
	switch c.Data().(type) {
	case []uint8:
		return widen[uint8](c), nil
	case []uint16:
		return widen[uint16](c), nil
	case []uint32:
		return widen[uint32](c), nil
	case []int64:
		return widen[int64](c), nil
	}
	return nil, fmt.Errorf("column %s has type %s, not whole numbers", name, c.Field().Type())
}

func widen[T interface {
	schema.Value
	uint8 | uint16 | uint32 | int64
}](c schema.Column) func(row int) (int64, bool) {
	cur := schema.Walk[T](c)
	return func(row int) (int64, bool) {
		v, ok := cur.At(row)
		return int64(v), ok
	}
}

// texts reads a column of strings; null is nil.
func texts(b *schema.Batch, name string) (func(row int) []byte, error) {
	c := b.Column(name)
	if _, ok := c.Data().([]schema.Text); !ok {
		return nil, fmt.Errorf("column %s has type %s, not string", name, c.Field().Type())
	}
	cur := schema.Walk[schema.Text](c)
	return func(row int) []byte {
		v, _ := cur.At(row)
		return v
	}, nil
}
