package pcapio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
)

// Range is a part of a capture: the records that begin at From or later and
// before To. Both are where a record begins, as [Cuts] finds them, or To is the
// file's end. The zero Range is the whole file.
type Range struct {
	From   int64 `json:"from"`   // bytes; 0: from the file's beginning
	To     int64 `json:"to"`     // bytes; 0: to the file's end
	Before int64 `json:"before"` // packets before From, so that packets keep their numbers
}

// ErrNotCut says that a capture can only be read as a whole.
var ErrNotCut = errors.New("the capture cannot be read in parts")

// limited ends a file's data where the range ends.
func (g Range) limited(src io.Reader) io.Reader {
	if g.To == 0 {
		return src
	}
	return io.LimitReader(src, g.To)
}

// seek goes to where the range begins. What the packets need of the blocks
// before them is read: the interfaces that stand before the first packet.
func (r *Reader) seek(g Range) error {
	if g.To != 0 && r.whole != nil && g.To < int64(len(r.w.buf)) {
		r.w.buf = r.w.buf[:g.To]
	}
	if g.From == 0 {
		return nil
	}
	r.file.Packets = g.Before
	if len(r.file.Compression) > 0 {
		return fmt.Errorf("%w: it is compressed", ErrNotCut)
	}
	if ng, ok := r.p.(*pcapng); ok {
		if err := ng.preamble(); err != nil {
			return err
		}
	}
	if g.From < r.w.offset() {
		return corrupt("a part begins at %d, inside the file's header", g.From)
	}
	return r.w.skip(g.From - r.w.offset())
}

// preamble reads the blocks up to the first packet.
func (p *pcapng) preamble() error {
	for {
		h, err := p.w.peek(8)
		if err != nil {
			return err
		}
		typ := binary.LittleEndian.Uint32(h)
		if p.swap {
			typ = bits.ReverseBytes32(typ)
		}
		if typ == blockEnhanced || typ == blockSimple || typ == blockPacket {
			return nil
		}
		if _, err := p.block(nil); err != nil {
			return err
		}
	}
}

// Cuts walks the records of a plain capture file and gives the ranges that it
// is cut into: each is of step bytes or a record more, but for the last, which
// ends with the file or where it is damaged. File is what is known of the whole
// file, as a [Reader] at its end gives it; err is what ended it early. What is
// compressed, or has sections or interfaces behind its first packet, is
// [ErrNotCut] in place of ranges.
//
// Where it is cut follows from the file and step alone.
func Cuts(path string, step int64, opt Options) (ranges []Range, file *File, err error) {
	opt.Ranges = nil
	r, err := Open(path, opt)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	if len(r.file.Compression) > 0 {
		return nil, r.File(), fmt.Errorf("%s: %w: it is compressed", path, ErrNotCut)
	}
	var p Packet
	described := -1 // sections and interfaces at the first packet
	next := Range{}
	for {
		if err = r.Next(&p); err != nil {
			break
		}
		if n := len(r.file.Interfaces) + int(r.file.Blocks.Section); described < 0 {
			described = n
		} else if n != described {
			return nil, r.File(), fmt.Errorf("%s: %w: it has sections or interfaces behind its first packet", path, ErrNotCut)
		}
		if p.Offset >= next.From+step {
			next.To = p.Offset
			ranges = append(ranges, next)
			next = Range{From: p.Offset, Before: p.Number - 1}
		}
	}
	ranges = append(ranges, next)
	if err == io.EOF { //nolint:errorlint // Next gives it bare
		err = nil
	}
	return ranges, r.File(), err
}

// openRange opens a part of a file.
func openRange(path string, opt Options, p *pool, g Range) (*Reader, error) {
	if g == (Range{}) {
		return openPooled(path, opt, p)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r := newReader(path, opt, p)
	r.closer = append(r.closer, func() { f.Close() })
	if r.mapped(f) {
		r, err = r.start()
	} else {
		r, err = newStream(g.limited(f), r)
	}
	if err != nil {
		return nil, err
	}
	if err := r.guarded(func() error { return r.seek(g) }); err != nil {
		err = r.failed(err)
		r.Close()
		return nil, err
	}
	return r, nil
}
