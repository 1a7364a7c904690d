package sink_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pcapline/pcapline/transform/layer"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/schema/schematest"
	"github.com/pcapline/pcapline/transform/sink"
	"github.com/pcapline/pcapline/transform/source"
)

// image is a table as text, row by row, "∅" for null.
type image [][]string

func (im *image) add(b *schema.Batch) {
	next := make([]int, len(b.Columns))
	for row := range b.Rows {
		line := make([]string, len(b.Columns))
		for i, c := range b.Columns {
			if line[i] = "∅"; c.Presence().Has(row) {
				line[i] = fmt.Sprintf("%q", c.AppendText(nil, next[i]))
				next[i]++
			}
		}
		*im = append(*im, line)
	}
}

// contractCase is a table that every format must carry unharmed.
type contractCase struct {
	name   string
	schema schema.Schema
	groups [][]*schema.Batch // pieces, of batches
}

func contractCases() []contractCase {
	every := schematest.Every()
	random := func(seed uint64, nulls float64, wide bool, rows ...int) []*schema.Batch {
		rng := rand.New(rand.NewPCG(seed, 1))
		var list []*schema.Batch
		for _, n := range rows {
			b := schema.FromFields(every)
			schematest.Fill(b, rng, n, nulls, wide)
			list = append(list, b)
		}
		return list
	}
	layers := sparseBatch(500)
	return []contractCase{
		{"no pieces", every, nil},
		{"empty piece", every, [][]*schema.Batch{{}, random(1, 0.5, false, 3), {}}},
		{"empty batch", every, [][]*schema.Batch{random(1, 0.5, false, 0, 3, 0)}},
		{"one row", every, [][]*schema.Batch{random(1, 0, false, 1)}},
		{"all null", every, [][]*schema.Batch{random(1, 1, false, 100, 100), random(2, 1, false, 9)}},
		{"no nulls", every, [][]*schema.Batch{random(1, 0, false, 100, 64), random(2, 0, true, 9)}},
		{"null, then not", every, [][]*schema.Batch{slices.Concat(random(1, 1, false, 100, 50), random(2, 0.1, false, 50), random(1, 1, false, 3))}},
		{"sparse layers", layers.Schema(), [][]*schema.Batch{{layers}}},
		extremes(),
		longTexts(),
		emptyLists(),
	}
}

// The layers of a packet table in miniature.
type (
	frame struct {
		schema.Layer `name:"frame" source:"test" every:"row"`
		Number       schema.Values[int64]         `name:"number" doc:"Number." store:"delta"`
		Comment      schema.Optional[schema.Text] `name:"comment" doc:"Comment."`
	}
	header struct {
		schema.Layer `name:"udp" source:"RFC 768"`
		Port         schema.Values[uint16]         `name:"port" doc:"Port."`
		Options      schema.List[uint8]            `name:"options" doc:"Options."`
		Payload      schema.Optional[schema.Bytes] `name:"payload" doc:"Payload."`
	}
	rare struct {
		schema.Layer `name:"rare" source:"test"`
		Value        schema.Values[uint32] `name:"value" doc:"Value."`
	}
)

func sparseBatch(rows int) *schema.Batch {
	var f frame
	var h header
	var r rare
	b := schema.Of(&f, &h, &r)
	for row := range rows {
		f.Number.Append(int64(row))
		if row%5 == 0 {
			f.Comment.Set(row, b.Text([]byte(fmt.Sprint("row ", row))))
		}
		if row%3 == 0 {
			h.Mark(row)
			h.Port.Append(uint16(row))
			if row%2 == 0 {
				h.Options.Set(row, 1, uint8(row))
				h.Payload.Set(row, schema.Bytes{0, byte(row)})
			}
		}
	}
	b.Rows = rows
	b.Finish()
	return b
}

