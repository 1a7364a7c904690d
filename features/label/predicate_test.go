package label

import (
	"errors"
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
)

// everyType has a column of each type that predicates know.
type everyType struct {
	schema.Layer `name:"x" every:"row"`
	Int          schema.Values[int64]         `name:"n" doc:"-"`
	Small        schema.Optional[uint16]      `name:"port" doc:"-"`
	Float        schema.Values[float64]       `name:"f" doc:"-"`
	Text         schema.Optional[schema.Text] `name:"t" doc:"-"`
	Bool         schema.Optional[bool]        `name:"b" doc:"-"`
	IP           schema.Values[netip.Addr]    `name:"ip" doc:"-"`
	V4           schema.Optional[schema.IPv4] `name:"v4" doc:"-"`
	MAC          schema.Values[schema.MAC]    `name:"mac" doc:"-"`
	TS           schema.Values[schema.Micros] `name:"ts" doc:"-"`
	List         schema.List[int64]           `name:"list" doc:"-"`
}

// twoRows has all values in row 0 and only those it must have in row 1.
func twoRows() *schema.Batch {
	x := new(everyType)
	b := schema.Of(x)
	for row := range 2 {
		x.Int.Append(9007199254740993) // 2^53 + 1
		x.Float.Append([]float64{1.5, math.NaN()}[row])
		x.IP.Append(netip.MustParseAddr([]string{"10.1.2.3", "2001:db8::1"}[row]))
		x.MAC.Append(schema.MAC{2, 0, 0, 0, 0, byte(row)})
		x.TS.Append(schema.Micros(1499169600_000000)) // 2017-07-04T12:00:00Z
		b.Rows++
	}
	x.Small.Set(0, 80)
	x.Text.Set(0, schema.Text("SF"))
	x.Bool.Set(0, true)
	x.V4.Set(0, schema.IPv4{192, 0, 2, 1})
	x.List.Set(0, 1, 2)
	b.Finish()
	return b
}

