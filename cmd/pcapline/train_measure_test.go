//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
)

// writeManyRows writes a prepared dataset in which two of three rows are for
// training and a tenth are attacks, as far as it is read in a training.
func writeManyRows(t *testing.T, dir string, rows, columns int) {
	t.Helper()
	meta := &features.Meta{Version: features.MetaVersion, Table: "flows", Classes: []string{"benign", "flood", "scan"}}
	var s schema.Schema
	for i := range columns {
		name := fmt.Sprintf("number_%d", i)
		meta.FeaturesToProcess = append(meta.FeaturesToProcess, name)
		s = append(s, &schema.Field{Name: name, Layer: "features", Kind: schema.Float64, Doc: "-"})
	}
	s = append(s, &schema.Field{Name: "label_index", Layer: "dataset", Kind: schema.Uint16, Doc: "-"})
	meta.Rows.Valid = int64(rows / 3)
	meta.Rows.Train = int64(rows) - meta.Rows.Valid
	meta.Rows.In = int64(rows)
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeRows(t, filepath.Join(dir, "data", "train-00000-of-00001.parquet"), s, 0, int(meta.Rows.Train))
	writeRows(t, filepath.Join(dir, "data", "validation-00000-of-00001.parquet"), s, int(meta.Rows.Train), int(meta.Rows.Valid))
	if err := meta.WriteFile(filepath.Join(dir, "cleaned_metadata.json")); err != nil {
		t.Fatal(err)
	}
}

// writeRows writes rows of a numbered sequence, in pages of 8,192 rows and row
// groups of 65,536, as prepare does.
func writeRows(t *testing.T, path string, s schema.Schema, from, rows int) {
	t.Helper()
	b := schema.FromFields(s)
	out, err := sink.Create(path, sink.Format{}, s, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Abort()
	enc := out.NewEncoder()
	last := len(s) - 1
	for i := 0; i < rows; {
		b.Reset()
		for ; b.Rows < 8192 && i < rows; i++ {
			h := features.Mix(uint64(from + i))
			class := 0
			if h%10 == 0 {
				class = 1 + i*7/rows%2 // classes come in stretches, as they do in recordings
			}
			for k, c := range b.Columns[:last] {
				v := float64(features.Mix(h+uint64(k)) >> 56)
				if k == class {
					v *= 2
				}
				c.(*schema.Values[float64]).Append(v)
			}
			b.Columns[last].(*schema.Values[uint16]).Append(uint16(class))
			b.Rows++
		}
		b.Finish()
		if err := enc.Encode(b); err != nil {
			t.Fatal(err)
		}
		if i%65536 != 0 && i < rows {
			continue
		}
		endGroup(t, out, enc)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestTrainIsBounded trains on more rows than --memory holds, and holds the
// process to it: by default 700,000 rows in 64 MB and what the program itself
// takes; PCAPLINE_MEASURE_ROWS=50000000 in a gigabyte, of eight columns or
// PCAPLINE_MEASURE_COLUMNS. Fewer processors give the same model.
func TestTrainIsBounded(t *testing.T) {
	rows, _ := strconv.Atoi(os.Getenv("PCAPLINE_MEASURE_ROWS"))
	memory, limit, runs := "1GB", int64(1_000_000_000), []string{"2"}
	if rows == 0 {
		rows, memory, limit, runs = 700_000, "64MB", 128_000_000, []string{"1", "2"}
	}
	columns, _ := strconv.Atoi(os.Getenv("PCAPLINE_MEASURE_COLUMNS"))
	if columns == 0 {
		columns = 8
	}
	if testing.Short() {
		t.Skip("writes and reads many rows")
	}
	dir := t.TempDir()
	writeManyRows(t, dir, rows, columns)
	var models [][]byte
	for _, procs := range runs {
		model := filepath.Join(dir, "model"+procs)
		cmd := exec.Command("pcapline", "train", "-o", model, "--memory", memory, "--epochs", "2", "--batch", "512", "--hidden", "16", dir)
		cmd.Env = append(os.Environ(), "GOMAXPROCS="+procs)
		out, peak := peakOf(t, cmd)
		if !bytes.Contains(out, []byte("rows were streamed")) {
			t.Errorf("not streamed:\n%s", out)
		}
		t.Logf("%d rows of %d columns, GOMAXPROCS=%s: %d MB at most, %.0f CPU s\n%s", rows, columns, procs, peak/1_000_000, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), out)
		if peak > limit {
			t.Errorf("%d MB for --memory %s", peak/1_000_000, memory)
		}
		file, err := os.ReadFile(model)
		if err != nil {
			t.Fatal(err)
		}
		models = append(models, file)
	}
	for _, m := range models[1:] {
		if !bytes.Equal(m, models[0]) {
			t.Error("another number of processors gives another model")
		}
	}
}
