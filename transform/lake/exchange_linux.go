package lake

import "golang.org/x/sys/unix"

// exchange swaps two folders at once, so that a reader finds one or the other.
func exchange(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}
