package ship

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

	"github.com/pcapline/pcapline/pcapio/spool"
	"github.com/pcapline/pcapline/transform/sink"
)

// state is a folder:
//
//	state.json              which tables are done, and the next number
//	outbox/NAME.tar.age     a shipment on its way
//	outbox/NAME.tar.age.json  what it is of; a shipment without it is not whole
//	build/                  parts of the shipment that is being put together
//	.lock
type state struct {
	dir  string
	lock *flock.Flock
	kept
	outbox []parcel // by number
}

// kept is state.json.
type kept struct {
	Version  int              `json:"version"`  // 1
	Next     int64            `json:"next"`     // number of the next shipment
	Done     map[string]stamp `json:"done"`     // tables by path
	Position spool.Position   `json:"position"` // of the last table that was looked at
}

// stamp tells whether a file was replaced.
type stamp struct {
	Size     int64 `json:"size"`
	Modified int64 `json:"modified"` // ns since 1970
}

// parcel is a shipment in the outbox.
type parcel struct {
	Number int64  `json:"number"`
	Object string `json:"object"` // its name at the place
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	Table  string `json:"table"`
	Stamp  stamp  `json:"stamp"`

	path string
}

const parcelNote = ".json"

func openState(dir string) (*state, error) {
	for _, d := range []string{dir, filepath.Join(dir, "outbox")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, err
		}
	}
	s := &state{dir: dir, lock: flock.New(filepath.Join(dir, ".lock")), kept: kept{Version: 1, Done: map[string]stamp{}}}
	switch ok, err := s.lock.TryLock(); {
	case err != nil:
		return nil, err
	case !ok:
		return nil, fmt.Errorf("%s: another process ships from it", dir)
	}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, s.lock.Unlock())
	}
	return s, nil
}

func (s *state) file() string { return filepath.Join(s.dir, "state.json") }

func (s *state) load() error {
	text, err := os.ReadFile(s.file())
	if err == nil {
		err = json.Unmarshal(text, &s.kept)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", s.file(), err)
	}
	if s.Version != 1 {
		return fmt.Errorf("%s: version %d is not known", s.file(), s.Version)
	}
	if s.Done == nil {
		s.Done = map[string]stamp{}
	}
	return errors.Join(s.clean(), s.readOutbox())
}

// clean empties build.
func (s *state) clean() error {
	if err := os.RemoveAll(s.build()); err != nil {
		return err
	}
	return os.Mkdir(s.build(), 0o700)
}

func (s *state) build() string { return filepath.Join(s.dir, "build") }

// readOutbox lists what is on its way. What is not whole is removed: it is
// made again.
func (s *state) readOutbox() error {
	entries, err := os.ReadDir(filepath.Join(s.dir, "outbox"))
	if err != nil {
		return err
	}
	noted := map[string]bool{}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), parcelNote); ok && !strings.HasPrefix(name, ".") {
			p := parcel{path: filepath.Join(s.dir, "outbox", name)}
			text, err := os.ReadFile(p.path + parcelNote)
			if err == nil {
				err = json.Unmarshal(text, &p)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", p.path+parcelNote, err)
			}
			noted[name] = true
			s.outbox = append(s.outbox, p)
			s.Next = max(s.Next, p.Number+1)
		}
	}
	for _, e := range entries {
		if !noted[e.Name()] && !noted[strings.TrimSuffix(e.Name(), parcelNote)] {
			if err := os.Remove(filepath.Join(s.dir, "outbox", e.Name())); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(s.outbox, func(a, b parcel) int { return int(a.Number - b.Number) })
	return nil
}

// taken says that a table is done or on its way, as it is now.
func (s *state) taken(path string, now stamp) bool {
	if done, ok := s.Done[path]; ok && done == now {
		return true
	}
	return slices.ContainsFunc(s.outbox, func(p parcel) bool { return p.Table == path && p.Stamp == now })
}

func stampOf(path string) (stamp, error) {
	st, err := os.Stat(path)
	if err != nil {
		return stamp{}, err
	}
	return stamp{st.Size(), st.ModTime().UnixNano()}, nil
}

// done counts a table as done, and forgets those that are gone.
func (s *state) done(path string, as stamp) error {
	s.Done[path] = as
	for p := range s.Done {
		if _, err := os.Stat(p); errors.Is(err, fs.ErrNotExist) {
			if _, err := os.Stat(filepath.Dir(p)); err == nil {
				delete(s.Done, p)
			}
		}
	}
	return s.save()
}

func (s *state) save() error {
	text, err := json.MarshalIndent(&s.kept, "", "  ")
	if err != nil {
		return err
	}
	return sink.WriteFile(s.file(), append(text, '\n'))
}

// bytes is what lies in the outbox.
func (s *state) bytes() (n int64) {
	for _, p := range s.outbox {
		n += p.Size
	}
	return n
}

// add takes a shipment that lies in the outbox under its name.
func (s *state) add(p parcel) error {
	text, err := json.MarshalIndent(&p, "", "  ")
	if err != nil {
		return err
	}
	if err := sink.WriteFile(p.path+parcelNote, append(text, '\n')); err != nil {
		return err
	}
	s.outbox = append(s.outbox, p)
	s.Next = p.Number + 1
	return nil
}

// arrived forgets the first shipment of the outbox, which its place has confirmed.
func (s *state) arrived() error {
	p := s.outbox[0]
	if err := s.done(p.Table, p.Stamp); err != nil {
		return err
	}
	s.outbox = s.outbox[1:]
	// The note goes first: a shipment without one is removed by the next run.
	return errors.Join(os.Remove(p.path+parcelNote), os.Remove(p.path))
}