func TestPredicates(t *testing.T) {
	b := twoRows()
	names := map[truth]byte{isTrue: 't', isFalse: 'f', isNull: '-'}
	for _, c := range []struct{ text, want string }{
		{"n == 9007199254740993", "tt"},
		{"n == 9007199254740992", "ff"}, // not by way of float64
		{"n > 9007199254740992 and n <= 9007199254740993", "tt"},
		{"port == 80", "t-"},
		{"80 == port", "t-"},
		{"79 < port", "t-"},
		{"not (port == 80)", "f-"},
		{"port != 80", "f-"},
		{"port == nil", "ft"},
		{"nil != port", "tf"},
		{"port in [22, 80]", "t-"},
		{"port not in [22, 80]", "f-"},
		{"port in 1..79", "f-"},
		{"port in 80..80", "t-"},
		{"port == 80 or n == 1", "t-"},
		{"port == 80 or n > 1", "tt"},
		{"port == 81 and n > 1", "f-"},
		{"port == 81 and n == 1", "ff"},
		{"port == nil or port > 1", "tt"},
		{"f > 1", "tf"},
		{"f != 1.5", "ft"}, // NaN is unlike anything
		{"f == 1.5", "tf"},
		{"f <= 2 or f > 2", "tf"},
		{"f * 2 == 3", "tf"},
		{"n - n == 0", "tt"},
		{"port / 0 > 1", "--"},
		{"port / 160 == 0.5", "t-"},
		{"-port == -80", "t-"},
		{"port + 1 == 81", "t-"},
		{`t == "SF"`, "t-"},
		{`t in ["S0", "SF"]`, "t-"},
		{`t startsWith "S" and t endsWith "F" and t contains "SF"`, "t-"},
		{`t < "T"`, "t-"},
		{"b", "t-"},
		{"b == true", "t-"},
		{"b != false and true", "t-"},
		{"not b", "f-"},
		{`ip == "10.1.2.3"`, "tf"},
		{`"10.1.2.3" == ip`, "tf"},
		{`ip in "10.0.0.0/8"`, "tf"},
		{`ip in ["2001:db8::1", "10.1.2.4"]`, "ft"},
		{`v4 == "192.0.2.1"`, "t-"},
		{`v4 in "192.0.2.0/24"`, "t-"},
		{`mac == "02:00:00:00:00:01"`, "ft"},
		{`ts >= "2017-07-04T12:00:00Z" and ts < "2017-07-04 12:00:00.000001"`, "tt"},
		{"list == nil", "ft"},
		{"port == 80 && n != 0 || false", "t-"},
		{"!(n == 0)", "tt"},
	} {
		p, err := parsePredicate(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		cond, err := p.bind(b)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		got := string([]byte{names[cond(0)], names[cond(0)], names[cond(1)]})
		if got != c.want[:1]+c.want {
			t.Errorf("%s is %s; want %s", c.text, got, c.want[:1]+c.want)
		}
	}
}

func TestPredicateErrorsSayWhere(t *testing.T) {
	b := twoRows()
	for _, c := range []struct{ text, want string }{
		{"a > > 3", "column 5: unexpected token"},
		{"port = 80", "column 6"},
		{"len(t) > 1", "column 1: builtin expressions are not part"},
		{"foo(1)", "column 1: call expressions are not part"},
		{"t.x == 1", "not part"},
		{"n ? b : b", "conditional expressions are not part"},
		{"n ** 2 == 4", "operator ** is not part"},
		{"n", "a condition is wanted, not an integer"},
		{"1 + 2", "column 3: a condition is wanted"},
		{"not n", "column 1: not of an integer"},
		{"n and b", "column 3: and of an integer"},
		{`n == "x"`, `an integer is compared with the text "x"`},
		{"n == t", "an integer == a text"},
		{"mac < ip", "a MAC address < an address"},
		{`ip == "10.0.0"`, `"10.0.0" is not an address`},
		{`mac == "02:00"`, "not a MAC"},
		{`ts > "yesterday"`, `time "yesterday"`},
		{`n in "10.0.0.0/8"`, "an integer in a prefix"},
		{`ip in "10.0.0.0/33"`, "not a prefix"},
		{"f in 1..2", "a number in a range"},
		{"n in 1..t", "a range has integers"},
		{"n in t", "right of in stands"},
		{"n in [1, t]", "an integer == a text"},
		{"n > nil", "only a column can be nil"},
		{"1 == nil", "only a column can be nil"},
		{"list == 1", "a list or bytes == an integer"},
		{"t + 1 == 2", "operator + of a text"},
		{"n contains 1", "contains of an integer"},
		{"", "unexpected token"},
		{strings.Repeat("(", 20000), "longer than"},
	} {
		p, err := parsePredicate(c.text)
		if err == nil {
			_, err = p.bind(b)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40s: error %v; want it to say %q", c.text, err, c.want)
		}
		if pe := (*PredicateError)(nil); err != nil && !errors.As(err, &pe) {
			t.Errorf("%.40s: %T", c.text, err)
		}
	}
	p, err := parsePredicate("nothing == 1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.bind(b); err == nil || err.Error() != `no column "nothing"` {
		t.Errorf("missing column: %v", err)
	}
}

// TestPacksFitTheFlowsTable binds every predicate of the label packs to the
// declared columns.
func TestPacksFitTheFlowsTable(t *testing.T) {
	b := schema.FromFields(flow.Schema())
	for _, name := range Packs() {
		rules, err := Pack(name)
		if err != nil {
			t.Fatal(err)
		}
		set, err := compile(rules.List)
		if err != nil {
			t.Fatal(err)
		}
		if len(set.predicates) == 0 || rules.Files[0].SHA256 == "" || len(rules.Files[0].Notes) == 0 {
			t.Errorf("%s: %d predicates, source %+v", name, len(set.predicates), rules.Files[0])
		}
		for _, p := range set.predicates {
			if _, err := p.bind(b); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := Pack("none"); err == nil || !strings.Contains(err.Error(), "cic-ids2017, cse-cic-ids2018") {
		t.Errorf("unknown pack: %v", err)
	}
}

func FuzzPredicate(f *testing.F) {
	for _, s := range []string{"n > 1 and not (port in [1, 2])", `ip in "10.0.0.0/8"`, "f / 0 == nil", `ts > "2017-01-01 00:00"`, "-n..3", "a ?? b"} {
		f.Add(s)
	}
	b := twoRows()
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePredicate(text)
		if err != nil {
			return
		}
		cond, err := p.bind(b)
		if err != nil {
			return
		}
		for row := range b.Rows {
			if v := cond(row); v != isTrue && v != isFalse && v != isNull {
				t.Errorf("row %d: %d", row, v)
			}
		}
	})
}

func BenchmarkPredicate(b *testing.B) {
	x := new(everyType)
	batch := schema.Of(x)
	for range 8192 {
		x.Int.Append(int64(batch.Rows))
		x.Small.Set(batch.Rows, uint16(batch.Rows))
		x.Float.Append(1)
		x.IP.Append(netip.Addr{})
		x.MAC.Append(schema.MAC{})
		x.TS.Append(0)
		batch.Rows++
	}
	p, err := parsePredicate("n > 20 and f == 1 and not (port in [33358, 33360, 33362])")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		cond, err := p.bind(batch)
		if err != nil {
			b.Fatal(err)
		}
		for row := range batch.Rows {
			cond(row)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/8192, "ns/row")
}
