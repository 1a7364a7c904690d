package sink_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
)

var update = flag.Bool("update", false, "rewrite golden files")

// golden compares got with a file in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%.2000s\nwant\n%.2000s", name, got, want)
	}
}

// render writes batches to memory as one piece.
func render(t *testing.T, format string, s schema.Schema, opt sink.Options, batches ...*schema.Batch) []byte {
	t.Helper()
	f, err := sink.ByName(format)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	k, err := f.New(&out, s, opt)
	if err != nil {
		t.Fatal(err)
	}
	enc := k.NewEncoder()
	for _, b := range batches {
		if err := enc.Encode(b); err != nil {
			t.Fatal(err)
		}
	}
	p, err := enc.Flush()
	if err == nil {
		err = k.Commit(p)
	}
	if err == nil {
		err = k.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The layers of a table whose columns are named in each of the ways there are.
type (
	jsonFrame struct {
		schema.Layer `name:"frame" source:"test" every:"row"`
		TS           schema.Values[schema.Micros]  `name:"ts" doc:"Beside the layers."`
		Number       schema.Values[int64]          `name:"frame_number" doc:"In its layer."`
		Error        schema.Optional[schema.Text]  `name:"decode_error" doc:"Beside the layers."`
		Entropy      schema.Optional[float64]      `name:"frame_entropy" doc:"In its layer."`
		Payload      schema.Optional[schema.Bytes] `name:"frame" doc:"Named as its layer."`
	}
	jsonTCP struct {
		schema.Layer `name:"tcp" source:"test"`
		Port         schema.Values[uint16]    `name:"tcp_port" doc:"In its layer."`
		SYN          schema.Values[bool]      `name:"tcp_flag_syn" doc:"In its layer."`
		Left         schema.List[uint32]      `name:"tcp_left" doc:"List."`
		Names        schema.List[schema.Text] `name:"tcp_names" doc:"List."`
	}
	jsonIP struct {
		schema.Layer `name:"ip" source:"test"`
		Src          schema.Values[schema.IPv4] `name:"ip_src" doc:"In its layer."`
		MAC          schema.Values[schema.MAC]  `name:"ip_mac" doc:"In its layer."`
	}
)

func jsonBatch() *schema.Batch {
	var f jsonFrame
	var ip jsonIP
	var tcp jsonTCP
	b := schema.Of(&f, &ip, &tcp)
	for row := range 4 {
		f.TS.Append(schema.Micros(1_700_000_000_000_001 + int64(row)))
		f.Number.Append(math.MaxInt64 - int64(row))
		if row == 3 {
			continue
		}
		ip.Mark(row)
		ip.Src.Append(schema.IPv4{192, 0, 2, byte(row)})
		ip.MAC.Append(schema.MAC{2, 0, 0, 0, 0, byte(row)})
	}
	f.Error.Set(0, schema.Text("a \"quoted\" \\ \n\t\r\x00\x1f\x7f <&> ü€\U0001F600\u2028 \xff\xfe!"))
	f.Entropy.Set(0, 7.5)
	f.Entropy.Set(1, math.Inf(-1))
	f.Entropy.Set(2, math.NaN())
	f.Payload.Set(1, schema.Bytes{})
	f.Payload.Set(2, schema.Bytes{0, 255})
	tcp.Mark(1)
	tcp.Port.Append(0)
	tcp.SYN.Append(false)
	tcp.Left.Set(1)
	tcp.Names.Set(1, schema.Text("a;b"), schema.Text(""))
	tcp.Mark(2)
	tcp.Port.Append(65535)
	tcp.SYN.Append(true)
	tcp.Left.Set(2, 1, math.MaxUint32)
	b.Rows = 4
	b.Finish()
	return b
}

// TestJSONL: nesting, what is left out, and how values are written.
func TestJSONL(t *testing.T) {
	b := jsonBatch()
	got := render(t, "jsonl", b.Schema(), sink.Options{}, b)
	golden(t, "rows.jsonl", got)
	for line := range bytes.Lines(got) {
		if !json.Valid(line) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

// TestJSONLPlaces: columns of one layer that stand apart are in one object,
// and two that would have one place are refused.
func TestJSONLPlaces(t *testing.T) {
	b := jsonBatch()
	apart, err := b.Select([]string{"tcp_port", "ip_src", "tcp_flag_syn", "frame_number"})
	if err != nil {
		t.Fatal(err)
	}
	apart.Rows = b.Rows
	got := string(render(t, "jsonl", apart.Schema(), sink.Options{}, apart))
	if want := `{"tcp":{"port":0,"flag_syn":false},"ip":{"src":"192.0.2.1"},"frame":{"number":9223372036854775806}}`; !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant a line\n%s", got, want)
	}
	field := func(layer, name string) *schema.Field {
		return &schema.Field{Layer: layer, Name: name, Kind: schema.Bool}
	}
	format, err := sink.ByName("jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []schema.Schema{
		{field("", "a"), field("a", "a_b")}, {field("a", "a_b"), field("", "a")}, {field("a", "a_a"), field("a", "a")},
	} {
		if _, err := format.New(nil, s, sink.Options{}); err == nil || !strings.Contains(err.Error(), "one place") {
			t.Errorf("%v: error %v", s.Names(), err)
		}
	}
}
