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

// holds says whether an address lies in m.
func (m *memory) holds(addr uintptr) bool {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(m.data)))
	return addr >= start && addr-start < uintptr(len(m.data))
}
