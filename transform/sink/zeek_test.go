package sink_test

import (
	"bytes"
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
)

// TestZeek holds the log to Zeek's own way of writing, cell by cell.
func TestZeek(t *testing.T) {
	s := schema.Schema{
		{Name: "ts", Kind: schema.Timestamp, Doc: "A."},
		{Name: "id.orig_h", Kind: schema.IPAddr, Doc: "A."},
		{Name: "id.orig_p", Kind: schema.Int64, Doc: "A."},
		{Name: "proto", Kind: schema.String, Nullable: true, Doc: "A."},
		{Name: "duration", Kind: schema.Float64, Unit: "s", Nullable: true, Doc: "A."},
		{Name: "share", Kind: schema.Float64, Doc: "A."},
		{Name: "local", Kind: schema.Bool, Doc: "A."},
		{Name: "names", Kind: schema.String, List: true, Nullable: true, Doc: "A."},
	}
	b := schema.FromFields(s)
	add[schema.Micros](b, 1517232995000001, -1500000)
	add(b, netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fe80::1"))
	add[int64](b, 443, 0)
	b.Columns[3].(*schema.Optional[schema.Text]).Set(0, schema.Text("a\tb\\\n\x7f,ü\xff"))
	b.Columns[3].(*schema.Optional[schema.Text]).Set(1, schema.Text("-"))
	b.Columns[4].(*schema.Optional[float64]).Set(0, 0.00012)
	add(b, 0.25, math.Inf(1))
	add(b, true, false)
	b.Columns[7].(*schema.List[schema.Text]).Set(0, schema.Text("a,b"), schema.Text(""), schema.Text("(empty)"))
	b.Columns[7].(*schema.List[schema.Text]).Set(1)
	b.Rows = 2
	b.Finish()

	format, err := sink.ForFile("conn.log")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := format.New(&out, s, sink.Options{Log: "conn"})
	if err != nil {
		t.Fatal(err)
	}
	e := w.NewEncoder()
	if err := e.Encode(b); err != nil {
		t.Fatal(err)
	}
	p, err := e.Flush()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(p); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		`#separator \x09`,
		"#set_separator\t,",
		"#empty_field\t(empty)",
		"#unset_field\t-",
		"#path\tconn",
		"#fields\tts\tid.orig_h\tid.orig_p\tproto\tduration\tshare\tlocal\tnames",
		"#types\ttime\taddr\tport\tenum\tinterval\tdouble\tbool\tvector[string]",
		"1517232995.000001\t10.0.0.1\t443\ta\\x09b\\x5c\\x0a\\x7f,ü\uFFFD\t0.000120\t0.25\tT\ta\\x2cb,(empty),\\x28empty)",
		"-1.500000\tfe80::1\t0\t\\x2d\t-\t+Inf\tF\t(empty)",
		"",
	}, "\n")
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
