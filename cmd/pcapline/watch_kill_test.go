//go:build linux

package main

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pcapline/pcapline/pcapio/spool"
	"github.com/pcapline/pcapline/transform"
)

// TestWatchKilled kills capture and watch at random moments while packets come
// in. In the end every packet of the spool was scored once, and alerted of once.
// PCAPLINE_KILLS is how often (8).
func TestWatchKilled(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	kills := 8
	if n, _ := strconv.Atoi(os.Getenv("PCAPLINE_KILLS")); n > 0 {
		kills = n
	}
	rng := rand.New(rand.NewPCG(9, 4))
	dir := t.TempDir()
	model := packetsModel(t, dir)
	in, scored, alerts := filepath.Join(dir, "spool"), filepath.Join(dir, "scored"), filepath.Join(dir, "alerts.jsonl")
	watch := []string{
		"--json", "-q", "watch", "--spool", in, "--model", model, "--scored", scored, "--alerts", alerts, "--checkpoint", "150ms",
		"--state", filepath.Join(dir, "state"), "--threshold", "1e-9", "--dedup", "-1s", "--alert-rate", "1e9", "--alert-burst", "1000000000",
	}
	s := newSender(t)
	c := startCapture(t, in, "-b", "packets:300", "--promiscuous")
	w := startWatch(t, watch...)
	for range kills {
		for end := time.Now().Add(time.Duration(100+rng.IntN(500)) * time.Millisecond); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if err := s.send(1, 200); err != nil {
				t.Fatal(err)
			}
		}
		if rng.IntN(2) == 0 {
			c.kill(t)
			c = startCapture(t, in, "-b", "packets:300", "--promiscuous")
			continue
		}
		w.kill(t)
		w = startWatch(t, watch...)
	}
	c.end(t, os.Interrupt)
	w.kill(t)
	pcapline(t, append(slices.Clone(watch), "--once")...)
	everyPacketOnce(t, in, scored, alerts, kills)
}

// packetsModel trains a small model of packets.
func packetsModel(t *testing.T, dir string) string {
	t.Helper()
	lab := filepath.Join(dir, "lab")
	if err := os.Mkdir(lab, 0o750); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"web_sqli.pcapng.zst", "scan_udp.pcapng.zst", "truth.csv"} {
		b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "lab", f))
		if err == nil {
			err = os.WriteFile(filepath.Join(lab, f), b, 0o640)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	table, dataset, model := filepath.Join(dir, "packets.parquet"), filepath.Join(dir, "dataset"), filepath.Join(dir, "packets.model")
	pcapline(t, "-q", "flatten", "-o", table, "--truth", filepath.Join(lab, "truth.csv"), lab)
	pcapline(t, "-q", "prepare", "-o", dataset, table)
	pcapline(t, "-q", "train", "-o", model, "--epochs", "1", "--hidden", "8", dataset)
	return model
}

func startWatch(t *testing.T, args ...string) *captured {
	t.Helper()
	w := &captured{Cmd: exec.Command("pcapline", args...), ended: make(chan struct{})}
	w.Stdout, w.Stderr = &w.out, &w.err
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { w.failure = w.Wait(); close(w.ended) }()
	t.Cleanup(func() { w.Process.Kill(); <-w.ended })
	return w
}

// kill gives a process that must be alive no chance to end in order.
func (c *captured) kill(t *testing.T) {
	t.Helper()
	select {
	case <-c.ended:
		t.Fatalf("it ended by itself: %v: %s", c.failure, c.err.String())
	default:
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-c.ended
}

// everyPacketOnce compares what was scored with what is in the spool.
func everyPacketOnce(t *testing.T, in, scored, alerts string, kills int) {
	t.Helper()
	list, err := spool.List(in)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, s := range list {
		paths = append(paths, s.Path)
	}
	columns := []string{"file_id", "frame_number", "ts_ns", "frame_len", "payload"}
	csv := filepath.Join(t.TempDir(), "packets.csv")
	want := transform.Options{Inputs: paths, Packets: transform.Output{Path: csv, Columns: columns}}
	if _, err := transform.Run(context.Background(), want); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(scored, "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(tables)
	var got []string
	for _, table := range tables {
		out := filepath.Join(t.TempDir(), "scored.csv")
		if _, err := transform.Rewrite(context.Background(), table, transform.Output{Path: out, Columns: columns}, nil, nil); err != nil {
			t.Fatal(err)
		}
		got = append(got, lines(t, out)[1:]...)
	}
	packets := lines(t, csv)[1:]
	if !slices.Equal(got, packets) {
		t.Errorf("%d packets in the spool, %d rows scored, or others", len(packets), len(got))
	}
	// A kill between sending an alert and noting it repeats that one.
	ids, sent := map[string]bool{}, 0
	for _, l := range lines(t, alerts) {
		var a struct{ ID string }
		if err := json.Unmarshal([]byte(l), &a); err != nil {
			t.Fatalf("%q: %v", l, err)
		}
		ids[a.ID], sent = true, sent+1
	}
	if len(ids) != len(packets) || sent-len(ids) > kills {
		t.Errorf("%d packets, %d alerts, of which %d are different", len(packets), sent, len(ids))
	}
	t.Logf("%d kills, %d segments, %d packets, each in one of %d tables; %d alerts, %d repeated", kills, len(list), len(packets), len(tables), sent, sent-len(ids))
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}
