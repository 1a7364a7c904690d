package features

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapline/pcapline/transform/schema"
)

// sampleTable has a column of each sort.
type sampleTable struct {
	schema.Layer `name:"t" every:"row"`

	Bytes  schema.Values[int64]         `name:"bytes" doc:"-"`
	Rate   schema.Optional[float64]     `name:"rate" doc:"-"`
	RTT    schema.Optional[float64]     `name:"rtt" doc:"Missing where rate is."`
	Const  schema.Values[uint8]         `name:"const" doc:"-"`
	Only   schema.Optional[uint8]       `name:"only" doc:"Constant where it is there."`
	Flag   schema.Values[bool]          `name:"flag" doc:"-"`
	State  schema.Optional[schema.Text] `name:"state" doc:"-"`
	Proto  schema.Optional[uint8]       `name:"ip_proto" doc:"-"`
	Sizes  schema.List[int64]           `name:"sizes" doc:"-"`
	SrcIP  schema.Values[schema.IPv4]   `name:"src_ip" role:"identity" doc:"-"`
	Time   schema.Values[int64]         `name:"ts_ns" role:"time" doc:"-"`
	Nobody schema.Optional[uint16]      `name:"nobody" doc:"Never there."`
}

type sampleRow struct {
	bytes int64
	rate  float64 // -1: null
	only  bool
	flag  bool
	state string // "": null
	proto uint8
}

func (s *sampleTable) add(b *schema.Batch, rows ...sampleRow) {
	for _, r := range rows {
		i := b.Rows
		b.Rows++
		s.Bytes.Append(r.bytes)
		if r.rate != -1 {
			s.Rate.Set(i, r.rate)
			s.RTT.Set(i, r.rate/2)
		}
		s.Const.Append(7)
		if r.only {
			s.Only.Set(i, 9)
		}
		s.Flag.Append(r.flag)
		if r.state != "" {
			s.State.Set(i, schema.Text(r.state))
		}
		s.Proto.Set(i, r.proto)
		s.Sizes.Set(i, 1, 2)
		s.SrcIP.Append(schema.IPv4{192, 0, 2, byte(i)})
		s.Time.Append(int64(i))
	}
	b.Finish()
}

var tableRows = []sampleRow{
	{bytes: 10, rate: 2, flag: true, state: "SF", proto: 6, only: true},
	{bytes: 30, rate: -1, state: "S0", proto: 6},
	{bytes: 20, rate: 4, state: "SF", proto: 17},
	{bytes: 900, rate: 100, state: "", proto: 1, only: true}, // validation
	{bytes: 40, rate: math.Inf(1), state: "REJ", proto: 1},   // test
	{bytes: 50, rate: math.NaN(), state: "SF", proto: 6},     // test
}

var sampleParts = []Part{Train, Train, Train, Valid, Test, Test}

func fitSample(t *testing.T, spec EncodeSpec, rows []sampleRow) (*Encoding, *schema.Batch) {
	t.Helper()
	s := new(sampleTable)
	b := schema.Of(s)
	s.add(b, rows...)
	enc, err := NewEncoder(b.Schema(), spec)
	if err != nil {
		t.Fatal(err)
	}
	enc.Observe(b, sampleParts)
	e, err := enc.Encoding()
	if err != nil {
		t.Fatal(err)
	}
	return e, b
}

func TestEncodingOfEachSortOfColumn(t *testing.T) {
	e, b := fitSample(t, EncodeSpec{}, tableRows)
	want := []string{
		"bytes", "rate", "rate_missing", "rtt", "only_missing", "flag",
		"state=S0", "state=SF", "ip_proto=17", "ip_proto=6",
	}
	if d := cmp.Diff(want, e.Names()); d != "" {
		t.Fatal(d)
	}
	reasons := map[string]string{}
	for _, d := range e.Dropped {
		reasons[d.Column] = d.Reason
	}
	if d := cmp.Diff(map[string]string{
		"const": "constant in training", "only": "constant in training", "nobody": "no value in training",
		"sizes": "lists have no encoding", "src_ip": "role identity", "ts_ns": "role time",
	}, reasons); d != "" {
		t.Error(d)
	}
	bound, err := e.Bind(b)
	if err != nil {
		t.Fatal(err)
	}
	m := NewMatrix(b.Rows, e.Names())
	bound.Fill(m, 0)
	for i, want := range [][]float32{
		{10, 2, 0, 1, 0, 1, 0, 1, 0, 1},
		{30, 2, 1, 1, 1, 0, 1, 0, 0, 1}, // medians: the lower of 2 and 4
		{20, 4, 0, 2, 1, 0, 0, 1, 1, 0},
		{900, 100, 0, 50, 0, 0, 0, 0, 0, 0},
		{40, 2, 1, 1, 1, 0, 0, 0, 0, 0}, // infinite is as missing; REJ and protocol 1 were not in training
		{50, 2, 1, 1, 1, 0, 0, 1, 0, 1}, // so is NaN
	} {
		if d := cmp.Diff(want, m.Row(i)); d != "" {
			t.Errorf("row %d: %s", i, d)
		}
	}
	if bound.NaN != 2 || bound.Inf != 2 {
		t.Errorf("counted %d NaN, %d Inf; want 2 and 2 (rate and rtt)", bound.NaN, bound.Inf)
	}
}

