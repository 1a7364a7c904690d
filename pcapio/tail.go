package pcapio

import (
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// Tail reads a pcapng file that is still being written. [Reader] takes the
// end of a file for its end; for a Tail the end is where to look again: Next
// gives io.EOF as long as the next block is not there as a whole, and may be
// called again at any time. A Tail believes nothing that is behind the last
// whole block: those bytes are read anew, so that a file may be cut there and
// continued. It is for one goroutine.
type Tail struct {
	src    tailSource
	opt    Options
	file   File
	w      window
	p      *pcapng
	atStat int64  // statistics blocks read when the last packet was
	lent   []byte // what Next gave last, when mangling
}

// tailSource reads a file from an offset on.
type tailSource struct {
	r   io.ReaderAt
	off int64
}

func (s *tailSource) Read(p []byte) (int, error) {
	n, err := s.r.ReadAt(p, s.off)
	s.off += int64(n)
	if n > 0 && err == io.EOF { //nolint:errorlint // ReadAt gives it bare
		err = nil
	}
	return n, err
}

// NewTail reads r from its beginning. Name stands for it in errors. Of the
// options MaxPacket and BlockBytes count: the latter is the memory to read
// into; 0: 1 MiB.
func NewTail(r io.ReaderAt, name string, opt Options) *Tail {
	if opt.BlockBytes <= 0 {
		opt.BlockBytes = 1 << 20
	}
	opt = opt.withDefaults()
	t := &Tail{src: tailSource{r: r}, opt: opt, file: File{Path: name, Size: -1}}
	t.w = streamWindow(&t.src, newPool(opt))
	return t
}

// Next reads the next packet into p. Its bytes are valid until the next call.
// The error is io.EOF when there is no other whole block yet, else a
// [*FormatError]. Neither is final: the next call looks again at the same
// place.
func (t *Tail) Next(p *Packet) error {
	for {
		got, err := t.block(p)
		switch {
		case err != nil:
			return t.failed(err)
		case !got:
			continue
		}
		t.file.Packets++
		t.atStat = t.file.Blocks.Statistics
		p.Number = t.file.Packets
		if t.opt.mangle {
			overwrite(t.lent)
			t.lent = append([]byte(nil), p.Data...)
			p.Data = t.lent
		}
		return nil
	}
}

// block reads a block if it is there as a whole. The parser sees whole blocks
// only, so what it counts it has understood.
func (t *Tail) block(p *Packet) (bool, error) {
	t.w.mark = t.w.offset()
	h, err := t.w.peek(blockMin)
	if err != nil {
		return false, err
	}
	swap := t.p != nil && t.p.swap
	if le.Uint32(h) == blockSection {
		swap = le.Uint32(h[8:]) == bits.ReverseBytes32(byteOrderMagic)
	} else if t.p == nil {
		return false, fmt.Errorf("%w: no pcapng section header", ErrNotCapture)
	}
	n := le.Uint32(h[4:])
	if swap {
		n = bits.ReverseBytes32(n)
	}
	if n < blockMin || n%4 != 0 || int64(n) > int64(t.opt.MaxPacket)+optionRoom {
		return false, corrupt("block has a length of %d bytes", n)
	}
	if h, err = t.w.peek(int(n)); err != nil {
		return false, err
	}
	last := le.Uint32(h[n-4:])
	if swap {
		last = bits.ReverseBytes32(last)
	}
	if last != n {
		return false, corrupt("block's length is %d at its begin, %d at its end", n, last)
	}
	return t.parse(p)
}

func (t *Tail) parse(p *Packet) (got bool, err error) {
	before := t.w.pos
	if t.p == nil {
		var ps parser
		if ps, err = newPcapng(&t.w, &t.file, t.opt); err == nil {
			t.p = ps.(*pcapng)
		}
	} else {
		got, err = t.p.block(p)
	}
	if err != nil {
		t.w.pos = before // nobody may have discarded it: the whole block was there
	}
	return got, err
}

// failed forgets what is behind the last whole block.
func (t *Tail) failed(err error) error {
	w := &t.w
	w.buf, w.err = w.buf[:w.pos], nil
	t.src.off = w.offset()
	if err == io.EOF || errors.Is(err, ErrTruncated) { //nolint:errorlint // peek gives it bare
		return io.EOF
	}
	return &FormatError{File: t.file.Path, Index: t.file.Packets + 1, Offset: w.offset(), Err: err}
}

// Offset is where the next block begins: everything before it has been read.
func (t *Tail) Offset() int64 { return t.w.offset() }

// Packets is how many were read.
func (t *Tail) Packets() int64 { return t.file.Packets }

// File gives what is known so far.
func (t *Tail) File() *File { return t.file.snapshot() }

// Ended says whether statistics of all interfaces follow the last packet, as
// a writer leaves a file that it has finished.
func (t *Tail) Ended() bool {
	n := t.file.Blocks.Statistics - t.atStat
	return n > 0 && n >= int64(len(t.file.Interfaces))
}
