package pcapio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// recognise chooses the parser by the data's first four bytes.
func recognise(w *window) (func(*window, *File, Options) (parser, error), error) {
	b, err := w.peek(4)
	if errors.Is(err, ErrTruncated) {
		return nil, tooShort(w, err)
	}
	if err != nil {
		return nil, err
	}
	if _, _, ok := pcapMagic(b); ok {
		return newPcap, nil
	}
	if binary.LittleEndian.Uint32(b) == blockSection {
		return newPcapng, nil
	}
	return nil, notCapture(b)
}

// tooShort says why one to three bytes are no capture: they are the start of
// one, or of something else.
func tooShort(w *window, err error) error {
	head, perr := w.peek(len(w.buf) - w.pos)
	if perr != nil {
		return perr
	}
	for _, magic := range append(pcapMagics[:], blockSection) {
		le := binary.LittleEndian.AppendUint32(nil, magic)
		be := binary.BigEndian.AppendUint32(nil, magic)
		if bytes.HasPrefix(le, head) || bytes.HasPrefix(be, head) {
			return err
		}
	}
	return notCapture(head)
}

// notCapture says what the data looks like instead.
func notCapture(head []byte) error {
	odd := func(r rune) bool { return !unicode.IsPrint(r) && !unicode.IsSpace(r) }
	if utf8.Valid(head) && bytes.IndexFunc(head, odd) < 0 {
		return fmt.Errorf("%w: begins with the text %q", ErrNotCapture, head)
	}
	return fmt.Errorf("%w: begins with the bytes % x", ErrNotCapture, head)
}
