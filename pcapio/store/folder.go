package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A folder is a store on a file system. Files have mode 0640, folders 0750.
type folder struct{ root string }

func newFolder(root string) *folder { return &folder{filepath.Clean(root)} }

func (f *folder) String() string { return f.root }

func (f *folder) path(name string) string { return filepath.Join(f.root, filepath.FromSlash(name)) }

// isPart reports whether name is that of a file on its way; see [NewFile].
func isPart(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, ".") && strings.HasSuffix(base, ".part")
}

func (f *folder) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		_, err := f.list(ctx, "", prefix, yield)
		if err != nil {
			yield(Object{}, err)
		}
	}
}

// list walks one folder. It returns false when the caller wants no more.
func (f *folder) list(ctx context.Context, dir, prefix string, yield func(Object, error) bool) (bool, error) {
	entries, err := os.ReadDir(f.path(dir))
	if errors.Is(err, fs.ErrNotExist) { // nothing was put there, or it is gone since
		return true, nil
	}
	if err != nil {
		return false, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		name := path.Join(dir, e.Name())
		switch {
		case e.IsDir() && (strings.HasPrefix(name+"/", prefix) || strings.HasPrefix(prefix, name+"/")):
			if more, err := f.list(ctx, name, prefix, yield); !more || err != nil {
				return false, err
			}
		case e.IsDir() || !strings.HasPrefix(name, prefix) || !ValidName(name):
		default:
			if o, err := f.stat(name); err == nil && !yield(o, nil) {
				return false, nil
			}
		}
	}
	return true, nil
}

// sortName is a key by which the names below a folder come in the order of
// whole paths: "a-b/x" before "a/x".
func sortName(e fs.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}

func (f *folder) Stat(_ context.Context, name string) (Object, error) {
	if err := checkName(name); err != nil {
		return Object{}, err
	}
	return f.stat(name)
}

func (f *folder) stat(name string) (Object, error) {
	st, err := os.Stat(f.path(name))
	if err != nil {
		return Object{}, err
	}
	if !st.Mode().IsRegular() {
		return Object{}, fmt.Errorf("%s: no file: %w", f.path(name), fs.ErrNotExist)
	}
	return Object{Name: name, Size: st.Size(), Modified: st.ModTime().UTC()}, nil
}

func (f *folder) Open(_ context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if _, err := f.stat(name); err != nil {
		return nil, err
	}
	file, err := os.Open(f.path(name))
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		file.Close()
		return nil, err
	}
	if length < 0 {
		return file, nil
	}
	return limited{io.LimitReader(file, length), file}, nil
}

type limited struct {
	io.Reader
	io.Closer
}

func (f *folder) Put(ctx context.Context, name string, r io.ReadSeeker, opt PutOptions) error {
	if err := checkName(name); err != nil {
		return err
	}
	want, err := sumOf(ctx, r)
	if err != nil {
		return fmt.Errorf("put %s: %w", f.path(name), err)
	}
	if err := os.MkdirAll(filepath.Dir(f.path(name)), 0o750); err != nil {
		return err
	}
	file, err := NewFile(f.path(name))
	if err != nil {
		return err
	}
	defer file.Abort()
	if _, err := io.Copy(file, contextReader{ctx, r}); err != nil {
		return fmt.Errorf("put %s: %w", f.path(name), err)
	}
	if err := file.Close(opt.IfAbsent); err != nil {
		return err
	}
	return readBack(ctx, f, name, want)
}

func (f *folder) Delete(_ context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if _, err := f.stat(name); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.Remove(f.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(filepath.Dir(f.path(name)))
}
