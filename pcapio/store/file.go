package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// File is a file of this machine on its way: hidden beside its final name
// (".name.*.part") until Close has brought all of it to the disk.
type File struct {
	*os.File
	path string
	done bool
}

// NewFile begins a file that Close will put at path, with mode 0640.
func NewFile(path string) (*File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part")
	if err != nil {
		return nil, err
	}
	return &File{File: f, path: path}, nil
}

// Close gives the file its name. With ifAbsent a file that is already there
// stays, and the error is [fs.ErrExist].
func (f *File) Close(ifAbsent bool) error {
	defer f.Abort()
	if err := errors.Join(f.Chmod(0o640), f.Sync(), f.File.Close()); err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	if err := f.show(ifAbsent); err != nil {
		return err
	}
	return syncDir(filepath.Dir(f.path))
}

// show renames the file. A rename replaces; a link does not.
func (f *File) show(ifAbsent bool) error {
	if ifAbsent {
		return os.Link(f.Name(), f.path) // Abort removes the hidden name
	}
	if err := os.Rename(f.Name(), f.path); err != nil {
		return err
	}
	f.done = true
	return nil
}

// Abort removes what was written, unless Close has shown it.
func (f *File) Abort() {
	if f.done {
		return
	}
	f.done = true
	_ = f.File.Close()      // it may be closed already
	_ = os.Remove(f.Name()) // a hidden file that nobody reads
}

// Fetch copies an object to a file of this machine, which appears when it is
// whole.
func Fetch(ctx context.Context, s Store, name, path string) error {
	r, err := s.Open(ctx, name, 0, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	f, err := NewFile(path)
	if err != nil {
		return err
	}
	defer f.Abort()
	n, err := io.Copy(f, contextReader{ctx, r})
	if err != nil {
		return fmt.Errorf("%s of %s: %w", name, s, err)
	}
	o, err := s.Stat(ctx, name)
	if err != nil {
		return err
	}
	if o.Size != n {
		return fmt.Errorf("%s of %s: got %d of %d bytes: %w", name, s, n, o.Size, io.ErrUnexpectedEOF)
	}
	return f.Close(false)
}

// PutFile puts a file of this machine.
func PutFile(ctx context.Context, s Store, name, path string, opt PutOptions) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.Put(ctx, name, f, opt)
}

// syncDir makes a change of names in dir durable. Windows has no such call.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// A contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}
