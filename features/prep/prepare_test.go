package prep

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/label"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
	"github.com/pcapline/pcapline/transform/source"
)

// flowTable is a small table with what Prepare needs of the flows.
type flowTable struct {
	schema.Layer `name:"flow" every:"row"`

	File  schema.Values[uint32]        `name:"file_id" role:"provenance" doc:"-"`
	Start schema.Values[int64]         `name:"ts_ns" role:"time" doc:"-"`
	End   schema.Values[int64]         `name:"ts_end_ns" role:"time" doc:"-"`
	SrcIP schema.Values[netip.Addr]    `name:"src_ip" role:"identity" doc:"-"`
	State schema.Values[schema.Text]   `name:"conn_state" doc:"-"`
	Bytes schema.Values[int64]         `name:"flow_bytes" doc:"-"`
	Rate  schema.Optional[float64]     `name:"flow_bytes_per_s" doc:"-"`
	Name  schema.Optional[schema.Text] `name:"label" role:"label" doc:"-"`
	Class schema.Values[schema.Text]   `name:"label_class" role:"label" doc:"-"`
}

// writeFlows writes 2 captures of 400 flows, 10 ms apart: benign ones, in the
// middle third every second one an attack, and each 20th without a label.
// Change may alter a row before it is written.
func writeFlows(t *testing.T, name string, change func(i int, bytes *int64, rate *float64)) string {
	t.Helper()
	f := new(flowTable)
	b := schema.Of(f)
	const start = int64(1_700_000_000_000_000_000)
	for i := range 800 {
		row := b.Rows
		b.Rows++
		capture, k := i/400, i%400
		f.File.Append(uint32(capture))
		f.Start.Append(start + int64(k)*1e7)
		f.End.Append(start + int64(k)*1e7 + 5e6)
		f.SrcIP.Append(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
		f.State.Append(schema.Text([]string{"SF", "S0", "REJ"}[i%3]))
		bytes, rate := int64(i*i), float64(i)/3
		if i%7 == 0 {
			rate = -1
		}
		if change != nil {
			change(i, &bytes, &rate)
		}
		f.Bytes.Append(bytes)
		if rate != -1 {
			f.Rate.Set(row, rate)
		}
		switch {
		case k%20 == 0:
			f.Class.Append(schema.Text("unknown"))
		case k > 133 && k < 266 && k%2 == 0:
			f.Class.Append(schema.Text("attack"))
			f.Name.Set(row, schema.Text([]string{"scan", "flood"}[capture]))
		default:
			f.Class.Append(schema.Text("benign"))
			f.Name.Set(row, schema.Text("benign"))
		}
	}
	b.Finish()
	path := filepath.Join(t.TempDir(), name)
	out, err := sink.Create(path, sink.Format{}, b.Schema(), sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Abort()
	out.SetMetadata(transform.MetaInputs, `[{"file":"a.pcap","sha256":"aa"},{"file":"b.pcap","sha256":"bb"}]`)
	out.SetMetadata(MetaLabels, `{"source":"truth.csv"}`)
	enc := out.NewEncoder()
	if err := enc.Encode(b); err != nil {
		t.Fatal(err)
	}
	piece, err := enc.Flush()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(out.Commit(piece), out.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func prepared(t *testing.T, opt Options) (*Result, *Dataset) {
	t.Helper()
	opt.Dir = t.TempDir()
	res, err := Prepare(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	ds, err := Load(opt.Dir)
	if err != nil {
		t.Fatal(err)
	}
	return res, ds
}

func TestPrepareAccountsForEveryRow(t *testing.T) {
	res, ds := prepared(t, Options{Tables: []string{writeFlows(t, "flows.parquet", nil)}})
	m := res.Full
	if m.Rows.In != 800 || m.Rows.Unknown != 40 || m.Rows.Check() != nil {
		t.Errorf("rows %+v", m.Rows)
	}
	if d := cmp.Diff([]string{"benign", "flood", "scan"}, m.Classes); d != "" {
		t.Error(d)
	}
	var n int64
	for _, parts := range m.Counts {
		for _, k := range parts {
			n += k
		}
	}
	if n != 760 {
		t.Errorf("counts %v add up to %d", m.Counts, n)
	}
	if ds.X.Rows != int(m.Rows.Train+m.Rows.Valid+m.Rows.Test) || len(ds.Class) != ds.X.Rows || len(ds.Row) != ds.X.Rows {
		t.Errorf("%d rows were loaded, %+v written", ds.X.Rows, m.Rows)
	}
	for c, name := range []string{"benign", "flood", "scan"} {
		for _, p := range []features.Part{features.Train, features.Valid, features.Test} {
			if m.Counts[name][p.String()] == 0 {
				t.Errorf("class %d %s has no %s rows: %v", c, name, p, m.Counts)
			}
		}
	}
	if len(m.Split.Cuts) != 2 || m.Split.Cuts[0].Capture != "a.pcap" || len(m.Inputs) != 2 || string(m.LabelReport) != `{"source":"truth.csv"}` {
		t.Errorf("cuts %+v, inputs %+v, labels %s", m.Split.Cuts, m.Inputs, m.LabelReport)
	}
	if m.Created != "2023-11-14 22:13:23" {
		t.Errorf("created %s; the last packet is at 22:13:23.995", m.Created)
	}
}

func TestDatasetHoldsWhatTheTableHeld(t *testing.T) {
	path := writeFlows(t, "flows.parquet", nil)
	opt := Options{Tables: []string{path}, Dir: t.TempDir()}
	res, err := Prepare(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	ds, err := Load(opt.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"conn_state=REJ", "conn_state=S0", "conn_state=SF", "flow_bytes", "flow_bytes_per_s", "flow_bytes_per_s_missing"}, ds.X.Names); d != "" {
		t.Fatal(d)
	}
	full := readAll(t, filepath.Join(opt.Dir, "fulldata.parquet"))
	if full.Rows != 760 || !slices.Contains(full.Schema().Names(), "src_ip") {
		t.Fatalf("the full table has %d rows of %v", full.Rows, full.Schema().Names())
	}
	bytesOf := full.Column("flow_bytes").Data().([]int64)
	split := full.Column("split").Data().([]schema.Text)
	index := full.Column("label_index").Data().([]uint16)
	for i, row := range ds.Row {
		if got := ds.X.Row(i)[3]; got != float32(bytesOf[row]) {
			t.Fatalf("row %d: %g bytes, in the full table %d", i, got, bytesOf[row])
		}
		if ds.Parts[i].String() != string(split[row]) || int(ds.Class[i]) != int(index[row]) {
			t.Fatalf("row %d: part %s class %d, in the full table %s %d", i, ds.Parts[i], ds.Class[i], split[row], index[row])
		}
	}
	if d := cmp.Diff(res.Full.Headers, full.Schema().Names()); d != "" {
		t.Error(d)
	}
	for _, m := range []*features.Meta{res.Full, res.Cleaned} {
		if got := len(m.FeaturesToProcess) + len(m.IgnoreFeatures); got != len(m.Headers) {
			t.Errorf("%s: %d features and ignored of %d columns", m.OutputType, got, len(m.Headers))
		}
	}
}

func readAll(t *testing.T, path string) *schema.Batch {
	t.Helper()
	tab, err := source.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer tab.Close()
	b := schema.FromFields(tab.Schema())
	if err := tab.Next(b); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNothingIsLearnedFromTestRows(t *testing.T) {
	res, ds := prepared(t, Options{Tables: []string{writeFlows(t, "flows.parquet", nil)}})
	train := map[int]bool{}
	for i, p := range ds.Parts {
		// The full table lacks the unlabelled rows, every 20th.
		row := int(ds.Row[i])
		row = row/19*20 + row%19 + 1
		if p == features.Train {
			train[row] = true
		}
	}
	changed, _ := prepared(t, Options{Tables: []string{writeFlows(t, "flows.parquet", func(i int, b *int64, r *float64) {
		if !train[i] {
			*b, *r = -1_000_000, math.Inf(1)
		}
	})}})
	if d := cmp.Diff(res.Full.Transforms, changed.Full.Transforms); d != "" {
		t.Errorf("other test rows change what was learned: %s", d)
	}
	if changed.Full.Broken["inf"] == 0 {
		t.Error("no infinite value was counted")
	}
	again, _ := prepared(t, Options{Tables: []string{writeFlows(t, "flows.parquet", func(i int, b *int64, r *float64) {
		if train[i] {
			*b += 1000
		}
	})}})
	if cmp.Equal(res.Full.Transforms, again.Full.Transforms) {
		t.Error("other training rows change nothing: the test cannot fail")
	}
}

func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		out[path], err = os.ReadFile(filepath.Join(dir, path))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTwoRunsGiveTheSameBytes(t *testing.T) {
	var first map[string][]byte
	for range 2 {
		opt := Options{Tables: []string{writeFlows(t, "flows.parquet", nil)}, Dir: t.TempDir(), Formats: Formats}
		if _, err := Prepare(context.Background(), opt); err != nil {
			t.Fatal(err)
		}
		got := files(t, opt.Dir)
		if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, slices.DeleteFunc(slices.Sorted(slices.Values(Files())), func(n string) bool { return n == AuditFile })) {
			t.Errorf("files %v", names)
		}
		for name, text := range first {
			if !bytes.Equal(text, got[name]) {
				t.Errorf("%s differs from run to run", name)
			}
			if bytes.Contains(text, []byte(filepath.Dir(opt.Dir))) {
				t.Errorf("%s names a folder of this machine", name)
			}
		}
		first = got
	}
}

func TestMetadataKeys(t *testing.T) {
	res, _ := prepared(t, Options{Tables: []string{writeFlows(t, "flows.parquet", nil)}, Created: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)})
	text, err := res.Cleaned.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]json.RawMessage
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	// reference: the keys of AntiNex's prepare-dataset.
	for _, k := range []string{
		"created", "feature_to_predict", "features_to_process", "headers", "ignore_features",
		"label_rules", "output_type", "pipeline_files", "post_proc_rules",
	} {
		if _, ok := tree[k]; !ok {
			t.Errorf("there is no key %s", k)
		}
	}
	if string(tree["created"]) != `"2020-01-02 03:04:05"` || string(tree["output_type"]) != `"clean"` {
		t.Errorf("created %s, output_type %s", tree["created"], tree["output_type"])
	}
	path := filepath.Join(t.TempDir(), "m.json")
	if err := res.Cleaned.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	back, err := features.ReadMeta(path)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := back.Encode(); err != nil || !bytes.Equal(text, again) {
		t.Errorf("metadata changes on its way through a file: %v", err)
	}
}

func TestDuplicatesAreCountedAndDropped(t *testing.T) {
	same := func(i int, b *int64, r *float64) {
		if i%3 == 0 { // conn_state is the same for all of these
			*b, *r = 1, 1
		}
	}
	path := writeFlows(t, "flows.parquet", same)
	res, _ := prepared(t, Options{Tables: []string{path}})
	d := res.Full.Duplicates
	if d.Train < 100 || d.Valid < 10 || d.Test < 30 || d.Conflicting < 200 {
		t.Errorf("duplicates %+v", d)
	}
	if got := res.Full.Rows; got.DuplicatesDropped != d.Valid+d.Test || got.Check() != nil {
		t.Errorf("rows %+v with duplicates %+v", got, d)
	}
	all, _ := prepared(t, Options{Tables: []string{path}, Duplicates: Keep})
	if got := all.Full.Rows; got.DuplicatesDropped != 0 || got.Train != res.Full.Rows.Train || got.Valid != res.Full.Rows.Valid+d.Valid {
		t.Errorf("all kept: rows %+v with duplicates %+v", got, all.Full.Duplicates)
	}
	for _, policy := range []Policy{OneSide, Drop} {
		less, ds := prepared(t, Options{Tables: []string{path}, Duplicates: policy})
		if less.Full.Rows.Check() != nil {
			t.Errorf("%s: rows %+v", policy, less.Full.Rows)
		}
		parts := map[uint64]features.Part{}
		n := map[uint64]map[int32]int{}
		for i, p := range ds.Parts {
			h := hashRow(ds.X.Row(i))
			if q, known := parts[h]; known && p != q {
				t.Errorf("%s: equal rows in %s and %s", policy, p, q)
			}
			parts[h] = p
			if n[h] == nil {
				n[h] = map[int32]int{}
			}
			if n[h][ds.Class[i]]++; policy == Drop && n[h][ds.Class[i]] > 1 {
				t.Errorf("drop: a row is there %d times", n[h][ds.Class[i]])
			}
		}
	}
}

func TestTrainingRowsAreSampledByClass(t *testing.T) {
	path := writeFlows(t, "flows.parquet", nil)
	all, _ := prepared(t, Options{Tables: []string{path}})
	some, ds := prepared(t, Options{Tables: []string{path}, MaxPerClass: 20})
	again, _ := prepared(t, Options{Tables: []string{path}, MaxPerClass: 20, Split: features.SplitSpec{Seed: 1}})
	for _, c := range all.Full.Classes {
		want := maps.Clone(all.Full.Counts[c])
		if out := want["train"] - 20; c != "benign" && out > 0 {
			want["train"], want["purged"] = 20, want["purged"]+out
		}
		if d := cmp.Diff(want, some.Full.Counts[c]); d != "" {
			t.Errorf("%s: %s", c, d)
		}
	}
	if some.Full.Rows.SampledOut == 0 || some.Full.Rows.Check() != nil || some.Full.Rows != again.Full.Rows {
		t.Errorf("rows %+v, %+v", some.Full.Rows, again.Full.Rows)
	}
	// What is a feature is learned of the rows that stay.
	for c, name := range ds.X.Names {
		varies := false
		for _, row := range ds.RowsOf(features.Train) {
			varies = varies || ds.X.Row(row)[c] != ds.X.Row(ds.RowsOf(features.Train)[0])[c]
		}
		if !varies {
			t.Errorf("%s is the same in all training rows", name)
		}
	}
	// Training rows weigh the same by class: all of them together count as many.
	sum := 0.0
	for i, p := range ds.Parts {
		if p == features.Train {
			sum += some.Full.Weights[ds.Classes[ds.Class[i]]]
		}
	}
	if math.Abs(sum-float64(some.Full.Rows.Train)) > 1e-6 {
		t.Errorf("the weights %v add up to %g, for %d training rows", some.Full.Weights, sum, some.Full.Rows.Train)
	}
}

func TestBrokenNumbersAreRefusedWhenAsked(t *testing.T) {
	path := writeFlows(t, "flows.parquet", func(i int, _ *int64, r *float64) {
		if i == 3 {
			*r = math.NaN()
		}
	})
	res, _ := prepared(t, Options{Tables: []string{path}})
	if res.Full.Broken["nan"] != 1 || res.Full.BrokenIn["flow_bytes_per_s"] != 1 {
		t.Errorf("broken %v in %v", res.Full.Broken, res.Full.BrokenIn)
	}
	dir := t.TempDir()
	_, err := Prepare(context.Background(), Options{Tables: []string{path}, Dir: dir, RefuseBroken: true})
	if err == nil || !strings.Contains(err.Error(), "flow_bytes_per_s") || len(files(t, dir)) != 0 {
		t.Errorf("error %v, files %v", err, files(t, dir))
	}
}

func TestFoldsAreColumns(t *testing.T) {
	res, ds := prepared(t, Options{Tables: []string{writeFlows(t, "flows.parquet", nil)}, Split: features.SplitSpec{Kind: features.KFold, Fold: 1}})
	if h := res.Cleaned.Headers; h[len(h)-1] != "fold" || res.Full.Headers[len(res.Full.Headers)-1] != "fold" {
		t.Errorf("headers %v", h)
	}
	if ds.X.Rows != 760 {
		t.Errorf("%d rows", ds.X.Rows)
	}
}

func TestAnOldDatasetGoesAway(t *testing.T) {
	opt := Options{Tables: []string{writeFlows(t, "flows.parquet", nil)}, Dir: t.TempDir(), Formats: Formats}
	if _, err := Prepare(context.Background(), opt); err != nil {
		t.Fatal(err)
	}
	opt.Formats, opt.Split = []string{"csv"}, features.SplitSpec{Train: 0.8, Test: 0.2}
	if _, err := Prepare(context.Background(), opt); err != nil {
		t.Fatal(err)
	}
	for name := range files(t, opt.Dir) {
		if strings.HasSuffix(name, ".parquet") || strings.Contains(name, "validation") {
			t.Errorf("%s is left of another dataset", name)
		}
	}
	ds, err := Load(opt.Dir)
	if err != nil || ds.X.Rows != int(ds.Meta.Rows.Used()) {
		t.Fatalf("the dataset as CSV: %v", err)
	}
	if err := Remove(opt.Dir); err != nil || len(files(t, opt.Dir)) != 0 {
		t.Errorf("%v; left: %v", err, files(t, opt.Dir))
	}
}

func TestFormatsHoldTheSame(t *testing.T) {
	path := writeFlows(t, "flows.parquet", nil)
	_, a := prepared(t, Options{Tables: []string{path}})
	_, b := prepared(t, Options{Tables: []string{path}, Formats: []string{"csv"}})
	if !reflect.DeepEqual(a, b) {
		t.Error("the dataset as CSV is another one")
	}
}

func TestCSVTablesKeepTheirRoles(t *testing.T) {
	res, ds := prepared(t, Options{Tables: []string{writeFlows(t, "flows.csv", nil)}})
	if slices.ContainsFunc(ds.X.Names, func(n string) bool { return strings.HasPrefix(n, "src_ip") || strings.HasPrefix(n, "ts_") }) {
		t.Errorf("addresses and times became features: %v", ds.X.Names)
	}
	if res.Full.Rows.Unknown != 40 || len(res.Full.Captures) != 2 {
		t.Errorf("rows %+v of %v", res.Full.Rows, res.Full.Captures)
	}
}

func TestTwoTablesHaveTheirOwnCaptures(t *testing.T) {
	res, ds := prepared(t, Options{Tables: []string{writeFlows(t, "one.parquet", nil), writeFlows(t, "two.parquet", nil)}})
	if len(res.Full.Captures) != 4 || res.Full.Rows.In != 1600 || len(res.Full.Sources) != 2 || len(res.Full.Inputs) != 4 {
		t.Errorf("captures %v, rows %+v", res.Full.Captures, res.Full.Rows)
	}
	if last := ds.Capture[len(ds.Capture)-1]; last != 3 {
		t.Errorf("the last row is of capture %d", last)
	}
}

func TestPrepareErrors(t *testing.T) {
	flows := writeFlows(t, "flows.parquet", nil)
	dir := t.TempDir()
	unlabelled := func() string {
		b := schema.Of(new(label.Columns))
		b.Finish()
		path := filepath.Join(dir, "labels.csv")
		out, err := sink.Create(path, sink.Format{}, b.Schema(), sink.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
		return path
	}()
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		opt  Options
		want string
	}{
		{"no tables", nil, Options{}, "no tables"},
		{"no such table", nil, Options{Tables: []string{filepath.Join(dir, "none.parquet")}}, "none.parquet"},
		{"no such column", nil, Options{Tables: []string{flows}, Encode: features.EncodeSpec{Exclude: []string{"byts"}}}, `"byts"`},
		{"bad format", nil, Options{Tables: []string{flows}, Formats: []string{"xml"}}, `"xml"`},
		{"bad policy", nil, Options{Tables: []string{flows}, Duplicates: "burn"}, `"burn"`},
		{"no hosts", nil, Options{Tables: []string{writeFlows(t, "flows.csv", nil)}, Split: features.SplitSpec{Kind: features.ByHost, Group: "capture"}}, "cannot group"},
		{"bad split", nil, Options{Tables: []string{flows}, Split: features.SplitSpec{Kind: "dice"}}, `"dice"`},
		{"neither table", nil, Options{Tables: []string{unlabelled}}, "neither a packets nor a flows table"},
		{"two kinds", nil, Options{Tables: []string{flows, unlabelled}}, "other columns"},
		{"interrupted", cancelled, Options{Tables: []string{flows}}, "canceled"},
	} {
		if c.ctx == nil {
			c.ctx = context.Background()
		}
		c.opt.Dir = t.TempDir()
		_, err := Prepare(c.ctx, c.opt)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v; want it to say %q", c.name, err, c.want)
		}
		if left := files(t, c.opt.Dir); len(left) != 0 {
			t.Errorf("%s: left %d files behind", c.name, len(left))
		}
	}
	if _, err := Load(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("loading what is not there: %v", err)
	}
}

func TestAttackClassesAreBalanced(t *testing.T) {
	for _, c := range []struct {
		benign      int
		asked, want int64
	}{{0, 0, 300}, {1000, 0, 300}, {20_000, 0, 1000}, {20_000, 7, 7}, {20_000, -1, -1}} {
		p := &preparation{opt: Options{MaxPerClass: c.asked}, state: make([]rowState, c.benign+1), class: make([]uint16, c.benign+1)}
		p.class[c.benign] = 1
		if got := p.limit(); got != c.want {
			t.Errorf("%d benign rows, %d asked for: %d rows of a class, want %d", c.benign, c.asked, got, c.want)
		}
	}
}