// extremes has the least and the greatest values of each kind.
func extremes() contractCase {
	var s schema.Schema
	for k := schema.Bool; k <= schema.Binary; k++ {
		for _, store := range []schema.Storage{schema.Auto, schema.Delta, schema.Plain} {
			s = append(s, &schema.Field{Name: k.String() + string(store), Kind: k, Storage: store, Doc: "Extreme."})
		}
	}
	b := schema.FromFields(s)
	add(b, false, true, false, true)
	add[uint8](b, 0, math.MaxUint8, 0, math.MaxUint8)
	add[uint16](b, 0, math.MaxUint16, 0, math.MaxUint16)
	add[uint32](b, 0, math.MaxUint32, 1<<31, 1<<31-1)
	add[int64](b, math.MinInt64, math.MaxInt64, math.MinInt64, 0)
	add(b, math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64, math.Copysign(0, -1))
	add[schema.Micros](b, -62135596800000000, 253402300799999999, -1, 0) // years 1 and 9999
	add(b, schema.IPv4{}, schema.IPv4{255, 255, 255, 255}, schema.IPv4{0, 0, 0, 1}, schema.IPv4{9})
	add(b, schema.IPv6{}, schema.IPv6(bytes.Repeat([]byte{255}, 16)), schema.IPv6{10: 255, 11: 255, 12: 1}, schema.IPv6{1})
	add(b, schema.MAC{}, schema.MAC{255, 255, 255, 255, 255, 255}, schema.MAC{1}, schema.MAC{5: 1})
	add(b, netip.Addr{}, netip.MustParseAddr("::ffff:1.2.3.4"), netip.MustParseAddr("1.2.3.4"), netip.MustParseAddr("fe80::1%eth\"0"))
	add(b, schema.Text(""), schema.Text("\x00\x7f"), schema.Text("\U0010FFFF"), schema.Text(",\"\r\n"))
	add(b, schema.Bytes(""), schema.Bytes{255, 0}, schema.Bytes{0}, schema.Bytes("\""))
	b.Rows = 4
	b.Finish()
	return contractCase{"extremes", s, [][]*schema.Batch{{b}}}
}

// emptyLists has batches without one element between those with some.
func emptyLists() contractCase {
	s := schema.Schema{{Name: "list", Kind: schema.Uint16, List: true, Nullable: true, Doc: "List."}}
	batch := func(lengths ...int) *schema.Batch { // -1: null
		b := schema.FromFields(s)
		for row, n := range lengths {
			if n >= 0 {
				b.Columns[0].(*schema.List[uint16]).Set(row, make([]uint16, n)...)
			}
		}
		b.Rows = len(lengths)
		b.Finish()
		return b
	}
	return contractCase{"empty lists", s, [][]*schema.Batch{
		{batch(0, -1, 0), batch(-1), batch(2, 0, -1), batch(-1, -1), batch(0), batch(-1), batch(1, 3), batch(0, 0)},
		{batch(-1), batch(0), batch(-1)},
	}}
}

// add appends values to each column of their type.
func add[T schema.Value](b *schema.Batch, v ...T) {
	for _, c := range b.Columns {
		if c, ok := c.(*schema.Values[T]); ok {
			c.V = append(c.V, v...)
		}
	}
}

// longTexts has texts and bytes of megabytes, and of lengths around where
// statistics are shortened.
func longTexts() contractCase {
	s := schema.Schema{
		{Name: "text", Kind: schema.String, Nullable: true, Doc: "Text."},
		{Name: "plain", Kind: schema.String, Nullable: true, Storage: schema.Plain, Doc: "Text."},
		{Name: "bytes", Kind: schema.Binary, Nullable: true, Doc: "Bytes."},
	}
	b := schema.FromFields(s)
	for row, n := range []int{0, 1 << 20, 63, 64, 65, 0, 3 << 20, 900_000, 300_000, 1, 1<<20 + 1} {
		if n == 0 {
			continue
		}
		text := []byte(strings.Repeat("ü€", n/5+1))
		for _, c := range b.Columns[:2] {
			c.(*schema.Optional[schema.Text]).Set(row, text)
		}
		b.Columns[2].(*schema.Optional[schema.Bytes]).Set(row, bytes.Repeat([]byte{byte(n), 255}, n/2))
	}
	b.Rows = 12
	b.Finish()
	return contractCase{"long texts", s, [][]*schema.Batch{{b}}}
}

