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

// labFlows makes the labelled flows table of the bundled captures.
func labFlows(t *testing.T, workers int) string {
	t.Helper()
	const lab = "../../testdata/lab"
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
	_, err = transform.Run(context.Background(), transform.Options{
		Inputs: inputs, Workers: workers, Flows: transform.Output{Path: path},
		Annotate: func() transform.Annotator { return a.Clone() },
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
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
