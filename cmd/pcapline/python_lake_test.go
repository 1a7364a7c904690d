package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/pcapline/pcapline/transform/lake"
)

// TestPythonReadsLakes has DuckDB, pyarrow and polars read a lake by its
// partitions, and join packets and flows by their keys.
func TestPythonReadsLakes(t *testing.T) {
	python := pythonWith(t, "pyarrow, polars, duckdb")
	dir, _ := engineCorpus(t)
	if out, err := exec.Command(python, filepath.Join("testdata", "check_lake.py"), filepath.Join(dir, "one")).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestConfigSchema: the published schema takes and refuses what the program
// does, as jsonschema reads it.
func TestConfigSchema(t *testing.T) {
	python := pythonWith(t, "jsonschema")
	texts := []string{
		"{}", "shard: 1GB\nmemory: 512MB", "sensor: lab-1\nsensor_folders: true", "packets: {off: true}",
		"packets: {columns: [ts, ip_src], payload: hash, bloom: [ip_src]}", "flows: {idle_timeout: 90s, active_timeout: 1h30m, span: false}",
		"labels: {rules: [a.csv], slack: 1s, strict: true}", "model: {runs: 3, seed: 7}",
		"shards: 1GB", "packets: {off: maybe}", "packets: {colums: [ts]}", "flows: {idle_timeout: soon}", "flows: {max_flows: many}",
		"labels: [a.csv]", "sensor: [a]", "model: {seed: -1}", "shard: plenty",
	}
	type sample struct {
		Value any  `json:"value"`
		OK    bool `json:"ok"`
	}
	var samples []sample
	dir := t.TempDir()
	for i, text := range texts {
		path := filepath.Join(dir, "c.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var s sample
		if err := yaml.Unmarshal([]byte(text), &s.Value); err != nil {
			t.Fatal(err)
		}
		err := readBatchConfig(path, new(lake.Config))
		if s.OK = err == nil; s.OK != (i < 8) {
			t.Errorf("%q: %v", text, err)
		}
		samples = append(samples, s)
	}
	in, err := json.Marshal(map[string]any{"schema": json.RawMessage(lake.ConfigSchema()), "samples": samples})
	if err != nil {
		t.Fatal(err)
	}
	const check = `
import json, sys, jsonschema
d = json.load(sys.stdin)
jsonschema.Draft202012Validator.check_schema(d["schema"])
v = jsonschema.Draft202012Validator(d["schema"])
wrong = [s for s in d["samples"] if v.is_valid(s["value"]) != s["ok"]]
sys.exit("they differ: %s" % wrong if wrong else 0)`
	c := exec.Command(python, "-c", check)
	pipe, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = pipe.Write(in) // what is missing fails the check
		pipe.Close()
	}()
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
