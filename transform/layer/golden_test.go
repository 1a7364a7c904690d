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
	golden := filepath.Join("testdata", "all_layers.golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Error(diff)
	}
}
