package schema_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/schema/schematest"
)

type frame struct {
	schema.Layer `name:"frame" source:"pcapng" every:"row"`

	Number  schema.Values[int64]         `name:"number" doc:"Number." store:"delta" ws:"frame.number" role:"provenance"`
	Comment schema.Optional[schema.Text] `name:"comment" doc:"Comment | of it." unit:"B" source:"section 3"`
}

type udp struct {
	schema.Layer `name:"udp" title:"User Datagram Protocol" source:"RFC 768"`

	SrcPort schema.Values[uint16]       `name:"src_port" doc:"Source port."`
	Options schema.List[uint8]          `name:"options" doc:"Options."`
	_       int                         // no column
	Answer  schema.Optional[netip.Addr] `name:"answer" doc:"Answer."`
}

func TestDeclaration(t *testing.T) {
	s := schema.OfPrefixed("inner_", new(frame), new(udp)).Schema()
	want := schema.Schema{
		{Name: "inner_number", Layer: "inner_frame", Kind: schema.Int64, Doc: "Number.", Source: "pcapng", Wireshark: "frame.number", Role: schema.Provenance, Storage: schema.Delta},
		{Name: "inner_comment", Layer: "inner_frame", Kind: schema.String, Nullable: true, Unit: "B", Doc: "Comment | of it.", Source: "section 3"},
		{Name: "inner_src_port", Layer: "inner_udp", Kind: schema.Uint16, Nullable: true, Doc: "Source port.", Source: "RFC 768"},
		{Name: "inner_options", Layer: "inner_udp", Kind: schema.Uint8, List: true, Nullable: true, Doc: "Options.", Source: "RFC 768"},
		{Name: "inner_answer", Layer: "inner_udp", Kind: schema.IPAddr, Nullable: true, Doc: "Answer.", Source: "RFC 768"},
	}
	if !reflect.DeepEqual(s, want) {
		got, _ := json.MarshalIndent(s, "", " ")
		t.Errorf("got %s", got)
	}
}

// Inner headers have no AntiNex names: a table has each once.
func TestAntiNexNamesAreOuter(t *testing.T) {
	type eth struct {
		schema.Layer `name:"eth"`
		Type         schema.Values[uint16] `name:"eth_type" antinex:"eth_type" doc:"Type."`
	}
	outer, inner := schema.Of(new(eth)).Schema()[0], schema.OfPrefixed("inner_", new(eth)).Schema()[0]
	if outer.AntiNex != "eth_type" || inner.AntiNex != "" {
		t.Errorf("outer %q, inner %q", outer.AntiNex, inner.AntiNex)
	}
}

// TestBadDeclarations: mistakes in a program stop it at once.
func TestBadDeclarations(t *testing.T) {
	cases := map[string]any{
		"no layer": new(struct {
			A schema.Values[bool] `name:"a" doc:"A."`
		}),
		"no doc": new(struct {
			schema.Layer `name:"x"`
			A            schema.Values[bool] `name:"a"`
		}),
		"twice": new(struct {
			schema.Layer `name:"x"`
			A            schema.Values[bool] `name:"a" doc:"A."`
			B            schema.Values[bool] `name:"a" doc:"A."`
		}),
	}
	for name, layer := range cases {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			schema.Of(layer)
		}()
	}
}

