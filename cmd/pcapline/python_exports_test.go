package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/pcapline/pcapline/transform/pythontest"
)

// TestPythonReadsExports has NumPy, pandas, h5py and nfstream itself look at
// what is written under other tools' names and for other tools.
func TestPythonReadsExports(t *testing.T) {
	python := pythontest.Interpreter(t, "numpy", "pandas", "h5py", "nfstream")
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	lab := filepath.Join("..", "..", "testdata", "lab")
	truth, capture := filepath.Join(lab, "truth.csv"), filepath.Join(lab, "web_sqli.pcapng.zst")
	for _, args := range [][]string{
		{"slice", "-o", in("plain.pcapng"), capture},
		{"flows", "--truth", truth, "--names", "cicflowmeter", "-o", in("cic.csv"), capture},
		{"flows", "--names", "nfstream", "-o", in("nf.parquet"), capture},
		{"flows", "--names", "zeek", "-o", in("conn.log"), capture},
		{"flatten", "--truth", truth, "-o", in("packets.parquet"), capture},
		{"export", "--for", "lucid", "-o", in("lucid"), in("packets.parquet")},
		{"export", "--for", "et-bert", "-o", in("et-bert"), in("packets.parquet")},
		{"export", "--for", "kitsune", "-o", in("kitsune"), in("packets.parquet")},
	} {
		if code := run(context.Background(), append([]string{"pcapline"}, args...), io.Discard, os.Stderr); code != 0 {
			t.Fatalf("%v exits %d", args, code)
		}
	}
	if out, err := exec.Command(python, filepath.Join("testdata", "check_exports.py"), dir, in("plain.pcapng")).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
