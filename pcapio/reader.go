package pcapio

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
)

// Reader reads one capture. It is for one goroutine; the blocks that it gives
// are for any.
type Reader struct {
	opt    Options
	file   File
	pool   *pool
	w      window
	p      parser
	err    error // final
	shown  *File // what the last block was given
	read   *atomic.Int64
	closer []func()
	whole  *memory  // the mapping; nil for a stream
	disk   *os.File // that is mapped
	lent   []byte   // what Next gave last, when mangling
}

// parser reads the packets of one format.
type parser interface {
	// next fills the packet but for its number. It advances the window only
	// over what it understood and sets its mark to where that which it did
	// not begins. A clean end is a bare io.EOF.
	next(*Packet) error
}

// Open opens a capture file; "-" is standard input. The error is a
// [*FormatError], or the operating system's when the file cannot be opened.
func Open(path string, opt Options) (*Reader, error) {
	return openPooled(path, opt.withDefaults(), nil)
}

// NewReader reads a capture from a stream, which it does not close. Name
// stands for it in errors. The stream is read in large pieces: nothing can be
// said of its position afterwards.
func NewReader(r io.Reader, name string, opt Options) (*Reader, error) {
	opt = opt.withDefaults()
	return newStream(r, newReader(name, opt, nil))
}

func newReader(name string, opt Options, p *pool) *Reader {
	if p == nil {
		p = newPool(opt)
	}
	return &Reader{opt: opt, pool: p, file: File{Path: name, Size: -1}, read: new(atomic.Int64)}
}

func openPooled(path string, opt Options, p *pool) (*Reader, error) {
	r := newReader(path, opt, p)
	if path == "-" {
		return newStream(os.Stdin, r)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r.closer = append(r.closer, func() { f.Close() })
	if r.mapped(f) {
		return r.start()
	}
	return newStream(f, r)
}

// mapped maps a file that is plain and says whether it did.
func (r *Reader) mapped(f *os.File) bool {
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return false
	}
	r.file.Size = st.Size()
	var head [sniffLen]byte
	n, _ := f.ReadAt(head[:], 0) // an error comes again when it is read
	if r.opt.NoMap || r.opt.mangle || n < len(head) || matchCompression(head[:]) != nil {
		return false
	}
	data, err := mapFile(f, st.Size())
	if err != nil {
		return false
	}
	r.disk = f
	r.whole = newMemory(data, func(m *memory) { unmapFile(m.data) })
	r.w = mappedWindow(r.whole)
	return true
}

func newStream(src io.Reader, r *Reader) (*Reader, error) {
	src, names, done, err := unpack(&counter{r: src, n: r.read}, r.opt)
	r.file.Compression = names
	r.closer = append([]func(){done}, r.closer...) // decoders before the file
	if err != nil {
		err = r.failed(err)
		r.Close()
		return nil, err
	}
	r.w = streamWindow(src, r.pool)
	return r.start()
}

// start recognises the format and reads the header.
func (r *Reader) start() (*Reader, error) {
	err := r.guarded(func() (err error) {
		open, err := recognise(&r.w)
		if err == nil {
			r.p, err = open(&r.w, &r.file, r.opt)
		}
		return err
	})
	if err == nil {
		return r, nil
	}
	if err == io.EOF { //nolint:errorlint // peek gives it bare
		err = ErrEmpty
	}
	err = r.failed(err)
	r.Close()
	return nil, err
}

// File gives what is known so far.
func (r *Reader) File() *File { return r.file.snapshot() }

// Next reads the next packet into p. Its bytes are valid until the next call
// on r. The error is io.EOF after the last packet of a sound file, else a
// [*FormatError]; it is final.
func (r *Reader) Next(p *Packet) error {
	if r.err != nil {
		return r.err
	}
	if err := r.guarded(func() error { return r.p.next(p) }); err != nil {
		if lost := r.shrunk(r.w.offset()); lost != nil {
			err = lost
		}
		r.err = r.failed(err)
		return r.err
	}
	r.file.Packets++
	p.Number = r.file.Packets
	if r.opt.mangle {
		overwrite(r.lent)
		r.lent = append([]byte{}, p.Data...)
		p.Data = r.lent
	}
	return nil
}

// NextBlock reads packets until there are Options.BlockPackets of them or
// Options.BlockBytes of the file have been passed. What stands before an
// error comes first, the error with the next call; errors are as Next's.
// Where the blocks end depends on the file and the options alone.
func (r *Reader) NextBlock() (*Block, error) {
	if r.err != nil {
		return nil, r.err
	}
	b := r.pool.block()
	from := r.w.pos
	err := r.guarded(func() error { return r.fill(b) })
	if r.whole != nil {
		b.mapped = r.whole.data[from:r.w.pos]
	}
	if lost := r.cutShrunk(b); lost != nil {
		err = lost
	}
	if err != nil {
		r.err = r.failed(err)
	}
	if len(b.Packets) == 0 {
		b.Release()
		return nil, r.err
	}
	b.File = r.blockFile()
	b.Read = r.bytesRead()
	return b, nil
}

func (r *Reader) fill(b *Block) error {
	limit := r.w.offset() + int64(r.opt.BlockBytes)
	for len(b.Packets) < r.opt.BlockPackets && r.w.offset() < limit {
		n := len(b.Packets)
		if n == cap(b.Packets) {
			b.grow(r.opt.BlockPackets)
		}
		p := &b.Packets[:n+1][n]
		if err := r.p.next(p); err != nil {
			return err
		}
		b.Packets = b.Packets[:n+1]
		r.file.Packets++
		p.Number = r.file.Packets
		b.Bytes += len(p.Data)
		b.hold(r.w.mem)
	}
	return nil
}

// blockFile is the snapshot that goes with a block: a new one only when the
// packets may be of sections or interfaces that the last one lacks.
func (r *Reader) blockFile() *File {
	s := r.shown
	if s == nil || len(s.Interfaces) != len(r.file.Interfaces) || s.Blocks.Section != r.file.Blocks.Section {
		r.shown = r.file.snapshot()
	}
	return r.shown
}

// bytesRead counts the file's bytes as it lies on disk.
func (r *Reader) bytesRead() int64 {
	if r.whole != nil {
		return r.w.offset()
	}
	return r.read.Load()
}

// failed says where an error happened; io.EOF stays itself.
func (r *Reader) failed(err error) error {
	if err == io.EOF { //nolint:errorlint // parsers give it bare
		return err
	}
	r.file.Truncated = errors.Is(err, ErrTruncated)
	e := &FormatError{File: r.file.Path, Offset: r.w.mark, Err: err}
	if r.p != nil {
		e.Index = r.file.Packets + 1
	}
	return e
}

// Close lets go of the file. Blocks stay valid until they are released.
func (r *Reader) Close() error {
	if r.err == nil {
		r.err = os.ErrClosed
	}
	if r.w.mem != nil {
		r.w.mem.release()
		r.w = window{mark: r.w.mark, err: r.err}
	}
	overwriteIf(r.opt.mangle, r.lent)
	for _, c := range r.closer {
		c()
	}
	r.closer = nil
	return nil
}

// counter counts the bytes read through it. Decoders read in goroutines of
// their own.
type counter struct {
	r io.Reader
	n *atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}
