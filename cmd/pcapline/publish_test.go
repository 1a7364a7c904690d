package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/train/antinex/api/apitest"
)

// command runs a command line and returns what it prints.
func command(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), append([]string{"pcapline"}, args...), &out, &errs); code != want {
		t.Fatalf("%s: exit status %d, want %d\n%s%s", strings.Join(args, " "), code, want, &out, &errs)
	}
	return out.String(), errs.String()
}

// antinexServer runs the stand-in and lets the environment point to it.
func antinexServer(t *testing.T) *apitest.Server {
	s := apitest.New(t, false)
	t.Setenv("ANTINEX_URL", s.URL)
	t.Setenv("ANTINEX_USER", apitest.User)
	t.Setenv("ANTINEX_PASSWORD", "")
	return s
}

func passwordFile(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(apitest.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Packets of a capture arrive at the server, once, under AntiNex's names.
func TestPublishPackets(t *testing.T) {
	s, secret := antinexServer(t), passwordFile(t)
	dir := t.TempDir()
	queue := filepath.Join(dir, "queue")
	for _, file := range []string{"packets.csv", "packets.parquet"} {
		command(t, 0, "flatten", "--dialect", "antinex", "-o", filepath.Join(dir, file), "../../testdata/antinex/all_layers.pcap")
	}
	args := []string{"publish", "--queue", queue, "--password-file", secret, "--batch", "10"}
	stdout, stderr := command(t, 0, append(args, filepath.Join(dir, "packets.csv"))...)
	if !strings.Contains(stdout, "sent 27 rows in 3 batches; 0 refused, 0 wait") || strings.Contains(stdout+stderr, apitest.Password) {
		t.Errorf("%s%s", stdout, stderr)
	}
	stdout, _ = command(t, 0, append(args, filepath.Join(dir, "packets.csv"))...)
	if !strings.Contains(stdout, "queued 0 rows; 27 were queued before") {
		t.Error(stdout)
	}
	command(t, 0, append(args, filepath.Join(dir, "packets.parquet"))...)
	rows := s.Rows()
	if len(rows) != 54 {
		t.Fatalf("the server has %d rows", len(rows))
	}
	for i, row := range rows[:27] {
		csv, _ := json.Marshal(row)
		parquet, _ := json.Marshal(rows[27+i])
		if !bytes.Equal(csv, parquet) {
			t.Errorf("row %d: %s of CSV, %s of Parquet", i, csv, parquet)
		}
	}
	command(t, 0, append(args, "--compat", "antinex-v1", "--restart", dir)...)
}

func TestPublishRefuses(t *testing.T) {
	s := antinexServer(t)
	dir := t.TempDir()
	table := filepath.Join(dir, "x.csv")
	if err := os.WriteFile(table, []byte("tcp_sport\n5\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	queue := filepath.Join(dir, "queue")
	command(t, 2, "publish", table)
	_, stderr := command(t, 2, "publish", "--queue", queue, table)
	if !strings.Contains(stderr, "ANTINEX_PASSWORD") {
		t.Error(stderr)
	}
	t.Setenv("ANTINEX_PASSWORD", "wrong-hushhush")
	if _, stderr = command(t, 1, "publish", "--queue", queue, table); !strings.Contains(stderr, "log in as sensor") || strings.Contains(stderr, "hushhush") {
		t.Error(stderr)
	}
	t.Setenv("ANTINEX_PASSWORD", apitest.Password)
	s.Fault = func(f *apitest.Fault) {
		if f.Request == "POST /ml/" {
			f.Status, f.Body = 400, "no"
		}
	}
	if _, stderr = command(t, 3, "publish", "--queue", queue, table); !strings.Contains(stderr, "refused 1 batches") {
		t.Error(stderr)
	}
	s.Fault = nil
	t.Setenv("ANTINEX_URL", "http://127.0.0.1:1")
	if err := os.WriteFile(table, []byte("tcp_sport\n5\n6\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, stderr = command(t, 1, "publish", "--queue", queue, "--timeout", "1s", table); !strings.Contains(stderr, "1 batches wait") {
		t.Error(stderr)
	}
	t.Setenv("ANTINEX_URL", s.URL)
	if stdout, _ := command(t, 0, "publish", "--queue", queue, table); !strings.Contains(stdout, "sent 1 rows") {
		t.Error(stdout)
	}
	t.Setenv("ANTINEX_PUBLISH_ENABLED", "0")
	command(t, 0, "publish", "--queue", queue, table)
}

func TestAntinexTools(t *testing.T) {
	s := antinexServer(t)
	t.Setenv("ANTINEX_PASSWORD", apitest.Password)
	requests := "../../train/antinex/testdata/"
	out := filepath.Join(t.TempDir(), "predictions.json")
	stdout, _ := command(t, 0, "antinex", "train", "--poll", "1ms", "-f", requests+"scaler-full-django-antinex-simple.json")
	if !strings.Contains(stdout, "result 1 of job 1 is finished") || !strings.Contains(stdout, "99.800 %") {
		t.Error(stdout)
	}
	command(t, 0, "antinex", "predict", "--poll", "1ms", "-f", requests+"predict-rows-scaler-full-django.json", "-o", out)
	var written struct {
		Predictions []map[string]any `json:"predictions"`
	}
	text, err := os.ReadFile(out)
	if err != nil || json.Unmarshal(text, &written) != nil || len(written.Predictions) != 2 || written.Predictions[0]["ip_len"] != 26313.0 {
		t.Errorf("%s, %v", text, err)
	}
	command(t, 0, "antinex", "predict", "--poll", "1ms", "-m")
	if rows := s.Posts[2]["predict_rows"].([]any); len(rows) != 4 {
		t.Errorf("%d mock rows", len(rows))
	}
	if stdout, _ = command(t, 0, "antinex", "prepare", "--poll", "1ms", "-f", requests+"prepare-new-dataset.json"); !strings.Contains(stdout, "prepared dataset 1 is finished") {
		t.Error(stdout)
	}
	for _, c := range [][]string{{"job"}, {"job", "-i", "2"}, {"results"}, {"results", "-i", "1"}, {"prepared", "-i", "1"}, {"job", "--json"}} {
		if stdout, _ = command(t, 0, append([]string{"antinex"}, c...)...); !strings.Contains(stdout, "finished") || strings.Contains(stdout, "hushhush") {
			t.Errorf("%v: %s", c, stdout)
		}
	}
	command(t, 1, "antinex", "job", "-i", "99")
	command(t, 2, "antinex", "prepared")
	command(t, 2, "antinex", "train")
	command(t, 1, "antinex", "train", "-f", requests+"prepare-new-dataset.json")
}
