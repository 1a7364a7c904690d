package transform

import (
	"encoding/json"

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
		return nil, err
	}
	t.schema = chosen.Schema()
	t.out, err = sink.Create(o.Path, o.Format, t.schema, sink.Options{Compression: o.Compression})
	return t, err
}

// selection is the table's view of a batch with the same columns.
func (t *table) selection(b *schema.Batch) *schema.Batch {
	s, err := b.Select(t.names)
	if err != nil {
		panic(err) // newTable selected the same names
	}
	return s
}

// close writes the metadata that is known only now, and shows the file.
func (t *table) close(r *runner, name string) error {
	meta, err := TableMetadata(name, t.schema, r.ledger, r.inputs)
	if err != nil {
		return err
	}
	for _, kv := range meta {
		t.out.SetMetadata(kv[0], kv[1])
	}
	for k, v := range r.opt.Settings {
		t.out.SetMetadata(k, v)
	}
	return t.out.Close()
}

func (t *table) abort() { t.out.Abort() }

// The keys of a table's key-value metadata.
const (
	MetaTable   = "pcapline.table"       // "packets" or "flows"
	MetaVersion = "pcapline.version"     // of the tool
	MetaSchema  = "pcapline.schema_hash" // see schema.Schema.Hash
	MetaLedger  = "pcapline.ledger"      // JSON of Ledger
	MetaInputs  = "pcapline.inputs"      // JSON of []Input
)

// TableMetadata is what every table says of itself, as key-value pairs.
func TableMetadata(name string, s schema.Schema, l *Ledger, inputs []Input) ([][2]string, error) {
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
