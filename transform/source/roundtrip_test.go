package source

import (
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/schema/schematest"
	"github.com/pcapline/pcapline/transform/sink"
)

// image is a table as text, row by row, "∅" for null: what must come back.
type image [][]string

func (im *image) add(b *schema.Batch) {
	next := make([]int, len(b.Columns))
	for row := range b.Rows {
		line := make([]string, len(b.Columns))
		for i, c := range b.Columns {
			if line[i] = "∅"; c.Presence().Has(row) {
				line[i] = fmt.Sprintf("%q", c.AppendText(nil, next[i]))
				if o := c.Offsets(); o != nil {
					line[i] += fmt.Sprint(" of ", o[next[i]+1]-o[next[i]])
				}
				next[i]++
			}
		}
		*im = append(*im, line)
	}
}

func readAll(t *testing.T, tab Table) image {
	t.Helper()
	var im image
	b := schema.FromFields(tab.Schema())
	for {
		err := tab.Next(b)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if b.Rows == 0 || b.Rows > BatchRows {
			t.Fatalf("batch of %d rows", b.Rows)
		}
		im.add(b)
	}
	if b.Rows != 0 {
		t.Errorf("batch holds %d rows at the end", b.Rows)
	}
	return im
}

func compare(t *testing.T, s schema.Schema, got, want image) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	bad := 0
	for row := range want {
		if slices.Equal(got[row], want[row]) {
			continue
		}
		for i := range want[row] {
			if got[row][i] != want[row][i] {
				t.Errorf("row %d, column %s: %s, want %s", row, s[i].Name, got[row][i], want[row][i])
			}
		}
		if bad++; bad == 3 {
			t.FailNow()
		}
	}
}

// write writes batches as groups of pieces and returns what was in them.
func write(t *testing.T, path string, s schema.Schema, opt sink.Options, groups [][]*schema.Batch) image {
	t.Helper()
	f, err := sink.Create(path, sink.Format{}, s, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Abort()
	var im image
	enc := f.NewEncoder()
	for _, g := range groups {
		for _, b := range g {
			im.add(b)
			if err := enc.Encode(b); err != nil {
				t.Fatal(err)
			}
		}
		p, err := enc.Flush()
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Commit(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return im
}

func batches(s schema.Schema, seed uint64, nulls float64, wide bool, rows ...int) []*schema.Batch {
	rng := rand.New(rand.NewPCG(seed, 1))
	var list []*schema.Batch
	for _, n := range rows {
		b := schema.FromFields(s)
		schematest.Fill(b, rng, n, nulls, wide)
		list = append(list, b)
	}
	return list
}

// TestRoundTrip: whatever a sink writes comes back, with its schema.
func TestRoundTrip(t *testing.T) {
	s := schematest.Every()
	for _, file := range []struct{ name, compression string }{
		{"t.parquet", "zstd"}, {"t.parquet", "snappy"}, {"t.parquet", "gzip"}, {"t.parquet", "none"},
		{"t.arrow", "zstd"}, {"t.arrow", "lz4"}, {"t.feather", "none"}, {"t.arrows", ""},
	} {
		for _, c := range []struct {
			name  string
			nulls float64
			wide  bool
		}{{"full", 0, false}, {"sparse", 0.9, false}, {"wide", 0.2, true}, {"null", 1, false}} {
			t.Run(file.name+"/"+file.compression+"/"+c.name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), file.name)
				want := write(t, path, s, sink.Options{Compression: file.compression}, [][]*schema.Batch{
					batches(s, 1, c.nulls, c.wide, 1, 700, 8),
					batches(s, 2, 1, c.wide, 900), // nothing in any nullable column
					batches(s, 3, c.nulls, c.wide, 900, 1),
				})
				tab, err := Open(path)
				if err != nil {
					t.Fatal(err)
				}
				defer tab.Close()
				if !reflect.DeepEqual(tab.Schema(), s) {
					t.Error("another schema")
				}
				if n := tab.Rows(); n != int64(len(want)) && n != -1 {
					t.Errorf("%d rows, want %d", n, len(want))
				}
				compare(t, s, readAll(t, tab), want)
			})
		}
	}
}

// TestRoundTripText: the same through the formats of lines, when the schema is
// given. A list of one empty text and an empty list are the same in CSV, so
// lists of texts that may be empty are left out of it.
func TestRoundTripText(t *testing.T) {
	every := schematest.Every()
	fewer := slices.DeleteFunc(slices.Clone(every), func(f *schema.Field) bool {
		return f.List && (f.Kind == schema.String || f.Kind == schema.Binary)
	})
	for _, file := range []struct {
		name   string
		schema schema.Schema
	}{
		{"t.csv", fewer}, {"t.csv.gz", fewer}, {"t.CSV.zst", fewer},
		{"t.jsonl", every}, {"t.jsonl.gz", every}, {"t.ndjson.zst", every},
	} {
		for _, wide := range []bool{false, true} {
			t.Run(fmt.Sprint(file.name, "/", wide), func(t *testing.T) {
				s := file.schema
				path := filepath.Join(t.TempDir(), file.name)
				want := write(t, path, s, sink.Options{}, [][]*schema.Batch{batches(s, 1, 0.3, wide, 500, 3), batches(s, 2, 0.3, wide, 300)})
				tab, err := OpenWith(path, Options{Schema: s})
				if err != nil {
					t.Fatal(err)
				}
				defer tab.Close()
				compare(t, s, readAll(t, tab), want)
			})
		}
	}
}
