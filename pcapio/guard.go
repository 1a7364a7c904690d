package pcapio

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"unsafe"
)

// Guard calls f and returns [ErrShrunk] when f touches bytes of a mapped file
// that are gone because somebody cut the file meanwhile; without it the
// program would end with SIGBUS. The Reader guards itself; whoever reads
// packets of blocks in other goroutines wraps a worker's piece of work, not
// each packet. Other panics pass. Files that others may shorten are better
// read with [Options.NoMap].
func Guard(f func()) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch p := recover().(type) {
		case nil:
		case interface {
			runtime.Error
			Addr() uintptr
		}:
			err = ErrShrunk
		default:
			panic(p)
		}
	}()
	f()
	return nil
}

// guarded calls f; a fault inside the mapping is an error.
func (r *Reader) guarded(f func() error) (err error) {
	if r.whole == nil {
		return f()
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch p := recover().(type) {
		case nil:
		case interface {
			runtime.Error
			Addr() uintptr
		}:
			if !r.whole.holds(p.Addr()) {
				panic(p)
			}
			err = fmt.Errorf("%w: it had %d bytes", ErrShrunk, len(r.whole.data))
		default:
			panic(p)
		}
	}()
	return f()
}

// shrunk says that a mapped file no longer has the bytes up to end. Between
// its new end and that of the page the mapping reads as zeros, which make
// records of no bytes, so a fault alone does not tell.
func (r *Reader) shrunk(end int64) error {
	if r.whole == nil {
		return nil
	}
	st, err := r.disk.Stat()
	if err != nil || st.Size() >= end {
		return nil
	}
	return fmt.Errorf("%w: from %d to %d bytes", ErrShrunk, len(r.whole.data), st.Size())
}

// cutShrunk takes back the packets that lie behind the new end of a file.
func (r *Reader) cutShrunk(b *Block) error {
	end := r.w.offset()
	err := r.shrunk(end)
	for n := len(b.Packets); err != nil && n > 0; n = len(b.Packets) {
		if r.shrunk(end) == nil {
			break
		}
		p := &b.Packets[n-1]
		end, r.w.mark = p.Offset, p.Offset
		b.Bytes -= len(p.Data)
		b.Packets = b.Packets[:n-1]
		r.file.Packets--
	}
	return err
}

// holds says whether an address lies in m.
func (m *memory) holds(addr uintptr) bool {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(m.data)))
	return addr >= start && addr-start < uintptr(len(m.data))
}
