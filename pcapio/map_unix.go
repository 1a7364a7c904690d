//go:build unix

package pcapio

import (
	"os"
	"unsafe"

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

// forgetPages takes the whole pages of b, a part of a mapped file, out of the
// process's memory. They stay in the system's cache, and whoever touches them
// gets them back.
func forgetPages(b []byte) {
	page := uintptr(os.Getpagesize())
	start := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	skip := -start & (page - 1)
	if uintptr(len(b)) < skip+page {
		return
	}
	whole := b[skip : skip+(uintptr(len(b))-skip)&^(page-1)]
	_ = unix.Madvise(whole, unix.MADV_DONTNEED) // only advice
}
