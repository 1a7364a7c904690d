package lake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/store"
)

// remote adds the captures in a bucket, or another place that package store
// knows, called by their names there.
func (c *collected) remote(ctx context.Context, place string) error {
	st, err := store.Open(place)
	if err != nil {
		return err
	}
	n := 0
	for o, err := range st.List(ctx, "") {
		if err != nil {
			return fmt.Errorf("%s: %w", st, err)
		}
		if !store.ValidName(o.Name) || !pcapio.IsCaptureName(o.Name) {
			continue
		}
		n++
		if err := c.add(c.sensorOf(o.Name), false, Capture{Name: o.Name, Path: o.Name, Store: place, Bytes: o.Size}); err != nil {
			return err
		}
	}
	if n == 0 {
		return fmt.Errorf("%s: %w", st, pcapio.ErrNoCapture)
	}
	return nil
}

// local gives the path of a capture on this machine; one in a bucket is brought
// into dir, under a name that no other of the shard has.
func (in *Capture) local(ctx context.Context, index int, dir string) (string, error) {
	if in.Store == "" {
		return in.Path, nil
	}
	st, err := store.Open(in.Store)
	if err != nil {
		return "", err
	}
	to := filepath.Join(dir, fmt.Sprintf("%d-%s", index, path.Base(in.Path)))
	err = fetch(ctx, st, in.Path, to, in.Bytes)
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%w: it is gone", ErrChanged)
	}
	if err != nil {
		return "", fmt.Errorf("%s of %s: %w", in.Path, st, err)
	}
	return to, nil
}

// fetch copies an object that must have size bytes.
func fetch(ctx context.Context, st store.Store, name, to string, size int64) error {
	from, err := st.Open(ctx, name, 0, -1)
	if err != nil {
		return err
	}
	defer from.Close()
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, from)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if n != size {
		return fmt.Errorf("%w: %d bytes, not %d", ErrChanged, n, size)
	}
	return nil
}