func TestEncodingLearnsFromTrainingRowsOnly(t *testing.T) {
	e, _ := fitSample(t, EncodeSpec{}, tableRows)
	changed := slices.Clone(tableRows)
	for i, p := range sampleParts {
		if p != Train {
			changed[i] = sampleRow{bytes: -5, rate: 1e30, flag: true, state: "ZZ", proto: 99}
		}
	}
	f, _ := fitSample(t, EncodeSpec{}, changed)
	if d := cmp.Diff(e, f); d != "" {
		t.Errorf("other test rows change the encoding: %s", d)
	}
	changed[0].bytes = 77
	changed[0].state = "RSTO"
	if g, _ := fitSample(t, EncodeSpec{}, changed); cmp.Equal(e, g) {
		t.Error("another training row does not change it: the test cannot fail")
	}
}

func TestEncodeSpecs(t *testing.T) {
	for _, c := range []struct {
		name string
		spec EncodeSpec
		want []string
	}{
		{"include", EncodeSpec{Include: []string{"bytes", "ts_ns"}}, []string{"bytes", "ts_ns"}},
		{"exclude", EncodeSpec{Include: []string{"bytes", "flag"}, Exclude: []string{"flag"}}, []string{"bytes"}},
		{"add", EncodeSpec{Add: []string{"ts_ns"}, Exclude: []string{"rate", "rtt", "only", "flag", "state", "ip_proto"}}, []string{"bytes", "ts_ns"}},
		{"number", EncodeSpec{Include: []string{"ip_proto"}, Categorical: []string{}}, []string{"ip_proto"}},
		{"few categories", EncodeSpec{Include: []string{"state"}, MaxCategories: 1}, []string{"state=SF", "state=other"}},
		{"constant", EncodeSpec{Include: []string{"const"}, KeepConstant: true}, []string{"const"}},
		{"hashed", EncodeSpec{Include: []string{"state"}, MaxCategories: 1, HashBuckets: 3}, []string{"state#0", "state#1", "state#2"}},
		{"few enough", EncodeSpec{Include: []string{"state"}, HashBuckets: 3}, []string{"state=S0", "state=SF"}},
	} {
		e, _ := fitSample(t, c.spec, tableRows)
		if d := cmp.Diff(c.want, e.Names()); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
	s := schema.Of(new(sampleTable)).Schema()
	if _, err := NewEncoder(s, EncodeSpec{Exclude: []string{"byte"}}); err == nil || !strings.Contains(err.Error(), `"byte"`) {
		t.Errorf("misspelt column: %v", err)
	}
	for _, bad := range []EncodeSpec{{Impute: "mode"}, {Impute: "NaN"}, {HashBuckets: -1}} {
		if _, err := NewEncoder(s, bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
	enc, err := NewEncoder(s, EncodeSpec{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := enc.Encoding(); err == nil {
		t.Error("an encoding without training rows")
	}
}

func TestMissingNumbersAreFilledAsAsked(t *testing.T) {
	for impute, want := range map[string]float64{"": 2, "median": 2, "mean": 3, "-1": -1} {
		e, b := fitSample(t, EncodeSpec{Include: []string{"rate"}, Impute: impute}, tableRows)
		bound, err := e.Bind(b)
		if err != nil {
			t.Fatal(err)
		}
		m := NewMatrix(b.Rows, e.Names())
		bound.Fill(m, 0)
		if got := m.Row(1)[0]; got != float32(want) || e.Columns[0].Impute != want {
			t.Errorf("%s: filled with %g, stored %g; want %g", impute, got, e.Columns[0].Impute, want)
		}
	}
}

func TestHashedCategoriesNeedNoList(t *testing.T) {
	e, b := fitSample(t, EncodeSpec{Include: []string{"state"}, MaxCategories: 1, HashBuckets: 8}, tableRows)
	bound, err := e.Bind(b)
	if err != nil {
		t.Fatal(err)
	}
	m := NewMatrix(b.Rows, e.Names())
	bound.Fill(m, 0)
	// FNV-1a of "SF" is 09461007b5d5c00c, of "REJ" a05ec419ff08c12e (by Python).
	for row, bucket := range map[int]int{0: 4, 4: 6} {
		if m.Row(row)[bucket] != 1 {
			t.Errorf("row %d: %v; want bucket %d", row, m.Row(row), bucket)
		}
	}
	if d := cmp.Diff(make([]float32, 8), m.Row(3)); d != "" {
		t.Errorf("a row without a value: %s", d)
	}
}

func TestColumnsAskedForAgainstTheirRole(t *testing.T) {
	e, _ := fitSample(t, EncodeSpec{Add: []string{"ts_ns", "bytes"}}, tableRows)
	if d := cmp.Diff([]Asked{{"ts_ns", "time"}}, e.Asked); d != "" {
		t.Error(d)
	}
	if w := strings.Join(e.Warnings(), ";"); !strings.Contains(w, "ts_ns") || !strings.Contains(w, "role is time") {
		t.Errorf("warnings %q", w)
	}
}

func TestEncodingRefusesOtherTables(t *testing.T) {
	e, _ := fitSample(t, EncodeSpec{}, tableRows)
	var s schema.Schema
	for _, f := range schema.Of(new(sampleTable)).Schema() {
		g := *f
		if g.Name == "bytes" {
			g.Kind = schema.Float64
		}
		s = append(s, &g)
	}
	if err := e.Check(s); err == nil || !strings.Contains(err.Error(), "bytes has type float64") {
		t.Errorf("other type: %v", err)
	}
	if err := e.Check(s[1:]); err == nil || !strings.Contains(err.Error(), "no column bytes") {
		t.Errorf("missing column: %v", err)
	}
	e.Version++
	if err := e.Check(schema.Of(new(sampleTable)).Schema()); err == nil {
		t.Error("another version was taken")
	}
}

func TestMedianOfManyRowsIsNear(t *testing.T) {
	s := new(sampleTable)
	b := schema.Of(s)
	enc, err := NewEncoder(b.Schema(), EncodeSpec{Include: []string{"rate", "bytes"}})
	if err != nil {
		t.Fatal(err)
	}
	parts := make([]Part, 1000)
	for k := range 60 {
		b.Reset()
		for i := range parts {
			s.add(b, sampleRow{bytes: int64(k*1000 + i), rate: float64(k*1000 + i)})
		}
		enc.Observe(b, parts)
	}
	e, err := enc.Encoding()
	if err != nil {
		t.Fatal(err)
	}
	// The standard error of the median of 8192 of 60,000 uniform values is 330.
	if m := e.Columns[0].Impute; math.Abs(m-30000) > 1500 {
		t.Errorf("median %g of 0…59999", m)
	}
}

func TestPipelineRoundTrip(t *testing.T) {
	e, b := fitSample(t, EncodeSpec{}, tableRows)
	bound, err := e.Bind(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []Method{Standard, MinMax, QuantileNormal, QuantileUniform, None} {
		m := NewMatrix(b.Rows, e.Names())
		bound.Fill(m, 0)
		sc, err := Scaler{Method: method}.Fit(m, Training(sampleParts))
		if err != nil {
			t.Fatal(err)
		}
		if err := sc.Apply(m); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(&Pipeline{Encoding: e, Scaling: sc})
		if err != nil {
			t.Fatal(err)
		}
		p, err := ParsePipeline(text)
		if err != nil {
			t.Fatal(err)
		}
		a, err := p.Bind(b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := a.Apply()
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(m, got); d != "" {
			t.Errorf("%s: after JSON: %s", method, d)
		}
		again, err := json.Marshal(p)
		if err != nil || string(again) != string(text) {
			t.Errorf("%s: JSON changes on its way", method)
		}
	}
}
