package sink

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/schema/schematest"
)

// graft writes whole anew as a table of the columns of target, those that it
// lacks from the row groups of added.
func graft(t *testing.T, file []byte, target schema.Schema, added []Piece, meta map[string]string) []byte {
	t.Helper()
	g, err := OpenGrown(bytes.NewReader(file), int64(len(file)), target)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	k, err := newParquet(&out, target, Options{Metadata: meta})
	if err != nil {
		t.Fatal(err)
	}
	for i := range g.Groups() {
		var more Piece
		if added != nil {
			more = added[i]
		}
		p, err := g.Piece(i, more)
		if err != nil {
			t.Fatal(err)
		}
		if p.Rows() != g.Rows(i) {
			t.Errorf("group %d: %d rows, want %d", i, p.Rows(), g.Rows(i))
		}
		if err := k.Commit(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// rowsAsText reads a file with parquet-go.
func rowsAsText(t *testing.T, b []byte) (out []string) {
	t.Helper()
	for _, g := range openFile(t, b).RowGroups() {
		rows := g.Rows()
		buf := make([]parquet.Row, 64)
		for {
			n, err := rows.ReadRows(buf)
			for _, r := range buf[:n] {
				out = append(out, fmt.Sprintf("%+v", r))
			}
			if err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		rows.Close()
	}
	return out
}

// TestGraft: a file whose row groups were taken over, with columns added, is
// the file that all columns together would have given; also with bloom filters.
func TestGraft(t *testing.T) {
	every := schematest.Every()
	names := every.Names()
	var groups, parts [][]*schema.Batch
	var added []Piece
	split := len(names) - 7
	rest, err := schema.FromFields(every).Select(names[split:])
	if err != nil {
		t.Fatal(err)
	}
	k, err := newParquet(io.Discard, rest.Schema(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	enc := k.NewEncoder()
	for n, rows := range []int{1, 300, 77} {
		b := schema.FromFields(every)
		schematest.Fill(b, rand.New(rand.NewPCG(uint64(n), 3)), rows, 0.3*float64(n), n == 1)
		head, _ := b.Select(names[:split])
		tail, _ := b.Select(names[split:])
		head.Rows, tail.Rows = rows, rows
		groups, parts = append(groups, []*schema.Batch{b}), append(parts, []*schema.Batch{head})
		if err := enc.Encode(tail); err != nil {
			t.Fatal(err)
		}
		p, err := enc.Flush()
		if err != nil {
			t.Fatal(err)
		}
		added = append(added, p)
	}
	want := write(t, every, "", groups...)
	head := parts[0][0].Schema()
	if got := graft(t, write(t, head, "", parts...), every, added, nil); !bytes.Equal(got, want) {
		t.Errorf("%d bytes with columns added behind, %d of all together, or others", len(got), len(want))
	}
	if got := graft(t, want, every, nil, nil); !bytes.Equal(got, want) {
		t.Error("a file that was taken over as it is has other bytes")
	}
	g, err := OpenGrown(bytes.NewReader(want), int64(len(want)), every)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Piece(1, added[0]); err == nil {
		t.Error("columns of another number of rows were added")
	}
	if _, err := OpenGrown(bytes.NewReader(want), int64(len(want)), head); err == nil {
		t.Error("a table without columns of the file was accepted")
	}
}

// TestGraftInBetween adds columns in front, with bloom filters in both files.
func TestGraftInBetween(t *testing.T) {
	every := schematest.Every()
	names := every.Names()
	b := schema.FromFields(every)
	schematest.Fill(b, rand.New(rand.NewPCG(9, 9)), 500, 0.2, true)
	first, _ := b.Select(names[:3])
	rest, _ := b.Select(names[3:])
	first.Rows, rest.Rows = b.Rows, b.Rows
	k, err := newParquet(io.Discard, first.Schema(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	enc := k.NewEncoder()
	if err := enc.Encode(first); err != nil {
		t.Fatal(err)
	}
	p, err := enc.Flush()
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	bloom := []string{names[len(names)-1]}
	for _, f := range rest.Schema() {
		if f.Kind == schema.String && !f.List {
			bloom = []string{f.Name}
		}
	}
	out, err := newParquet(&file, rest.Schema(), Options{Bloom: bloom})
	if err != nil {
		t.Fatal(err)
	}
	enc = out.NewEncoder()
	if err := enc.Encode(rest); err != nil {
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
	got := graft(t, file.Bytes(), every, []Piece{p}, nil)
	want := rowsAsText(t, write(t, every, "", []*schema.Batch{b}))
	if fmt.Sprint(rowsAsText(t, got)) != fmt.Sprint(want) {
		t.Error("other rows")
	}
	chunk := openFile(t, got).RowGroups()[0].ColumnChunks()[every.Index(bloom[0])]
	if chunk.BloomFilter() == nil {
		t.Fatalf("column %s lost its bloom filter", bloom[0])
	}
	if _, err := chunk.BloomFilter().Check(parquet.ByteArrayValue([]byte("x"))); err != nil {
		t.Error(err)
	}
}
