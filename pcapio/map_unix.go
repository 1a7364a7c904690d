//go:build unix

package pcapio

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps size bytes of a file for reading.
func mapFile(f *os.File, size int64) ([]byte, error) {
	if int64(int(size)) != size {
		return nil, unix.EFBIG
	}
	b, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	// Only advice: without it the walk is slower.
	_ = unix.Madvise(b, unix.MADV_SEQUENTIAL)
	return b, nil
}

func unmapFile(b []byte) { _ = unix.Munmap(b) }
