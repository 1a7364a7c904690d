//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly && !windows

package spool

import "os"

// lockFile does nothing: that only one writer is at work is up to the user.
func lockFile(*os.File) error { return nil }

// syncDir does nothing: not every system can.
func syncDir(string) error { return nil }