// schemaFor is a table that the format takes: any, or what it is derived from.
func schemaFor(format sink.Format) schema.Schema {
	if format.Derived {
		return layer.NewTable(layer.Options{}).Batch().Schema()
	}
	return schematest.Every()
}

// TestContract runs each case through each format and reads it back.
func TestContract(t *testing.T) {
	for _, format := range sink.Formats {
		if format.Derived {
			continue // its own tests say what it makes of a table
		}
		for _, c := range contractCases() {
			t.Run(format.Name+"/"+c.name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "table"+format.Extensions[0])
				want := writeFile(t, path, c)
				got := readFile(t, path, c.schema)
				if len(got) != len(want) {
					t.Fatalf("%d rows, want %d", len(got), len(want))
				}
				for row := range want {
					for i := range want[row] {
						if got[row][i] != want[row][i] {
							t.Errorf("row %d, column %s: %.80s, want %.80s", row, c.schema[i].Name, got[row][i], want[row][i])
						}
					}
				}
			})
		}
	}
}

func writeFile(t *testing.T, path string, c contractCase) image {
	t.Helper()
	f, err := sink.Create(path, sink.Format{}, c.schema, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Abort()
	var im image
	enc := f.NewEncoder()
	for _, g := range c.groups {
		rows := 0
		for _, b := range g {
			im.add(b)
			if err := enc.Encode(b); err != nil {
				t.Fatal(err)
			}
			rows += b.Rows
		}
		p, err := enc.Flush()
		if err != nil {
			t.Fatal(err)
		}
		if p.Rows() != rows || (p.Bytes() > 0) != (rows > 0) {
			t.Errorf("a piece of %d rows has %d rows, %d bytes", rows, p.Rows(), p.Bytes())
		}
		if err := f.Commit(p); err != nil {
			t.Fatal(err)
		}
	}
	f.SetMetadata("last", "word")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return im
}

func readFile(t *testing.T, path string, s schema.Schema) image {
	t.Helper()
	tab, err := source.OpenWith(path, source.Options{Schema: s})
	if err != nil {
		t.Fatal(err)
	}
	defer tab.Close()
	stream := filepath.Ext(path) == ".arrows" // its metadata comes first
	if tab.Metadata() != nil && !stream && tab.Metadata()["last"] != "word" {
		t.Error("metadata that was set last is missing")
	}
	var im image
	b := schema.FromFields(tab.Schema())
	for {
		err := tab.Next(b)
		if err == io.EOF {
			return im
		}
		if err != nil {
			t.Fatal(err)
		}
		im.add(b)
	}
}

// TestEncoders: the bytes of the file depend on the pieces alone, whichever
// encoder made them and what it had made before.
func TestEncoders(t *testing.T) {
	const pieces = 14
	for _, format := range sink.Formats {
		s := schemaFor(format)
		batch := func(i int) *schema.Batch {
			b := schema.FromFields(s)
			schematest.Fill(b, rand.New(rand.NewPCG(uint64(i), 7)), 20+100*(i%4), float64(i%3)/3, i%2 == 0)
			return b
		}
		for _, compression := range format.Compressions {
			if _, level, _ := strings.Cut(compression, ":"); slices.Contains([]string{"7", "9", "11"}, level) {
				continue // slow, and the same code; TestCompressions has them
			}
			t.Run(format.Name+"/"+compression, func(t *testing.T) {
				run := func(encoders int) []byte {
					var out bytes.Buffer
					opt := sink.Options{Compression: compression, Metadata: map[string]string{"b": "2", "a": "1", "c": ""}}
					if format.Name == "parquet" {
						opt.Bloom = bloomColumns(s)
					}
					w, err := format.New(&out, s, opt)
					if err != nil {
						t.Fatal(err)
					}
					done := make([]sink.Piece, pieces)
					var wg sync.WaitGroup
					for e := range encoders {
						wg.Go(func() {
							enc := w.NewEncoder()
							for i := pieces - 1 - e; i >= 0; i -= encoders { // from the end
								b := batch(i)
								if err := enc.Encode(b); err != nil {
									t.Error(err)
								}
								mangle(b)
								var err error
								if done[i], err = enc.Flush(); err != nil {
									t.Error(err)
								}
							}
						})
					}
					wg.Wait()
					for _, p := range done {
						if err := w.Commit(p); err != nil {
							t.Fatal(err)
						}
					}
					if err := w.Close(); err != nil {
						t.Fatal(err)
					}
					return out.Bytes()
				}
				one := run(1)
				for _, n := range []int{2, 7} {
					if !bytes.Equal(one, run(n)) {
						t.Errorf("%d encoders write other bytes than one", n)
					}
				}
			})
		}
	}
}

// mangle overwrites what a batch's columns borrow, so that an encoder that
// kept any of it is found out.
func mangle(b *schema.Batch) {
	for _, c := range b.Columns {
		switch v := c.Data().(type) {
		case []schema.Text:
			for _, x := range v {
				clear(x)
			}
		case []schema.Bytes:
			for _, x := range v {
				clear(x)
			}
		}
	}
	b.Reset()
}

// failing is a writer that takes some bytes and then no more.
type failing struct{ room int }

var errFull = errors.New("disk full")

func (f *failing) Write(p []byte) (int, error) {
	if len(p) > f.room {
		n := f.room
		f.room = 0
		return n, errFull
	}
	f.room -= len(p)
	return len(p), nil
}

// TestWriteErrors: wherever the writer fails, somebody is told, and each later
// call fails as well.
func TestWriteErrors(t *testing.T) {
	for _, format := range sink.Formats {
		s := schemaFor(format)
		if !format.Derived {
			s = s[:12]
		}
		size := 0
		for room := 0; ; room = room*5/4 + 1 {
			failed, n := writeTo(t, &failing{room}, format, s)
			if !failed {
				size = n
				break
			}
		}
		if size == 0 {
			t.Errorf("%s: nothing was written", format.Name)
		}
	}
}

func writeTo(t *testing.T, w *failing, format sink.Format, s schema.Schema) (failed bool, size int) {
	t.Helper()
	room := w.room
	k, err := format.New(w, s, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	enc := k.NewEncoder()
	check := func(err error) {
		if failed && err == nil {
			t.Errorf("%s, %d bytes: no error after an error", format.Name, room)
		}
		if err != nil && !errors.Is(err, errFull) {
			t.Errorf("%s, %d bytes: %v", format.Name, room, err)
		}
		failed = failed || err != nil
	}
	for i := range 3 {
		b := schema.FromFields(s)
		schematest.Fill(b, rand.New(rand.NewPCG(uint64(i), 1)), 50, 0.5, true)
		if err := enc.Encode(b); err != nil {
			t.Fatal(err)
		}
		p, err := enc.Flush()
		if err != nil {
			t.Fatal(err)
		}
		check(k.Commit(p))
	}
	check(k.Close())
	return failed, room - w.room
}

// TestBadBatches: a batch that is not of the table, or not whole, is refused
// by name.
func TestBadBatches(t *testing.T) {
	s := schema.Schema{
		{Name: "a", Kind: schema.Uint8, Doc: "A."},
		{Name: "b", Kind: schema.String, Nullable: true, Doc: "B."},
	}
	whole := func() *schema.Batch {
		b := schema.FromFields(s)
		schematest.Fill(b, rand.New(rand.NewPCG(1, 1)), 5, 0.5, false)
		return b
	}
	cases := map[string]struct {
		batch *schema.Batch
		want  string
	}{
		"columns": {schema.FromFields(s[:1]), "batch has 1 columns, the table 2"},
		"name":    {schema.FromFields(schema.Schema{s[0], {Name: "c", Kind: schema.String, Nullable: true}}), "column 1 of the batch is c string"},
		"kind":    {schema.FromFields(schema.Schema{s[0], {Name: "b", Kind: schema.Binary, Nullable: true}}), "column 1 of the batch is b binary"},
		"nulls":   {schema.FromFields(schema.Schema{{Name: "a", Kind: schema.Uint8, Nullable: true}, s[1]}), "column a is not nullable"},
		"values":  {whole(), "column a has 5 values for 6 rows"},
		"marks":   {whole(), "column b marks 5 rows of 4"},
	}
	cases["nulls"].batch.Rows = 1
	cases["values"].batch.Rows = 6
	cases["values"].batch.Finish()
	cases["marks"].batch.Rows = 4
	cases["marks"].batch.Columns[0].(*schema.Values[uint8]).V = []uint8{1, 2, 3, 4}
	for _, format := range sink.Formats {
		if format.Derived {
			continue // it has its columns, or is not made
		}
		for name, c := range cases {
			k, err := format.New(io.Discard, s, sink.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := k.NewEncoder().Encode(c.batch); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, %s: error %v, want %q", format.Name, name, err, c.want)
			}
		}
	}
}

// TestMisuse: another's piece, and options that the format does not know, are
// refused.
func TestMisuse(t *testing.T) {
	for _, format := range sink.Formats {
		s := schemaFor(format)
		if k, _ := format.New(io.Discard, s, sink.Options{}); k.Commit(foreign{}) == nil {
			t.Errorf("%s: commits another's piece", format.Name)
		}
		if _, err := format.New(io.Discard, s, sink.Options{Compression: "lzma"}); err == nil || !strings.Contains(err.Error(), "none") {
			t.Errorf("%s: unknown compression: error %v does not list the known ones", format.Name, err)
		}
		for name, opt := range map[string]sink.Options{"bloom": {Bloom: []string{"x"}}, "headers": {Headers: []string{}}, "payload": {Payload: 1}} {
			_, err := format.New(io.Discard, s, opt)
			understood := format.Name == "parquet" && name == "bloom" || format.Name == "nprint" && name != "bloom"
			if refused := err != nil && strings.Contains(err.Error(), "has no option "+name); refused == understood {
				t.Errorf("%s, option %s: error %v", format.Name, name, err)
			}
		}
	}
}

// TestCompressedNames: of a format of lines the file's ending and the
// compression asked for say the same, or nothing is written.
func TestCompressedNames(t *testing.T) {
	s := schematest.Every()[:2]
	cases := []struct{ name, compression, magic, want string }{
		{"t.csv", "", "bool,", ""}, {"t.csv", "none", "bool,", ""},
		{"t.csv.gz", "", "\x1f\x8b", ""}, {"T.CSV.GZ", "gzip:9", "\x1f\x8b", ""}, {"t.csv.zst", "zstd:7", "\x28\xb5\x2f\xfd", ""},
		{"t.csv", "gzip", "", "the name of a file compressed by gzip ends in .gz"},
		{"t.csv.gz", "zstd", "", "the ending says gzip, and not zstd"}, {"t.csv.gz", "none", "", "the ending says gzip, and not none"},
		{"t.csv.zst", "lzma", "", `no compression "lzma"`},
		{"t.parquet.gz", "", "", "names no format"}, {"t.parquet", "gzip", "PAR1", ""}, {"t.arrow.zst", "", "", "names no format"},
	}
	for _, c := range cases {
		path := filepath.Join(t.TempDir(), c.name)
		f, err := sink.Create(path, sink.Format{}, s, sink.Options{Compression: c.compression})
		if err == nil {
			err = f.Close()
		}
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, %s: error %v, want %q", c.name, c.compression, err, c.want)
			}
			continue
		}
		text, rerr := os.ReadFile(path)
		if err != nil || rerr != nil || !strings.HasPrefix(string(text), c.magic) {
			t.Errorf("%s, %s: %.10q, %v, %v", c.name, c.compression, text, err, rerr)
		}
	}
}