// TestSparse fills a batch, twice, and reads it as sinks and cursors do.
func TestSparse(t *testing.T) {
	var f frame
	var u udp
	b := schema.Of(&f, &u)
	for round := range 2 {
		b.Reset()
		for row := range 10 {
			f.Number.Append(int64(row))
			if row%4 == 1 {
				f.Comment.Set(row, b.Text([]byte{'a' + byte(row)}))
			}
			if row == 3 || row == 5 {
				u.Mark(row)
				u.SrcPort.Append(uint16(100 + row))
			}
			if row == 5 {
				u.Options.Set(row, 1, 2)
				if !u.Has(5) || u.Has(4) || !u.Options.Has(5) || u.Answer.Has(5) {
					t.Error("Has is wrong while the batch is filled")
				}
			}
		}
		b.Rows = 10
		b.Finish()
		for name, want := range map[string][]int{"number": nil, "comment": {1, 5, 9}, "src_port": {3, 5}, "options": {5}, "answer": {}} {
			c := b.Column(name)
			p := c.Presence()
			if p == nil {
				if want != nil || c.Len() != 10 {
					t.Errorf("%s: in every row, %d values", name, c.Len())
				}
				continue
			}
			got := []int{}
			for row, d := range p.Def {
				if d == 1 {
					got = append(got, row)
				}
			}
			if !slices.Equal(got, want) || p.Count != len(want) || c.Len() != len(want) || len(p.Def) != 10 {
				t.Errorf("round %d, %s: rows %v of %d, count %d, %d values; want %v", round, name, got, len(p.Def), p.Count, c.Len(), want)
			}
		}
		cur := schema.Walk[uint16](b.Column("src_port"))
		for row := range 12 {
			v, ok := cur.At(row)
			if want := row == 3 || row == 5; ok != want || ok && v != uint16(100+row) {
				t.Errorf("row %d: %d, %t", row, v, ok)
			}
		}
		late := schema.Walk[uint16](b.Column("src_port"))
		if v, ok := late.At(5); !ok || v != 105 {
			t.Errorf("straight to row 5: %d, %t", v, ok)
		}
		none := schema.Walk[uint16](b.Column("nothing"))
		if _, ok := none.At(0); ok {
			t.Error("a column that is not there has a value")
		}
		if got := b.Column("options").Offsets(); !slices.Equal(got, []int32{0, 2}) {
			t.Errorf("offsets %v", got)
		}
	}
}

func TestSelect(t *testing.T) {
	b := schema.Of(new(frame), new(udp))
	got, err := b.Select([]string{"src_port", "number"})
	if err != nil || !slices.Equal(got.Schema().Names(), []string{"src_port", "number"}) {
		t.Errorf("%v, %v", got.Schema().Names(), err)
	}
	if got.Column("number") != b.Column("number") {
		t.Error("a selected column is another one")
	}
	if _, err := b.Select([]string{"port"}); err == nil || !strings.Contains(err.Error(), `"port"`) {
		t.Errorf("error %v", err)
	}
}

// TestArena: texts live until Reset, also those from before the arena grew.
func TestArena(t *testing.T) {
	b := schema.Of(new(frame))
	var texts []schema.Text
	for i := range 200 {
		texts = append(texts, b.Text(bytes.Repeat([]byte{byte(i)}, 1000*(i%5)+i)))
	}
	for i, x := range texts {
		if len(x) != 1000*(i%5)+i || len(bytes.Trim(x, string(rune(i)))) > 0 && i < 128 {
			t.Fatalf("text %d has changed", i)
		}
		if cap(x) != len(x) {
			t.Fatalf("text %d can be appended to over the next one", i)
		}
	}
}

// TestText: every kind's values survive text, alone and in lists.
func TestText(t *testing.T) {
	for _, wide := range []bool{false, true} {
		s := schematest.Every()
		from, to := schema.FromFields(s), schema.FromFields(s)
		schematest.Fill(from, rand.New(rand.NewPCG(3, 1)), 200, 0, wide)
		var text []byte
		for i, c := range from.Columns {
			for row := range from.Rows {
				text = c.AppendText(text[:0], row)
				if c.Field().List && (c.Field().Kind == schema.String || c.Field().Kind == schema.Binary) && len(text) == 0 {
					schema.Copy(to.Columns[i], row, c, row) // [""] and [] are the same in text
					continue
				}
				if err := schema.SetText(to.Columns[i], row, text); err != nil {
					t.Fatal(err)
				}
			}
			if !reflect.DeepEqual(c.Data(), to.Columns[i].Data()) || !slices.Equal(c.Offsets(), to.Columns[i].Offsets()) {
				t.Errorf("column %s has changed", c.Field().Name)
			}
		}
	}
}

