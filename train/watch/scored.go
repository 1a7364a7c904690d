package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
)

// scored writes what was scored into Parquet tables, scored_0000000001.parquet
// and so on, one a checkpoint unless nothing was scored. A table is hidden
// until the state file counts it: then it belongs to what was done, else to
// what will be done again.
type scored struct {
	dir     string // "": no tables
	schema  schema.Schema
	limit   int // rows of a table
	state   scoredState
	file    *os.File // nil between tables
	sink    sink.Sink
	encoder sink.Encoder
	rows    int
	pending int // of them not in a row group yet
}

// scoredState is what a state file says of the tables.
type scoredState struct {
	Last   int64 `json:"last"`   // number of the last table
	Hidden bool  `json:"hidden"` // it may not be visible yet
}

const groupRows = 64 << 10

// openScored puts the folder in order after a stop: a table that the state
// counts is shown, what the state does not know is removed.
func openScored(dir string, s schema.Schema, limit int, state scoredState) (*scored, error) {
	t := &scored{dir: dir, schema: s, limit: limit, state: state}
	if dir == "" {
		return t, nil
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	if state.Hidden {
		if err := t.show(); err != nil {
			return nil, err
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, ".scored_*.parquet.part"))
	if err != nil {
		return nil, err
	}
	for _, f := range left {
		if err := os.Remove(f); err != nil {
			return nil, err
		}
	}
	return t, t.free()
}

// free makes sure that no table is written over: those of a watch without
// state are counted by what there is.
func (t *scored) free() error {
	there, err := filepath.Glob(filepath.Join(t.dir, "scored_*.parquet"))
	if err != nil {
		return err
	}
	for _, f := range there {
		var n int64
		if _, err := fmt.Sscanf(strings.TrimSuffix(filepath.Base(f), ".parquet"), "scored_%d", &n); err == nil {
			t.state.Last = max(t.state.Last, n)
		}
	}
	return nil
}

func (t *scored) names() (hidden, visible string) {
	name := fmt.Sprintf("scored_%010d.parquet", t.state.Last)
	return filepath.Join(t.dir, "."+name+".part"), filepath.Join(t.dir, name)
}

// write adds the rows of a finished batch.
func (t *scored) write(b *schema.Batch) error {
	if t.dir == "" || b.Rows == 0 {
		return nil
	}
	if t.file == nil {
		if err := t.begin(); err != nil {
			return err
		}
	}
	if err := t.encoder.Encode(b); err != nil {
		return err
	}
	t.rows += b.Rows
	if t.pending += b.Rows; t.pending < groupRows {
		return nil
	}
	return t.group()
}

// full says that the table has as many rows as it may.
func (t *scored) full() bool { return t.rows >= t.limit }

func (t *scored) begin() error {
	t.state.Last++
	t.state.Hidden = true
	hidden, _ := t.names()
	f, err := os.OpenFile(hidden, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return fmt.Errorf("create table: %w", err)
	}
	t.file, t.rows, t.pending = f, 0, 0
	if t.sink, err = parquet.New(f, t.schema, sink.Options{}); err != nil {
		return fmt.Errorf("create table %s: %w", hidden, err)
	}
	t.encoder = t.sink.NewEncoder()
	return nil
}

func (t *scored) group() error {
	if t.pending == 0 {
		return nil
	}
	piece, err := t.encoder.Flush()
	if err != nil {
		return err
	}
	t.pending = 0
	return t.sink.Commit(piece)
}

// finish makes the table whole and leaves it hidden.
func (t *scored) finish(metadata [][2]string) error {
	if t.file == nil {
		return nil
	}
	if err := t.group(); err != nil {
		return err
	}
	for _, kv := range metadata {
		t.sink.SetMetadata(kv[0], kv[1])
	}
	err := errors.Join(t.sink.Close(), t.file.Sync(), t.file.Close())
	t.file, t.rows = nil, 0
	return err
}

// show gives the finished table its name.
func (t *scored) show() error {
	if !t.state.Hidden {
		return nil
	}
	hidden, visible := t.names()
	if err := os.Rename(hidden, visible); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	t.state.Hidden = false
	return nil
}

// abort removes the table that is not whole.
func (t *scored) abort() {
	if t.file == nil {
		return
	}
	_ = t.file.Close() // nobody reads it
	_ = os.Remove(t.file.Name())
}
