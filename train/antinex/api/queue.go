package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"

	"github.com/pcapline/pcapline/transform/sink"
)

// ErrQueueFull says that rows wait where they are until the queue has room.
var ErrQueueFull = errors.New("the queue is full")

// ErrReplaced says that a table no longer begins with the rows that were
// queued of it.
var ErrReplaced = errors.New("the table has other rows than those that were queued of it")

// queue is a folder of batches:
//
//	0000000041.json            waits
//	0000000040.sending.json    was sent, perhaps without an answer
//	0000000039.sent.json       the server has it; its result is not there yet
//	rejected/0000000007.json   the server does not want it; .error says why
//	tables.json                how far the tables were queued
//	.lock                      held while somebody queues or sends
//
// A batch says how far its table was queued with it, so what tables.json
// missed in a crash is learned from the batches.
type queue struct {
	dir    string
	limit  int64 // bytes; 0: none
	lock   *flock.Flock
	next   int64 // number of the next batch
	bytes  int64
	tables map[string]progress
}

// progress is how far a table was queued.
type progress struct {
	Rows   int64  `json:"rows"`
	Digest string `json:"sha256"` // of the rows' JSON, one after another
}

// batch is a file of the queue.
type batch struct {
	ID       string            `json:"id"`
	Table    string            `json:"table"`
	Progress progress          `json:"progress"` // with this batch
	Rows     []json.RawMessage `json:"rows"`
	Job      int64             `json:"job,omitempty"` // once it is known
	Result   int64             `json:"result,omitempty"`
}

// The states that a batch's name says.
const (
	waiting = ""
	sending = ".sending"
	sent    = ".sent"
)

func openQueue(dir string, limit int64) (*queue, error) {
	if err := os.MkdirAll(filepath.Join(dir, "rejected"), 0o700); err != nil {
		return nil, err
	}
	q := &queue{dir: dir, limit: limit, lock: flock.New(filepath.Join(dir, ".lock")), tables: map[string]progress{}}
	switch ok, err := q.lock.TryLock(); {
	case err != nil:
		return nil, err
	case !ok:
		return nil, fmt.Errorf("%s: another process uses the queue", dir)
	}
	if err := q.load(); err != nil {
		return nil, errors.Join(err, q.close())
	}
	return q, nil
}

func (q *queue) close() error { return q.lock.Unlock() }

// load reads what the folder says, and brings tables.json up to the batches.
func (q *queue) load() error {
	text, err := os.ReadFile(q.tablesFile())
	if err == nil {
		err = json.Unmarshal(text, &q.tables)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", q.tablesFile(), err)
	}
	for _, folder := range []string{"", "rejected"} {
		names, err := q.names(folder)
		if err != nil {
			return err
		}
		for _, name := range names {
			b, size, err := q.read(filepath.Join(folder, name))
			if err != nil {
				return err
			}
			if b.Progress.Rows > q.tables[b.Table].Rows {
				q.tables[b.Table] = b.Progress
			}
			var n int64
			if _, err := fmt.Sscanf(name, "%d", &n); err == nil {
				q.next = max(q.next, n+1)
			}
			if folder == "" {
				q.bytes += size
			}
		}
	}
	return q.saveTables()
}

func (q *queue) tablesFile() string { return filepath.Join(q.dir, "tables.json") }

// saveTables forgets tables that are gone, so that the file does not grow for ever.
func (q *queue) saveTables() error {
	for path := range q.tables {
		_, err := os.Stat(path)
		if _, folder := os.Stat(filepath.Dir(path)); folder == nil && errors.Is(err, fs.ErrNotExist) {
			delete(q.tables, path)
		}
	}
	text, err := json.MarshalIndent(q.tables, "", "  ")
	if err != nil {
		return err
	}
	return sink.WriteFile(q.tablesFile(), append(text, '\n'))
}

// names lists batches, the oldest first.
func (q *queue) names(folder string) (names []string, err error) {
	entries, err := os.ReadDir(filepath.Join(q.dir, folder))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if name := e.Name(); len(name) > 10 && strings.HasSuffix(name, ".json") && strings.Trim(name[:10], "0123456789") == "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func (q *queue) read(name string) (*batch, int64, error) {
	text, err := os.ReadFile(filepath.Join(q.dir, name))
	if err != nil {
		return nil, 0, err
	}
	var b batch
	if err := json.Unmarshal(text, &b); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", filepath.Join(q.dir, name), err)
	}
	return &b, int64(len(text)), nil
}

// add makes a batch durable. Then its rows count as queued.
func (q *queue) add(b *batch) error {
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	if q.limit > 0 && q.bytes > 0 && q.bytes+int64(len(text)) > q.limit {
		return ErrQueueFull
	}
	if err := sink.WriteFile(filepath.Join(q.dir, fmt.Sprintf("%010d.json", q.next)), text); err != nil {
		return err
	}
	q.next++
	q.bytes += int64(len(text))
	q.tables[b.Table] = b.Progress
	return nil
}

// stateOf is what a batch's name says.
func stateOf(name string) string { return strings.TrimSuffix(name[10:], ".json") }

// move gives a batch another state and returns its new name.
func (q *queue) move(name, state string) (string, error) {
	to := name[:10] + state + ".json"
	if to == name {
		return name, nil
	}
	return to, os.Rename(filepath.Join(q.dir, name), filepath.Join(q.dir, to))
}

// store replaces a batch by what is known of it now, and then gives it another
// state.
func (q *queue) store(name, state string, b *batch) error {
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	if err := sink.WriteFile(filepath.Join(q.dir, name), text); err != nil {
		return err
	}
	_, err = q.move(name, state)
	return err
}

// done forgets a batch; what tables.json does not know yet of its table is
// written first.
func (q *queue) done(name string) error {
	if err := q.saveTables(); err != nil {
		return err
	}
	path := filepath.Join(q.dir, name)
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	q.bytes -= st.Size()
	return os.Remove(path)
}

// reject puts a batch aside that the server does not want.
func (q *queue) reject(name string, why error) error {
	to := filepath.Join(q.dir, "rejected", name[:10])
	st, err := os.Stat(filepath.Join(q.dir, name))
	if err != nil {
		return err
	}
	q.bytes -= st.Size()
	return errors.Join(sink.WriteFile(to+".error", []byte(why.Error()+"\n")), os.Rename(filepath.Join(q.dir, name), to+".json"))
}
