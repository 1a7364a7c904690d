package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/schema/schematest"
	"github.com/pcapline/pcapline/transform/sink"
)

// foreignColumn is a column of testdata/foreign.py: its type, whether every
// third row is null, and the text of a row.
type foreignColumn struct {
	typ    string
	sparse bool
	text   func(i int) string
}

func foreignColumns() map[string]foreignColumn {
	number := func(f func(i int) int64) func(int) string { return func(i int) string { return fmt.Sprint(f(i)) } }
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	micros := func(f func(i int) time.Time) func(int) string {
		return func(i int) string { return f(i).Format("2006-01-02T15:04:05.000000Z") }
	}
	float := func(v float64) string {
		c := schema.Values[float64]{V: []float64{v}}
		return string(c.AppendText(nil, 0))
	}
	money := func(i int) string { return float(float64((i-100)*25) / 100) }
	return map[string]foreignColumn{
		"flag":        {"bool", true, func(i int) string { return fmt.Sprint(i%2 == 0) }},
		"u8":          {"uint8", false, number(func(i int) int64 { return int64(i % 256) })},
		"u16":         {"uint16", true, number(func(i int) int64 { return int64(i) * 200 })},
		"u32":         {"uint32", true, number(func(i int) int64 { return int64(i) * 14_000_000 })},
		"u64":         {"int64", true, number(func(i int) int64 { return int64(i) })},
		"i8":          {"int64", false, number(func(i int) int64 { return int64(i%256 - 128) })},
		"i32":         {"int64", true, number(func(i int) int64 { return int64(i - 100) })},
		"i64":         {"int64", false, number(func(i int) int64 { return int64(i)*1e15 - 1e17 })},
		"f32":         {"float64", true, func(i int) string { return float(float64(i) / 4) }},
		"f64":         {"float64", true, func(i int) string { return float(float64(i) / 3) }},
		"text":        {"string", true, func(i int) string { return fmt.Sprintf("text %d é", i%7) }},
		"bytes":       {"binary", true, func(i int) string { return strings.Repeat(fmt.Sprintf("%02x", i%256), i%5) }},
		"fixed":       {"binary", true, func(i int) string { return strings.Repeat(fmt.Sprintf("%02x", i%256), 3) }},
		"day":         {"timestamp", true, micros(func(i int) time.Time { return start.AddDate(0, 0, i-20000) })},
		"ms":          {"timestamp", true, micros(func(i int) time.Time { return start.Add(time.Duration(i) * time.Millisecond) })},
		"us":          {"timestamp", true, micros(func(i int) time.Time { return start.Add(time.Duration(i) * time.Microsecond) })},
		"ns":          {"int64", true, number(func(i int) int64 { return 1_577_836_800_000_000_001 + int64(i) })},
		"money":       {"float64", true, money},
		"small_money": {"float64", true, money},
		"list": {"list<int64>", true, func(i int) string {
			return strings.Join([]string{"0", "1", "2"}[:i%4], ";")
		}},
		"texts": {"list<string>", true, func(i int) string { return strings.Join([]string{"0", "1"}[:i%3], ";") }},
	}
}

// TestForeign reads what pyarrow, polars, DuckDB and pandas wrote, in data
// pages of both versions, in all their encodings and compressions.
func TestForeign(t *testing.T) {
	names := []string{
		"pyarrow_v1.parquet", "pyarrow_v2.parquet", "pyarrow_plain.parquet", "pyarrow_gzip.parquet",
		"pyarrow_brotli_lz4.parquet", "pyarrow_int96.parquet", "pyarrow_encodings.parquet", "polars.parquet",
		"duckdb.parquet", "pandas.parquet", "pyarrow.arrow", "pyarrow.arrows", "pyarrow_lz4.feather", "polars.arrow",
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			tab, err := Open(filepath.Join("testdata", "foreign", name))
			if err != nil {
				t.Fatal(err)
			}
			defer tab.Close()
			checkForeign(t, tab)
		})
	}
}

func checkForeign(t *testing.T, tab Table) {
	t.Helper()
	columns := foreignColumns()
	for _, f := range tab.Schema() {
		if strings.HasSuffix(t.Name(), "v1.parquet") && f.Name == "u32" {
			continue // version 1.0 has no unsigned integers of 32 bits
		}
		if f.Type() != columns[f.Name].typ {
			t.Errorf("column %s is %s, want %s", f.Name, f.Type(), columns[f.Name].typ)
		}
	}
	b := schema.FromFields(tab.Schema())
	if err := tab.Next(b); err != nil {
		t.Fatal(err)
	}
	if b.Rows != 300 || tab.Rows() != 300 && tab.Rows() != -1 {
		t.Fatalf("%d rows of %d", b.Rows, tab.Rows())
	}
	for _, c := range b.Columns {
		want := columns[c.Field().Name]
		for i, at := 0, 0; i < b.Rows; i++ {
			got := "null"
			if c.Presence().Has(i) {
				got = string(c.AppendText(nil, at))
				at++
			}
			text := "null"
			if !want.sparse || i%3 > 0 {
				text = want.text(i)
			}
			if got != text {
				t.Errorf("column %s, row %d: %s, want %s", c.Field().Name, i, got, text)
				break
			}
		}
	}
	if err := tab.Next(b); err != io.EOF || b.Rows != 0 {
		t.Errorf("after the last row: %v, %d rows", err, b.Rows)
	}
}

