package sink

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/schema/schematest"
)

// write writes the batches of each group as a row group.
func write(t testing.TB, s schema.Schema, compression string, groups ...[]*schema.Batch) []byte {
	t.Helper()
	var out bytes.Buffer
	k, err := newParquet(&out, s, Options{Compression: compression})
	if err != nil {
		t.Fatal(err)
	}
	enc := k.NewEncoder()
	for _, g := range groups {
		for _, b := range g {
			if err := enc.Encode(b); err != nil {
				t.Fatal(err)
			}
		}
		p, err := enc.Flush()
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Commit(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func openFile(t testing.TB, b []byte) *parquet.File {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestPageHeader(t *testing.T) {
	cases := []pageHeader{
		{raw: 1, stored: 2, values: 3},
		{raw: math.MaxInt32, stored: 1 << 20, crc: 0xfedcba98, encoding: format.RLEDictionary, values: 8192, nulls: 17, rows: 8000, defBytes: 300, repBytes: 5},
		{raw: 100, stored: 100, crc: 1, encoding: format.DeltaBinaryPacked, values: 1, rows: 1, uncompressed: true},
		{dictionary: true, raw: 70_000, stored: 300, crc: 1 << 31, values: 32767},
	}
	for _, h := range cases {
		var got format.PageHeader
		if err := thrift.Unmarshal(new(thrift.CompactProtocol), h.append(nil), &got); err != nil {
			t.Fatal(err)
		}
		want := format.PageHeader{
			Type: format.DataPageV2, UncompressedPageSize: int32(h.raw), CompressedPageSize: int32(h.stored), CRC: int32(h.crc),
		}
		if h.dictionary {
			want.Type = format.DictionaryPage
			want.DictionaryPageHeader = thrift.New(format.DictionaryPageHeader{NumValues: int32(h.values), Encoding: format.Plain})
		} else {
			want.DataPageHeaderV2 = thrift.New(format.DataPageHeaderV2{
				NumValues: int32(h.values), NumNulls: int32(h.nulls), NumRows: int32(h.rows), Encoding: h.encoding,
				DefinitionLevelsByteLength: int32(h.defBytes), RepetitionLevelsByteLength: int32(h.repBytes),
				IsCompressed: thrift.New(!h.uncompressed),
			})
		}
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
	}
}

// FuzzDelta compares with parquet-go's decoder.
func FuzzDelta(f *testing.F) {
	f.Add(uint64(1), uint16(1), uint8(64))
	f.Add(uint64(2), uint16(129), uint8(0))
	f.Add(uint64(3), uint16(8192), uint8(7))
	f.Add(uint64(4), uint16(33), uint8(33))
	f.Fuzz(func(t *testing.T, seed uint64, n uint16, bits uint8) {
		rng := rand.New(rand.NewPCG(seed, 1))
		wide := make([]int64, max(1, int(n)%10_000))
		narrow := make([]int32, len(wide))
		for i := range wide {
			v := int64(rng.Uint64() >> (bits & 63))
			if i > 0 && bits > 16 {
				v += wide[i-1]
			}
			wide[i], narrow[i] = v, int32(v)
		}
		got64, err := new(delta.BinaryPackedEncoding).DecodeInt64(nil, appendDelta(nil, wide))
		if err != nil || !slices.Equal(got64, wide) {
			t.Errorf("int64: %v, or other values", err)
		}
		got32, err := new(delta.BinaryPackedEncoding).DecodeInt32(nil, appendDelta(nil, narrow))
		if err != nil || !slices.Equal(got32, narrow) {
			t.Errorf("int32: %v, or other values", err)
		}
	})
}

// TestShortened: shortened bounds stay bounds, and UTF-8.
func TestShortened(t *testing.T) {
	letters := []rune{'a', 'é', '€', '\U0001F600', 0x7f, 0x7ff, 0xffff, 0xd7ff, utf8.MaxRune}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		var b []byte
		last := letters[rng.IntN(len(letters))]
		for range rng.IntN(100) {
			if rng.IntN(4) == 0 {
				last = letters[rng.IntN(len(letters))]
			}
			b = utf8.AppendRune(b, last)
		}
		lo, hi := shortenMin(b), shortenMax(b)
		if bytes.Compare(lo, b) > 0 || bytes.Compare(hi, b) < 0 {
			t.Fatalf("%q is not between %q and %q", b, lo, hi)
		}
		if !utf8.Valid(lo) || !utf8.Valid(hi) {
			t.Fatalf("bounds %q, %q of %q are no UTF-8", lo, hi, b)
		}
		if len(lo) > statBytes || len(hi) > statBytes+3 && !bytes.Equal(hi, b) {
			t.Fatalf("bounds %q, %q of %q are long", lo, hi, b)
		}
	}
	if top := bytes.Repeat([]byte("\U0010FFFF"), 20); !bytes.Equal(shortenMax(top), top) {
		t.Error("the greatest text of all is shortened")
	}
}

// TestStatistics: the bounds and null counts of every page and chunk hold for
// the values in it, by parquet-go's reading of both.
func TestStatistics(t *testing.T) {
	s := schematest.Every()
	var batches []*schema.Batch
	for i := range 6 {
		b := schema.FromFields(s)
		schematest.Fill(b, rand.New(rand.NewPCG(uint64(i), 1)), 60, []float64{0.5, 1, 1, 0.1, 0.99, 0}[i], i%2 == 0)
		batches = append(batches, b)
	}
	f := openFile(t, write(t, s, "zstd", batches[:4], batches[4:]))
	bounded := 0
	for g, rg := range f.RowGroups() {
		for i, chunk := range rg.ColumnChunks() {
			path := strings.Join(f.Schema().Columns()[i], ".")
			meta := &f.Metadata().RowGroups[g].Columns[i].MetaData
			nulls, all := checkPages(t, path, chunk, &bounded)
			if st := meta.Statistics; st.MaxValue != nil {
				lo, hi := chunk.Type().Kind().Value(st.MinValue), chunk.Type().Kind().Value(st.MaxValue)
				for _, v := range all {
					if chunk.Type().Compare(lo, v) > 0 || chunk.Type().Compare(hi, v) < 0 {
						t.Errorf("%s: %v is not between %v and %v", path, v, lo, hi)
						break
					}
				}
			} else if nulls < chunk.NumValues() && !strings.HasPrefix(path, "binary") {
				t.Errorf("%s: no bounds", path)
			}
			if meta.Statistics.NullCount != nulls {
				t.Errorf("%s: null count %d, want %d", path, meta.Statistics.NullCount, nulls)
			}
		}
	}
	if bounded < 500 {
		t.Errorf("only %d pages had bounds", bounded)
	}
}

func checkPages(t *testing.T, path string, chunk parquet.ColumnChunk, bounded *int) (nulls int64, all []parquet.Value) {
	t.Helper()
	offsets, err := chunk.OffsetIndex()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	index, err := chunk.ColumnIndex()
	if err != nil && !strings.HasPrefix(path, "binary") {
		t.Fatalf("%s: %v", path, err)
	}
	pages := chunk.Pages()
	defer pages.Close()
	row := int64(0)
	for n := 0; ; n++ {
		page, err := pages.ReadPage()
		if err == io.EOF {
			if n != offsets.NumPages() {
				t.Errorf("%s: %d pages in the offset index, %d found", path, offsets.NumPages(), n)
			}
			return nulls, all
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if offsets.FirstRowIndex(n) != row {
			t.Errorf("%s, page %d: first row %d, want %d", path, n, offsets.FirstRowIndex(n), row)
		}
		row += page.NumRows()
		values := make([]parquet.Value, page.NumValues())
		if k, err := page.Values().ReadValues(values); k != len(values) || err != nil && err != io.EOF {
			t.Fatalf("%s: %d values, %v", path, k, err)
		}
		pageNulls := int64(0)
		for _, v := range values {
			if v.IsNull() {
				pageNulls++
				continue
			}
			all = append(all, v.Clone())
			if index == nil {
				continue
			}
			lo, hi := index.MinValue(n), index.MaxValue(n)
			if page.Type().Compare(lo, v) > 0 || page.Type().Compare(hi, v) < 0 {
				t.Fatalf("%s, page %d: %v is not between %v and %v", path, n, v, lo, hi)
			}
		}
		nulls += pageNulls
		if index != nil {
			*bounded++
			if index.NullCount(n) != pageNulls || index.NullPage(n) != (pageNulls == int64(len(values))) {
				t.Errorf("%s, page %d: null count %d, null page %t, of %d nulls in %d", path, n,
					index.NullCount(n), index.NullPage(n), pageNulls, len(values))
			}
		}
	}
}

// TestTightBounds: bounds are not merely bounds but the least and greatest.
func TestTightBounds(t *testing.T) {
	s := schema.Schema{{Name: "n", Kind: schema.Int64}, {Name: "u", Kind: schema.Uint32}, {Name: "f", Kind: schema.Float64}, {Name: "ip", Kind: schema.IPv4Addr}, {Name: "nan", Kind: schema.Float64}, {Name: "text", Kind: schema.String}}
	var batches []*schema.Batch
	for i := range 3 {
		b := schema.FromFields(s)
		for j := range 10 {
			b.Columns[0].(*schema.Values[int64]).Append(int64(100*i + j - 5))
			b.Columns[1].(*schema.Values[uint32]).Append(uint32(1<<31 - 5 + j))
			b.Columns[2].(*schema.Values[float64]).Append(0)
			b.Columns[3].(*schema.Values[schema.IPv4]).Append(schema.IPv4{10, 0, 0, byte(j)})
			b.Columns[4].(*schema.Values[float64]).Append(math.NaN())
			b.Columns[5].(*schema.Values[schema.Text]).Append([][]byte{[]byte("x"), {}}[max(0, 1-i-j)])
		}
		b.Rows = 10
		b.Finish()
		batches = append(batches, b)
	}
	f := openFile(t, write(t, s, "none", batches))
	stat := func(i int) format.Statistics { return f.Metadata().RowGroups[0].Columns[i].MetaData.Statistics }
	for i, want := range []string{
		"[251 255 255 255 255 255 255 255] [204 0 0 0 0 0 0 0]", // -5, 204
		"[251 255 255 127] [4 0 0 128]",
		"[0 0 0 0 0 0 0 128] [0 0 0 0 0 0 0 0]", // -0, +0
		"[49 48 46 48 46 48 46 48] [49 48 46 48 46 48 46 57]",
		"[] []",
		"[] [120]", // the empty text on the first page is the least
	} {
		if got := fmt.Sprint(stat(i).MinValue, stat(i).MaxValue); got != want {
			t.Errorf("column %s: %s, want %s", s[i].Name, got, want)
		}
	}
	index, err := f.RowGroups()[0].ColumnChunks()[0].ColumnIndex()
	if err != nil || !index.IsAscending() {
		t.Errorf("pages of ascending numbers are not said to ascend (%v)", err)
	}
	if _, err := f.RowGroups()[0].ColumnChunks()[4].ColumnIndex(); err == nil {
		t.Error("NaNs have a column index")
	}
}

// TestFallBack: a dictionary that does not pay is given up for the rest of
// the chunk, and begun anew in the next.
func TestFallBack(t *testing.T) {
	for _, c := range []struct {
		kind  schema.Kind
		store schema.Storage
		rows  []int // distinct values in each batch
		want  []format.Encoding
	}{
		{schema.Uint32, schema.Auto, []int{10, 10, 8000, 10}, []format.Encoding{format.RLEDictionary, format.RLEDictionary, format.Plain, format.Plain}},
		{schema.Uint32, schema.Dictionary, []int{8000, 8000, 10}, []format.Encoding{format.RLEDictionary, format.RLEDictionary, format.RLEDictionary}},
		{schema.Uint32, schema.Dictionary, []int{30000, 8000, 10}, []format.Encoding{format.RLEDictionary, format.Plain, format.Plain}},
		{schema.String, schema.Auto, []int{10, 8000, 10}, []format.Encoding{format.RLEDictionary, format.Plain, format.Plain}},
		{schema.IPv4Addr, schema.Auto, []int{8000, 10}, []format.Encoding{format.Plain, format.Plain}},
		{schema.Float64, schema.Auto, []int{10, 8000}, []format.Encoding{format.RLEDictionary, format.Plain}},
		{schema.Uint16, schema.Plain, []int{1}, []format.Encoding{format.Plain}},
		{schema.Uint16, schema.Delta, []int{1}, []format.Encoding{format.DeltaBinaryPacked}},
		{schema.Bool, schema.Auto, []int{1}, []format.Encoding{format.Plain}},
	} {
		s := schema.Schema{{Name: "c", Kind: c.kind, Storage: c.store}}
		next := 0
		var group []*schema.Batch
		for _, distinct := range c.rows {
			b := schema.FromFields(s)
			for row := range max(distinct, 8000) {
				appendNumber(b, next+row%distinct)
			}
			b.Rows = max(distinct, 8000)
			next += distinct
			group = append(group, b)
		}
		f := openFile(t, write(t, s, "snappy", group, group))
		for g := range 2 {
			want := map[format.Encoding]int32{}
			for _, e := range c.want {
				want[e]++
			}
			for _, e := range f.Metadata().RowGroups[g].Columns[0].MetaData.EncodingStats {
				if e.PageType == format.DataPageV2 && want[e.Encoding] != e.Count {
					t.Errorf("%s %q, group %d: %d pages %s, want %d", c.kind, c.store, g, e.Count, e.Encoding, want[e.Encoding])
				}
			}
			n := 0
			values := f.RowGroups()[g].Rows()
			rows := make([]parquet.Row, 1000)
			for {
				k, err := values.ReadRows(rows)
				n += k
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			values.Close()
			if int64(n) != f.RowGroups()[g].NumRows() {
				t.Errorf("%s: parquet-go reads %d rows", c.kind, n)
			}
		}
	}
}

func appendNumber(b *schema.Batch, n int) {
	switch c := b.Columns[0].(type) {
	case *schema.Values[bool]:
		c.Append(n%2 == 0)
	case *schema.Values[uint16]:
		c.Append(uint16(n))
	case *schema.Values[uint32]:
		c.Append(uint32(n) * 2654435761)
	case *schema.Values[float64]:
		c.Append(float64(n) / 3)
	case *schema.Values[schema.IPv4]:
		c.Append(schema.IPv4{10, byte(n >> 16), byte(n >> 8), byte(n)})
	case *schema.Values[schema.Text]:
		c.Append(schema.Text(fmt.Sprint("text ", n)))
	}
}

// TestPages: columns without a value are one page however many batches there
// were, and a page of bytes ends at about a mebibyte.
func TestPages(t *testing.T) {
	s := schema.Schema{{Name: "none", Kind: schema.Uint32, Nullable: true}, {Name: "payload", Kind: schema.Binary, Nullable: true}}
	var group []*schema.Batch
	for range 8 {
		b := schema.FromFields(s)
		for row := 0; row < 4000; row += 2 {
			b.Columns[1].(*schema.Optional[schema.Bytes]).Set(row, make(schema.Bytes, 1400))
		}
		b.Rows = 4000
		b.Finish()
		group = append(group, b)
	}
	for _, compression := range []string{"none", "zstd"} {
		f := openFile(t, write(t, s, compression, group))
		chunks := f.RowGroups()[0].ColumnChunks()
		if o, _ := chunks[0].OffsetIndex(); o.NumPages() != 1 || o.CompressedPageSize(0) > 40 {
			t.Errorf("%d pages, the first of %d bytes, for no values", o.NumPages(), o.CompressedPageSize(0))
		}
		o, _ := chunks[1].OffsetIndex()
		if o.NumPages() != 8*3 {
			t.Errorf("%d pages of 2.8 MB in each of 8 batches", o.NumPages())
		}
		for i := range o.NumPages() {
			if o.CompressedPageSize(i) > pageBytes+2000 {
				t.Errorf("a page of %d bytes", o.CompressedPageSize(i))
			}
		}
	}
}

// TestReadByParquetGo: parquet-go's own reader sees the rows that were
// written, nulls included.
func TestReadByParquetGo(t *testing.T) {
	s := schema.Schema{
		{Name: "z_number", Kind: schema.Int64, Storage: schema.Delta}, // not in alphabetical order
		{Name: "port", Kind: schema.Uint16, Nullable: true},
		{Name: "name", Kind: schema.String, Nullable: true},
		{Name: "list", Kind: schema.Uint8, List: true, Nullable: true},
	}
	b := schema.FromFields(s)
	for row := range 3000 {
		b.Columns[0].(*schema.Values[int64]).Append(int64(row))
		if row%3 == 0 {
			b.Columns[1].(*schema.Optional[uint16]).Set(row, uint16(row))
		}
		if row%64 == 63 {
			b.Columns[2].(*schema.Optional[schema.Text]).Set(row, schema.Text(fmt.Sprint(row)))
		}
		if row%2 == 1 {
			b.Columns[3].(*schema.List[uint8]).Set(row, make([]uint8, row%4)...)
		}
	}
	b.Rows = 3000
	b.Finish()
	file := write(t, s, "zstd", []*schema.Batch{b})
	type row struct {
		Number int64   `parquet:"z_number"`
		Port   *uint16 `parquet:"port,optional"`
		Name   *string `parquet:"name,optional"`
		List   []uint8 `parquet:"list,list"`
	}
	rows, err := parquet.Read[row](bytes.NewReader(file), int64(len(file)))
	if err != nil || len(rows) != 3000 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, r := range rows {
		if r.Number != int64(i) || (r.Port != nil) != (i%3 == 0) || r.Port != nil && *r.Port != uint16(i) ||
			(r.Name != nil) != (i%64 == 63) || r.Name != nil && *r.Name != fmt.Sprint(i) {
			t.Fatalf("row %d: %+v", i, r)
		}
		if i%2 == 1 && len(r.List) != i%4 {
			t.Fatalf("row %d: list of %d", i, len(r.List))
		}
	}
	meta := openFile(t, file).Metadata()
	if meta.CreatedBy != "pcapline" {
		t.Errorf("created by %q", meta.CreatedBy)
	}
	if got := meta.Schema[1].Name; got != "z_number" {
		t.Errorf("first column is %q", got)
	}
}

// FuzzDictionaries: a code always leads back to its value, also where hashes
// collide.
func FuzzDictionaries(f *testing.F) {
	f.Add([]byte("aabbccddeeff"), uint8(3))
	f.Add(bytes.Repeat([]byte{0, 1, 2, 3, 255}, 300), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, width uint8) {
		n := int(width)%8 + 1
		var texts []schema.Text
		var macs []schema.MAC
		var numbers []int64
		for len(data) >= n {
			var m schema.MAC
			copy(m[:], data[:n])
			texts, macs = append(texts, data[:n]), append(macs, m)
			// Numbers whose hashes begin alike.
			numbers = append(numbers, int64(data[0])<<56|int64(n))
			data = data[n:]
		}
		codes := make([]int32, len(texts))
		table := &textTable[schema.Text]{}
		if table.lookup(codes, texts, len(texts)) {
			for i, c := range codes {
				if !bytes.Equal(table.dict.entry(c), texts[i]) {
					t.Fatalf("%q became %q", texts[i], table.dict.entry(c))
				}
			}
		}
		addrs := &addrTable[schema.MAC]{hash: macHash, text: schema.MAC.AppendTo}
		if !addrs.lookup(codes, macs, len(macs)) {
			t.Fatal("no room")
		}
		for i, c := range codes {
			if addrs.keys[c] != macs[i] || string(addrs.dict.entry(c)) != string(macs[i].AppendTo(nil)) {
				t.Fatalf("%v became %s", macs[i], addrs.dict.entry(c))
			}
		}
		ints := &hashTable[int64]{}
		if !ints.lookup(codes, numbers, len(numbers)) {
			t.Fatal("no room")
		}
		for i, c := range codes {
			if ints.entries()[c] != numbers[i] {
				t.Fatalf("%d became %d", numbers[i], ints.entries()[c])
			}
		}
	})
}
