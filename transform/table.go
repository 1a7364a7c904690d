package transform

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/pcapline/pcapline/transform/layer"
	"github.com/pcapline/pcapline/transform/names"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
)

// table is an output on its way: where it goes and the choice of columns.
type table struct {
	out    destination
	output Output
	schema schema.Schema // of the columns written
}

// newTable opens the output for a table with the columns of b.
func newTable(o Output, b *schema.Batch) (*table, error) {
	v, err := newView(o, b)
	if err != nil {
		return nil, &OptionError{err}
	}
	t := &table{output: o, schema: v.chosen.Schema()}
	format, err := o.format()
	if err != nil {
		return nil, &OptionError{err}
	}
	t.out, err = o.create(format, t.schema)
	var wrong *sink.OptionError
	if errors.As(err, &wrong) {
		return nil, &OptionError{err}
	}
	return t, err
}

// follows reports whether the table has columns that are known only when the
// packets have been followed in order.
func (t *table) follows() bool {
	return slices.ContainsFunc(t.schema, func(f *schema.Field) bool { return f.Layer == layer.StreamLayer })
}

// StreamColumns lists the columns of the packets table that are known only
// when the packets have been followed in order.
func StreamColumns() []string {
	var names []string
	for _, f := range layer.Schema() {
		if f.Layer == layer.StreamLayer {
			names = append(names, f.Name)
		}
	}
	return names
}

// needs is the columns of ours that the table is made from.
func (t *table) needs() schema.Schema {
	if t.translated() {
		return layer.Schema() // a dialect may look at any
	}
	return t.schema
}

// translated reports whether the columns have another tool's names.
func (t *table) translated() bool { return t.output.Names != "" && t.output.Names != names.Native }

// destination is a [sink.File] or a [sink.Folder].
type destination interface {
	sink.Sink
	Finish() error
	Abort()
}

func (o Output) create(format sink.Format, s schema.Schema) (destination, error) {
	opt := sink.Options{Compression: o.Compression, Bloom: o.Bloom, Headers: o.Headers, Payload: o.Payload, Log: o.log()}
	if o.Partition == "" {
		return sink.Create(o.Path, format, s, opt)
	}
	p, err := sink.PartitionByName(o.Partition)
	if err != nil {
		return nil, &OptionError{err}
	}
	return sink.CreateFolder(o.Path, p, format, s, opt)
}

// format is the one named, or that of the path's ending.
func (o Output) format() (sink.Format, error) {
	if o.Format != "" {
		return sink.ByName(o.Format)
	}
	if o.Partition != "" {
		return sink.Formats[0], nil
	}
	return sink.ForFile(o.Path)
}

// log is what a dialect calls the table.
func (o Output) log() string {
	if d, err := names.ByName(o.Names); err == nil && d != nil {
		return d.Log
	}
	return ""
}

// OptionError says that the options cannot be met, whatever the input is.
type OptionError struct{ Err error }

func (e *OptionError) Error() string { return e.Err.Error() }
func (e *OptionError) Unwrap() error { return e.Err }

// view makes a view of batches with the columns that newTable was given.
func (t *table) view(b *schema.Batch) *view {
	v, err := newView(t.output, b)
	if err != nil {
		panic(err) // newTable made one of the same columns
	}
	return v
}

// finish writes the metadata that is known only now. The file stays hidden.
func (t *table) finish(r *runner, name string) error {
	meta, err := TableMetadata(name, t.schema, r.ledger, r.allInputs())
	if err != nil {
		return err
	}
	for _, kv := range meta {
		t.out.SetMetadata(kv[0], kv[1])
	}
	if t.translated() {
		t.out.SetMetadata(MetaNames, t.output.Names)
	}
	if name == FlowsTable {
		t.out.SetMetadata(MetaFlow, r.opt.Flow.Settings())
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
	MetaNames   = "pcapline.names"       // the dialect of its columns, see package names; missing for their own
	MetaLedger  = "pcapline.ledger"      // JSON of Ledger
	MetaInputs  = "pcapline.inputs"      // JSON of []Input
	MetaFlow    = "pcapline.flow"        // of a flows table: flow.Config.Settings
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
