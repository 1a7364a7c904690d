package watch

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/label"
	"github.com/pcapline/pcapline/features/prep"
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/replay"
	"github.com/pcapline/pcapline/pcapio/spool"
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/layer"
)

const lab = "../../testdata/lab"

var captures = []string{filepath.Join(lab, "web_sqli.pcapng.zst"), filepath.Join(lab, "scan_udp.pcapng.zst")}

// kinds are the models that a watch takes.
var kinds = map[string]transform.Options{
	"flows":   {Flows: transform.Output{Path: "flows.parquet"}, Flow: flow.Config{Span: true, IdleTimeout: 15 * time.Second}},
	"early":   {Flows: transform.Output{Path: "flows.parquet"}, Flow: flow.Config{Span: true, Early: 4, EarlyTime: time.Second}},
	"packets": {Packets: transform.Output{Path: "packets.parquet"}, Flow: flow.Config{Span: true}},
}

var trained = struct {
	sync.Mutex
	dir    string
	models map[string]string
}{models: map[string]string{}}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "watch")
	if err != nil {
		panic(err)
	}
	trained.dir = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// model trains a small one of that kind, once for all tests.
func model(t testing.TB, kind string) string {
	t.Helper()
	trained.Lock()
	defer trained.Unlock()
	if path := trained.models[kind]; path != "" {
		return path
	}
	path := filepath.Join(trained.dir, kind+".pcapline")
	if err := fit(t, kind, 1).Save(path); err != nil {
		t.Fatal(err)
	}
	trained.models[kind] = path
	return path
}

func fit(t testing.TB, kind string, seed uint64) *train.Model {
	t.Helper()
	rules, err := label.Load(filepath.Join(lab, "truth.csv"))
	must(t, err)
	a, err := label.NewAnnotator(rules, transform.CaptureNames(captures))
	must(t, err)
	opt := kinds[kind]
	opt.Inputs, opt.Annotate = captures, func() transform.Annotator { return a.Clone() }
	dir := t.TempDir()
	for _, o := range []*transform.Output{&opt.Flows, &opt.Packets} {
		if o.Path != "" {
			o.Path = filepath.Join(dir, o.Path)
		}
	}
	_, err = transform.Run(context.Background(), opt)
	must(t, err)
	_, err = prep.Prepare(context.Background(), prep.Options{Tables: []string{opt.Flows.Path + opt.Packets.Path}, Dir: filepath.Join(dir, "dataset"), Split: features.SplitSpec{Kind: features.ByFlow, Seed: 7}})
	must(t, err)
	ds, err := prep.Load(filepath.Join(dir, "dataset"))
	must(t, err)
	scaling, err := features.Scaler{}.Fit(ds.X, ds.Training())
	must(t, err)
	must(t, scaling.Apply(ds.X))
	m, _, err := train.Fit(context.Background(), &train.Data{X: ds.X, Class: ds.Class, Part: ds.Parts, Classes: ds.Classes, Capture: ds.Capture, Captures: ds.Captures},
		train.Config{Epochs: 3, Hidden: []int{16}, Seed: seed}, nil)
	must(t, err)
	m.Table, m.Schema = ds.Meta.Table, ds.Meta.SchemaHash
	m.Pipeline, err = json.Marshal(ds.Meta.Pipeline(scaling))
	must(t, err)
	return m
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// spoolOf replays captures into a spool of short segments.
func spoolOf(t testing.TB, dir string, limit int64) {
	t.Helper()
	paths, err := pcapio.Expand(captures)
	must(t, err)
	s := replay.NewSpool(spool.Config{Dir: dir, NoSync: true, Rotation: spool.Rotation{Packets: 700}})
	_, err = replay.Run(context.Background(), paths, s, replay.Options{Merge: true, Limit: limit})
	must(t, err)
	must(t, s.Close())
}

func segmentPaths(t testing.TB, dir string) []string {
	t.Helper()
	list, err := spool.List(dir)
	must(t, err)
	var paths []string
	for _, s := range list {
		paths = append(paths, s.Path)
	}
	return paths
}

// batch scores segments as the command score does, and gives the table as CSV.
// What is open at the end stays so where state is given.
func batch(t testing.TB, modelPath, dir, state string) string {
	t.Helper()
	m, err := train.LoadModel(modelPath)
	must(t, err)
	p, err := m.FeaturePipeline()
	must(t, err)
	opt := transform.Options{Inputs: segmentPaths(t, dir), SaveState: state}
	opt.Flow, err = p.FlowConfig()
	must(t, err)
	opt.Flow.Span = true
	k, err := newMaker(m, nil)
	must(t, err)
	scorer, err := train.NewScorer(m, k.schema())
	must(t, err)
	opt.Annotate = func() transform.Annotator { return scorer.Clone() }
	out := transform.Output{Path: filepath.Join(t.TempDir(), "batch.csv")}
	if m.Table == transform.PacketsTable {
		opt.Packets = out
	} else {
		opt.Flows = out
	}
	_, err = transform.Run(context.Background(), opt)
	must(t, err)
	return read(t, out.Path)
}

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return string(b)
}

