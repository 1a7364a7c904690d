package sink

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pcapline/pcapline/transform/schema"
)

// File is a sink that writes a file. Until Close has succeeded the file is
// hidden beside its final name (".name.*.part"), so that nobody reads half a
// table and what was there before stays until it is replaced. A path at which
// a pipe or a device is, such as /dev/stdout, is written to as it is.
type File struct {
	Sink
	path     string
	temp     *os.File
	stream   bool // path is a pipe or a device: temp is it
	finished bool
	done     bool
}

// Create begins a table that Close will put at path, with mode 0640. A zero
// format is chosen by the path's ending. What cannot be written so is an
// [OptionError].
func Create(path string, format Format, s schema.Schema, opt Options) (*File, error) {
	if format.New == nil {
		var err error
		if format, err = ForFile(path); err != nil {
			return nil, err
		}
	}
	f := &File{path: path}
	err := f.open()
	if err != nil {
		return nil, fmt.Errorf("create table: %w", err)
	}
	if !f.stream || opt.Compression == "" {
		if opt.Compression, err = format.compressionFor(path, opt.Compression); err != nil {
			f.Abort()
			return nil, &OptionError{fmt.Errorf("%s: %w", path, err)}
		}
	}
	if f.Sink, err = format.New(f.temp, s, opt); err != nil {
		f.Abort()
		return nil, &OptionError{fmt.Errorf("%s: %w", path, err)}
	}
	return f, nil
}

func (f *File) open() (err error) {
	st, err := os.Stat(f.path)
	switch {
	case err == nil && st.IsDir():
		return fmt.Errorf("%s is a folder", f.path)
	case err == nil && !st.Mode().IsRegular():
		f.stream = true
		f.temp, err = os.OpenFile(f.path, os.O_WRONLY, 0)
		return err
	}
	f.temp, err = os.CreateTemp(filepath.Dir(f.path), "."+filepath.Base(f.path)+".*.part")
	return err
}

// Path is the file's final name.
func (f *File) Path() string { return f.path }

// Commit writes a piece; see [Sink].
func (f *File) Commit(p Piece) error {
	if err := f.Sink.Commit(p); err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	return nil
}

// Close ends the table, brings it to the disk and gives it its name. When it
// fails, nothing is left behind and path is as it was.
func (f *File) Close() error {
	if f.done {
		return fmt.Errorf("%s: already closed", f.path)
	}
	if err := f.Finish(); err != nil {
		return err
	}
	f.done = true
	if f.stream {
		return nil
	}
	if err := os.Rename(f.temp.Name(), f.path); err != nil {
		_ = os.Remove(f.temp.Name())
		return fmt.Errorf("%s: %w", f.path, err)
	}
	return syncDir(filepath.Dir(f.path))
}

// Finish does all of Close that can fail for want of room, and leaves the
// table hidden: of several tables none becomes visible before all are whole.
func (f *File) Finish() error {
	if f.finished {
		return nil
	}
	if err := f.finish(); err != nil {
		f.Abort()
		return fmt.Errorf("%s: %w", f.path, err)
	}
	f.finished = true
	return nil
}

func (f *File) finish() error {
	if err := f.Sink.Close(); err != nil {
		return err
	}
	if f.stream {
		return f.temp.Close()
	}
	if err := f.temp.Chmod(0o640); err != nil {
		return err
	}
	if err := f.temp.Sync(); err != nil {
		return err
	}
	return f.temp.Close()
}

// Abort removes what was written. After Close it does nothing, so that it can
// be deferred.
func (f *File) Abort() {
	if f.done {
		return
	}
	f.done = true
	// Both may have happened already when Close failed on its way; a file
	// that cannot be removed is a hidden one that is never read.
	_ = f.temp.Close()
	if !f.stream {
		_ = os.Remove(f.temp.Name())
	}
}

// WriteFile puts data at path with mode 0640. As with a table, the file is
// hidden until it is whole and on the disk; when it fails, what was at path stays.
func WriteFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o640), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // a hidden file that nobody reads
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename in dir durable.
func syncDir(dir string) error {
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
