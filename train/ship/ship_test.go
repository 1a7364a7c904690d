package ship

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/replay"
	"github.com/pcapline/pcapline/pcapio/spool"
	"github.com/pcapline/pcapline/pcapio/store"
	"github.com/pcapline/pcapline/pcapio/store/storetest"
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/train/watch"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/slice"
	"github.com/pcapline/pcapline/transform/source"
)

func lab(name string) string { return filepath.Join("..", "..", "testdata", "lab", name+".pcapng.zst") }

// sensor is a spool with a table of scores as a watch writes it.
type sensor struct {
	spool, table string
	scores       string // folder of the table
	segments     []string
	rows         int // unexpected
	ids          []int64
}

// scores gives flow f the score that its key says.
type scores struct {
	train.ScoreColumns
	batch *schema.Batch
}

func (s *scores) Batch() *schema.Batch { return s.batch }

func scoreOf(key int64) float64 { return float64(uint64(key)%101) / 100 }

func (s *scores) Annotate(b *schema.Batch) {
	key := schema.Integers(b.Column("flow_key"))
	for row := range b.Rows {
		k, _ := key(row)
		s.Score.Append(scoreOf(k))
		s.Alert.Append(scoreOf(k) > 0.95)
		s.Class.Append(schema.Text("benign"))
	}
}

func newSensor(t testing.TB) *sensor {
	t.Helper()
	dir := t.TempDir()
	s := &sensor{spool: filepath.Join(dir, "spool"), scores: filepath.Join(dir, "scored")}
	out := replay.NewSpool(spool.Config{Dir: s.spool, NoSync: true, Rotation: spool.Rotation{Packets: 700}})
	_, err := replay.Run(context.Background(), []string{lab("brute_http_basic"), lab("web_xss"), lab("ipv6_ra_flood")}, out, replay.Options{Merge: true, Limit: 4000})
	if err := errors.Join(err, out.Close(), os.Mkdir(s.scores, 0o750)); err != nil {
		t.Fatal(err)
	}
	list, err := spool.List(s.spool)
	if err != nil {
		t.Fatal(err)
	}
	names := map[int32]string{}
	for i, seg := range list {
		s.segments = append(s.segments, seg.Path)
		names[int32(i)] = seg.Name
	}
	s.table = s.write(t, "scored_0000000001.parquet", s.segments, names)
	s.count(t)
	return s
}

