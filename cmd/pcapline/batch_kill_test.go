package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pcapline/pcapline/pcapio"
)

// TestBatchKilled kills batch at random moments, two nights of a spool long,
// again and again. A run is there whole or not at all, and when a batch is let
// live the lake has the bytes of one that nobody killed. PCAPLINE_KILLS is how
// often (6).
func TestBatchKilled(t *testing.T) {
	kills := 6
	if n, _ := strconv.Atoi(os.Getenv("PCAPLINE_KILLS")); n > 0 {
		kills = n
	}
	dir := t.TempDir()
	k := batchKiller{t: t, dir: dir, config: filepath.Join(dir, "batch.yaml"), rng: rand.New(rand.NewPCG(10, 1))}
	if err := os.WriteFile(k.config, []byte("shard: 150kB\npackets:\n  payload: none\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	want := k.nights(filepath.Join(dir, "whole"), false)
	k.span = time.Since(begun) / 2
	for k.killed < kills && !t.Failed() {
		lake := filepath.Join(dir, fmt.Sprintf("lake%d", k.lakes))
		sameTrees(t, k.nights(lake, true), want)
		k.lakes++
		for _, done := range []string{lake, lake + ".spool"} {
			if err := os.RemoveAll(done); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d kills, of which %d left a plan and %d a folder on its way; %d lakes with the bytes of the first", k.killed, k.planned, k.folders, k.lakes)
}

type batchKiller struct {
	t                               *testing.T
	dir, config                     string
	rng                             *rand.Rand
	span                            time.Duration // of a batch that nobody kills
	killed, planned, folders, lakes int
}

// nights fills a lake from a spool that has grown before the second night, and
// gives the lake's files.
func (k *batchKiller) nights(lake string, kill bool) map[string]string {
	k.t.Helper()
	spool := lake + ".spool"
	if err := os.MkdirAll(spool, 0o750); err != nil {
		k.t.Fatal(err)
	}
	for night, segments := range [][2]int{{0, 3}, {3, 5}} {
		writeSegments(k.t, spool, segments[0], segments[1])
		for kill && k.kill(spool, lake) {
			k.look(lake, night)
		}
		if out, err := exec.Command("pcapline", "-q", "batch", "--spool", spool, "--out", lake, "--config", k.config).CombinedOutput(); err != nil {
			k.t.Fatalf("%v\n%s", err, out)
		}
	}
	if out, err := exec.Command("pcapline", "verify", lake).CombinedOutput(); err != nil {
		k.t.Fatalf("verify: %v\n%s", err, out)
	}
	return tree(k.t, lake)
}

// kill starts a batch and kills it; it says whether that was before it ended.
func (k *batchKiller) kill(spool, lake string) bool {
	k.t.Helper()
	c := exec.Command("pcapline", "-q", "batch", "--spool", spool, "--out", lake, "--config", k.config)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		k.t.Fatal(err)
	}
	time.Sleep(time.Duration(k.rng.Int64N(int64(k.span))))
	_ = c.Process.Kill() // if it has not ended
	err := c.Wait()
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.Exited() {
		k.t.Fatalf("batch: %v\n%s", err, out.String())
	}
	if err != nil {
		k.killed++
	}
	return err != nil
}

// look checks what a kill has left to be seen.
func (k *batchKiller) look(lake string, night int) {
	k.t.Helper()
	runs, _ := filepath.Glob(filepath.Join(lake, "run=*"))
	if len(runs) > night+1 || len(runs) < night {
		k.t.Errorf("night %d: runs %v", night, runs)
	}
	for _, r := range runs {
		if out, err := exec.Command("pcapline", "verify", r).CombinedOutput(); err != nil {
			k.t.Errorf("half a run is to be seen: %v\n%s", err, out)
		}
	}
	if plans, _ := filepath.Glob(filepath.Join(lake, ".work", "*", "plan.json")); len(plans) > 0 {
		k.planned++
	}
	if hidden, _ := filepath.Glob(filepath.Join(lake, ".run=*.part")); len(hidden) > 0 {
		k.folders++
	}
}

// writeSegments writes finished segments of a spool with packets of the lab.
func writeSegments(t *testing.T, spool string, from, to int) {
	t.Helper()
	names := []string{"scan_sweep", "scan_udp", "tunnel_dns", "web_xss", "dos_frag"}
	for i := from; i < to; i++ {
		r, err := pcapio.Open(filepath.Join("..", "..", "testdata", "lab", names[i]+".pcapng.zst"), pcapio.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		w, err := pcapio.NewWriter(&b, pcapio.WriterOptions{}, pcapio.Interface{LinkType: pcapio.LinkEthernet})
		for err == nil {
			var p pcapio.Packet
			if err = r.Next(&p); err == nil {
				p.Interface = 0
				err = w.Write(&p)
			}
		}
		if err != io.EOF {
			t.Fatal(err)
		}
		r.Close()
		name := fmt.Sprintf("lab_eth0_%d_%010d.pcapng", int64(i+1)*1e18, i+1)
		if err := errors.Join(w.Flush(), os.WriteFile(filepath.Join(spool, name), b.Bytes(), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// tree reads what a lake shows, but for how long it took.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path != root && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() || d.Name() == "timings.json" {
			return nil
		}
		text, err := os.ReadFile(path)
		rel, _ := filepath.Rel(root, path)
		files[filepath.ToSlash(rel)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func sameTrees(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name, text := range want {
		if other, ok := got[name]; !ok || other != text {
			t.Errorf("%s has other bytes, or is not there", name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s should not be there", name)
		}
	}
}
