package pcapio

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// compression is a way to compress that is known by its first bytes.
type compression struct {
	name  string
	match func(head []byte) bool // of sniffLen bytes, fewer at the data's end
	open  func(r io.Reader, opt Options) (io.Reader, func(), error)
}

// compressions are tried in this order.
var compressions = []compression{
	{"gzip", prefix("\x1f\x8b"), openGzip},
	{"zstd", matchZstd, openZstd},
	{"xz", prefix("\xfd7zXZ\x00"), openXZ},
	{"lz4", matchLZ4, openLZ4},
}

const (
	sniffLen  = 12
	maxNested = 2
)

func prefix(p string) func([]byte) bool {
	return func(head []byte) bool { return bytes.HasPrefix(head, []byte(p)) }
}

// matchZstd also takes the skippable frames that pzstd begins with.
func matchZstd(head []byte) bool {
	if len(head) < 4 {
		return false
	}
	magic := binary.LittleEndian.Uint32(head)
	return magic == 0xFD2FB528 || magic&^0xf == 0x184D2A50
}

// matchLZ4 takes frames and the older format of the lz4 tool.
func matchLZ4(head []byte) bool {
	if len(head) < 4 {
		return false
	}
	magic := binary.LittleEndian.Uint32(head)
	return magic == 0x184D2204 || magic == 0x184C2102
}

func matchCompression(head []byte) *compression {
	for i := range compressions {
		if compressions[i].match(head) {
			return &compressions[i]
		}
	}
	return nil
}

func openGzip(r io.Reader, _ Options) (io.Reader, func(), error) {
	z, err := gzip.NewReader(r)
	return z, nil, err
}

func openZstd(r io.Reader, opt Options) (io.Reader, func(), error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(uint64(opt.MaxWindow)), zstd.WithDecoderConcurrency(2))
	if err != nil {
		return nil, nil, err
	}
	return z, z.Close, nil
}

func openXZ(r io.Reader, _ Options) (io.Reader, func(), error) {
	z, err := xz.NewReader(r)
	return z, nil, err
}

func openLZ4(r io.Reader, _ Options) (io.Reader, func(), error) {
	return lz4.NewReader(r), nil, nil
}

// unpack removes up to maxNested layers of compression from r and names them,
// outermost first. The function closes the decoders.
func unpack(r io.Reader, opt Options) (io.Reader, []string, func(), error) {
	var names []string
	var closers []func()
	closeAll := func() {
		for _, c := range closers {
			c()
		}
	}
	for {
		// The head is looked at through a small buffer, which a large Read
		// then passes by.
		br := bufio.NewReaderSize(r, 64<<10)
		head, _ := br.Peek(sniffLen) // an error comes again
		c := matchCompression(head)
		if c == nil {
			return br, names, closeAll, nil
		}
		if len(names) == maxNested {
			return nil, names, closeAll, fmt.Errorf("%w: compressed more than %d times", ErrNotCapture, maxNested)
		}
		names = append(names, c.name)
		z, done, err := c.openSafely(br, opt)
		if err != nil {
			return nil, names, closeAll, err
		}
		if done != nil {
			closers = append(closers, done)
		}
		r = &decoder{name: c.name, r: z}
	}
}

// openSafely turns the library's errors and panics into ours.
func (c *compression) openSafely(r io.Reader, opt Options) (z io.Reader, done func(), err error) {
	defer func() {
		if p := recover(); p != nil {
			err = corrupt("%s: %v", c.name, p)
		}
	}()
	z, done, err = c.open(r, opt)
	return z, done, decodeError(c.name, err)
}

// decoder is a decompressor whose errors say what is wrong in our terms.
type decoder struct {
	name string
	r    io.Reader
	err  error
}

func (d *decoder) Read(p []byte) (n int, err error) {
	if d.err != nil {
		return 0, d.err
	}
	defer func() {
		if v := recover(); v != nil {
			n, err = 0, corrupt("%s: %v", d.name, v)
		}
		d.err = err
	}()
	n, err = d.r.Read(p)
	return n, decodeError(d.name, err)
}

func decodeError(name string, err error) error {
	var file *fs.PathError
	switch {
	case err == nil || err == io.EOF: //nolint:errorlint // a reader's clean end is bare
		return err
	case errors.Is(err, ErrTruncated), errors.Is(err, ErrCorrupt), errors.As(err, &file):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: the %s stream ends early", ErrTruncated, name)
	}
	return fmt.Errorf("%w: %s: %w", ErrCorrupt, name, err)
}
