package lake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/lake"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/source"
)

// labCaptures are small captures of the bundled lab.
func labCaptures() []string {
	var out []string
	for _, n := range []string{"scan_sweep", "scan_udp", "tunnel_dns", "web_xss"} {
		out = append(out, filepath.Join("..", "..", "testdata", "lab", n+".pcapng.zst"))
	}
	return out
}

// joined writes the packets of captures into one plain pcap file.
func joined(t *testing.T, path string, captures ...string) {
	t.Helper()
	var all []pcapio.Packet
	for _, c := range captures {
		all = append(all, packetsOf(t, c)...)
	}
	writePcap(t, path, all)
}

func packetsOf(t *testing.T, capture string) (packets []pcapio.Packet) {
	t.Helper()
	r, err := pcapio.Open(capture, pcapio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		var p pcapio.Packet
		if err := r.Next(&p); err == io.EOF {
			return packets
		} else if err != nil {
			t.Fatal(err)
		}
		p.Data, p.Interface = bytes.Clone(p.Data), 0
		packets = append(packets, p)
	}
}

func writePcap(t *testing.T, path string, packets []pcapio.Packet) {
	t.Helper()
	var b bytes.Buffer
	w, err := pcapio.NewWriter(&b, pcapio.WriterOptions{Pcap: true}, pcapio.Interface{LinkType: pcapio.LinkEthernet})
	if err != nil {
		t.Fatal(err)
	}
	for i := range packets {
		if err := w.Write(&packets[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Flush(), os.WriteFile(path, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// corpus is a folder with captures, one that is to be cut, and one of rubbish.
func corpus(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for i, c := range labCaptures() {
		data, err := os.ReadFile(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d-%s", i, filepath.Base(c))), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	joined(t, filepath.Join(dir, "big.pcap"), labCaptures()...)
	if err := os.WriteFile(filepath.Join(dir, "poison.pcap"), []byte("no capture at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// config has small shards.
func config() lake.Config { return lake.Config{Shard: "120kB"} }

func newLake(t *testing.T) *lake.Lake {
	t.Helper()
	l, err := lake.Create(filepath.Join(t.TempDir(), "lake"))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// files are the contents of all that a lake shows, by path, without timings.
func files(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if rel, _ := filepath.Rel(root, path); strings.HasPrefix(rel, ".") && rel != "." {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() || d.Name() == "timings.json" {
			return nil
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(root, path)
		out[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func sameFiles(t *testing.T, got, want map[string]string) {
	t.Helper()
	if g, w := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(g, w) {
		t.Errorf("files %v, want %v", g, w)
	}
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s has other bytes", name)
		}
	}
}

// rows reads a table as text, row by row; columns named in without are left out.
func rows(t *testing.T, without []string, paths ...string) []string {
	t.Helper()
	var out []string
	for _, path := range paths {
		tab, err := source.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		b := schema.FromFields(tab.Schema())
		for {
			err := tab.Next(b)
			if err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			next := make([]int, len(b.Columns))
			for row := range b.Rows {
				var line []byte
				for i, c := range b.Columns {
					if !c.Presence().Has(row) {
						continue
					}
					if !slices.Contains(without, c.Field().Name) {
						line = append(append(line, c.Field().Name...), '=')
						line = append(c.AppendText(line, next[i]), ' ')
					}
					next[i]++
				}
				out = append(out, string(line))
			}
		}
		tab.Close()
	}
	return out
}

// published are a table's files of a run, in order of date, sensor and shard.
func published(t *testing.T, l *lake.Lake, run, table string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(l.Dir(run), "table="+table, "*", "*", "*.parquet"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no %s: %v", table, err)
	}
	return paths
}

func batch(t *testing.T, l *lake.Lake, from lake.Sources, cfg lake.Config) []*lake.Manifest {
	t.Helper()
	made, err := l.Batch(context.Background(), lake.Batch{From: from, Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// TestRowsAreThoseOfOneRun holds a run of many shards, one of them a cut
// capture's, against package transform over the captures themselves.
func TestRowsAreThoseOfOneRun(t *testing.T) {
	dir := corpus(t)
	for _, span := range []bool{false, true} {
		l, cfg := newLake(t), config()
		cfg.Flows.Span = &span
		made := batch(t, l, lake.Sources{Corpus: []string{dir}}, cfg)
		if len(made) != 1 {
			t.Fatalf("%d runs", len(made))
		}
		m := made[0]
		if m.Shards < 10 || len(m.Quarantined) != 1 || !strings.Contains(m.Quarantined[0].Reason, "not a capture") || len(m.Ledger.Damaged) != 0 {
			t.Errorf("%d shards, quarantined %+v, damaged %+v", m.Shards, m.Quarantined, m.Ledger.Damaged)
		}
		inputs, err := pcapio.Expand([]string{dir})
		if err != nil {
			t.Fatal(err)
		}
		opt := transform.Options{Inputs: inputs}
		opt.Flow.Span = span
		opt.Packets.Path, opt.Flows.Path = filepath.Join(t.TempDir(), "p.parquet"), filepath.Join(t.TempDir(), "f.parquet")
		res, err := transform.Run(context.Background(), opt)
		if !errors.Is(err, transform.ErrDamaged) {
			t.Fatal(err)
		}
		if m.Ledger.PacketsIn != res.Ledger.PacketsIn || m.Ledger.Files != res.Ledger.Files || m.Ledger.Flows != res.Ledger.Flows {
			t.Errorf("ledger %+v, want %+v", m.Ledger, res.Ledger)
		}
		for table, path := range map[string]string{"packets": opt.Packets.Path, "flows": opt.Flows.Path} {
			got, want := rows(t, nil, published(t, l, m.Run, table)...), rows(t, nil, path)
			slices.Sort(got) // by date: the captures' order goes across days
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("span %v: %s: %d rows, want %d, or others", span, table, len(got), len(want))
			}
		}
		if again := batch(t, l, lake.Sources{Corpus: []string{dir}}, cfg); len(again) != 0 {
			t.Errorf("a second batch made %d runs", len(again))
		}
	}
}

// TestAnyOrder: shards that are run in any order, twice, by several workers and
// after failures give the bytes that one batch gives.
func TestAnyOrder(t *testing.T) {
	from := lake.Sources{Corpus: []string{corpus(t)}}
	one := newLake(t)
	batch(t, one, from, config())
	many := newLake(t)
	p, err := many.Plan(context.Background(), from, config())
	if err != nil {
		t.Fatal(err)
	}
	w, err := lake.NewWorker(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Workers = 1
	var missing *lake.MissingError
	if _, err := many.Commit(context.Background(), w); !errors.As(err, &missing) || len(missing.Shards) != len(p.Shards) {
		t.Errorf("commit without a shard: %v", err)
	}
	for n := len(p.Shards); n > 0; n-- {
		if _, err := w.Run(context.Background(), n); err != nil {
			t.Fatal(err)
		}
		again, err := lake.NewWorker(p, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n%3 == 0 { // its receipt was lost
			if err := os.Remove(filepath.Join(filepath.Dir(p.Path()), "receipts", fmt.Sprintf("%05d.json", n))); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := again.Run(context.Background(), n); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := many.Commit(context.Background(), w); err != nil {
		t.Fatal(err)
	}
	sameFiles(t, files(t, many.Root), files(t, one.Root))
	if m, err := many.Commit(context.Background(), w); err != nil || m == nil { // a scheduler may say it twice
		t.Errorf("second commit: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(many.Root, ".work", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
