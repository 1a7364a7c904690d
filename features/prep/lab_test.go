package prep

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/label"
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
)

const lab = "../../testdata/lab"

// labFlows makes the labelled flows table of the bundled captures.
func labFlows(t *testing.T, workers int) string {
	return labTable(t, workers, true, lab)
}

// labTable makes the labelled flows or packets table of some captures.
func labTable(t *testing.T, workers int, flows bool, captures ...string) string {
	t.Helper()
	rules, err := label.Load(filepath.Join(lab, "truth.csv"))
	if err != nil {
		t.Fatal(err)
	}
	inputs, err := pcapio.Expand(captures)
	if err != nil {
		t.Fatal(err)
	}
	a, err := label.NewAnnotator(rules, transform.CaptureNames(inputs))
	if err != nil {
		t.Fatal(err)
	}
	out := transform.Output{Path: filepath.Join(t.TempDir(), "table.parquet")}
	opt := transform.Options{Inputs: inputs, Workers: workers, Annotate: func() transform.Annotator { return a.Clone() }}
	if flows {
		opt.Flows = out
	} else {
		opt.Packets = out
	}
	if _, err := transform.Run(context.Background(), opt); err != nil {
		t.Fatal(err)
	}
	return out.Path
}

// TestPacketsOfAFlowStayTogether is the property that no split may break, on
// packets of real captures.
func TestPacketsOfAFlowStayTogether(t *testing.T) {
	table := labTable(t, 1, false, filepath.Join(lab, "web_sqli.pcapng.zst"), filepath.Join(lab, "scan_udp.pcapng.zst"), filepath.Join(lab, "web_xss.pcapng.zst"))
	for _, spec := range []features.SplitSpec{
		{Kind: features.ByTime}, {Kind: features.ByStart}, {Kind: features.ByFlow}, {Kind: features.ByCapture}, {Kind: features.Random},
		{Kind: features.ByHost}, {Kind: features.ByHost, Group: features.Pairs},
		{Kind: features.KFold}, {Kind: features.KFold, Group: features.Sources}, {Kind: features.KFold, Group: features.Captures, Folds: 3},
	} {
		spec.Seed = 7
		res, ds := prepared(t, Options{Tables: []string{table}, Split: spec, Duplicates: Keep})
		type flow struct {
			capture int32
			group   int64
		}
		parts := map[flow]features.Part{}
		for i, p := range ds.Parts {
			k := flow{ds.Capture[i], ds.Group[i]}
			if q, known := parts[k]; known && p != q && k.group != 0 {
				t.Errorf("%s by %q: a flow is in %s and %s", spec.Kind, spec.Group, p, q)
			}
			parts[k] = p
		}
		if len(parts) < 100 || res.Full.Rows.Check() != nil {
			t.Errorf("%s by %q: %d flows, rows %+v", spec.Kind, spec.Group, len(parts), res.Full.Rows)
		}
	}
}

func TestBundledLabGivesOneDataset(t *testing.T) {
	if testing.Short() {
		t.Skip("128,000 packets, twice")
	}
	var first map[string][]byte
	var res *Result
	for _, workers := range []int{1, 2} {
		opt := Options{Tables: []string{labFlows(t, workers)}, Dir: t.TempDir()}
		var err error
		if res, err = Prepare(context.Background(), opt); err != nil {
			t.Fatal(err)
		}
		got := files(t, opt.Dir)
		for name, text := range first {
			if !bytes.Equal(text, got[name]) {
				t.Errorf("%s is another one with two workers", name)
			}
		}
		first = got
	}
	m := res.Full
	tested := 0
	for _, c := range m.Classes[1:] {
		if m.Counts[c][features.Test.String()] > 0 {
			tested++
		}
	}
	t.Logf("%+v; %d of %d attack classes have test rows; %v", m.Rows, tested, len(m.Classes)-1, m.Split.Warnings)
	if len(m.Classes) != 23 || tested < 13 || m.Rows.Purged*10 > m.Rows.In {
		t.Errorf("%d classes, %d attack classes with test rows, rows %+v", len(m.Classes), tested, m.Rows)
	}
}