// TestRefused: what cannot be held is refused with file and column, and can
// be left out.
func TestRefused(t *testing.T) {
	cases := []struct {
		file, column, want string
		columns            []string
	}{
		{"nested.parquet", "column s", "structs", nil},
		{"nested.parquet", "column m", "maps", []string{"m"}},
		{"null_in_list.parquet", "column list, row group 0", "null in a list", nil},
		{"large_uint64.parquet", "column u, row group 0", "9223372036854775808 does not fit", nil},
		{"pyarrow_v1.parquet", "missing", "no column", []string{"u8", "missing"}},
		{"nested.feather", "column s", "struct<", nil},
		{"nested.feather", "column m", "map<", []string{"m"}},
		{"null_in_list.feather", "column list, record batch 0", "null in a list", nil},
		{"large_uint64.feather", "column u, record batch 0", "9223372036854775808 does not fit", nil},
		{"pyarrow_lz4.feather", "missing", "no column", []string{"u8", "missing"}},
	}
	for _, c := range cases {
		path := filepath.Join("testdata", "foreign", c.file)
		tab, err := OpenWith(path, Options{Columns: c.columns})
		if err == nil {
			b := schema.FromFields(tab.Schema())
			err = tab.Next(b)
			if again := tab.Next(b); again != err || b.Rows != 0 {
				t.Errorf("%s: read on after %v: %v", c.file, err, again)
			}
			tab.Close()
		}
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.column) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q and %q", c.file, err, c.column, c.want)
		}
	}
	tab, err := OpenWith(filepath.Join("testdata", "foreign", "nested.parquet"), Options{Columns: []string{"ok"}})
	if err != nil {
		t.Fatal(err)
	}
	tab.Close()
}

