package flow

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unsafe"

	"github.com/klauspost/compress/zstd"
)

// A file of digests is what a shard of a corpus hands to the one that makes
// its flows: digestMagic, then blocks. A block is a letter for its kind, the
// length of what follows as an unsigned varint, and a zstd frame with a
// checksum: of the header (first) and the trailer (last) the caller's bytes,
// of digests their number and then, leaf by leaf of their layout, the values
// of all, or one where all are the same; whole numbers as the distance from
// the one before.
const digestMagic = "pcapline packet digests 1\n"

const (
	blockHeader  = 'H'
	blockDigests = 'D'
	blockTrailer = 'T'
)

// maxBlock and maxDigests bound a block and what is in it, so that a damaged
// length cannot ask for all memory.
const (
	maxBlock   = 1 << 28
	maxDigests = 1 << 18
)

// ErrDigests is wrapped by every error that says that a file of digests
// cannot be used.
var ErrDigests = errors.New("packet digests")

// DigestEncoder turns digests into blocks of a file. It belongs to one
// goroutine; several may work for one file.
type DigestEncoder struct {
	p packer
	z *zstd.Encoder
}

// NewDigestEncoder makes an encoder.
func NewDigestEncoder() (*DigestEncoder, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	return &DigestEncoder{z: z}, err
}

// Encode appends the blocks of some digests to dst.
func (e *DigestEncoder) Encode(dst []byte, ds []Digest) []byte {
	for len(ds) > maxDigests {
		dst, ds = e.encode(dst, ds[:maxDigests]), ds[maxDigests:]
	}
	return e.encode(dst, ds)
}

func (e *DigestEncoder) encode(dst []byte, ds []Digest) []byte {
	e.p.buf = e.p.buf[:0]
	e.p.text(digestLayout.text)
	e.p.uint(uint64(len(ds)))
	if len(ds) > 0 {
		for i := range digestLayout.leaves {
			e.p.putColumn(&digestLayout.leaves[i], unsafe.Pointer(&ds[0]), unsafe.Sizeof(ds[0]), len(ds))
		}
	}
	return e.block(dst, blockDigests, e.p.buf)
}

// Header appends the block that begins a file.
func (e *DigestEncoder) Header(dst, text []byte) []byte {
	return e.block(append(dst, digestMagic...), blockHeader, text)
}

// Trailer appends the block that ends a file.
func (e *DigestEncoder) Trailer(dst, text []byte) []byte { return e.block(dst, blockTrailer, text) }

func (e *DigestEncoder) block(dst []byte, kind byte, body []byte) []byte {
	z := e.z.EncodeAll(body, nil)
	dst = append(dst, kind)
	dst = binary.AppendUvarint(dst, uint64(len(z)))
	return append(dst, z...)
}

// DigestReader reads a file of digests.
type DigestReader struct {
	Header  []byte // the caller's
	Trailer []byte // after Next has returned io.EOF

	r  *bufio.Reader
	z  *zstd.Decoder
	ds []Digest
}

// NewDigestReader reads a file's header. Its errors and those of Next wrap
// [ErrDigests].
func NewDigestReader(r io.Reader) (*DigestReader, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBlock))
	if err != nil {
		return nil, err
	}
	d := &DigestReader{r: bufio.NewReaderSize(r, 1<<16), z: z}
	magic := make([]byte, len(digestMagic))
	if _, err := io.ReadFull(d.r, magic); err != nil || string(magic) != digestMagic {
		return nil, fmt.Errorf("%w: not such a file, or one of another version", ErrDigests)
	}
	kind, body, err := d.block()
	if err != nil {
		return nil, err
	}
	if kind != blockHeader {
		return nil, fmt.Errorf("%w: no header", ErrDigests)
	}
	d.Header = body
	return d, nil
}

// Next gives the next digests, which are valid until it is called again, or
// io.EOF after the last.
func (d *DigestReader) Next() ([]Digest, error) {
	kind, body, err := d.block()
	if err != nil {
		return nil, err
	}
	switch kind {
	case blockTrailer:
		d.Trailer = body
		if _, err := d.r.ReadByte(); err != io.EOF {
			return nil, fmt.Errorf("%w: something follows the end", ErrDigests)
		}
		return nil, io.EOF
	case blockDigests:
		return d.digests(body)
	}
	return nil, fmt.Errorf("%w: block of unknown kind %q", ErrDigests, kind)
}

func (d *DigestReader) block() (kind byte, body []byte, err error) {
	cut := func(err error) error {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return fmt.Errorf("%w: cut off", ErrDigests)
		}
		return fmt.Errorf("%w: %w", ErrDigests, err)
	}
	if kind, err = d.r.ReadByte(); err != nil {
		return 0, nil, cut(err)
	}
	n, err := binary.ReadUvarint(d.r)
	if err != nil {
		return 0, nil, cut(err)
	}
	if n > maxBlock {
		return 0, nil, fmt.Errorf("%w: block of %d bytes", ErrDigests, n)
	}
	z, err := io.ReadAll(io.LimitReader(d.r, int64(n)))
	if err == nil && uint64(len(z)) < n {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return 0, nil, cut(err)
	}
	if body, err = d.z.DecodeAll(z, nil); err != nil {
		return 0, nil, fmt.Errorf("%w: damaged: %w", ErrDigests, err)
	}
	return kind, body, nil
}

func (d *DigestReader) digests(body []byte) ([]Digest, error) {
	u := unpacker{buf: body}
	if u.text() != digestLayout.text {
		return nil, fmt.Errorf("%w: of another version of the program", ErrDigests)
	}
	n := int(min(u.uint(), maxDigests+1))
	if n > maxDigests {
		return nil, fmt.Errorf("%w: more than %d in a block", ErrDigests, maxDigests)
	}
	if cap(d.ds) < n {
		d.ds = make([]Digest, n)
	}
	d.ds = d.ds[:n]
	clear(d.ds)
	if n > 0 {
		for i := range digestLayout.leaves {
			u.getColumn(&digestLayout.leaves[i], unsafe.Pointer(&d.ds[0]), unsafe.Sizeof(d.ds[0]), n)
		}
	}
	if len(u.buf) > 0 {
		u.fail()
	}
	if u.err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDigests, u.err)
	}
	return d.ds, nil
}

// Close gives back the reader's memory. It does not close what is read from.
func (d *DigestReader) Close() { d.z.Close() }
