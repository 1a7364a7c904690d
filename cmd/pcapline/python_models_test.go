package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/transform/pythontest"
)

// TestPythonRunsModels has onnxruntime score a dataset with exported models of
// every way to scale and every activation, and compares the scores.
func TestPythonRunsModels(t *testing.T) {
	python := pythontest.Interpreter(t, "onnx", "onnxruntime", "safetensors", "pandas")
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	do := func(out io.Writer, args ...string) {
		t.Helper()
		if code := run(context.Background(), append([]string{"pcapline"}, args...), out, os.Stderr); code != 0 {
			t.Fatalf("%v exits %d", args, code)
		}
	}
	lab := filepath.Join("..", "..", "testdata", "lab")
	do(io.Discard, "flows", "-q", "--truth", filepath.Join(lab, "truth.csv"), "-o", in("flows.parquet"), filepath.Join(lab, "web_sqli.pcapng.zst"), filepath.Join(lab, "scan_udp.pcapng.zst"))
	do(io.Discard, "prepare", "-q", "-o", in("dataset"), in("flows.parquet"))
	models := [][]string{
		{"quantile_normal"}, {"quantile_uniform", "--activation", "tanh"}, {"minmax", "--activation", "elu"},
		{"standard", "--activation", "leaky_relu"}, {"standard_binary", "--target", "binary", "--activation", "sigmoid", "--hidden", "8,6"},
		{"none"}, {"quantile_normal_binary", "--target", "binary"},
	}
	var names []string
	for _, m := range models {
		name := m[0]
		names = append(names, name)
		scale, model := strings.TrimSuffix(name, "_binary"), in(name+".model")
		do(io.Discard, slices.Concat([]string{"train", "-q", "--epochs", "6", "--scale", scale}, m[1:], []string{"-o", model, in("dataset")})...)
		for _, ending := range []string{".onnx", ".safetensors"} {
			do(io.Discard, "model", "export", "-o", in(name+ending), model)
		}
		do(io.Discard, "score", "-q", "-o", in(name+".csv"), "-e", "score", "-e", "alert", model, in(filepath.Join("dataset", "fulldata.parquet")))
		var header bytes.Buffer
		do(&header, "model", "show", "--json", model)
		if err := os.WriteFile(in(name+".json"), header.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(in("names.txt"), []byte(strings.Join(names, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, filepath.Join("testdata", "check_models.py"), dir).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}
