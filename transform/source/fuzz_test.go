package source

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/schema/schematest"
	"github.com/pcapline/pcapline/transform/sink"
)

// drain reads a table to its end or its first error.
func drain(path string) error {
	tab, err := Open(path)
	if err != nil {
		return err
	}
	defer tab.Close()
	b := schema.FromFields(tab.Schema())
	for {
		if err := tab.Next(b); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// smallTable is a file with the given columns in two pieces.
func smallTable(t testing.TB, s schema.Schema, ending string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "seed"+ending)
	f, err := sink.Create(path, sink.Format{}, s, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	enc := f.NewEncoder()
	for i := range 2 {
		b := schema.FromFields(s)
		schematest.Fill(b, rand.New(rand.NewPCG(uint64(i), 1)), 20, 0.5, i == 0)
		if err := enc.Encode(b); err != nil {
			t.Fatal(err)
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
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDamaged: a file that was cut or overwritten gives an error or its rows,
// no panic. The pages' checksums find what changes no structure.
func TestDamaged(t *testing.T) {
	good := smallTable(t, schematest.Every(), ".parquet")
	path := filepath.Join(t.TempDir(), "t.parquet")
	try := func(b []byte) error {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return drain(path)
	}
	if err := try(good); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 3, 4, 11, len(good) / 2, len(good) - 1} {
		if try(good[:n]) == nil {
			t.Errorf("the first %d bytes are read as a table", n)
		}
	}
	// Behind the pages is text that nothing protects: names, statistics, indexes.
	footer := int(binary.LittleEndian.Uint32(good[len(good)-8:]))
	pages := good[:len(good)-8-footer]
	rng := rand.New(rand.NewPCG(1, 1))
	found, tries := 0, 300
	if testing.Short() {
		tries = 50
	}
	for range tries {
		bad := append([]byte(nil), good...)
		bad[rng.IntN(len(pages))] ^= byte(1 + rng.IntN(255))
		if try(bad) != nil {
			found++
		}
	}
	if found < tries*2/3 {
		t.Errorf("of %d damaged files %d are found", tries, found)
	}
}

// TestCutText: lines that end early, in the file or in its compression, are
// errors.
func TestCutText(t *testing.T) {
	for _, ending := range []string{".csv.gz", ".jsonl", ".jsonl.zst"} {
		good := smallTable(t, schematest.Every()[:4], ending)
		path := filepath.Join(t.TempDir(), "t"+ending)
		for _, n := range []int{len(good)/2 + 9, len(good) - 9} {
			if err := os.WriteFile(path, good[:n], 0o600); err != nil {
				t.Fatal(err)
			}
			if drain(path) == nil {
				t.Errorf("%s: the first %d of %d bytes are read as a table", ending, n, len(good))
			}
		}
	}
}

// TestDamagedArrow: a file or stream that was cut gives an error; one that was
// overwritten an error or some rows, for Arrow has no checksums; never a panic,
// nor memory without bound.
func TestDamagedArrow(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, ending := range []string{".arrow", ".arrows"} {
		good := smallTable(t, schematest.Every(), ending)
		path := filepath.Join(t.TempDir(), "t"+ending)
		try := func(b []byte) error {
			t.Helper()
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			return drain(path)
		}
		if err := try(good); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 3, 8, 11, len(good) / 2, len(good) - 12} {
			if try(good[:n]) == nil {
				t.Errorf("%s: the first %d of %d bytes are read as a table", ending, n, len(good))
			}
		}
		for range 200 {
			bad := append([]byte(nil), good...)
			bad[rng.IntN(len(bad))] ^= byte(1 + rng.IntN(255))
			_ = try(bad)
		}
	}
}

// fuzzTable reads data as a table of the ending.
func fuzzTable(t *testing.T, ending string, data []byte) {
	path := filepath.Join(t.TempDir(), "t"+ending)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	_ = drain(path) // any error will do
}

// FuzzArrow: no bytes make the reader panic.
func FuzzArrow(f *testing.F) {
	s := schematest.Every()
	for _, ending := range []string{".arrow", ".arrows"} {
		f.Add(smallTable(f, schema.Schema{s[s.Index("uint16_null")], s[s.Index("string_null")], s[s.Index("ipv4_list")]}, ending))
	}
	for _, name := range []string{"polars.arrow", "nested.feather", "null_in_list.feather"} {
		b, err := os.ReadFile(filepath.Join("testdata", "foreign", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzzTable(t, ".arrow", data) })
}

// FuzzJSONL: no bytes make the reader panic.
func FuzzJSONL(f *testing.F) {
	s := schematest.Every()
	f.Add(smallTable(f, schema.Schema{s[s.Index("float64_null")], s[s.Index("string_list")], s[s.Index("timestamp")]}, ".jsonl"))
	for _, text := range []string{
		`{"a":{"b":[1,2.5,"NaN"]},"a_b":null}`, "{}\n\n{\"x\":true}", `{"a":{"a":{"a":"\u00e9\ud83d\ude00"}}}`, `[1]`, `{"a":[[1]]}`, `{"a":1,"a":2}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzzTable(t, ".jsonl", data) })
}

// FuzzParquet: no bytes make the reader panic.
func FuzzParquet(f *testing.F) {
	s := schematest.Every()
	for _, names := range [][]string{{"int64_delta", "uint16_null"}, {"string_null", "bool"}, {"ipv4_list"}} {
		var few schema.Schema
		for _, n := range names {
			few = append(few, s[s.Index(n)])
		}
		f.Add(smallTable(f, few, ".parquet"))
	}
	for _, name := range []string{"pyarrow_int96", "nested", "null_in_list", "large_uint64"} {
		b, err := os.ReadFile(filepath.Join("testdata", "foreign", name+".parquet"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzzTable(t, ".parquet", data) })
}
