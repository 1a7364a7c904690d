package sink

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncFolder brings all files in a folder to the disk: by one call for its
// file system, since one for each of ten thousand files takes a minute.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(d.Fd())), d.Close())
}
