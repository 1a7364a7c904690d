package main

import (
	"path/filepath"

	"github.com/landlock-lsm/go-landlock/landlock"
)

// systemFiles is what name resolution, TLS, time zones and terminals need.
var systemFiles = []string{"/etc", "/usr/lib", "/usr/share", "/dev", "/proc/self"}

// sandbox gives up the right to other files than those below the folders, for
// good, where the kernel has Landlock (5.13); elsewhere it does nothing. What
// is open stays open.
func sandbox(readable, writable []string) error {
	return landlock.V3.BestEffort().RestrictPaths(
		landlock.RODirs(append(absolute(readable), systemFiles...)...).IgnoreIfMissing(),
		landlock.RWDirs(append(absolute(writable), "/dev")...).IgnoreIfMissing(),
	)
}

// absolute resolves links, which lead out of what is allowed.
func absolute(paths []string) (out []string) {
	for _, p := range paths {
		if real, err := filepath.EvalSymlinks(p); err == nil {
			p = real
		}
		if abs, err := filepath.Abs(p); err == nil {
			p = abs
		}
		out = append(out, p)
	}
	return out
}
