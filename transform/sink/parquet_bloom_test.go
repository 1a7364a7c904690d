package sink_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/schema/schematest"
	"github.com/pcapline/pcapline/transform/sink"
)

// bloomColumns names the columns that may have a bloom filter.
func bloomColumns(s schema.Schema) (names []string) {
	for _, f := range s {
		if !f.List && f.Kind != schema.Bool {
			names = append(names, f.Name)
		}
	}
	return names
}

// TestBloom: parquet-go finds every value in the filters, few that are not
// there, and no filter where there is no value.
func TestBloom(t *testing.T) {
	s := schematest.Every()
	b := schema.FromFields(s)
	schematest.Fill(b, rand.New(rand.NewPCG(1, 1)), 2000, 0.3, true)
	text := render(t, "parquet", s, sink.Options{Bloom: bloomColumns(s)}, b)
	f, err := parquet.OpenFile(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	for i, chunk := range f.RowGroups()[0].ColumnChunks() {
		c := b.Columns[i]
		filter := chunk.BloomFilter()
		if want := c.Field().Kind != schema.Bool && !c.Field().List; (filter != nil) != want {
			t.Fatalf("column %s has a bloom filter: %t", c.Field().Name, !want)
		}
		if filter == nil {
			continue
		}
		for at := range c.Len() {
			if ok, err := filter.Check(benchValue(c.Data(), c, at)); err != nil || !ok {
				t.Fatalf("column %s: value %d is not in the filter: %v", c.Field().Name, at, err)
			}
		}
		if c.Field().Kind < schema.IPv4Addr {
			continue
		}
		wrong := 0
		for n := range 1000 {
			if ok, _ := filter.Check(parquet.ByteArrayValue([]byte(fmt.Sprint("no such value ", n)))); ok {
				wrong++
			}
		}
		if wrong > 30 {
			t.Errorf("column %s: of 1000 values that are not there %d seem to be", c.Field().Name, wrong)
		}
	}
}

// TestBloomOfNothing: row groups without a value of the column have no filter.
func TestBloomOfNothing(t *testing.T) {
	s := schema.Schema{{Name: "a", Kind: schema.String, Nullable: true}}
	b := schema.FromFields(s)
	b.Rows = 5
	b.Finish()
	text := render(t, "parquet", s, sink.Options{Bloom: []string{"a"}}, b)
	f, err := parquet.OpenFile(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	if m := f.Metadata().RowGroups[0].Columns[0].MetaData; m.BloomFilterOffset != 0 || m.BloomFilterLength != 0 {
		t.Errorf("a filter of %d bytes at %d", m.BloomFilterLength, m.BloomFilterOffset)
	}
}

// TestBloomRefused: columns that are not there, or get no filter.
func TestBloomRefused(t *testing.T) {
	format, err := sink.ByName("parquet")
	if err != nil {
		t.Fatal(err)
	}
	for column, want := range map[string]string{
		"none": `no column "none"`, "bool": "column bool is bool", "string_list": "column string_list is list<string>",
	} {
		_, err := format.New(io.Discard, schematest.Every(), sink.Options{Bloom: []string{column}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", column, err, want)
		}
	}
}
