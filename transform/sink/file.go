package sink

import (
	"fmt"

	"github.com/pcapline/pcapline/transform/schema"
)

// File is a sink that writes a [Pending] file.
type File struct {
	Sink
	pending *Pending
	ended   bool // the sink was closed
}

// Create begins a table that Close will put at path, with mode 0640. A zero
// format is chosen by the path's ending.
func Create(path string, format Format, s schema.Schema, opt Options) (*File, error) {
	if format.New == nil {
		var err error
		if format, err = ForFile(path); err != nil {
			return nil, err
		}
	}
	p, err := NewPending(path)
	if err != nil {
		return nil, fmt.Errorf("create table: %w", err)
	}
	f := &File{pending: p}
	if !p.stream || opt.Compression == "" {
		if opt.Compression, err = format.compressionFor(path, opt.Compression); err != nil {
			f.Abort()
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if f.Sink, err = format.New(p, s, opt); err != nil {
		f.Abort()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Path is the file's final name.
func (f *File) Path() string { return f.pending.path }

// Commit writes a piece; see [Sink].
func (f *File) Commit(p Piece) error {
	if err := f.Sink.Commit(p); err != nil {
		return fmt.Errorf("%s: %w", f.pending.path, err)
	}
	return nil
}

// Close ends the table and shows the file; see [Pending.Close].
func (f *File) Close() error {
	if err := f.end(); err != nil {
		return err
	}
	return f.pending.Close()
}

// Finish ends the table and leaves the file hidden; see [Pending.Finish].
func (f *File) Finish() error {
	if err := f.end(); err != nil {
		return err
	}
	return f.pending.Finish()
}

// end writes what the table ends with, once.
func (f *File) end() error {
	if f.ended {
		return nil
	}
	f.ended = true
	if err := f.Sink.Close(); err != nil {
		f.Abort()
		return fmt.Errorf("%s: %w", f.pending.path, err)
	}
	return nil
}

// Abort removes what was written; see [Pending.Abort].
func (f *File) Abort() { f.pending.Abort() }
