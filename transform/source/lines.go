package source

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/pcapline/pcapline/pcapio"
)

// lineReader reads a file of lines, plain or compressed, as often as it is
// told to.
type lineReader struct {
	os    *os.File
	plain io.ReadCloser // nil before the first rewind
	r     *bufio.Reader
	lines int // read so far
}

// maxLine bounds a line, and with it what an unclosed quote can make a reader hold.
const maxLine = 64 << 20

var errLine = fmt.Errorf("a line or a quoted cell of more than %d MiB", maxLine>>20)

// rewind goes to the first line.
func (l *lineReader) rewind() error {
	if err := l.end(); err != nil {
		return err
	}
	if _, err := l.os.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var err error
	if l.plain, err = pcapio.Decompress(l.os, pcapio.Options{}); err != nil {
		return err
	}
	l.r, l.lines = bufio.NewReaderSize(l.plain, 256<<10), 0
	mark, err := l.r.Peek(3)
	if err == nil && string(mark) == "\uFEFF" {
		_, err = l.r.Discard(3) // what Windows programs put before UTF-8
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (l *lineReader) end() error {
	if l.plain == nil {
		return nil
	}
	defer func() { l.plain = nil }()
	return l.plain.Close()
}

func (l *lineReader) close() error { return errors.Join(l.end(), l.os.Close()) }

// next appends the next line, with its end, to dst; io.EOF when there is none.
func (l *lineReader) next(dst []byte) ([]byte, error) {
	start := len(dst)
	for {
		part, err := l.r.ReadSlice('\n')
		dst = append(dst, part...)
		if len(dst) > maxLine {
			return dst, errLine
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if errors.Is(err, io.EOF) && len(dst) > start {
			err = nil
		}
		if err == nil {
			l.lines++
		}
		return dst, err
	}
}

// endingOf is what the name of a table ends in, without the ending of a
// compression.
func endingOf(path string) string {
	path = strings.ToLower(path)
	for _, e := range []string{".gz", ".zst", ".xz", ".lz4"} {
		path = strings.TrimSuffix(path, e)
	}
	return filepath.Ext(path)
}
