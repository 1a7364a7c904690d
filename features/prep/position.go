package prep

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/label"
	"github.com/pcapline/pcapline/transform/schema"
)

// positions reads where rows are and what they are labelled. The first reading
// of the tables numbers captures and classes; later ones find them again.
type positions struct {
	p        *preparation
	captures map[capture]int32
	classes  map[string]int32 // in the order of appearance until sorted; 0 is benign
	hosts    map[flowID]uint64

	source int
	row    int64 // of all tables, for errors

	// Readers of the batch at hand.
	file, start, end, group func(row int) (int64, bool)
	name, class             func(row int) []byte
	attempted               schema.Cursor[bool]
	src, dst                func(row int) uint64
}

// capture is a file_id of a table.
type capture struct {
	source int
	file   int64
}

// flowID names a flow whose packets are rows.
type flowID struct {
	capture int32
	group   uint64
}

func newPositions(p *preparation) *positions {
	return &positions{p: p, captures: map[capture]int32{}, classes: map[string]int32{"benign": 0}, hosts: map[flowID]uint64{}}
}

// columns are those that bind needs.
func (ps *positions) columns() []string {
	k := ps.p.kind
	list := []string{"file_id", k.start, k.end, "label", "label_class"}
	if ps.p.schema.Index("label_attempted") >= 0 {
		list = append(list, "label_attempted")
	}
	if ps.p.schema.Index(k.group) >= 0 {
		list = append(list, k.group)
	}
	if ps.p.opt.Split.ByHosts() {
		for _, c := range slices.Concat(k.src, k.dst) {
			if ps.p.schema.Index(c) >= 0 {
				list = append(list, c)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// bind prepares to read the rows of a filled batch.
func (ps *positions) bind(b *schema.Batch) (err error) {
	k := ps.p.kind
	for _, n := range []struct {
		to   *func(int) (int64, bool)
		name string
	}{{&ps.file, "file_id"}, {&ps.start, k.start}, {&ps.end, k.end}, {&ps.group, k.group}} {
		if *n.to, err = integers(b, n.name); err != nil {
			return err
		}
	}
	if ps.name, err = texts(b, "label"); err != nil {
		return err
	}
	if ps.class, err = texts(b, "label_class"); err != nil {
		return err
	}
	ps.attempted = schema.Walk[bool](b.Column("label_attempted"))
	if ps.p.opt.Split.ByHosts() {
		ps.src, ps.dst = firstText(b, k.src), firstText(b, k.dst)
	}
	return nil
}

// at reads the next row of the batch. A row without a label has a capture all
// the same, so that every capture is listed.
func (ps *positions) at(row int) (pos features.Position, labelled bool, err error) {
	ps.row++
	pos.Start, _ = ps.start(row)
	pos.End, _ = ps.end(row)
	f, _ := ps.file(row)
	g, _ := ps.group(row)
	pos.Capture, pos.Group = ps.capture(f), uint64(g)
	pos.Class, labelled, err = ps.classAt(row)
	if err != nil {
		return pos, false, fmt.Errorf("row %d: %w", ps.row-1, err)
	}
	return pos, labelled, nil
}

// host groups a row by the host that began its flow, or by both hosts.
func (ps *positions) host(row int, pos *features.Position) uint64 {
	a, b := ps.src(row), ps.dst(row)
	if ps.p.opt.Split.Group == features.Pairs {
		a, b = min(a, b), max(a, b)
		a = a*0x9e3779b97f4a7c15 ^ b
	}
	a = max(a, 1)
	if pos.Group == 0 {
		return a
	}
	k := flowID{pos.Capture, pos.Group}
	if first, known := ps.hosts[k]; known {
		return first
	}
	ps.hosts[k] = a
	return a
}

// classAt gives the index of a row's class; benign rows are one class whatever
// their label is.
func (ps *positions) classAt(row int) (c int32, labelled bool, err error) {
	switch class := ps.class(row); string(class) {
	case label.Benign.String():
		return 0, true, nil
	case label.Attack.String():
		switch nothing, _ := ps.attempted.At(row); {
		case nothing && ps.p.opt.Attempted == AttemptedBenign:
			return 0, true, nil
		case nothing && ps.p.opt.Attempted != AttemptedAttack:
			return 0, false, nil
		}
		n := ps.name(row)
		if len(n) == 0 || string(n) == "benign" {
			return 0, false, fmt.Errorf("an attack is labelled %q", n)
		}
		i, known := ps.classes[string(n)]
		if !known {
			i = int32(len(ps.classes))
			ps.classes[string(n)] = i
		}
		return i, true, nil
	case label.Unknown.String():
		return 0, false, nil
	default:
		return 0, false, fmt.Errorf("label_class %q is none of benign, attack, unknown", class)
	}
}

// capture gives the index of a capture, and its name when it is new.
func (ps *positions) capture(file int64) int32 {
	k := capture{ps.source, file}
	if i, known := ps.captures[k]; known {
		return i
	}
	i := int32(len(ps.p.captures))
	ps.captures[k] = i
	s := ps.p.sources[ps.source]
	name := fmt.Sprintf("table %d file %d", ps.source, file)
	if file >= 0 && int(file) < len(s.inputs) {
		name = s.inputs[file].File
	}
	ps.p.captures = append(ps.p.captures, name)
	return i
}

// sortClasses numbers the classes in the order of their names, benign first.
func (ps *positions) sortClasses() error {
	if len(ps.classes) > 1<<16 {
		return fmt.Errorf("there are %d classes, more than 65536", len(ps.classes))
	}
	names := make([]string, len(ps.classes))
	for n, i := range ps.classes {
		names[i] = n
	}
	ps.p.classes = slices.Clone(names)
	slices.Sort(ps.p.classes[1:])
	to := make([]int32, len(names))
	for i, n := range names {
		to[i] = int32(slices.Index(ps.p.classes, n))
		ps.classes[n] = to[i]
	}
	for i := range ps.p.rows {
		ps.p.rows[i].Class = to[ps.p.rows[i].Class]
	}
	return nil
}

// integers reads a column of whole numbers, whatever their width. A column
// that there is not has no values.
func integers(b *schema.Batch, name string) (func(row int) (int64, bool), error) {
	c := b.Column(name)
	if c == nil {
		return func(int) (int64, bool) { return 0, false }, nil
	}
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

// firstText hashes the first of some columns in which a row has a value that
// is not empty, as text; 0: none has. Rows must ascend.
func firstText(b *schema.Batch, names []string) func(row int) uint64 {
	type reader struct {
		column  schema.Column
		row, at int
	}
	var list []reader
	for _, n := range names {
		if c := b.Column(n); c != nil {
			list = append(list, reader{column: c})
		}
	}
	h := fnv.New64a()
	var text []byte
	return func(row int) uint64 {
		var sum uint64
		for i := range list {
			r := &list[i]
			p := r.column.Presence()
			for ; r.row < row; r.row++ {
				if p.Has(r.row) {
					r.at++
				}
			}
			if sum != 0 || !p.Has(row) {
				continue
			}
			if text = bytes.TrimSpace(r.column.AppendText(text[:0], r.at)); len(text) > 0 {
				h.Reset()
				_, _ = h.Write(text) // a hash takes all
				sum = cmp.Or(h.Sum64(), 1)
			}
		}
		return sum
	}
}
