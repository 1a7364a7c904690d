package antinex

import (
	"bufio"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

// spool is a compressed temporary file that is written to its end and read
// from any mark. It lies hidden beside the file that will be made of it, or in
// the folder for temporary files when that is a pipe or a device.
type spool struct {
	file *os.File
	w    *bufio.Writer
	enc  *zstd.Encoder
	size int64 // compressed, up to the last mark
	open bool  // bytes were written since
}

func newSpool(beside string) (*spool, error) {
	dir := filepath.Dir(beside)
	if st, err := os.Stat(beside); err == nil && !st.Mode().IsRegular() {
		dir = ""
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(beside)+".*.spool")
	if err != nil {
		return nil, err
	}
	s := &spool{file: f, w: bufio.NewWriterSize(f, 256<<10)}
	s.enc, err = zstd.NewWriter(s.w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	if err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

func (s *spool) Write(p []byte) (int, error) {
	s.open = true
	return s.enc.Write(p)
}

// mark ends a frame; reading may begin there.
func (s *spool) mark() (int64, error) {
	if !s.open {
		return s.size, nil
	}
	if err := s.enc.Close(); err != nil {
		return 0, err
	}
	if err := s.w.Flush(); err != nil {
		return 0, err
	}
	s.enc.Reset(s.w)
	s.open = false
	at, err := s.file.Seek(0, io.SeekCurrent)
	s.size = at
	return at, err
}

// read gives what was written between a mark and the last one.
func (s *spool) read(from int64) (*zstd.Decoder, error) {
	return zstd.NewReader(io.NewSectionReader(s.file, from, s.size-from), zstd.WithDecoderConcurrency(1))
}

// remove deletes the file; it is hidden, and nobody else reads it.
func (s *spool) remove() {
	_ = s.file.Close()
	_ = os.Remove(s.file.Name())
}
