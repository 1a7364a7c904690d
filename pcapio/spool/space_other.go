//go:build !linux && !darwin && !freebsd && !windows

package spool

import (
	"errors"
	"fmt"
)

// freeSpace is not known on this system.
func freeSpace(dir string) (int64, error) {
	return 0, fmt.Errorf("free space of %s: %w", dir, errors.ErrUnsupported)
}
