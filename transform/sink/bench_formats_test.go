package sink_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/pcapline/pcapline/transform/schema"
)

// benchEncodingJSON writes the same rows by encoding/json, from row structs
// whose making is not part of what is measured.
func benchEncodingJSON(b *testing.B, batches []*schema.Batch) {
	var rows [][]benchRow
	for _, batch := range batches {
		rows = append(rows, benchRows(batch))
	}
	out := new(counter)
	w := json.NewEncoder(out)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		list := rows[i%len(rows)]
		for j := range list {
			if err := w.Encode(&list[j]); err != nil {
				b.Fatal(err)
			}
		}
	}
	report(b, out)
}

// benchArrowBuilders goes the documented way of arrow-go: values to the
// builders of a record, and the record to its stream writer.
func benchArrowBuilders(b *testing.B, batches []*schema.Batch, opts ...ipc.Option) {
	var fields []arrow.Field
	for _, f := range batches[0].Schema() {
		fields = append(fields, arrow.Field{Name: f.Name, Type: benchArrowTypes[f.Kind], Nullable: f.Nullable})
	}
	s := arrow.NewSchema(fields, nil)
	out := new(counter)
	w := ipc.NewWriter(out, append(opts, ipc.WithSchema(s))...)
	record := array.NewRecordBuilder(memory.DefaultAllocator, s)
	defer record.Release()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		batch := batches[i%len(batches)]
		for at, c := range batch.Columns {
			benchAppend(record.Field(at), c, batch.Rows)
		}
		r := record.NewRecord()
		if err := w.Write(r); err != nil {
			b.Fatal(err)
		}
		r.Release()
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	report(b, out)
}

var benchArrowTypes = map[schema.Kind]arrow.DataType{
	schema.Bool: arrow.FixedWidthTypes.Boolean, schema.Uint8: arrow.PrimitiveTypes.Uint8, schema.Uint16: arrow.PrimitiveTypes.Uint16,
	schema.Uint32: arrow.PrimitiveTypes.Uint32, schema.Int64: arrow.PrimitiveTypes.Int64, schema.Float64: arrow.PrimitiveTypes.Float64,
	schema.Timestamp: arrow.FixedWidthTypes.Timestamp_us, schema.IPv4Addr: arrow.BinaryTypes.String, schema.IPv6Addr: arrow.BinaryTypes.String,
	schema.MACAddr: arrow.BinaryTypes.String, schema.IPAddr: arrow.BinaryTypes.String, schema.String: arrow.BinaryTypes.String,
	schema.Binary: arrow.BinaryTypes.Binary,
}

// benchAppend gives a builder the rows of a column.
func benchAppend(to array.Builder, c schema.Column, rows int) {
	next := 0
	var text []byte
	for row := range rows {
		if !c.Presence().Has(row) {
			to.AppendNull()
			continue
		}
		switch to := to.(type) {
		case *array.BooleanBuilder:
			to.Append(c.Data().([]bool)[next])
		case *array.Uint8Builder:
			to.Append(c.Data().([]uint8)[next])
		case *array.Uint16Builder:
			to.Append(c.Data().([]uint16)[next])
		case *array.Uint32Builder:
			to.Append(c.Data().([]uint32)[next])
		case *array.Int64Builder:
			to.Append(c.Data().([]int64)[next])
		case *array.Float64Builder:
			to.Append(c.Data().([]float64)[next])
		case *array.TimestampBuilder:
			to.Append(arrow.Timestamp(c.Data().([]schema.Micros)[next]))
		case *array.StringBuilder:
			text = c.AppendText(text[:0], next)
			to.Append(string(text))
		case *array.BinaryBuilder:
			to.Append(c.Data().([]schema.Bytes)[next])
		default:
			panic(fmt.Sprintf("no values for a %T", to))
		}
		next++
	}
}