// TestCompressions: a table at each compression of each format is read back.
func TestCompressions(t *testing.T) {
	b := sparseBatch(300)
	for _, format := range sink.Formats {
		if format.Derived {
			continue
		}
		for _, compression := range format.Compressions {
			ending := format.Extensions[0]
			if codec, _, _ := strings.Cut(compression, ":"); format.Text {
				ending += map[string]string{"gzip": ".gz", "zstd": ".zst"}[codec]
			}
			path := filepath.Join(t.TempDir(), "t"+ending)
			if err := os.WriteFile(path, render(t, format.Name, b.Schema(), sink.Options{Compression: compression, Metadata: map[string]string{"last": "word"}}, b), 0o600); err != nil {
				t.Fatal(err)
			}
			var want image
			want.add(b)
			got := readFile(t, path, b.Schema())
			if !slices.EqualFunc(got, want, slices.Equal) {
				t.Errorf("%s, %s: another table is read back", format.Name, compression)
			}
		}
	}
}

type foreign struct{}

func (foreign) Rows() int  { return 1 }
func (foreign) Bytes() int { return 1 }

// TestInvalidText: what is not UTF-8 gets replacement characters, the same in
// every format, and also where a dictionary meets it again.
func TestInvalidText(t *testing.T) {
	s := schema.Schema{
		{Name: "auto", Kind: schema.String, Doc: "A."},
		{Name: "plain", Kind: schema.String, Storage: schema.Plain, Doc: "A."},
	}
	b := schema.FromFields(s)
	add(b, schema.Text("a\xff\xfeb"), schema.Text("ok"), schema.Text("a\xff\xfeb"), schema.Text("a\uFFFDb"), schema.Text("\xc3"))
	b.Rows = 5
	want := []string{"a\uFFFDb", "ok", "a\uFFFDb", "a\uFFFDb", "\uFFFD"}
	for _, format := range sink.Formats {
		if format.Derived {
			continue
		}
		path := filepath.Join(t.TempDir(), "t"+format.Extensions[0])
		writeFile(t, path, contractCase{schema: s, groups: [][]*schema.Batch{{b}}})
		for row, line := range readFile(t, path, s) {
			for i, cell := range line {
				if cell != fmt.Sprintf("%q", want[row]) {
					t.Errorf("%s, row %d, column %s: %s, want %q", format.Name, row, s[i].Name, cell, want[row])
				}
			}
		}
	}
}

