//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package spool

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockFile takes the exclusive lock of a file, which ends with the process.
func lockFile(f *os.File) error {
	for {
		switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err {
		case nil:
			return nil
		case unix.EINTR:
		case unix.EWOULDBLOCK:
			return ErrLocked
		default:
			return err
		}
	}
}

// syncDir makes a rename in a directory survive a loss of power.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
