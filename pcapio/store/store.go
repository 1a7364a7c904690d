package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Object is what a listing says of an object.
type Object struct {
	Name     string    `json:"name"` // below the store's place
	Size     int64     `json:"size"` // bytes
	Modified time.Time `json:"modified"`
}

// Store is a place of objects. It may be used by several goroutines. What is
// not there is [fs.ErrNotExist].
type Store interface {
	// String is the place as [Open] takes it, without anything secret.
	String() string

	// List gives the objects whose names begin with prefix, in the order of
	// the bytes of their names.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]

	// Stat says what List says of one object.
	Stat(ctx context.Context, name string) (Object, error)

	// Open reads length bytes from offset on; a negative length is all that
	// follows. Reading past the end gives what there is.
	Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error)

	// Put makes an object of all of r, which is read from its start, more than
	// once. It replaces an object of that name unless opt says otherwise.
	Put(ctx context.Context, name string, r io.ReadSeeker, opt PutOptions) error

	// Delete removes an object. One that is not there is no error.
	Delete(ctx context.Context, name string) error
}

// PutOptions say how an object is put.
type PutOptions struct {
	// IfAbsent puts the object only where none of that name is; of several
	// that try at once one succeeds. The others get [fs.ErrExist].
	IfAbsent bool
}

// ErrNotConfirmed says that a place did not hold what was put there.
var ErrNotConfirmed = errors.New("what was stored is not what was sent")

// Open finds the store that a place names. Nothing is asked of a server yet;
// a folder need not exist before something is put into it.
func Open(place string) (Store, error) {
	scheme, rest, ok := strings.Cut(place, "://")
	switch {
	case place == "":
		return nil, errors.New("no place named")
	case !ok:
		return newFolder(place), nil
	case scheme == "file":
		return openFileURL(place)
	case scheme == "s3":
		u, err := url.Parse(place)
		if err != nil || u.User != nil || strings.Contains(rest, "@") && u.Host == "" {
			return nil, errors.New("s3://…: not a place, or one with credentials in it; they belong in the environment or in ~/.aws/credentials")
		}
		return openBucket(u)
	}
	return nil, fmt.Errorf("%q is no scheme of a store: file, s3, or a folder", scheme)
}

func openFileURL(place string) (Store, error) {
	u, err := url.Parse(place)
	if err != nil {
		return nil, err
	}
	if u.Host != "" && u.Host != "localhost" || u.RawQuery != "" || u.Path == "" {
		return nil, fmt.Errorf("%s: a file URL is file:// and an absolute path", u.Redacted())
	}
	path := u.Path
	if runtime.GOOS == "windows" {
		path = strings.TrimPrefix(path, "/") // file:///C:/captures
	}
	return newFolder(filepath.FromSlash(path)), nil
}

// IsRemote reports whether a place is named by a URL rather than a path of
// this machine.
func IsRemote(place string) bool { return strings.Contains(place, "://") }

// ValidName reports whether an object may have the name: a path that
// [fs.ValidPath] accepts, without backslashes, control characters and Windows'
// devices and drives, and not the name of a file that is only being written.
func ValidName(name string) bool {
	if name == "." || !fs.ValidPath(name) || strings.ContainsAny(name, `\:`) || !filepath.IsLocal(filepath.FromSlash(name)) {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) && !isPart(name)
}

func checkName(name string) error {
	if !ValidName(name) {
		return fmt.Errorf("%q: %w as an object's name", name, fs.ErrInvalid)
	}
	return nil
}
