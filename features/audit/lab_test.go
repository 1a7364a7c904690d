package audit

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/label"
	"github.com/pcapline/pcapline/features/prep"
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
)

// labFlows makes the labelled flows table of the bundled captures.
func labFlows(t *testing.T) string {
	t.Helper()
	rules, err := label.Load(filepath.Join(lab, "truth.csv"))
	if err != nil {
		t.Fatal(err)
	}
	inputs, err := pcapio.Expand([]string{lab})
	if err != nil {
		t.Fatal(err)
	}
	a, err := label.NewAnnotator(rules, transform.CaptureNames(inputs))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "flows.parquet")
	if _, err := transform.Run(context.Background(), transform.Options{
		Inputs: inputs, Flows: transform.Output{Path: path}, Annotate: func() transform.Annotator { return a.Clone() },
	}); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBundledLab says what the audit says of the project's own captures: with
// a split by capture (this seed) nothing fails; with a split by time one column
// alone tells floods and scans, and the parts share recordings.
func TestBundledLab(t *testing.T) {
	if testing.Short() {
		t.Skip("128,000 packets")
	}
	table := labFlows(t)
	for _, c := range []struct {
		name    string
		opt     prep.Options
		verdict map[string]Verdict // others are no worse than warn
		says    string
	}{
		{"by capture", prep.Options{Split: features.SplitSpec{Kind: features.ByCapture, Seed: 42}},
			map[string]Verdict{"identity": Pass, "shuffled_labels": Pass, "shuffled_blocks": Pass, "duplicates": Pass, "one_feature": Warn}, ""},
		{"by time", prep.Options{},
			map[string]Verdict{"identity": Pass, "shuffled_labels": Pass, "shuffled_blocks": Warn, "one_feature": Fail}, "src_10s_flows alone"},
		{"with an address", prep.Options{Encode: features.EncodeSpec{Add: []string{"flow_ttl_min", "src_port"}}},
			map[string]Verdict{"identity": Fail, "one_feature": Fail}, "flow_ttl_min holds role identity"},
		{"by dice", prep.Options{Split: features.SplitSpec{Kind: features.Random}},
			map[string]Verdict{"split": Fail, "one_feature": Warn}, "split is random"},
	} {
		c.opt.Tables, c.opt.Dir, c.opt.MaxPerClass = []string{table}, t.TempDir(), -1 // the verdicts are of all training rows
		if _, err := prep.Prepare(context.Background(), c.opt); err != nil {
			t.Fatal(err)
		}
		r, err := Dataset(context.Background(), c.opt.Dir)
		if err != nil {
			t.Fatal(err)
		}
		all := ""
		for _, k := range r.Checks {
			all += strings.Join(k.Findings, "\n") + "\n"
			want, named := c.verdict[k.Name]
			if named && k.Verdict != want || !named && k.Verdict == Fail {
				t.Errorf("%s: %s: %s %v", c.name, k.Name, k.Verdict, k.Findings)
			}
		}
		if !strings.Contains(all, c.says) {
			t.Errorf("%s: nothing says %q:\n%s", c.name, c.says, all)
		}
		if !strings.Contains(r.Markdown(), "| one_feature | "+string(find(t, r, "one_feature").Verdict)) {
			t.Errorf("%s: the card's section lacks a check:\n%s", c.name, r.Markdown())
		}
	}
}

// TestAFlowOnTwoSidesIsFound breaks a dataset's promise.
func TestAFlowOnTwoSidesIsFound(t *testing.T) {
	meta := &features.Meta{Split: &features.Split{Spec: features.SplitSpec{Kind: features.ByTime}}, Rows: features.RowLedger{Train: 2, Test: 1}}
	a := newSplitAudit(meta)
	a.see(features.Train, 100, 200, 7, 0)
	a.see(features.Train, 100, 150, 8, 0)
	a.see(features.Test, 160, 170, 7, 0)
	c := a.check()
	if c.Verdict != Fail || !says(c, "1 conversations have rows on two sides") || !says(c, "In 1 captures training rows end after") {
		t.Errorf("%+v", c)
	}
}
