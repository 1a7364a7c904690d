package transform_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/flow"
)

// rotated writes a capture anew as one file and as n that follow each other.
func rotated(t *testing.T, capture string, n int) (whole string, parts []string) {
	t.Helper()
	r, err := pcapio.Open(capture, pcapio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var packets []pcapio.Packet
	for {
		var p pcapio.Packet
		if err := r.Next(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		p.Data, p.Interface = bytes.Clone(p.Data), 0
		packets = append(packets, p)
	}
	dir := t.TempDir()
	write := func(name string, packets []pcapio.Packet) string {
		var b bytes.Buffer
		w, err := pcapio.NewWriter(&b, pcapio.WriterOptions{}, pcapio.Interface{LinkType: pcapio.LinkEthernet})
		for i := range packets {
			err = errors.Join(err, w.Write(&packets[i]))
		}
		path := filepath.Join(dir, name)
		if err := errors.Join(err, w.Flush(), os.WriteFile(path, b.Bytes(), 0o600)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for i := range n {
		parts = append(parts, write(fmt.Sprintf("part%02d.pcapng", i), packets[i*len(packets)/n:(i+1)*len(packets)/n]))
	}
	return write("whole.pcapng", packets), parts
}

// run makes a flows table and gives its bytes.
func runFlows(t *testing.T, opt transform.Options, format string) ([]byte, *transform.Result) {
	t.Helper()
	opt.Flows.Path = filepath.Join(t.TempDir(), "flows."+format)
	res, err := transform.Run(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(opt.Flows.Path)
	if err != nil {
		t.Fatal(err)
	}
	return b, res
}

// sharded makes the digests of all shards.
func sharded(t *testing.T, opt transform.Options, count int) []string {
	t.Helper()
	var files []string
	for n := count; n > 0; n-- { // the order of files does not matter
		opt.Shard = transform.Shard{Number: n, Count: count}
		opt.Digests = filepath.Join(t.TempDir(), "digests")
		if _, err := transform.Run(context.Background(), opt); err != nil {
			t.Fatal(err)
		}
		files = append(files, opt.Digests)
	}
	return files
}

// records are rows by column, without the columns named.
func records(t *testing.T, text []byte, without ...string) []map[string]string {
	t.Helper()
	all, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, rec := range all[1:] {
		m := map[string]string{}
		for i, name := range all[0] {
			m[name] = rec[i]
		}
		for _, name := range without {
			delete(m, name)
		}
		out = append(out, m)
	}
	return out
}

// Shards of a corpus give the bytes of one run over all of it, whatever their
// number and that of workers, with flows across captures and without.
func TestShardsGiveTheBytesOfOneRun(t *testing.T) {
	_, parts := rotated(t, lab("web_xss")[0], 20)
	for _, inputs := range [][]string{lab("dos_frag", "scan_sweep", "scan_udp", "web_xss"), parts} {
		for _, cfg := range []flow.Config{{}, {Span: true}, {Span: true, Reorder: time.Second, DropDuplicates: true}, {Early: 5, EarlyTime: time.Second}} {
			opt := transform.Options{Inputs: inputs, Flow: cfg, UnitRows: 1000}
			want, whole := runFlows(t, opt, "parquet")
			for _, count := range []int{1, 4, 7} {
				opt.Workers = count
				merged := transform.Options{FromDigests: sharded(t, opt, count), Flow: cfg, UnitRows: 1000}
				got, res := runFlows(t, merged, "parquet")
				if !bytes.Equal(got, want) {
					t.Errorf("%d shards of %d captures: other bytes than in one run", count, len(inputs))
				}
				if !reflect.DeepEqual(res.Ledger, whole.Ledger) {
					t.Errorf("%d shards: ledger %+v, want %+v", count, res.Ledger, whole.Ledger)
				}
			}
		}
	}
}

// A capture and the same in 20 files give the same rows; what names packets
// names the same ones.
func TestRotationChangesNothing(t *testing.T) {
	whole, parts := rotated(t, lab("web_xss")[0], 20)
	provenance := []string{"file_id", "first_packet", "last_file_id", "last_packet"}
	text0, _ := runFlows(t, transform.Options{Inputs: []string{whole}, Flow: flow.Config{Span: true}}, "csv")
	want := records(t, text0)
	var before []int64 // packets in the files before each
	for _, workers := range []int{1, 2, 7} {
		text, res := runFlows(t, transform.Options{Inputs: parts, Workers: workers, Flow: flow.Config{Span: true}}, "csv")
		before = append(before[:0], 0)
		for _, in := range res.Inputs {
			before = append(before, before[len(before)-1]+in.Packets)
		}
		got := records(t, text)
		if len(got) != len(want) {
			t.Fatalf("%d rows, want %d", len(got), len(want))
		}
		across := 0
		for i, row := range got {
			for _, c := range [][2]string{{"file_id", "first_packet"}, {"last_file_id", "last_packet"}} {
				if at := before[number(t, row[c[0]])] + number(t, row[c[1]]); at != number(t, want[i][c[1]]) {
					t.Fatalf("row %d: %s is packet %d, want %s", i, c[1], at, want[i][c[1]])
				}
			}
			if row["file_id"] != row["last_file_id"] {
				across++
			}
		}
		if across == 0 {
			t.Error("no flow goes from one file to the next: a poor test")
		}
		if !reflect.DeepEqual(records(t, text, provenance...), records(t, text0, provenance...)) {
			t.Errorf("%d workers: 20 files give other rows than one", workers)
		}
	}
}

func number(t *testing.T, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Runs that hand their open flows on give, one behind another, the rows of a
// run over everything, and ledgers that add up to its.
func TestRunsGoOnFromState(t *testing.T) {
	_, parts := rotated(t, lab("web_xss")[0], 20)
	for _, cfg := range []flow.Config{{}, {Reorder: 2 * time.Second}, {Early: 4}} {
		cfg.Span = true
		text, all := runFlows(t, transform.Options{Inputs: parts, Flow: cfg}, "csv")
		want := records(t, text)
		state := filepath.Join(t.TempDir(), "state")
		var got []map[string]string
		var packets, flows, inFlows, open int64
		for i, bounds := range [][2]int{{0, 1}, {1, 8}, {8, 9}, {9, 20}} {
			opt := transform.Options{Inputs: parts[bounds[0]:bounds[1]], Flow: cfg}
			if i > 0 {
				opt.LoadState = state
			}
			if i < 3 {
				opt.SaveState = state
			}
			names, err := opt.CaptureNames()
			if err != nil || len(names) != bounds[1] || names[bounds[0]] != filepath.Base(parts[bounds[0]]) {
				t.Fatal(names, err)
			}
			text, res := runFlows(t, opt, "csv")
			got = append(got, records(t, text)...)
			packets += res.Ledger.PacketsIn
			flows += res.Ledger.Flows
			inFlows += res.Ledger.InFlows
			open += res.Ledger.Open
		}
		if open == 0 {
			t.Error("no flow is open at the stops: a poor test")
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%d rows in four runs are not the %d of one", len(got), len(want))
		}
		if packets != all.Ledger.PacketsIn || flows != all.Ledger.Flows || inFlows != all.Ledger.InFlows {
			t.Errorf("%d packets, %d flows, %d in flows; want %+v", packets, flows, inFlows, all.Ledger)
		}
	}
}

// What the windows had no room for is in the ledger, so that nobody takes
// lower bounds for counts.
func TestLedgerSaysWhatWasForgotten(t *testing.T) {
	inputs := lab("scan_udp")
	_, res := runFlows(t, transform.Options{Inputs: inputs}, "csv")
	if res.Ledger.Forgotten != nil {
		t.Errorf("forgotten with room enough: %v", res.Ledger.Forgotten)
	}
	_, res = runFlows(t, transform.Options{Inputs: inputs, Flow: flow.Config{MaxHosts: 2, MaxPairs: 2, MaxEvents: 4, MaxServices: 2}}, "csv")
	for _, name := range []string{"hosts", "events", "pairs", "services"} {
		if res.Ledger.Forgotten[name] == 0 {
			t.Errorf("no %s: %v", name, res.Ledger.Forgotten)
		}
	}
}

func TestShardErrors(t *testing.T) {
	inputs := lab("scan_sweep", "web_xss")
	files := sharded(t, transform.Options{Inputs: inputs}, 2)
	others := sharded(t, transform.Options{Inputs: inputs[:1]}, 2)
	out := func() transform.Output { return transform.Output{Path: filepath.Join(t.TempDir(), "f.csv")} }
	damaged := filepath.Join(t.TempDir(), "damaged")
	b, _ := os.ReadFile(files[0])
	if err := os.WriteFile(damaged, b[:len(b)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	for want, opt := range map[string]transform.Options{
		"shard 1/2 is missing":        {FromDigests: files[:1], Flows: out()},
		"are the same shard, 2/2":     {FromDigests: []string{files[0], files[1], files[0]}, Flows: out()},
		"are shards of different run": {FromDigests: []string{files[0], others[1]}, Flows: out()},
		"cut off":                     {FromDigests: []string{damaged, files[1]}, Flows: out()},
		"not such a file":             {FromDigests: inputs, Flows: out()},
		"name a file for them":        {Inputs: inputs, Shard: transform.Shard{Number: 1, Count: 2}, Flows: out()},
		"cannot be sharded":           {Inputs: inputs, Merge: true, Digests: damaged},
		"not asked for":               {Inputs: inputs, SaveState: damaged, Packets: out()},
	} {
		_, err := transform.Run(context.Background(), opt)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestShardParts(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for i, size := range []int{10, 10, 10, 1000, 10, 500, 490, 0} {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	for count := 1; count <= 12; count++ {
		next := 0
		for n := 1; n <= count; n++ {
			from, to, err := transform.Shard{Number: n, Count: count}.Part(paths)
			if err != nil || from > to || from < to && from != next {
				t.Fatalf("%d/%d: %d to %d, the one before ended at %d; %v", n, count, from, to, next, err)
			}
			if from < to {
				next = to
			}
		}
		if next != len(paths) {
			t.Fatalf("%d shards end at %d", count, next)
		}
	}
	for _, bad := range []string{"", "1", "0/2", "3/2", "1/2x", " 1/2", "-1/2", "1/0"} {
		if s, err := transform.ParseShard(bad); err == nil {
			t.Errorf("%q is %v", bad, s)
		}
	}
	if s, err := transform.ParseShard("2/3"); err != nil || s != (transform.Shard{Number: 2, Count: 3}) {
		t.Error(s, err)
	}
}
