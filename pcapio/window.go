package pcapio

import (
	"fmt"
	"io"
)

// window is a view of the uncompressed data that moves forward. The parsers
// look at the next bytes (peek) and pass over them (advance) without knowing
// whether they are mapped or come from a stream.
type window struct {
	buf  []byte  // what is there, from the start of mem.data
	pos  int     // of the next byte in buf
	base int64   // offset of buf[0] in the data
	mark int64   // offset at which the record being read begins
	mem  *memory // what buf lies in
	src  io.Reader
	err  error // why src gives no more; io.EOF at its end
	pool *pool
}

func mappedWindow(m *memory) window {
	return window{buf: m.data, mem: m, err: io.EOF}
}

func streamWindow(src io.Reader, p *pool) window {
	m := p.arena(p.size)
	return window{buf: m.data[:0], mem: m, src: src, pool: p}
}

// offset is that of the next byte in the uncompressed data.
func (w *window) offset() int64 { return w.base + int64(w.pos) }

// peek gives the next n bytes, borrowed as packets are. With fewer it gives
// io.EOF when there are none, else an error that wraps ErrTruncated or says
// why the stream could not be read.
func (w *window) peek(n int) ([]byte, error) {
	if len(w.buf)-w.pos >= n {
		return w.buf[w.pos : w.pos+n : w.pos+n], nil
	}
	return w.refill(n)
}

// advance passes over n bytes that peek gave.
func (w *window) advance(n int) { w.pos += n }

func (w *window) refill(n int) ([]byte, error) {
	if w.err == nil && n > len(w.mem.data)-w.pos {
		w.rotate(n)
	}
	for idle := 0; w.err == nil && len(w.buf)-w.pos < n; {
		got, err := w.src.Read(w.mem.data[len(w.buf):])
		w.buf = w.mem.data[:len(w.buf)+got]
		if got > 0 {
			idle = 0
		} else if idle++; idle == 100 && err == nil {
			err = io.ErrNoProgress
		}
		w.err = err
	}
	left := len(w.buf) - w.pos
	if left >= n {
		return w.buf[w.pos : w.pos+n : w.pos+n], nil
	}
	return nil, w.short(n, left)
}

// short says why there are only left of n bytes.
func (w *window) short(n, left int) error {
	if w.err != io.EOF { //nolint:errorlint // a reader's clean end is bare
		return w.err
	}
	if left == 0 {
		return io.EOF
	}
	return fmt.Errorf("%w: %d bytes are expected, %d are left", ErrTruncated, n, left)
}

// rotate makes room for n bytes from pos on: in the same arena when nobody
// holds it, else in another.
func (w *window) rotate(n int) {
	rest := w.buf[w.pos:]
	w.base += int64(w.pos)
	if !w.mem.shared() && len(w.mem.data) >= n {
		copy(w.mem.data, rest)
		if w.pool.mangle {
			overwrite(w.mem.data[len(rest):len(w.buf)])
		}
	} else {
		old := w.mem
		w.mem = w.pool.arena(n)
		copy(w.mem.data, rest)
		old.release()
	}
	w.buf, w.pos = w.mem.data[:len(rest)], 0
}

// skip passes over n bytes without having them all in memory.
func (w *window) skip(n int64) error {
	for n > 0 {
		if _, err := w.peek(1); err != nil {
			return w.cut(err, n)
		}
		step := min(n, int64(len(w.buf)-w.pos))
		w.pos += int(step)
		n -= step
	}
	return nil
}

// cut turns a clean end where n bytes should be into an error.
func (w *window) cut(err error, n int64) error {
	if err == io.EOF { //nolint:errorlint // peek gives it bare
		return fmt.Errorf("%w: %d bytes more are expected", ErrTruncated, n)
	}
	return err
}
