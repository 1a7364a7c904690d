package sink

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// PendingFolder is a folder on its way, as a [Pending] file is: until Close
// has succeeded it is hidden beside its final name (".name.*.part"), so that
// all of its files appear at once.
type PendingFolder struct {
	path   string
	hidden string
	done   bool
}

// NewPendingFolder begins a folder that Close will put at path, with mode
// 0750. A folder that is there already must be empty.
func NewPendingFolder(path string) (*PendingFolder, error) {
	path = filepath.Clean(path)
	entries, err := os.ReadDir(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return nil, err
	case len(entries) > 0:
		return nil, fmt.Errorf("%s is not empty; a folder that is there already must be", path)
	}
	hidden, err := os.MkdirTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part")
	if err != nil {
		return nil, err
	}
	return &PendingFolder{path: path, hidden: hidden}, os.Chmod(hidden, 0o750)
}

// Path is the folder's final name.
func (f *PendingFolder) Path() string { return f.path }

// Hidden is where its files are made meanwhile.
func (f *PendingFolder) Hidden() string { return f.hidden }

// Close brings the files, which are closed, to the disk and gives the folder
// its name. When it fails, nothing is left behind.
func (f *PendingFolder) Close() error {
	err := syncFolder(f.hidden)
	if err == nil {
		_ = os.Remove(f.path) // if it is there and empty; else Rename says so
		err = os.Rename(f.hidden, f.path)
	}
	if err != nil {
		f.Abort()
		return fmt.Errorf("%s: %w", f.path, err)
	}
	f.done = true
	return SyncDir(filepath.Dir(f.path))
}

// Abort removes what was made. After Close it does nothing, so that it can be
// deferred.
func (f *PendingFolder) Abort() {
	if f.done {
		return
	}
	f.done = true
	_ = os.RemoveAll(f.hidden) // what stays is hidden, and never read
}
