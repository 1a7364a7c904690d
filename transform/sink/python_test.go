package sink_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/pcapline/pcapline/transform/pythontest"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/schema/schematest"
	"github.com/pcapline/pcapline/transform/sink"
)

// pythonSpec is what check_tables.py is told of a table.
type pythonSpec struct {
	Columns   []pythonColumn    `json:"columns"`
	Rows      int               `json:"rows"`
	Groups    int               `json:"groups"`
	Batches   int               `json:"batches"`
	Metadata  map[string]string `json:"metadata"`
	Unindexed []string          `json:"unindexed"` // columns without bounds
	Bloom     []string          `json:"bloom"`     // columns with bloom filters
}

type pythonColumn struct {
	Name     string `json:"name"`
	Layer    string `json:"layer"`
	Type     string `json:"type"`
	Nullable bool   `json:"nullable"`
}

// TestPython has pyarrow, polars and DuckDB read what the sink writes, and
// compare every cell with the CSV sink's file.
func TestPython(t *testing.T) {
	interpreter := pythontest.Interpreter(t, "pyarrow", "polars", "duckdb")
	dir := t.TempDir()
	random := func(seed uint64, nulls float64, wide bool, rows ...int) (list []*schema.Batch) {
		rng := rand.New(rand.NewPCG(seed, 1))
		for _, n := range rows {
			b := schema.FromFields(listsOfTextHaveNoEmptyOnes())
			schematest.Fill(b, rng, n, nulls, wide)
			list = append(list, b)
		}
		return list
	}
	s := listsOfTextHaveNoEmptyOnes()
	writePair(t, dir, "mixed", "zstd", s, random(1, 0.3, false, 300, 1, 64), random(2, 0.3, true, 500))
	writePair(t, dir, "sparse", "snappy", s, random(3, 0.97, false, 300, 200), random(4, 1, false, 9), random(5, 0, true, 9))
	writePair(t, dir, "plain", "none", s, random(6, 0.5, true, 100))
	writePair(t, dir, "empty", "zstd", s)
	writePair(t, dir, "null", "zstd", s[1:2], func() []*schema.Batch {
		b := schema.FromFields(s[1:2])
		schematest.Fill(b, rand.New(rand.NewPCG(1, 1)), 2000, 1, false)
		return []*schema.Batch{b}
	}())
	packets := newBenchPackets(1, 3000, true).Batch
	writePair(t, dir, "packets", "zstd", packets.Schema(), []*schema.Batch{packets, packets}, []*schema.Batch{packets})
	out, err := exec.Command(interpreter, filepath.Join("testdata", "check_tables.py"), dir).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}

// listsOfTextHaveNoEmptyOnes leaves out what CSV cannot tell apart, a list of
// one empty text and an empty list.
func listsOfTextHaveNoEmptyOnes() (s schema.Schema) {
	for _, f := range schematest.Every() {
		if !f.List || f.Kind != schema.String && f.Kind != schema.Binary {
			s = append(s, f)
		}
	}
	return s
}

// writePair writes the groups as NAME.parquet and NAME.csv, and NAME.json.
func writePair(t *testing.T, dir, name, compression string, s schema.Schema, groups ...[]*schema.Batch) {
	t.Helper()
	spec := pythonSpec{Groups: len(groups), Metadata: map[string]string{"pcapline.test": "ü \"1\"", "empty": ""}, Unindexed: []string{}}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range s {
		spec.Columns = append(spec.Columns, pythonColumn{f.Name, f.Layer, f.Type(), f.Nullable})
		if f.Kind == schema.Binary {
			spec.Unindexed = append(spec.Unindexed, f.Name)
		}
	}
	compressions := map[string]string{".parquet": compression, ".arrow": arrowCompression[compression]}
	for _, ending := range []string{".parquet", ".csv", ".csv.gz", ".csv.zst", ".arrow", ".arrows", ".jsonl", ".jsonl.gz", ".jsonl.zst"} {
		opt := sink.Options{Metadata: spec.Metadata, Compression: compressions[ending]}
		if ending == ".parquet" {
			spec.Bloom = bloomColumns(s)
			opt.Bloom = spec.Bloom
		}
		spec.Rows, spec.Batches = writeGroups(t, filepath.Join(dir, name+ending), s, opt, groups)
	}
	spec.Metadata[schema.MetadataKey] = string(text)
	b, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// arrowCompression is the compression of Arrow's buffers where that of Parquet
// is the other.
var arrowCompression = map[string]string{"zstd": "zstd", "snappy": "lz4", "none": "none"}

// writeGroups writes a table and says how many rows and batches with rows it has.
func writeGroups(t *testing.T, path string, s schema.Schema, opt sink.Options, groups [][]*schema.Batch) (rows, batches int) {
	t.Helper()
	f, err := sink.Create(path, sink.Format{}, s, opt)
	if err != nil {
		t.Fatal(err)
	}
	enc := f.NewEncoder()
	for _, g := range groups {
		for _, b := range g {
			if err := enc.Encode(b); err != nil {
				t.Fatal(err)
			}
			if rows += b.Rows; b.Rows > 0 {
				batches++
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
	return rows, batches
}