// live is what a watch wrote, all tables one after another, as CSV.
func live(t testing.TB, dir string) string {
	t.Helper()
	tables, err := filepath.Glob(filepath.Join(dir, "scored_*.parquet"))
	must(t, err)
	slices.Sort(tables)
	var out strings.Builder
	for i, f := range tables {
		csv := filepath.Join(t.TempDir(), "live.csv")
		_, err := transform.Rewrite(context.Background(), f, transform.Output{Path: csv}, nil, nil)
		must(t, err)
		text := read(t, csv)
		if i > 0 {
			_, text, _ = strings.Cut(text, "\n")
		}
		out.WriteString(text)
	}
	return out.String()
}

// TestRowsAndScoresAreThoseOfABatch is the promise of the package.
func TestRowsAndScoresAreThoseOfABatch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	spoolOf(t, dir, 0)
	for kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			path := model(t, kind)
			out := t.TempDir()
			w, err := Open(Options{Spool: dir, Model: path, Once: true, Scored: out, ScoredRows: 500})
			must(t, err)
			must(t, w.Run(context.Background()))
			want := batch(t, path, dir, "")
			if got := live(t, out); got != want {
				t.Errorf("rows differ: %s", firstDifference(got, want))
			}
			s := w.Stats()
			if rows := int64(strings.Count(want, "\n") - 1); s.Rows != rows || s.Packets == 0 || rows < 100 || s.Alerts != s.Sent+s.Suppressed[duplicate]+s.Suppressed[overRate] {
				t.Errorf("%d rows in the batch; %+v", rows, s.Totals)
			}
		})
	}
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return cmp.Diff(strings.Split(y[i], ","), strings.Split(x[i], ","))
		}
	}
	return cmp.Diff(len(y), len(x))
}

// TestStopsLeaveNoGapAndNoRepeat stops a watch again and again, in order and
// as if it was killed, while the spool grows.
func TestStopsLeaveNoGapAndNoRepeat(t *testing.T) {
	tmp := t.TempDir()
	dir, out := filepath.Join(tmp, "spool"), filepath.Join(tmp, "scored")
	path := model(t, "early")
	opt := Options{Spool: dir, Model: path, Once: true, Scored: out, State: filepath.Join(tmp, "state"), Dedup: -1, Rate: 1e6, Burst: 1e6}
	var ids []string
	opt.Alert = func(a Alert) { ids = append(ids, a.ID) }
	for limit := int64(300); limit < 2000; limit += 300 {
		must(t, os.RemoveAll(dir+".new"))
		spoolOf(t, dir+".new", limit) // the same packets and more
		grow(t, dir+".new", dir)
		killed, err := Open(opt)
		must(t, err)
		for range 2 {
			_, err = killed.read()
			must(t, err)
		}
		must(t, killed.maker.flush()) // it has sent alerts, and dies
		w, err := Open(opt)
		must(t, err)
		must(t, w.Run(context.Background()))
	}
	if got, want := live(t, out), batch(t, path, dir, filepath.Join(tmp, "batch.state")); got != want {
		t.Errorf("rows differ: %s", firstDifference(got, want))
	}
	want := 0
	for _, line := range strings.Split(live(t, out), "\n") {
		if strings.Contains(line, ",true,") && strings.Count(line[strings.LastIndex(line, ",true,"):], ",") == 2 {
			want++
		}
	}
	sorted := slices.Sorted(slices.Values(ids))
	if unique := len(slices.Compact(sorted)); unique != len(ids) || unique != want || want == 0 {
		t.Errorf("%d alerts sent, %d different, %d rows with an alert", len(ids), unique, want)
	}
	if c, err := spool.OpenCursor(dir, "watch"); err != nil || c.Position().Segment == "" {
		t.Errorf("cursor %+v, %v", c, err)
	}
}

