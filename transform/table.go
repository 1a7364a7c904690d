package transform

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
)

// table is an output on its way: its file and the choice of columns.
type table struct {
	out    *sink.File
	names  []string // the columns written
	schema schema.Schema
}

// newTable opens the output for a table with the columns of b.
func newTable(o Output, b *schema.Batch) (*table, error) {
	t := &table{names: o.Columns}
	if t.names == nil {
		t.names = b.Schema().Names()
	}
	chosen, err := b.Select(t.names)
	if err != nil {
		return nil, &OptionError{err}
	}
	t.schema = chosen.Schema()
	format, err := o.format()
	if err != nil {
		return nil, &OptionError{err}
	}
	t.out, err = sink.Create(o.Path, format, t.schema, sink.Options{
		Compression: o.Compression, Bloom: o.Bloom, Headers: o.Headers, Payload: o.Payload,
	})
	var wrong *sink.OptionError
	if errors.As(err, &wrong) {
		return nil, &OptionError{err}
	}
	return t, err
}

// format is the one named, or that of the path's ending.
func (o Output) format() (sink.Format, error) {
	if o.Format != "" {
		return sink.ByName(o.Format)
	}
	return sink.ForFile(o.Path)
}

// OptionError says that the options cannot be met, whatever the input is.
type OptionError struct{ Err error }

func (e *OptionError) Error() string { return e.Err.Error() }
func (e *OptionError) Unwrap() error { return e.Err }

// selection is the table's view of a batch with the same columns.
func (t *table) selection(b *schema.Batch) *schema.Batch {
	s, err := b.Select(t.names)
	if err != nil {
		panic(err) // newTable selected the same names
	}
	return s
}

// finish writes the metadata that is known only now. The file stays hidden.
func (t *table) finish(r *runner, name string) error {
	meta, err := TableMetadata(name, t.schema, r.ledger, r.inputs)
	if err != nil {
		return err
	}
	for _, kv := range meta {
		t.out.SetMetadata(kv[0], kv[1])
	}
	if err := t.describe(r.opt.Describe, name); err != nil {
		return err
	}
	return t.out.Finish()
}

func (t *table) describe(d Describe, name string) error {
	if d == nil {
		return nil
	}
	more, err := d(name)
	if err != nil {
		return err
	}
	for _, k := range slices.Sorted(maps.Keys(more)) {
		t.out.SetMetadata(k, more[k])
	}
	return nil
}

func (t *table) abort() { t.out.Abort() }

// The tables, by the name in their metadata.
const (
	PacketsTable = "packets"
	FlowsTable   = "flows"
)

// The keys of a table's key-value metadata.
const (
	metaPrefix  = "pcapline."
	MetaTable   = "pcapline.table"       // "packets" or "flows"
	MetaVersion = "pcapline.version"     // of the tool
	MetaSchema  = "pcapline.schema_hash" // see schema.Schema.Hash
	MetaLedger  = "pcapline.ledger"      // JSON of Ledger
	MetaInputs  = "pcapline.inputs"      // JSON of []Input
)

// TableMetadata is what every table says of itself, as key-value pairs.
func TableMetadata(name string, s schema.Schema, l *Ledger, inputs []Input) ([][2]string, error) {
	if name == PacketsTable {
		l = l.withoutFlows()
	}
	ledger, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	in, err := json.Marshal(inputs)
	if err != nil {
		return nil, err
	}
	return [][2]string{
		{MetaTable, name}, {MetaVersion, Version}, {MetaSchema, s.Hash()},
		{MetaLedger, string(ledger)}, {MetaInputs, string(in)},
	}, nil
}
