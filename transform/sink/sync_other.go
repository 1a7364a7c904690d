//go:build !linux

package sink

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// syncFolder brings all files in a folder to the disk, one by one.
func syncFolder(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}