// grow makes the segments of a spool those of a longer one that begins alike,
// with the last one still being written.
func grow(t *testing.T, from, to string) {
	t.Helper()
	must(t, os.MkdirAll(to, 0o750))
	for _, p := range segmentPaths(t, to) {
		must(t, os.Remove(p))
	}
	list, err := spool.List(from)
	must(t, err)
	for i, s := range list {
		name := s.Name
		if i == len(list)-1 {
			name = "." + name + ".part"
		}
		must(t, os.WriteFile(filepath.Join(to, name), []byte(read(t, s.Path)), 0o640))
	}
}

func TestModelsOfOtherTablesAreRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	spoolOf(t, dir, 100)
	m, err := train.LoadModel(model(t, "flows"))
	must(t, err)
	m.Schema = strings.Repeat("0", 64)
	other := filepath.Join(t.TempDir(), "other")
	must(t, m.Save(other))
	_, err = Open(Options{Spool: dir, Model: other})
	if err == nil || !strings.Contains(err.Error(), "schema") {
		t.Errorf("error %v", err)
	}
}

// TestModelIsReplacedAtWork replaces the model's file by others under a watch.
func TestModelIsReplacedAtWork(t *testing.T) {
	dir, out := filepath.Join(t.TempDir(), "spool"), t.TempDir()
	spoolOf(t, dir, 0)
	path := filepath.Join(t.TempDir(), "model")
	must(t, os.WriteFile(path, []byte(read(t, model(t, "flows"))), 0o640))
	w, err := Open(Options{Spool: dir, Model: path, Scored: out})
	must(t, err)
	defer func() { must(t, w.close()) }()
	first := w.digest
	replace := func(data string) {
		t.Helper()
		must(t, os.WriteFile(path+".new", []byte(data), 0o640))
		must(t, os.Rename(path+".new", path))
		must(t, w.reload())
	}
	_, err = w.read()
	must(t, err)
	replace("no model")
	replace(read(t, model(t, "early"))) // other flows
	replace(read(t, model(t, "packets")))
	if w.digest != first || w.stats.ReloadsRefused != 3 || w.stats.Reloads != 0 {
		t.Fatalf("model %s, %d reloads, %d refused", w.digest, w.stats.Reloads, w.stats.ReloadsRefused)
	}
	second := fit(t, "flows", 2)
	must(t, second.Save(path+".new"))
	replace(read(t, path+".new"))
	if d, _ := second.Digest(); w.digest != d || w.stats.Reloads != 1 {
		t.Fatalf("model %s, want %s; %d reloads", w.digest, d, w.stats.Reloads)
	}
	must(t, w.maker.flush())
}

// TestBehindShedsAndCounts passes over the oldest half of a spool.
func TestBehindShedsAndCounts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	spoolOf(t, dir, 0)
	var size int64
	list, err := spool.List(dir)
	must(t, err)
	for _, s := range list {
		size += s.Size
	}
	w, err := Open(Options{Spool: dir, Model: model(t, "flows"), Once: true, MaxLag: size / 2})
	must(t, err)
	must(t, w.look())
	if w.stats.LagBytes != size {
		t.Errorf("%d bytes behind, want %d", w.stats.LagBytes, size)
	}
	must(t, w.Run(context.Background()))
	s := w.Stats()
	var packets int64
	for _, p := range segmentPaths(t, dir) {
		f, err := pcapio.Open(p, pcapio.Options{})
		must(t, err)
		for {
			var pkt pcapio.Packet
			if f.Next(&pkt) != nil {
				break
			}
			packets++
		}
		f.Close()
	}
	f := w.maker.flows.Stats()
	if s.Packets != packets || s.Shed < packets/4 || s.Shed > packets*9/10 || f.Packets+s.Shed != packets || s.LagBytes > 4096 {
		t.Errorf("%d packets, %d shed, %d in the flow table, want %d in all; %d bytes behind", s.Packets, s.Shed, f.Packets, packets, s.LagBytes)
	}
}

