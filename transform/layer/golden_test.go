package layer

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden shows the whole row of each packet of a capture with every
// layer: what is not null, in the order of the columns.
func TestGolden(t *testing.T) {
	packets := readCapture(t, goldenMixed)
	tab := decodeAll(packets)
	b := tab.Batch()
	rows := newRowTexts(b)
	var out bytes.Buffer
	for range packets {
		texts := rows.next()
		for _, c := range b.Columns {
			if text, ok := texts[c.Field().Name]; ok {
				fmt.Fprintf(&out, "%s=%s\n", c.Field().Name, text)
			}
		}
		out.WriteByte('\n')
	}
	compareGolden(t, "all_layers.golden", out.String())
}

// compareGolden compares text with a golden file, or rewrites it.
func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}
