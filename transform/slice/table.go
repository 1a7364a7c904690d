package slice

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/source"
)

// rows are the rows of a table that were selected.
type rows struct {
	kind   string            // transform.FlowsTable or transform.PacketsTable
	inputs []transform.Input // the captures that it is of, by file_id
	labels []string          // those that occur, by the numbers below
	chosen int64             // rows that meet the conditions

	flows   map[int64]*chosenFlow // by flow_id
	packets [][]uint16            // by file_id and packet number - 1: 0, or the label's number + 1
}

// chosenFlow is a row of a flows table.
type chosenFlow struct {
	label   uint16 // number of the label
	file    uint32
	packets int64 // as the table counted them
	found   int64
}

// noLabel stands for the label of rows that no rule covers.
const noLabel = "unknown"

// readRows reads a table and keeps what the selection wants of it.
func readRows(s *Selection) (*rows, error) {
	t, err := source.Open(s.Table)
	if err != nil {
		return nil, err
	}
	r := &rows{kind: t.Metadata()[transform.MetaTable], flows: map[int64]*chosenFlow{}}
	r.inputs, err = transform.Captures(t.Metadata())
	columns, cerr := r.columns(t.Schema(), s)
	if err := errors.Join(err, cerr, t.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Table, err)
	}
	t, err = source.OpenWith(s.Table, source.Options{Columns: columns})
	if err != nil {
		return nil, err
	}
	defer t.Close()
	r.packets = make([][]uint16, len(r.inputs))
	b := schema.FromFields(t.Schema())
	if err := source.Each(context.Background(), t, b, func() error { return r.add(b, s) }); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Table, err)
	}
	return r, nil
}

// columns lists what is read of a table, as far as it has it.
func (r *rows) columns(s schema.Schema, sel *Selection) ([]string, error) {
	need := []string{"file_id", "frame_number"}
	switch r.kind {
	case transform.FlowsTable:
		need = []string{"file_id", "flow_id", "flow_packets"}
	case transform.PacketsTable:
	default:
		return nil, fmt.Errorf("a %q table, which is neither of packets nor of flows", r.kind)
	}
	if len(sel.Labels) > 0 || len(sel.Classes) > 0 {
		need = append(need, "label", "label_class")
	}
	for _, n := range need {
		if s.Index(n) < 0 {
			return nil, fmt.Errorf("the table has no column %s", n)
		}
	}
	for _, n := range []string{"label", "label_class"} {
		if s.Index(n) >= 0 && !slices.Contains(need, n) {
			need = append(need, n)
		}
	}
	return need, nil
}

// add keeps the rows of a batch that are wanted.
func (r *rows) add(b *schema.Batch, s *Selection) error {
	file := schema.Walk[uint32](b.Column("file_id"))
	label := schema.Walk[schema.Text](b.Column("label"))
	class := schema.Walk[schema.Text](b.Column("label_class"))
	var id, packets schema.Cursor[int64]
	if r.kind == transform.FlowsTable {
		id, packets = schema.Walk[int64](b.Column("flow_id")), schema.Walk[int64](b.Column("flow_packets"))
	} else {
		id = schema.Walk[int64](b.Column("frame_number"))
	}
	for row := range b.Rows {
		l, labelled := label.At(row)
		c, _ := class.At(row)
		f, _ := file.At(row)
		n, _ := id.At(row)
		if len(s.Labels) > 0 && (!labelled || !slices.Contains(s.Labels, string(l))) ||
			len(s.Classes) > 0 && !slices.Contains(s.Classes, string(c)) {
			continue
		}
		if int(f) >= len(r.inputs) {
			return fmt.Errorf("file_id %d, but the table is of %d captures", f, len(r.inputs))
		}
		r.chosen++
		number, err := r.label(l, labelled)
		if err != nil {
			return err
		}
		if r.kind == transform.PacketsTable {
			if err := r.packet(f, n, number); err != nil {
				return err
			}
			continue
		}
		total, _ := packets.At(row)
		r.flows[n] = &chosenFlow{label: number, file: f, packets: total}
	}
	return nil
}

func (r *rows) packet(file uint32, number int64, label uint16) error {
	if number < 1 || number > r.inputs[file].Packets {
		return fmt.Errorf("frame_number %d, but %s has %d packets", number, r.inputs[file].File, r.inputs[file].Packets)
	}
	if r.packets[file] == nil {
		r.packets[file] = make([]uint16, r.inputs[file].Packets)
	}
	r.packets[file][number-1] = label + 1
	return nil
}

// label gives the number of a label. There are few, so they are searched one by one.
func (r *rows) label(text schema.Text, labelled bool) (uint16, error) {
	name := string(text)
	if !labelled {
		name = noLabel
	}
	i := slices.Index(r.labels, name)
	if i < 0 {
		i = len(r.labels)
		r.labels = append(r.labels, name)
	}
	if i >= math.MaxUint16 {
		return 0, fmt.Errorf("more than %d labels", math.MaxUint16)
	}
	return uint16(i), nil
}

// match finds the captures that the table is of among those given, by their
// SHA-256, and puts them in the table's order.
func (r *rows) match(paths []string) (list []input, err error) {
	known := map[string][]int{} // the same capture may be there twice
	for i, in := range r.inputs {
		if in.SHA256 != "" {
			known[in.SHA256] = append(known[in.SHA256], i)
		}
	}
	for _, path := range paths {
		if path == "-" {
			return nil, errors.New("standard input cannot be one of a table's captures")
		}
		sum, _, err := pcapio.Digest(path)
		if err != nil {
			return nil, err
		}
		ids := known[sum]
		if len(ids) == 0 {
			return nil, fmt.Errorf("%s is none of the captures that the table is of: %s", path, r.inputNames())
		}
		known[sum] = ids[1:]
		list = append(list, input{path: path, id: int32(ids[0])})
	}
	slices.SortStableFunc(list, func(a, b input) int { return int(a.id) - int(b.id) })
	return list, nil
}

func (r *rows) inputNames() string {
	text := ""
	for i, in := range r.inputs {
		if i == 5 {
			return text + ", …"
		}
		if i > 0 {
			text += ", "
		}
		text += in.File
	}
	return text
}

// input is a capture and the file_id that it has in the tables.
type input struct {
	path string
	id   int32
}