// TestSilentFlowsEndByTheClock waits for the row of a flow that ends only because
// nothing more comes.
func TestSilentFlowsEndByTheClock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	spoolOf(t, dir, 0)
	w, err := Open(Options{Spool: dir, Model: model(t, "flows")})
	must(t, err)
	defer func() { must(t, w.close()) }()
	for n := 1; n > 0; {
		n, err = w.read()
		must(t, err)
	}
	must(t, w.maker.flush())
	before := w.stats.Rows
	w.lastRead = w.lastRead.Add(-20 * time.Second) // as if that had passed
	w.maker.flows.Advance(w.clock())
	must(t, w.maker.flush())
	if w.stats.Rows <= before {
		t.Errorf("%d rows, then %d", before, w.stats.Rows)
	}
}

// TestMemoryIsFlat scores the same hours again and again, as days go by.
func TestMemoryIsFlat(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	paths, err := pcapio.Expand(captures)
	must(t, err)
	days, sent := 0, int64(0)
	pass := func(n int) {
		for range n {
			s := replay.NewSpool(spool.Config{Dir: dir, NoSync: true, Rotation: spool.Rotation{Packets: 700}})
			days++
			stats, err := replay.Run(context.Background(), paths, s, replay.Options{Merge: true, ShiftTo: int64(days) * 24 * int64(time.Hour)})
			must(t, err)
			must(t, s.Close())
			sent += stats.Sent
		}
	}
	pass(10)
	w, err := Open(Options{Spool: dir, Model: model(t, "flows"), Scored: t.TempDir(), State: filepath.Join(t.TempDir(), "state")})
	must(t, err)
	defer func() { must(t, w.close()) }()
	heap := func() float64 {
		for w.stats.Packets < sent {
			n, err := w.read()
			must(t, err)
			must(t, w.maker.flush())
			if n == 0 {
				must(t, w.tail.Wait(context.Background()))
			}
		}
		must(t, w.checkpoint())
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	var sizes []float64
	for range 5 {
		pass(10)
		sizes = append(sizes, heap()/1e6)
	}
	if sizes[4] > 1.25*sizes[1] {
		t.Errorf("it grows: %.1f MB every ten days", sizes)
	}
	t.Logf("%.1f MB every ten days", sizes)
}

// TestAlertsSayWhereTheirPacketsAre reads the packet at the place that an alert names.
func TestAlertsSayWhereTheirPacketsAre(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	spoolOf(t, dir, 0)
	for kind := range kinds {
		var alerts []Alert
		w, err := Open(Options{
			Spool: dir, Model: model(t, kind), Once: true, Threshold: 0.01, Dedup: time.Second,
			Alert: func(a Alert) { alerts = append(alerts, a) },
		})
		must(t, err)
		must(t, w.Run(context.Background()))
		if len(alerts) < 10 {
			t.Fatalf("%s: %d alerts", kind, len(alerts))
		}
		for i := range alerts {
			a := &alerts[i]
			f, err := pcapio.Open(filepath.Join(dir, a.Capture.Segment), pcapio.Options{})
			must(t, err)
			var p pcapio.Packet
			for p.Number < a.Capture.Packet {
				must(t, f.Next(&p))
			}
			var d flow.Digest
			layer.NewTable(layer.Options{}).Append(&p, 0, &d)
			key := flow.KeyOf(&d)
			if p.Offset != a.Capture.Offset || stamp(p.Time) != a.Flow.Start || string(key.CommunityID(nil)) != a.Flow.CommunityID || key.ProtoName() != a.Flow.Protocol {
				t.Errorf("%s: packet %d at byte %d, %s, %s %s; the alert has %+v", kind, p.Number, p.Offset, stamp(p.Time), key.ProtoName(), key.CommunityID(nil), a)
			}
			if len(a.Features) == 0 || a.Features[0].LogOdds <= 0 {
				t.Errorf("%s: nothing speaks for alert %+v", kind, a)
			}
			f.Close()
		}
	}
}