// TestProjection: the columns asked for come in the order of the file.
func TestProjection(t *testing.T) {
	s := schematest.Every()
	for _, ext := range []string{".parquet", ".csv"} {
		path := filepath.Join(t.TempDir(), "t"+ext)
		whole := write(t, path, s, sink.Options{}, [][]*schema.Batch{batches(s, 1, 0.3, true, 100), batches(s, 2, 0.3, true, 100)})
		tab, err := OpenWith(path, Options{Schema: s, Columns: []string{"uint16_null", "bool", "uint16_null"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := tab.Schema().Names(); !slices.Equal(got, []string{"bool", "uint16_null"}) {
			t.Fatalf("%s: columns %v", ext, got)
		}
		b, p := s.Index("bool"), s.Index("uint16_null")
		var want image
		for _, line := range whole {
			want = append(want, []string{line[b], line[p]})
		}
		compare(t, tab.Schema(), readAll(t, tab), want)
		tab.Close()
	}
}

// TestManyBatches: batches end at BatchRows whatever the row groups are.
func TestManyBatches(t *testing.T) {
	s := schema.Schema{{Name: "n", Kind: schema.Int64, Doc: "N."}, {Name: "even", Kind: schema.Int64, Nullable: true, Doc: "E."}}
	var groups [][]*schema.Batch
	n := 0
	for _, rows := range []int{1, 8191, 8193, 20_000, 3} {
		b := schema.FromFields(s)
		for row := range rows {
			b.Columns[0].(*schema.Values[int64]).Append(int64(n))
			if n%2 == 0 {
				b.Columns[1].(*schema.Optional[int64]).Set(row, int64(n))
			}
			n++
		}
		b.Rows = rows
		b.Finish()
		groups = append(groups, []*schema.Batch{b})
	}
	path := filepath.Join(t.TempDir(), "t.parquet")
	want := write(t, path, s, sink.Options{}, groups)
	tab, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer tab.Close()
	compare(t, s, readAll(t, tab), want)
	grouped(t, tab.(GroupedTable), want, []int{1, 8191, 8193, 20_000, 3})
}

// grouped reads the groups from the last to the first, by two readers in turn.
func grouped(t *testing.T, tab GroupedTable, want image, sizes []int) {
	t.Helper()
	if tab.Groups() != len(sizes) {
		t.Fatalf("%d groups, want %d", tab.Groups(), len(sizes))
	}
	second, err := tab.Copy()
	if err != nil {
		t.Fatal(err)
	}
	end := len(want)
	for g := len(sizes) - 1; g >= 0; g-- {
		for _, r := range []GroupedTable{tab, second} {
			r.Seek(g)
			compare(t, tab.Schema(), readAll(t, r), want[end-sizes[g]:end])
		}
		end -= sizes[g]
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	tab.Seek(1) // the file is still open
	if err := tab.Next(schema.FromFields(tab.Schema())); err != nil {
		t.Error(err)
	}
}

// TestRewritten: a table that another program rewrote with everything
// nullable and other widths still has our schema.
func TestRewritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.parquet")
	theirs := schema.Schema{{Name: "port", Kind: schema.Int64, Nullable: true, Doc: "Port."}}
	write1 := func(values ...int64) {
		b := schema.FromFields(theirs)
		for row, v := range values {
			if v != 0 {
				b.Columns[0].(*schema.Optional[int64]).Set(row, v)
			}
		}
		b.Rows = len(values)
		b.Finish()
		write(t, path, theirs, sink.Options{}, [][]*schema.Batch{{b}})
		patch(t, path, `"kind":"int64","nullable":true,`, `"kind":"uint16"`)
	}
	write1(1, 65535)
	tab, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := tab.Schema()[0]; got.Kind != schema.Uint16 || got.Nullable {
		t.Errorf("field %+v", got)
	}
	compare(t, tab.Schema(), readAll(t, tab), image{{`"1"`}, {`"65535"`}})
	tab.Close()
	for _, bad := range []struct {
		value int64
		want  string
	}{{65536, "65536 is not between 0 and 65535"}, {-1, "-1 is not between"}, {0, "null in a column that has none"}} {
		write1(1, bad.value)
		tab, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := tab.Next(schema.FromFields(tab.Schema())); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%d: error %v, want %q", bad.value, err, bad.want)
		}
		tab.Close()
	}
}

// patch replaces text in a file by text of the same length, padded by spaces
// behind a comma.
func patch(t *testing.T, path, from, to string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(to) > len(from)-1 {
		t.Fatalf("%q is too long", to)
	}
	to += "," + strings.Repeat(" ", len(from)-len(to)-1)
	if !strings.Contains(string(b), from) {
		t.Fatalf("no %q in the file", from)
	}
	b = []byte(strings.Replace(string(b), from, to, 1))
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNoTable(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{"t.parquet": "hello", "short.parquet": "PAR1", "t.txt": "a,b\n", "empty.csv": "", "twice.csv": "a,a\n"}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := Open(filepath.Join(dir, "missing.csv")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: error %v", err)
	}
}

// TestWrongBatch: a batch that is not the table's is refused.
func TestWrongBatch(t *testing.T) {
	tab, err := Open(filepath.Join("testdata", "foreign", "pyarrow_int96.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	defer tab.Close()
	s := slices.Clone(tab.Schema())
	if err := tab.Next(schema.FromFields(s[:1])); err == nil {
		t.Error("takes a batch with one column")
	}
	changed := *s[0]
	changed.Nullable = !changed.Nullable
	s[0] = &changed
	if err := tab.Next(schema.FromFields(s)); err == nil {
		t.Error("takes a batch with another column")
	}
	if err := tab.Next(schema.FromFields(tab.Schema())); err != nil {
		t.Errorf("the table cannot be read after a wrong batch: %v", err)
	}
}

// TestNanoseconds: timestamps in nanoseconds keep their digits.
func TestNanoseconds(t *testing.T) {
	tab, err := Open(filepath.Join("testdata", "foreign", "pyarrow_v2.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	defer tab.Close()
	want := &schema.Field{Name: "ns", Kind: schema.Int64, Nullable: true, Unit: "ns"}
	if got := tab.Schema()[tab.Schema().Index("ns")]; !reflect.DeepEqual(got, want) {
		t.Errorf("nanoseconds are %+v, want %+v", got, want)
	}
}

// BenchmarkParquet reads 115 columns of every kind; an operation is a table of
// 65536 rows.
func BenchmarkParquet(b *testing.B) {
	s := schematest.Every()
	path := filepath.Join(b.TempDir(), "t.parquet")
	f, err := sink.Create(path, sink.Format{}, s, sink.Options{})
	if err != nil {
		b.Fatal(err)
	}
	const rows = 8 * BatchRows
	enc := f.NewEncoder()
	for i := range rows / BatchRows {
		batch := schema.FromFields(s)
		schematest.Fill(batch, rand.New(rand.NewPCG(uint64(i), 1)), BatchRows, 0.6, false)
		if err := enc.Encode(batch); err != nil {
			b.Fatal(err)
		}
	}
	p, err := enc.Flush()
	if err == nil {
		err = f.Commit(p)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := drain(path); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
}
