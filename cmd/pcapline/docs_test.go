package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/transform/pythontest"
)

// block is a fenced block of code in a page.
var block = regexp.MustCompile("(?ms)^```(sh|python)\n(.*?)^```$")

// TestPagesRun runs the blocks of README.md and docs marked sh and python in
// the folder of the examples, each page from top to bottom. Blocks that are
// not marked are only read.
func TestPagesRun(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute")
	}
	needsTools(t, "bash")
	pages, err := filepath.Glob("../../docs/*.md")
	ok(t, err)
	first := newWorld(t)
	first.must(t, examplesFirst)
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		ok(t, err)
		t.Run(filepath.Base(page), func(t *testing.T) {
			w := first.copy(t)
			for i, m := range block.FindAllStringSubmatch(string(text), -1) {
				language, script := m[1], m[2]
				t.Run(fmt.Sprintf("%s %d", language, i+1), func(t *testing.T) { runBlock(t, w, language, script) })
			}
		})
	}
}

func runBlock(t *testing.T, w *world, language, script string) {
	if strings.HasPrefix(script, "make ") {
		t.Skip("the two commands, which CI runs")
	}
	if language == "python" {
		python := pythontest.Interpreter(t, "duckdb", "polars", "pyarrow")
		ok(t, os.WriteFile(w.path("page.py"), []byte(script), 0o644))
		script = python + " page.py"
	}
	if out, code := w.sh(script); code != 0 {
		t.Errorf("%s\nends with %d:\n%s", script, code, out)
	}
}
