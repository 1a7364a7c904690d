package prep_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/pcapline/pcapline/features/prep"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
)

type attemptedTable struct {
	schema.Layer `name:"flow" every:"row"`

	File      schema.Values[uint32]      `name:"file_id" role:"provenance" doc:"-"`
	ID        schema.Values[int64]       `name:"flow_id" role:"identity" doc:"-"`
	Start     schema.Values[int64]       `name:"ts_ns" role:"time" doc:"-"`
	End       schema.Values[int64]       `name:"ts_end_ns" role:"time" doc:"-"`
	Bytes     schema.Values[int64]       `name:"flow_bytes" doc:"-"`
	Label     schema.Values[schema.Text] `name:"label" role:"label" doc:"-"`
	Class     schema.Values[schema.Text] `name:"label_class" role:"label" doc:"-"`
	Attempted schema.Optional[bool]      `name:"label_attempted" role:"label" doc:"-"`
}

// TestAttempted prepares 300 flows of which each third is an attack, and each
// second attack came to nothing.
func TestAttempted(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "flows.parquet")
	f := new(attemptedTable)
	b := schema.Of(f)
	for i := range 300 {
		f.File.Append(0)
		f.ID.Append(int64(i + 1))
		f.Start.Append(1_700_000_000_000_000_000 + int64(i)*1e9)
		f.End.Append(1_700_000_000_000_000_000 + int64(i)*1e9)
		f.Bytes.Append(int64(100 + i*7%97))
		name, class := "benign", "benign"
		if i%3 == 0 {
			name, class = "flood", "attack"
			f.Attempted.Set(i, i%2 == 0)
		}
		f.Label.Append(schema.Text(name))
		f.Class.Append(schema.Text(class))
		b.Rows++
	}
	b.Finish()
	out, err := sink.Create(path, sink.Format{}, b.Schema(), sink.Options{Metadata: map[string]string{
		"pcapline.table": "flows", "pcapline.inputs": `[{"file":"a.pcap"}]`,
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Abort()
	enc := out.NewEncoder()
	if err := enc.Encode(b); err != nil {
		t.Fatal(err)
	}
	piece, err := enc.Flush()
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Commit(piece); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	for policy, want := range map[prep.Attempted][2]int64{ // rows attempted, rows of floods used
		"": {50, 50}, prep.AttemptedDrop: {50, 50}, prep.AttemptedAttack: {0, 100}, prep.AttemptedBenign: {0, 50},
	} {
		res, err := prep.Prepare(context.Background(), prep.Options{
			Tables: []string{path}, Dir: t.TempDir(), Attempted: policy, Duplicates: prep.Keep,
		})
		if err != nil {
			t.Fatalf("%q: %v", policy, err)
		}
		floods := int64(0)
		for _, n := range res.Cleaned.Counts["flood"] {
			floods += n
		}
		if got := [2]int64{res.Cleaned.Rows.Attempted, floods}; got != want {
			t.Errorf("%q: %v rows attempted and of floods, want %v", policy, got, want)
		}
	}
	if prep.Attempted("some").Check() == nil {
		t.Error("a policy that is none is taken")
	}
}
