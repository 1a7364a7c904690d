package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/pcapline/pcapline/transform/pythontest"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/source"
)

// TestPythonReadsTables has pyarrow, polars and DuckDB read the tables of real
// captures and compare every cell with the same tables as CSV.
func TestPythonReadsTables(t *testing.T) {
	python := pythontest.Interpreter(t, "pyarrow", "polars", "duckdb")
	dir := t.TempDir()
	lab := filepath.Join("..", "..", "testdata", "lab")
	for _, name := range []string{"scan_sweep", "ipv6_ra_flood", "tunnel_dns"} {
		for _, table := range []string{"flatten", "flows"} {
			base := filepath.Join(dir, name+"_"+table)
			for _, ending := range []string{".parquet", ".csv"} {
				args := []string{"pcapline", table, "-o", base + ending, "--truth", filepath.Join(lab, "truth.csv"), filepath.Join(lab, name+".pcapng.zst")}
				if code := run(context.Background(), args, io.Discard, os.Stderr); code != 0 {
					t.Fatalf("%v exits %d", args, code)
				}
			}
			describeForPython(t, base)
		}
	}
	script := filepath.Join("..", "..", "transform", "sink", "testdata", "check_tables.py")
	if out, err := exec.Command(python, script, dir).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// describeForPython writes what check_tables.py is to find in base.parquet.
func describeForPython(t *testing.T, base string) {
	t.Helper()
	tab, err := source.Open(base + ".parquet")
	if err != nil {
		t.Fatal(err)
	}
	defer tab.Close()
	type column struct {
		Name     string `json:"name"`
		Type     string `json:"type"`
		Nullable bool   `json:"nullable"`
	}
	spec := struct {
		Columns   []column          `json:"columns"`
		Rows      int64             `json:"rows"`
		Groups    int               `json:"groups"`
		Metadata  map[string]string `json:"metadata"`
		Unindexed []string          `json:"unindexed"`
	}{Rows: tab.Rows(), Groups: 1, Metadata: tab.Metadata(), Unindexed: []string{}}
	for _, f := range tab.Schema() {
		spec.Columns = append(spec.Columns, column{f.Name, f.Type(), f.Nullable})
		if f.Kind == schema.Binary {
			spec.Unindexed = append(spec.Unindexed, f.Name)
		}
	}
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(base+".json", text, 0o644); err != nil {
		t.Fatal(err)
	}
}
