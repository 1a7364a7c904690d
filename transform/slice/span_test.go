package slice_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/slice"
	"github.com/pcapline/pcapline/transform/source"
)

// spansOf reads every nth flow of a table as ids and as spans.
func spansOf(t *testing.T, path string, nth int) (ids []int64, spans []slice.Span) {
	t.Helper()
	table, err := source.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	b := schema.FromFields(table.Schema())
	n := 0
	err = source.Each(context.Background(), table, b, func() error {
		at := map[string]func(int) (int64, bool){}
		for _, name := range []string{"flow_id", "flow_key", "file_id", "last_file_id", "first_packet", "last_packet"} {
			at[name] = schema.Integers(b.Column(name))
		}
		for row := range b.Rows {
			v := map[string]int64{}
			for name, f := range at {
				v[name], _ = f(row)
			}
			if n++; n%nth == 0 {
				ids = append(ids, v["flow_id"])
				spans = append(spans, slice.Span{Key: v["flow_key"], File: int(v["file_id"]), To: int(v["last_file_id"]), First: v["first_packet"], Last: v["last_packet"]})
			}
		}
		return nil
	})
	if err != nil || len(ids) == 0 {
		t.Fatalf("%d flows, %v", len(ids), err)
	}
	return ids, spans
}

// Spans give the packets that flows found anew give, also of flows that go on
// in another capture.
func TestSpansAreFlows(t *testing.T) {
	for _, captures := range [][]string{
		{lab("brute_http_basic"), lab("web_xss")}, {lab("scan_sweep")}, {lab("mac_flood")}, {lab("tunnel_dns"), lab("dos_icmp_flood")},
	} {
		dir := t.TempDir()
		table := filepath.Join(dir, "flows.parquet")
		cfg := flow.Config{Span: len(captures) > 1}
		if _, err := transform.Run(t.Context(), transform.Options{Inputs: captures, Flows: transform.Output{Path: table}, Flow: cfg}); err != nil {
			t.Fatal(err)
		}
		ids, spans := spansOf(t, table, 7)
		slices.Reverse(spans) // in any order
		byFlow := run(t, slice.Options{Inputs: captures, Flow: cfg, Select: slice.Selection{Flows: ids}, Output: filepath.Join(dir, "flow.pcapng")})
		bySpan := run(t, slice.Options{Inputs: captures, Flow: cfg, Select: slice.Selection{Spans: spans}, Output: filepath.Join(dir, "span.pcapng")})
		want, got := readPackets(t, filepath.Join(dir, "flow.pcapng")), readPackets(t, filepath.Join(dir, "span.pcapng"))
		if !slices.Equal(want, got) {
			t.Errorf("%v: %d packets by flow, %d by span", captures, byFlow.Out, bySpan.Out)
		}
		var met int64
		for _, n := range bySpan.Spans {
			met += n
		}
		if met != bySpan.Out {
			t.Errorf("%d packets met, %d written", met, bySpan.Out)
		}
		for i := range spans {
			spans[i].Most = 1
		}
		least := run(t, slice.Options{Inputs: captures, Flow: cfg, Select: slice.Selection{Spans: spans}, Output: filepath.Join(dir, "least.pcapng")})
		if least.Out != int64(len(spans)) || least.Out+least.Left["more of a span than wanted"] != met {
			t.Errorf("one packet of each of %d spans: %d out, %v left", len(spans), least.Out, least.Left)
		}
	}
}

// A span without a key is of all packets; the same packet may be in several.
func TestSpansWithoutKey(t *testing.T) {
	out := filepath.Join(t.TempDir(), "x.pcapng")
	all := readPackets(t, lab("web_xss"))
	spans := []slice.Span{{First: 5, Last: 5}, {First: 3, Last: 4}, {First: 4, Last: 8, Most: 2}, {First: 900000, Last: 900001}}
	res := run(t, slice.Options{Inputs: []string{lab("web_xss")}, Select: slice.Selection{Spans: spans}, Output: out})
	if got := readPackets(t, out); !slices.Equal(got, all[2:5]) || !slices.Equal(res.Spans, []int64{1, 2, 5, 0}) {
		t.Errorf("%d packets, of the spans %v", len(got), res.Spans)
	}
	var wrong *transform.OptionError
	_, err := slice.Run(t.Context(), slice.Options{Inputs: []string{lab("web_xss")}, Merge: true, Select: slice.Selection{Spans: spans}, Output: out})
	if !errors.As(err, &wrong) {
		t.Errorf("spans of merged captures: %v", err)
	}
}
