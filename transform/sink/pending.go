package sink

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Pending is a file on its way. Until Close has succeeded it is hidden beside
// its final name (".name.*.part"), so that nobody reads half of it and what
// was there before stays until it is replaced. A path at which a pipe or a
// device is, such as /dev/stdout, is written to as it is.
type Pending struct {
	path     string
	file     *os.File
	stream   bool // path is a pipe or a device: file is it
	finished bool
	done     bool
}

// NewPending begins a file that Close will put at path, with mode 0640.
func NewPending(path string) (*Pending, error) {
	p := &Pending{path: path}
	st, err := os.Stat(path)
	switch {
	case err == nil && st.IsDir():
		return nil, fmt.Errorf("%s is a folder", path)
	case err == nil && !st.Mode().IsRegular():
		p.stream = true
		p.file, err = os.OpenFile(path, os.O_WRONLY, 0)
	default:
		p.file, err = os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part")
	}
	return p, err
}

// Path is the file's final name.
func (p *Pending) Path() string { return p.path }

func (p *Pending) Write(b []byte) (int, error) { return p.file.Write(b) }

// Finish does all of Close that can fail for want of room, and leaves the
// file hidden: of several files none becomes visible before all are whole.
// When it fails nothing is left behind.
func (p *Pending) Finish() error {
	if p.finished {
		return nil
	}
	if err := p.finish(); err != nil {
		p.Abort()
		return fmt.Errorf("%s: %w", p.path, err)
	}
	p.finished = true
	return nil
}

func (p *Pending) finish() error {
	if p.stream {
		return p.file.Close()
	}
	return errors.Join(p.file.Chmod(0o640), p.file.Sync(), p.file.Close())
}

// Close brings the file to the disk and gives it its name. When it fails,
// nothing is left behind and path is as it was.
func (p *Pending) Close() error {
	if p.done {
		return fmt.Errorf("%s: already closed", p.path)
	}
	if err := p.Finish(); err != nil {
		return err
	}
	p.done = true
	if p.stream {
		return nil
	}
	if err := os.Rename(p.file.Name(), p.path); err != nil {
		_ = os.Remove(p.file.Name()) // a hidden file that nobody reads
		return fmt.Errorf("%s: %w", p.path, err)
	}
	return SyncDir(filepath.Dir(p.path))
}

// Abort removes what was written. After Close it does nothing, so that it can
// be deferred.
func (p *Pending) Abort() {
	if p.done {
		return
	}
	p.done = true
	// Both may have happened already when Finish failed on its way; a file
	// that cannot be removed is a hidden one that is never read.
	_ = p.file.Close()
	if !p.stream {
		_ = os.Remove(p.file.Name())
	}
}

// WriteFile puts data at path as a [Pending] file.
func WriteFile(path string, data []byte) error {
	return WriteStream(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteStream is WriteFile for what a function writes, in pieces of its own
// choice.
func WriteStream(path string, write func(io.Writer) error) error {
	p, err := NewPending(path)
	if err != nil {
		return err
	}
	defer p.Abort()
	if err := write(p); err != nil {
		return err
	}
	return p.Close()
}

// SyncDir makes a rename in dir durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	err = errors.Join(d.Sync(), d.Close())
	if err != nil {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return nil
}
