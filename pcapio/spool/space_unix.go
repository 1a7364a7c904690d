//go:build linux || darwin || freebsd

package spool

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// freeSpace is what a user without privileges can still write, in bytes.
func freeSpace(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("statfs %s: %w", dir, err)
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
