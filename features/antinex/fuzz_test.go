package antinex

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	table "github.com/pcapline/pcapline/transform/antinex"
)

// FuzzTable: whatever a table holds, it is prepared or refused, and what was
// prepared has as many rows as it.
func FuzzTable(f *testing.F) {
	f.Add([]byte("idx,ip_len,pad_load\n0,5.0,0000\n1,,\n"))
	f.Add([]byte("a,b\n\"x,y\",True\n,False\n"))
	f.Add([]byte(",a\n1e400,-inf\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		in := filepath.Join(dir, "in.csv")
		if err := os.WriteFile(in, data, 0o600); err != nil {
			t.Fatal(err)
		}
		frame, err := readFrame(in)
		rules := &Rules{PostProc: table.Value{Kind: table.Map}, Utils: true, MetaSuffix: "metadata.json"}
		opt := Options{Rules: rules, Files: []string{in}, Full: filepath.Join(dir, "f.csv"), Clean: filepath.Join(dir, "c.csv")}
		res, perr := Prepare(context.Background(), opt)
		if err != nil && perr == nil {
			t.Fatalf("prepared what cannot be read: %v", err)
		}
		if perr == nil && res.Rows != frame.rows {
			t.Fatalf("%d rows of %d", res.Rows, frame.rows)
		}
	})
}
