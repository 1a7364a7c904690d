package pcapio

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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
	size, err = io.CopyBuffer(struct{ io.Writer }{h}, f, make([]byte, 256<<10))
	if err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}