// write makes a table of the flows of captures, with scores.
func (s *sensor) write(t testing.TB, name string, captures []string, names map[int32]string) string {
	t.Helper()
	path := filepath.Join(s.scores, name)
	flows := filepath.Join(t.TempDir(), "flows.parquet")
	if _, err := transform.Run(t.Context(), transform.Options{Inputs: captures, Flows: transform.Output{Path: flows}, Flow: flow.Config{Span: true}}); err != nil {
		t.Fatal(err)
	}
	a := &scores{}
	a.batch = schema.Of(&a.ScoreColumns)
	_, err := transform.Rewrite(t.Context(), flows, transform.Output{Path: path}, a, func(string) (map[string]string, error) {
		if names == nil {
			return nil, nil
		}
		text, err := json.Marshal(watch.Origin{Model: "m0del", Segments: names, Spool: spool.Position{Segment: names[int32(len(names)-1)]}})
		return map[string]string{watch.MetaWatch: string(text)}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// count finds what must be shipped, in another way than the code does.
func (s *sensor) count(t testing.TB) {
	b, err := readTable(t, s.table)
	if err != nil {
		t.Fatal(err)
	}
	s.ids = nil
	for i, id := range b.ids {
		if sc := b.scores[i]; sc > 0.95 || sc >= 0.1 && sc <= 0.9 {
			s.ids = append(s.ids, id)
		}
	}
	s.rows = len(s.ids)
}

type tableRows struct {
	ids        []int64
	scores     []float64
	unexpected []string
}

func readTable(t testing.TB, path string) (*tableRows, error) {
	t.Helper()
	table, err := source.Open(path)
	if err != nil {
		return nil, err
	}
	defer table.Close()
	b, r := schema.FromFields(table.Schema()), &tableRows{}
	return r, source.Each(t.Context(), table, b, func() error {
		id, err1 := schema.Dense[int64](b, "flow_id")
		score, err2 := schema.Dense[float64](b, "score")
		r.ids, r.scores = append(r.ids, id...), append(r.scores, score...)
		if b.Column("unexpected") != nil {
			why, err := schema.Dense[schema.Text](b, "unexpected")
			for _, w := range why {
				r.unexpected = append(r.unexpected, string(w))
			}
			err1 = errors.Join(err1, err)
		}
		return errors.Join(err1, err2)
	})
}

func key(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func place(t testing.TB, text string) store.Store {
	t.Helper()
	s, err := store.Open(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *sensor) options(t testing.TB, to store.Store, id *age.X25519Identity) Options {
	return Options{
		Sensor: "gate", Tables: []string{s.scores}, Spool: s.spool, State: filepath.Join(t.TempDir(), "state"),
		To: to, Recipients: []age.Recipient{id.Recipient()}, Select: DefaultSelection(), PerRow: -1, First: time.Millisecond,
	}
}

func shipper(t testing.TB, opt Options) *Shipper {
	t.Helper()
	s, err := Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func pull(t testing.TB, from store.Store, id age.Identity, dir string) *Pulled {
	t.Helper()
	res, err := Pull(t.Context(), PullOptions{From: from, Identities: []age.Identity{id}, Output: dir})
	if err != nil {
		t.Fatalf("%v: %v", err, res.Refused)
	}
	return res
}

// TestShipAndPull has rows and packets arrive as they were, over a folder and
// over a bucket.
func TestShipAndPull(t *testing.T) {
	t.Run("folder", func(t *testing.T) { shipAndPull(t, place(t, t.TempDir())) })
	t.Run("bucket", func(t *testing.T) {
		storetest.Start(t, false)
		shipAndPull(t, place(t, "s3://"+storetest.Bucket+"/edge"))
	})
}

func shipAndPull(t *testing.T, to store.Store) {
	s, id, dir := newSensor(t), key(t), t.TempDir()
	sh := shipper(t, s.options(t, to, id))
	for range 2 { // the second finds nothing new
		if err := sh.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	c := sh.Counts()
	if c.Shipped != 1 || c.Tables != 1 || c.Outbox != 0 || c.Missing != 0 || c.Reasons[Alert]+c.Reasons[Uncertain] != int64(s.rows) {
		t.Errorf("%+v, %d rows are unexpected", c, s.rows)
	}
	res := pull(t, to, id, dir)
	if len(res.Shipments) != 1 || res.Rows != int64(s.rows) {
		t.Fatalf("%+v", res)
	}
	rows, err := readTable(t, filepath.Join(res.Shipments[0], RowsFile))
	if err != nil || !slices.Equal(rows.ids, s.ids) {
		t.Errorf("rows %v, %v", rows, err)
	}
	for i, why := range rows.unexpected {
		if want := map[bool]string{true: Alert, false: Uncertain}[rows.scores[i] > 0.95]; why != want {
			t.Errorf("a score of %v is shipped as %s", rows.scores[i], why)
		}
	}
	// The packets are those of the flows, found anew in the whole spool.
	want := filepath.Join(t.TempDir(), "want.pcapng")
	if _, err := slice.Run(t.Context(), slice.Options{Inputs: s.segments, Flow: flow.Config{Span: true}, Select: slice.Selection{Flows: s.ids}, Output: want}); err != nil {
		t.Fatal(err)
	}
	a, b := digest(t, want), digest(t, filepath.Join(res.Shipments[0], PacketsFile))
	if a != b || res.Packets == 0 {
		t.Errorf("%d packets, which are not those of the flows", res.Packets)
	}
	if again := pull(t, to, id, dir); again.Known != 1 || len(again.Shipments) != 0 {
		t.Errorf("pulled again: %+v", again)
	}
	cursors, err := spool.Cursors(s.spool)
	if err != nil || len(cursors) != 1 || cursors[0].Name != "ship" || cursors[0].Position.Segment != filepath.Base(s.segments[len(s.segments)-1]) {
		t.Errorf("cursors %+v, %v", cursors, err)
	}
}

func digest(t testing.TB, path string) string {
	t.Helper()
	sum, _, err := pcapio.Digest(path)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestTablesOfCaptures ships from tables that no watch wrote, whose captures
// were renamed since.
func TestTablesOfCaptures(t *testing.T) {
	s, id, to := newSensor(t), key(t), place(t, t.TempDir())
	if err := os.Remove(s.table); err != nil {
		t.Fatal(err)
	}
	s.table = s.write(t, "scored.parquet", []string{lab("web_xss"), lab("web_sqli")}, nil)
	s.count(t)
	opt := s.options(t, to, id)
	opt.Spool, opt.PerRow = "", 3
	for _, name := range []string{"web_sqli", "web_xss"} {
		text, err := os.ReadFile(lab(name))
		if err != nil {
			t.Fatal(err)
		}
		moved := filepath.Join(t.TempDir(), "x.pcapng.zst")
		if err := os.WriteFile(moved, text, 0o644); err != nil {
			t.Fatal(err)
		}
		opt.Captures = append(opt.Captures, moved)
	}
	sh := shipper(t, opt)
	if err := sh.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := sh.Counts(); c.Missing != 0 || c.Packets == 0 || c.Packets > int64(3*s.rows) || c.Left == 0 {
		t.Errorf("%+v of %d rows", c, s.rows)
	}
}

// failing is a place that fails in ways that a test chooses.
type failing struct {
	store.Store
	put func(next func() error) error
}

func (f *failing) Put(ctx context.Context, name string, r io.ReadSeeker, opt store.PutOptions) error {
	return f.put(func() error { return f.Store.Put(ctx, name, r, opt) })
}

// Nothing is deleted, and the cursor does not move, before the place has
// confirmed; a shipment whose confirmation was lost is not sent twice.
func TestUnconfirmed(t *testing.T) {
	s, id := newSensor(t), key(t)
	to := &failing{Store: place(t, t.TempDir()), put: func(func() error) error { return errors.New("no way there") }}
	opt := s.options(t, to, id)
	opt.Delete, opt.Tries = true, 2
	sh := shipper(t, opt)
	for range 3 {
		if err := sh.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "no way there") {
			t.Fatalf("%v", err)
		}
	}
	if _, err := os.Stat(s.table); err != nil {
		t.Errorf("the table is gone: %v", err)
	}
	if cursors, _ := spool.Cursors(s.spool); cursors[0].Position.Segment != "" {
		t.Errorf("the cursor moved: %+v", cursors)
	}
	if c := sh.Counts(); c.Built != 1 || c.Outbox != 1 {
		t.Errorf("%+v", c)
	}
	calls := 0
	to.put = func(next func() error) error {
		if calls++; calls == 1 {
			_ = next()
			return errors.New("the answer was lost")
		}
		return next()
	}
	if err := sh.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := sh.Counts(); c.Again != 1 || c.Shipped != 1 || c.Outbox != 0 {
		t.Errorf("%+v", c)
	}
	if _, err := os.Stat(s.table); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the table is still there: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(opt.State, "*", "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// Rows whose segment is being written wait; those whose segments are gone are
// shipped, and what is missing is counted.
func TestSegments(t *testing.T) {
	s, id, to := newSensor(t), key(t), place(t, t.TempDir())
	last := s.segments[len(s.segments)-1]
	part := filepath.Join(s.spool, "."+filepath.Base(last)+".part")
	if err := os.Rename(last, part); err != nil {
		t.Fatal(err)
	}
	sh := shipper(t, s.options(t, to, id))
	if err := sh.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := sh.Counts(); c.Waiting != 1 || c.Built != 0 {
		t.Errorf("%+v", c)
	}
	if err := errors.Join(os.Remove(part), os.Remove(s.segments[1])); err != nil {
		t.Fatal(err)
	}
	if err := sh.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := pull(t, to, id, t.TempDir())
	if c := sh.Counts(); c.Missing == 0 || c.Packets == 0 || c.Waiting != 0 || m.Rows != int64(s.rows) {
		t.Errorf("%+v, pulled %+v", c, m)
	}
}

func TestOptions(t *testing.T) {
	id := key(t)
	for _, opt := range []Options{
		{}, {Sensor: "../x", To: place(t, "x"), Recipients: []age.Recipient{id.Recipient()}, State: "x"},
		{Sensor: "x", To: place(t, "x"), State: "x"},
	} {
		var wrong *transform.OptionError
		if _, err := Open(opt); !errors.As(err, &wrong) {
			t.Errorf("%+v: %v", opt, err)
		}
	}
	s := newSensor(t)
	opt := s.options(t, place(t, t.TempDir()), id)
	first := shipper(t, opt)
	if _, err := Open(opt); err == nil {
		t.Error("two have the state")
	}
	first.opt.Select.Unseen = 1
	if err := first.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "model") {
		t.Errorf("drift without a model: %v", err)
	}
	for _, text := range []string{"", "0.1", "0.5..0.4", "-1..1", "0..2", "x..y", "NaN..1"} {
		if _, _, err := ParseBand(text); err == nil {
			t.Errorf("%q is a band", text)
		}
	}
}

// forge makes a shipment that no shipper would make, under a fitting name.
func forge(t *testing.T, to store.Store, id *age.X25519Identity, name string, files ...*tar.Header) {
	t.Helper()
	var out bytes.Buffer
	w, err := age.Encrypt(&out, id.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	tw := tar.NewWriter(w)
	for _, h := range files {
		data := h.PAXRecords["data"]
		h.PAXRecords, h.Size = nil, int64(len(data))
		if err := tw.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(tw, data); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tw.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(out.Bytes())
	full := name + "_0000000001_" + hex.EncodeToString(sum[:4]) + objectSuffix
	if err := to.Put(t.Context(), full, bytes.NewReader(out.Bytes()), store.PutOptions{}); err != nil {
		t.Fatal(err)
	}
}

func member(name, data string) *tar.Header {
	return &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, PAXRecords: map[string]string{"data": data}}
}

// TestPullRefuses has shipments of all kinds that are not taken, beside a good
// one that is.
func TestPullRefuses(t *testing.T) {
	s, id, to, dir := newSensor(t), key(t), place(t, t.TempDir()), t.TempDir()
	if err := shipper(t, s.options(t, to, id)).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	manifest := func(files string) *tar.Header {
		return member(ManifestFile, `{"version":1,"files":[`+files+`]}`)
	}
	forge(t, to, id, "up", member("../../escaped", "x"))
	forge(t, to, id, "link", &tar.Header{Name: RowsFile, Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink})
	forge(t, to, id, "twice", manifest(""), member(RowsFile, "a"), member(RowsFile, "b"))
	forge(t, to, id, "none", member(RowsFile, "a"))
	forge(t, to, id, "hash", manifest(`{"name":"rows.parquet","size":1,"sha256":"00"}`), member(RowsFile, "a"))
	forge(t, to, id, "names", manifest(`{"name":"../state.json","size":1,"sha256":"00"}`))
	forge(t, to, id, "version", member(ManifestFile, `{"version":2}`))
	forge(t, to, key(t), "other", manifest(""))
	var good store.Object
	for o := range to.List(t.Context(), "gate/") {
		good = o
	}
	r, _ := to.Open(t.Context(), good.Name, 0, -1)
	text, _ := io.ReadAll(r)
	r.Close()
	text[len(text)/2] ^= 1
	if err := to.Put(t.Context(), "flipped/"+filepath.Base(good.Name), bytes.NewReader(text), store.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	if err := to.Put(t.Context(), "flipped2/x_"+hex.EncodeToString(sum[:4])+objectSuffix, bytes.NewReader(text), store.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	res, err := Pull(t.Context(), PullOptions{From: to, Identities: []age.Identity{id}, Output: dir, Delete: true})
	if !errors.Is(err, ErrRefused) || len(res.Refused) != 10 || len(res.Shipments) != 1 || res.Deleted != 1 {
		t.Errorf("%v: %+v", err, res)
	}
	found, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), "escaped*"))
	entries, _ := os.ReadDir(dir)
	if len(found) > 0 || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", found, entries)
	}
	if left := 0; true {
		for range to.List(t.Context(), "") {
			left++
		}
		if left != 10 {
			t.Errorf("%d shipments are left at the place", left)
		}
	}
}

func TestIdentityFiles(t *testing.T) {
	id, path := key(t), filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(path, []byte("# comment\n"+id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if ids, err := ReadIdentities(path); err != nil || len(ids) != 1 {
		t.Errorf("%v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadIdentities(path); err == nil {
		t.Error("a key that others can read is taken")
	}
	bad := filepath.Join(t.TempDir(), "bad.txt")
	if err := os.WriteFile(bad, []byte(id.String()+"x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadIdentities(bad); err == nil || strings.Contains(err.Error(), id.String()) {
		t.Errorf("%v", err)
	}
}

// TestKilled kills a process that ships at moments of all kinds, and one that
// pulls; in the end each table arrived once, and none is left.
func TestKilled(t *testing.T) {
	if args := os.Getenv("PCAPLINE_TEST_SHIP"); args != "" {
		child(t, strings.Split(args, "|"))
		return
	}
	s, id := newSensor(t), key(t)
	const tables = 12
	for i := 2; i <= tables; i++ {
		text, err := os.ReadFile(s.table)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.scores, fmt.Sprintf("scored_%010d.parquet", i)), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	to, state, out := t.TempDir(), filepath.Join(t.TempDir(), "state"), t.TempDir()
	kill := func(what string, after time.Duration) bool {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), "PCAPLINE_TEST_SHIP="+strings.Join([]string{what, s.scores, s.spool, state, to, out, id.String()}, "|"))
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = bufio.NewReader(stdout).ReadString('\n')
		if after >= 0 {
			time.Sleep(after)
			_ = cmd.Process.Kill()
		}
		return cmd.Wait() != nil
	}
	kills := 0
	for i := range 10 {
		if kill("ship", time.Duration(i*17)*time.Millisecond) {
			kills++
		}
		if kill("pull", time.Duration(i*3)*time.Millisecond) {
			kills++
		}
	}
	if kill("ship", -1) || kill("pull", -1) {
		t.Fatal("without a kill it fails")
	}
	manifests, err := filepath.Glob(filepath.Join(out, "gate", "*", "*", ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]int{}
	for _, path := range manifests {
		m, err := verify(filepath.Dir(path))
		if err != nil || m.Rows != int64(s.rows) || m.Missing != 0 {
			t.Fatalf("%s: %+v, %v", path, m, err)
		}
		sources[m.Source]++
	}
	if len(sources) != tables || len(manifests) != tables {
		t.Errorf("after %d kills: %v", kills, sources)
	}
	if left, _ := os.ReadDir(s.scores); len(left) != 0 {
		t.Errorf("%d tables were not deleted", len(left))
	}
	if kills < 8 {
		t.Errorf("only %d kills hit", kills)
	}
}

func child(t *testing.T, args []string) {
	id, err := age.ParseX25519Identity(args[6])
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("ready")
	if args[0] == "pull" {
		pull(t, place(t, args[4]), id, args[5])
		return
	}
	sh := shipper(t, Options{
		Sensor: "gate", Tables: []string{args[1]}, Spool: args[2], State: args[3], To: place(t, args[4]),
		Recipients: []age.Recipient{id.Recipient()}, Select: DefaultSelection(), PerRow: 5, Delete: true,
	})
	if err := sh.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}