func TestBadText(t *testing.T) {
	cases := []struct {
		kind schema.Kind
		text string
	}{
		{schema.Bool, "yes"}, {schema.Uint8, "256"}, {schema.Uint16, "-1"}, {schema.Uint32, "1.0"},
		{schema.Int64, "9223372036854775808"}, {schema.Float64, "1,5"}, {schema.Timestamp, "2018-01-29 13:36"},
		{schema.IPv4Addr, "::1"}, {schema.IPv4Addr, "1.2.3"}, {schema.IPv6Addr, "1.2.3.4.5"}, {schema.MACAddr, "02:1a:11:b7:d0"},
		{schema.MACAddr, "02:1a:11:b7:d0:0g"}, {schema.MACAddr, "02:1a:11:b7:d0_01"}, {schema.IPAddr, "host"}, {schema.Binary, "abc"},
	}
	for _, c := range cases {
		for _, list := range []bool{false, true} {
			col := schema.NewColumn(&schema.Field{Name: "a_name", Kind: c.kind, List: list, Nullable: true})
			text := c.text
			if list {
				good := schema.FromFields(schema.Schema{{Name: "g", Kind: c.kind}})
				schematest.Fill(good, rand.New(rand.NewPCG(1, 1)), 1, 0, false)
				text = string(good.Columns[0].AppendText(nil, 0)) + ";" + text
			}
			err := schema.SetText(col, 0, []byte(text))
			if err == nil || !strings.Contains(err.Error(), "a_name") {
				t.Errorf("%s %q: error %v", c.kind, text, err)
			}
			if n := reflect.ValueOf(col.Data()).Len(); n != 0 || col.Len() != 0 || col.Presence().Count != 0 {
				t.Errorf("%s %q: a refused text leaves %d values behind", c.kind, text, n)
			}
		}
	}
}

// TestMicros compares with the standard library over all years.
func TestMicros(t *testing.T) {
	const layout = "2006-01-02T15:04:05.000000Z"
	rng := rand.New(rand.NewPCG(1, 1))
	check := func(m schema.Micros) {
		want := time.UnixMicro(int64(m)).UTC().Format(layout)
		if got := string(m.AppendTo(nil)); got != want {
			t.Fatalf("%d: %s, want %s", m, got, want)
		}
	}
	for range 100_000 {
		check(schema.Micros(rng.Int64N(320e15) - 65e15))
	}
	for day := time.Date(-1, 12, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2500; day = day.AddDate(0, 0, 1) {
		check(schema.Micros(day.UnixMicro()))
		check(schema.Micros(day.UnixMicro() - 1))
	}
	for _, m := range []schema.Micros{math.MinInt64, math.MaxInt64, 253402300799999999, 253402300800000000} {
		check(m)
	}
}

// TestJSON: a schema survives its metadata entry.
func TestJSON(t *testing.T) {
	s := append(schematest.Every(), schema.OfPrefixed("p_", new(frame), new(udp)).Schema()...)
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var got schema.Schema
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, s) || got.Hash() != s.Hash() {
		t.Error("the schema has changed")
	}
	if err := json.Unmarshal([]byte(`[{"name":"a","kind":"uint128"}]`), &got); err == nil || !strings.Contains(err.Error(), "uint128") {
		t.Errorf("unknown kind: error %v", err)
	}
}

func TestHash(t *testing.T) {
	base := schema.Schema{{Name: "a", Kind: schema.Uint8}, {Name: "b", Kind: schema.String}}
	same := schema.Schema{{Name: "a", Kind: schema.Uint8, Doc: "Other words.", Role: schema.Identity}, {Name: "b", Kind: schema.String}}
	if base.Hash() != same.Hash() {
		t.Error("documentation changes the hash")
	}
	for name, other := range map[string]schema.Schema{
		"order":    {base[1], base[0]},
		"name":     {{Name: "c", Kind: schema.Uint8}, base[1]},
		"kind":     {{Name: "a", Kind: schema.Uint16}, base[1]},
		"list":     {{Name: "a", Kind: schema.Uint8, List: true}, base[1]},
		"nullable": {{Name: "a", Kind: schema.Uint8, Nullable: true}, base[1]},
		"fewer":    base[:1],
	} {
		if base.Hash() == other.Hash() {
			t.Errorf("%s does not change the hash", name)
		}
	}
}

func TestMarkdown(t *testing.T) {
	var b bytes.Buffer
	if err := schema.Of(new(frame), new(udp)).Schema().WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\n## frame\n", "\n## udp\n",
		"| `number` | int64 |  | Number. | pcapng | `frame.number` |  |\n",
		"| `comment` | string? | B | Comment \\| of it. | section 3 |  |  |\n",
		"| `options` | list<uint8>? |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("lacks %q:\n%s", want, b.String())
		}
	}
}

func TestKindNames(t *testing.T) {
	for k := schema.Bool; k <= schema.Binary; k++ {
		if got, err := schema.ParseKind(k.String()); err != nil || got != k {
			t.Errorf("%s: %v, %v", k, got, err)
		}
	}
}
