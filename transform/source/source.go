// Package source reads tables back, whoever wrote them.
//
// [Open] takes a Parquet, Arrow, CSV or JSONL file, the last two also
// compressed, and gives its rows in batches of up to [BatchRows], in the form
// that package schema describes. Of a Parquet or Arrow file written by package
// sink the schema comes back exactly, with kinds, roles and documentation,
// from the metadata entry [schema.MetadataKey]; of any other (pyarrow, polars,
// DuckDB, Spark) it is inferred from the types, of CSV and JSONL from the
// values of all rows. A member of an object in a JSONL row is the column of
// both keys joined by _; a column that no row has is not there.
//
//	t, err := source.Open("packets.parquet")
//	defer t.Close()
//	b := schema.FromFields(t.Schema())
//	err = source.Each(ctx, t, b, func() error {
//		… // b.Rows rows, valid until the next call
//	})
//
// Memory is bounded: of a Parquet file one page of each column is held, of an
// Arrow file one record batch, of CSV and JSONL one line of at most 64 MiB,
// and one batch.
//
// # Limits
//
// Structs, maps and lists of lists are refused with the name of the column;
// leave it out by [Options].Columns. Lists that contain nulls, 16-bit floats,
// encrypted files are refused as well. Timestamps in nanoseconds are
// read as int64 with the unit "ns", since schema's timestamps are
// microseconds; local timestamps are taken for UTC; decimals become float64.
package source

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/pcapline/pcapline/transform/schema"
)

// BatchRows is the most rows that Next puts into a batch.
const BatchRows = 8192

// Table is a table that is read row after row. It is for one goroutine.
type Table interface {
	// Schema lists the columns that Next fills, in the order of the file.
	Schema() schema.Schema
	// Metadata returns the file's key-value metadata, nil where the format
	// has none.
	Metadata() map[string]string
	// Rows is the number of rows in the table, -1 when only reading tells.
	Rows() int64
	// Next empties b, which was made by schema.FromFields of the table's
	// schema, and fills it with the next 1 to BatchRows rows. At the end it
	// returns io.EOF and no rows. Another error names the file and the place;
	// the table cannot be read further, and b holds nothing.
	Next(b *schema.Batch) error
	Close() error
}

// GroupedTable is a table whose rows lie in groups that can be read in any
// order, and by several goroutines: the row groups of a Parquet file.
type GroupedTable interface {
	Table
	// Groups is the number of groups.
	Groups() int
	// Seek has Next give the rows of a group, 0 to Groups()−1, from its
	// first on; Next then returns io.EOF where the group ends.
	Seek(group int)
	// Copy gives another reader of the same open file, at its beginning, for
	// another goroutine. It is of no use when the table has been closed.
	Copy() (GroupedTable, error)
}

// reading is what tables of all formats share.
type reading struct {
	path   string
	schema schema.Schema
	err    error // what ended the reading
}

func (r *reading) Schema() schema.Schema { return r.schema }

// next is Next, with the format's way to fill an empty batch.
func (r *reading) next(b *schema.Batch, fill func(*schema.Batch) error) error {
	b.Reset()
	if r.err != nil {
		return r.err
	}
	if err := checkBatch(r.schema, b); err != nil {
		return fmt.Errorf("%s: %w", r.path, err)
	}
	if r.err = fill(b); r.err != nil {
		b.Reset()
		if r.err != io.EOF {
			r.err = fmt.Errorf("%s: %w", r.path, r.err)
		}
	}
	return r.err
}

// Options choose what is read; the zero value reads everything as it is.
type Options struct {
	// Columns limits the table to these, in the order of the file. A name
	// that the file lacks is an error.
	Columns []string
	// Schema says what the columns of a CSV or JSONL file are, instead of
	// inference. It may have columns that the file lacks, not the other way
	// round. A JSONL file names no columns, so it has all of these, in their order.
	Schema schema.Schema
}

// Open opens a table as it is.
func Open(path string) (Table, error) { return OpenWith(path, Options{}) }

// OpenWith opens a table. A file that begins as Parquet or Arrow is that
// whatever its name; CSV and JSONL are known by their endings.
func OpenWith(path string, opt Options) (Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open table: %w", err)
	}
	t, err := open(f, path, opt)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return t, nil
}

func open(f *os.File, path string, opt Options) (Table, error) {
	var magic [4]byte
	if _, err := f.ReadAt(magic[:], 0); err != nil && err != io.EOF {
		return nil, err
	}
	switch string(magic[:]) {
	case "PAR1":
		return openParquet(f, path, opt)
	case arrowMagic[:4], arrowContinue:
		return openArrow(f, path, opt)
	}
	switch endingOf(path) {
	case ".csv":
		return openCSV(f, path, opt)
	case ".jsonl", ".ndjson":
		return openJSONL(f, path, opt)
	case ".parquet", ".pq":
		return nil, errors.New("not a Parquet file: it does not begin with PAR1")
	case ".arrow", ".feather", ".arrows":
		return nil, errors.New("not an Arrow file or stream: it begins as neither")
	}
	return nil, errors.New("not a table that can be read: parquet, csv, arrow and jsonl are")
}

// IsTable reports whether the file is one that Open takes for a table, by its
// first bytes or its ending.
func IsTable(path string) bool {
	switch endingOf(path) {
	case ".csv", ".jsonl", ".ndjson":
		return true
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [4]byte
	n, _ := io.ReadFull(f, magic[:])
	return slices.Contains([]string{"PAR1", arrowMagic[:4], arrowContinue}, string(magic[:n]))
}

// project returns which of the named columns are wanted, or what is missing.
func project(names []string, wanted []string) ([]bool, error) {
	keep := make([]bool, len(names))
	index := make(map[string]int, len(names))
	for i, n := range names {
		if _, twice := index[n]; twice {
			return nil, fmt.Errorf("column %q is there twice", n)
		}
		index[n] = i
		keep[i] = wanted == nil
	}
	for _, n := range wanted {
		i, ok := index[n]
		if !ok {
			return nil, fmt.Errorf("no column %q", n)
		}
		keep[i] = true
	}
	return keep, nil
}

// checkBatch reports whether b was made for schema s.
func checkBatch(s schema.Schema, b *schema.Batch) error {
	if len(b.Columns) != len(s) {
		return fmt.Errorf("batch has %d columns, the table %d", len(b.Columns), len(s))
	}
	for i, c := range b.Columns {
		if f := c.Field(); f.Name != s[i].Name || f.Kind != s[i].Kind || f.List != s[i].List || f.Nullable != s[i].Nullable {
			return fmt.Errorf("column %d of the batch is %s %s, of the table %s %s", i, f.Name, f.Type(), s[i].Name, s[i].Type())
		}
	}
	return nil
}
