package watch

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// journal keeps which alerts were sent since the last checkpoint, so that a
// watch that was killed does not send them again when it scores the same
// packets again. A line is written when the alert was sent: a kill between the
// two repeats that one.
type journal struct {
	path string // "": nothing is kept
	f    *os.File
	sent map[string]bool // before the watch was stopped
}

// openJournal reads what was sent since checkpoint number gen; a journal of
// another checkpoint says nothing.
func openJournal(path string, gen int64) (*journal, error) {
	j := &journal{path: path, sent: map[string]bool{}}
	if path == "" {
		return j, nil
	}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1] // a torn line was not finished, nor its alert's journal
	lines := strings.Fields(string(whole))
	if len(lines) == 0 || lines[0] != generation(gen) {
		return j, j.begin(gen)
	}
	for _, id := range lines[1:] {
		j.sent[id] = true
	}
	if j.f, err = os.OpenFile(path, os.O_WRONLY, 0); err != nil {
		return nil, err
	}
	if err := j.f.Truncate(int64(len(whole))); err != nil {
		return nil, err
	}
	_, err = j.f.Seek(0, 2)
	return j, err
}

func generation(gen int64) string { return fmt.Sprintf("checkpoint-%d", gen) }

// begin forgets: everything that was sent is behind checkpoint number gen.
func (j *journal) begin(gen int64) error {
	clear(j.sent)
	if j.path == "" {
		return nil
	}
	if j.f == nil {
		f, err := os.OpenFile(j.path, os.O_WRONLY|os.O_CREATE, 0o640)
		if err != nil {
			return err
		}
		j.f = f
	}
	if err := j.f.Truncate(0); err != nil {
		return err
	}
	if _, err := j.f.Seek(0, 0); err != nil {
		return err
	}
	_, err := fmt.Fprintln(j.f, generation(gen))
	return err
}

func (j *journal) has(id string) bool { return j.sent[id] }

func (j *journal) add(id string) error {
	if j.f == nil {
		return nil
	}
	_, err := fmt.Fprintln(j.f, id)
	return err
}

func (j *journal) close() error {
	if j.f == nil {
		return nil
	}
	return j.f.Close()
}
