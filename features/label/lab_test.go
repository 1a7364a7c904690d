package label_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapline/pcapline/features/label"
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
)

// labCounts are the packets of each capture and attack label, as the
// recorder's own script counted them with its own reading of the truth;
// label * is all packets. See ../../testdata/README.md for the captures.
func labCounts(t *testing.T) map[string]int64 {
	t.Helper()
	f, err := os.Open("testdata/lab_packets.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, r := range rows[1:] {
		var n int64
		if _, err := fmt.Sscan(r[2], &n); err != nil {
			t.Fatal(err)
		}
		counts[r[0]+" "+r[1]] = n
	}
	return counts
}

// annotated runs the captures of a folder through the pipeline.
func annotated(t *testing.T, dir string, rules *label.Rules) (*label.Report, []string) {
	t.Helper()
	inputs, err := pcapio.Expand([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	names := transform.CaptureNames(inputs)
	a, err := label.NewAnnotator(rules, names)
	if err != nil {
		t.Fatal(err)
	}
	a = a.WithAlignment()
	out := t.TempDir()
	_, err = transform.Run(context.Background(), transform.Options{
		Inputs:   inputs,
		Packets:  transform.Output{Path: filepath.Join(out, "packets.parquet"), Columns: []string{"frame_number", "label"}},
		Flows:    transform.Output{Path: filepath.Join(out, "flows.parquet"), Columns: []string{"flow_id", "label"}},
		Annotate: func() transform.Annotator { return a.Clone() },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Err(); err != nil {
		t.Fatal(err)
	}
	return label.NewReport(rules, a.Hits()...), names
}

func testLab(t *testing.T, dir string) {
	rules, err := label.Load(filepath.Join(dir, "truth.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rep, names := annotated(t, dir, rules)
	want := map[string]int64{}
	all := labCounts(t)
	for _, n := range names {
		n = strings.TrimSuffix(n, ".zst")
		for k, v := range all {
			if strings.HasPrefix(k, n+" ") {
				want[k] = v
			}
		}
	}
	got := map[string]int64{}
	for _, r := range rep.Rules {
		if r.Class == "attack" && r.Hits["packets"] > 0 {
			got[r.File+" "+r.Label] += r.Hits["packets"]
		}
	}
	for _, f := range rep.Tables[0].Files {
		got[strings.TrimSuffix(f.File, ".zst")+" *"] = f.Rows
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("packets by capture and label (-recorder +ours):\n%s", d)
	}
	if len(rep.Absent) != 0 || rep.Problem() != "" || !rep.Offset.Aligned {
		t.Errorf("absent %v, problem %q, offset %+v", rep.Absent, rep.Problem(), rep.Offset)
	}
	if rep.Tables[1].Table != "flows" || rep.Tables[1].Conflicts+rep.Tables[0].Conflicts != 0 {
		t.Errorf("tables %+v", rep.Tables)
	}
	for l := range rep.Tables[0].Labels {
		if rep.Tables[1].Labels[l] == 0 {
			t.Errorf("label %s is on packets and on no flow", l)
		}
	}
	rep.WriteText(testWriter{t})
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

func TestBundledLabIsLabelledAsTheRecorderDid(t *testing.T) { testLab(t, "../../testdata/lab") }

func TestWholeLabIsLabelledAsTheRecorderDid(t *testing.T) {
	const dir = "../../../shared/data/lab"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the whole lab is not beside the repository, in ../shared/data/lab")
	}
	if testing.Short() {
		t.Skip("300 k packets")
	}
	testLab(t, dir)
}

func TestShiftedTruthIsCaught(t *testing.T) {
	const dir = "../../testdata/lab"
	rules, err := label.Load(filepath.Join(dir, "truth.csv"))
	if err != nil {
		t.Fatal(err)
	}
	const threeHours = int64(3 * 3600 * 1e9)
	for i := range rules.List {
		rules.List[i].From += threeHours
		rules.List[i].To += threeHours
	}
	rep, _ := annotated(t, dir, rules)
	if o := rep.Offset; o.Aligned || o.BestNS != -threeHours || rep.Problem() == "" {
		t.Errorf("truth shifted by 3 h: offset %+v, problem %q", o, rep.Problem())
	}
}
