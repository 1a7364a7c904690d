package sink_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
)

type dated struct {
	schema.Layer `name:"dated" every:"row"`
	TS           schema.Values[schema.Micros] `name:"ts" doc:"A time."`
	N            schema.Values[int64]         `name:"n" doc:"A number."`
	Word         schema.Optional[schema.Text] `name:"word" doc:"A word."`
	List         schema.List[uint16]          `name:"list" doc:"Numbers."`
}

// TestPartitionKeepsRowsInOrder writes rows that alternate around midnight.
func TestPartitionKeepsRowsInOrder(t *testing.T) {
	const day = 86_400_000_000
	dir := filepath.Join(t.TempDir(), "out")
	d := new(dated)
	b := schema.Of(d)
	p, err := sink.PartitionByName("date")
	if err != nil {
		t.Fatal(err)
	}
	csv, _ := sink.ByName("csv")
	f, err := sink.CreateFolder(dir, p, csv, b.Schema(), sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Abort()
	enc := f.NewEncoder()
	for unit := range 2 {
		for row, ts := range []int64{day - 1, day, day - 1, -1, day} {
			d.TS.Append(schema.Micros(ts))
			d.N.Append(int64(10*unit + row))
			if row%2 == 0 {
				d.Word.Set(row, schema.Text("even"))
				d.List.Set(row, uint16(row), 7)
			}
			b.Rows++
		}
		b.Finish()
		if err := enc.Encode(b); err != nil {
			t.Fatal(err)
		}
		b.Reset()
		piece, err := enc.Flush()
		if err != nil {
			t.Fatal(err)
		}
		if piece.Rows() != 5 {
			t.Errorf("a piece of %d rows, want 5", piece.Rows())
		}
		if err := f.Commit(piece); err != nil {
			t.Fatal(err)
		}
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*", "part*")); len(files) > 0 {
		t.Errorf("visible before Close: %v", files)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for date, want := range map[string]string{
		"1969-12-31": "3,, 13,,",
		"1970-01-01": "0,even,0;7 2,even,2;7 10,even,0;7 12,even,2;7",
		"1970-01-02": "1,, 4,even,4;7 11,, 14,even,4;7",
	} {
		text, err := os.ReadFile(filepath.Join(dir, "date="+date, "part-0.csv"))
		if err != nil {
			t.Fatal(err)
		}
		var rows []string
		for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
			rows = append(rows, line[strings.IndexByte(line, ',')+1:])
		}
		if got := strings.Join(rows, " "); got != want {
			t.Errorf("%s has %s, want %s", date, got, want)
		}
	}
}

// TestPartitionAbortLeavesNothing holds for the folders, too.
func TestPartitionAbortLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	d := new(dated)
	b := schema.Of(d)
	p, _ := sink.PartitionByName("date")
	f, err := sink.CreateFolder(dir, p, sink.Formats[0], b.Schema(), sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d.TS.Append(0)
	d.N.Append(0)
	b.Rows = 1
	b.Finish()
	if err := f.NewEncoder().Encode(b); err != nil {
		t.Fatal(err)
	}
	f.Abort()
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("after Abort: %v", err)
	}
}
