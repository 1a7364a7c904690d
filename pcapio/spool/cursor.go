package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Position is how far a spool was read: behind a packet, or at the beginning
// of a segment. The zero Position is before the oldest segment.
type Position struct {
	Segment     string `json:"segment"`      // its final name
	Offset      int64  `json:"offset"`       // of the next byte to read
	Packet      int64  `json:"packet"`       // packets of the segment that were read
	Digest      string `json:"digest"`       // SHA-256 of the segment's first DigestBytes bytes, hexadecimal
	DigestBytes int64  `json:"digest_bytes"` // at most 4096
}

// CursorState is a consumer and how far it has come.
type CursorState struct {
	Version  int      `json:"version"` // 1
	Name     string   `json:"name"`
	Position Position `json:"position"`
}

// Cursor keeps the position of one consumer in a small file of the spool. As
// long as it is there, GC deletes what the consumer has passed before what it has not.
type Cursor struct {
	dir   string
	state CursorState
}

const cursorDir = ".cursors"

// OpenCursor opens the cursor of that name, or registers a new one before the
// oldest segment. Names consist of letters, digits, '.', '_' and '-'.
func OpenCursor(dir, name string) (*Cursor, error) {
	if err := checkCursorName(name); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, cursorDir, name+".json")
	state, err := readCursor(path)
	if err == nil {
		return &Cursor{dir: dir, state: state}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if _, err := os.Stat(dir); err != nil { // a consumer does not make a spool
		return nil, fmt.Errorf("open cursor: %w", err)
	}
	c := &Cursor{dir: dir, state: CursorState{Version: 1, Name: name}}
	return c, c.write()
}

func checkCursorName(name string) error {
	ok := name != "" && len(name) <= 128 && name[0] != '.'
	for _, r := range name {
		ok = ok && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r))
	}
	if !ok {
		return fmt.Errorf("cursor name %q: want letters, digits, '.', '_', '-'", name)
	}
	return nil
}

func readCursor(path string) (CursorState, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return CursorState{}, fmt.Errorf("read cursor: %w", err)
	}
	var s CursorState
	if err := json.Unmarshal(b, &s); err != nil {
		return CursorState{}, fmt.Errorf("read cursor %s: %w", path, err)
	}
	if s.Version != 1 {
		return CursorState{}, fmt.Errorf("read cursor %s: version %d is not known", path, s.Version)
	}
	return s, nil
}

// Position is the last one stored.
func (c *Cursor) Position() Position { return c.state.Position }

// Name is the one that it was opened with.
func (c *Cursor) Name() string { return c.state.Name }

// Advance stores a position. When it has returned, the position survives a
// crash; before, the old one does. It costs an fsync, so it is for batches of
// packets rather than each.
func (c *Cursor) Advance(p Position) error {
	if p == c.state.Position {
		return nil
	}
	old := c.state.Position
	c.state.Position = p
	if err := c.write(); err != nil {
		c.state.Position = old
		return err
	}
	return nil
}

// Remove forgets the consumer.
func (c *Cursor) Remove() error {
	err := os.Remove(c.path())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove cursor: %w", err)
	}
	return nil
}

func (c *Cursor) path() string { return filepath.Join(c.dir, cursorDir, c.state.Name+".json") }

func (c *Cursor) write() (err error) {
	dir := filepath.Join(c.dir, cursorDir)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("write cursor: %w", err)
	}
	b, err := json.MarshalIndent(c.state, "", "  ")
	if err != nil {
		return fmt.Errorf("write cursor: %w", err)
	}
	f, err := os.CreateTemp(dir, "."+c.state.Name+"-*")
	if err != nil {
		return fmt.Errorf("write cursor: %w", err)
	}
	defer func() {
		if err != nil {
			f.Close()
			_ = os.Remove(f.Name()) // else it is left behind, under a hidden name
			err = fmt.Errorf("write cursor: %w", err)
		}
	}()
	if _, err = f.Write(append(b, '\n')); err != nil {
		return err
	}
	if err = f.Chmod(0o640); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), c.path()); err != nil {
		return err
	}
	return syncDir(dir)
}

// Cursors gives the registered consumers, by name: those that can be read,
// also when the error says that others cannot.
func Cursors(dir string) ([]CursorState, error) {
	entries, err := os.ReadDir(filepath.Join(dir, cursorDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("list cursors: %w", err)
	}
	var list []CursorState
	var failed []error
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || strings.HasPrefix(name, ".") {
			continue
		}
		s, err := readCursor(filepath.Join(dir, cursorDir, e.Name()))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			failed = append(failed, err)
		default:
			list = append(list, s)
		}
	}
	return list, errors.Join(failed...)
}