// TestCreate: a file has its name only when it is whole.
func TestCreate(t *testing.T) {
	s := schematest.Every()[:3]
	dir := t.TempDir()
	path := filepath.Join(dir, "t.csv")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	begin := func() *sink.File {
		f, err := sink.Create(path, sink.Format{}, s, sink.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	content := func() string {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	f := begin()
	if got := content(); got != "before" {
		t.Errorf("while it is written the file holds %q", got)
	}
	f.Abort()
	f.Abort()
	if got := content(); got != "before" {
		t.Errorf("after Abort the file holds %q", got)
	}
	f = begin()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f.Abort()
	if got := content(); got != strings.Join(s.Names(), ",")+"\n" {
		t.Errorf("after Close the file holds %q", got)
	}
	if f.Close() == nil {
		t.Error("closes twice")
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o640 {
		t.Errorf("mode %o", mode)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := sink.Create(filepath.Join(dir, "t.xlsx"), sink.Format{}, s, sink.Options{}); err == nil || !strings.Contains(err.Error(), ".parquet") {
		t.Errorf("unknown ending: error %v does not list the formats", err)
	}
	if _, err := sink.Create(filepath.Join(dir, "no", "t.csv"), sink.Format{}, s, sink.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing directory: error %v", err)
	}
}

func TestByName(t *testing.T) {
	for _, f := range sink.Formats {
		got, err := sink.ByName(f.Name)
		if err != nil || got.Name != f.Name {
			t.Errorf("%s: %s, %v", f.Name, got.Name, err)
		}
		for _, ext := range f.Extensions {
			if got, err := sink.ForFile("x/Y" + strings.ToUpper(ext)); err != nil || got.Name != f.Name {
				t.Errorf("%s: %s, %v", ext, got.Name, err)
			}
		}
	}
	if _, err := sink.ByName("xlsx"); err == nil || !strings.Contains(err.Error(), "parquet") {
		t.Errorf("error %v does not list the formats", err)
	}
}
