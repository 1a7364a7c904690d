package lake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/pcapline/pcapline/pcapio/store"
)

// Mirror copies the runs that a place does not have yet, or has otherwise, as
// before they were compacted, to the place: a bucket has no rename, so a run's
// manifest comes last, and who reads there goes by the manifests. An object is
// there only when the place has confirmed its bytes. It gives the runs copied.
func (l *Lake) Mirror(ctx context.Context, to store.Store) ([]string, error) {
	held, err := l.lock()
	if err != nil {
		return nil, err
	}
	defer held.Close()
	runs, err := l.Runs()
	if err != nil {
		return nil, err
	}
	var copied []string
	for _, run := range runs {
		done, err := l.mirrorRun(ctx, run, to)
		if err != nil {
			return copied, fmt.Errorf("%s: run %s: %w", to, run, err)
		}
		if done {
			copied = append(copied, run)
		}
	}
	return copied, nil
}

// mirrorRun says whether there was anything to do.
func (l *Lake) mirrorRun(ctx context.Context, run string, to store.Store) (bool, error) {
	prefix := runPrefix + run + "/"
	manifest, err := os.ReadFile(filepath.Join(l.Dir(run), ManifestName))
	if err != nil {
		return false, err
	}
	there, err := objectText(ctx, to, prefix+ManifestName)
	if err != nil || bytes.Equal(there, manifest) {
		return false, err
	}
	m, err := ReadManifest(filepath.Join(l.Dir(run), ManifestName))
	if err != nil {
		return false, err
	}
	files := slices.Clone(m.Outputs)
	for _, s := range m.Sensors {
		if s.State != nil {
			files = append(files, *s.State)
		}
	}
	keep := map[string]bool{prefix + ManifestName: true}
	for _, f := range files {
		keep[prefix+f.Path] = true
		if err := l.put(ctx, run, f, to, prefix); err != nil {
			return false, err
		}
	}
	if err := to.Put(ctx, prefix+ManifestName, bytes.NewReader(manifest), store.PutOptions{}); err != nil {
		return false, err
	}
	return true, removeOthers(ctx, to, prefix, keep)
}

// objectText reads a small object; nil says that it is not there.
func objectText(ctx context.Context, st store.Store, name string) ([]byte, error) {
	r, err := st.Open(ctx, name, 0, -1)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if errors.Is(err, fs.ErrNotExist) { // a bucket may say so only when it is read
		return nil, nil
	}
	return text, err
}

// put copies a file, unless an object of its name and size is there: objects
// of a run do not change but by compaction, which changes their names.
func (l *Lake) put(ctx context.Context, run string, f File, to store.Store, prefix string) error {
	name := prefix + f.Path
	if o, err := to.Stat(ctx, name); err == nil && o.Size == f.Bytes {
		return nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	from, err := os.Open(filepath.Join(l.Dir(run), filepath.FromSlash(f.Path)))
	if err != nil {
		return err
	}
	defer from.Close()
	return to.Put(ctx, name, from, store.PutOptions{})
}

// removeOthers deletes objects of a run that its manifest does not list any more.
func removeOthers(ctx context.Context, st store.Store, prefix string, keep map[string]bool) error {
	var old []string
	for o, err := range st.List(ctx, prefix) {
		if err != nil {
			return err
		}
		if !keep[o.Name] {
			old = append(old, o.Name)
		}
	}
	for _, name := range old {
		if err := st.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
