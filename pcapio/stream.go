package pcapio

import (
	"context"
	"io"
	"sync"
)

// Stream gives the blocks of many captures in order, while the next files are
// opened and decompressed. See [Blocks] and [Merge].
//
//	s := pcapio.Blocks(ctx, paths, opt)
//	defer s.Close()
//	for {
//		ev, err := s.Next()
//		if err == io.EOF {
//			break
//		} else if err != nil {
//			return err // the context's
//		}
//		switch ev.Kind {
//		case pcapio.FileBegin: // ev.File
//		case pcapio.FileBlock: // ev.Block, to be released
//		case pcapio.FileEnd: // ev.Err is nil for a sound file
//		}
//	}
//
// Next and Close are for one goroutine; the blocks are for any.
type Stream struct {
	ctx    context.Context
	cancel context.CancelFunc
	opt    Options
	pool   *pool
	queues chan chan Event // one of each file in order; of one for a merge
	now    chan Event      // the file being consumed; nil: take the next
	wait   sync.WaitGroup  // the goroutines that Close waits for
}

// EventKind says what a Stream has come to.
type EventKind uint8

// Every file begins and ends, also one that cannot be opened; its blocks come between.
const (
	FileBegin EventKind = iota
	FileBlock
	FileEnd
)

// Event is one step of a Stream.
type Event struct {
	Kind  EventKind
	Index int    // of the file in the paths that the Stream was given
	File  *File  // as known then; only its Path when it could not be opened
	Block *Block // of FileBlock: the consumer releases it
	Err   error  // of FileEnd: nil, or what ended the file early, as from Open and NextBlock
}

// Blocks reads files one after another: all of the first, in its order, then
// all of the second. Options.ReadAhead files are worked on at once. A file
// that is damaged or missing ends with an error and the next one follows.
func Blocks(ctx context.Context, paths []string, opt Options) *Stream {
	s := newStreamOf(ctx, opt)
	s.queues = make(chan chan Event, s.opt.ReadAhead-1)
	s.wait.Add(1)
	go func() {
		defer s.wait.Done()
		defer close(s.queues)
		for i, path := range paths {
			q := make(chan Event, aheadBlocks)
			select {
			case s.queues <- q:
			case <-s.ctx.Done():
				return
			}
			s.start(path == "-", func() {
				defer close(q)
				s.readFile(q, i, path)
			})
		}
	}()
	return s
}

func newStreamOf(ctx context.Context, opt Options) *Stream {
	s := &Stream{opt: opt.withDefaults()}
	s.pool = newPool(s.opt)
	s.ctx, s.cancel = context.WithCancel(ctx)
	return s
}

// start runs f in a goroutine. Close does not wait for one that reads standard
// input, because nothing ends a read there.
func (s *Stream) start(stdin bool, f func()) {
	if stdin {
		go f()
		return
	}
	s.wait.Add(1)
	go func() {
		defer s.wait.Done()
		f()
	}()
}

// send gives an event to the consumer and says whether it wants more.
func (s *Stream) send(q chan<- Event, ev Event) bool {
	select {
	case q <- ev:
		return true
	case <-s.ctx.Done():
		if ev.Block != nil {
			ev.Block.Release()
		}
		return false
	}
}

// readFile sends a whole file. Its begin is told with the first block, when
// the interfaces are known.
func (s *Stream) readFile(q chan<- Event, index int, path string) {
	r, err := openRange(path, s.opt, s.pool, s.opt.Ranges[index])
	if err != nil {
		f := &File{Path: path, Size: -1}
		_ = s.send(q, Event{Kind: FileBegin, Index: index, File: f}) &&
			s.send(q, Event{Kind: FileEnd, Index: index, File: f, Err: err})
		return
	}
	defer r.Close()
	b, err := r.NextBlock()
	more := s.send(q, Event{Kind: FileBegin, Index: index, File: r.File()})
	for ; err == nil; b, err = r.NextBlock() {
		if !more {
			b.Release()
			return
		}
		more = s.send(q, Event{Kind: FileBlock, Index: index, File: b.File, Block: b})
	}
	if more {
		s.send(q, fileEnd(index, r, err))
	}
}

func fileEnd(index int, r *Reader, err error) Event {
	if err == io.EOF { //nolint:errorlint // NextBlock gives it bare
		err = nil
	}
	return Event{Kind: FileEnd, Index: index, File: r.File(), Err: err}
}

// Next gives the next event. The error is io.EOF after the last file's end,
// or the context's.
func (s *Stream) Next() (Event, error) {
	for {
		if err := s.ctx.Err(); err != nil {
			return Event{}, err
		}
		if s.now == nil {
			q, ok := <-s.queues
			if !ok {
				if err := s.ctx.Err(); err != nil {
					return Event{}, err
				}
				return Event{}, io.EOF
			}
			s.now = q
		}
		select {
		case ev, ok := <-s.now:
			if ok {
				return ev, nil
			}
			s.now = nil
		case <-s.ctx.Done():
		}
	}
}

// Close ends the Stream, also before its end, and gives back what was read
// ahead. Blocks that the consumer has stay valid until they are released.
func (s *Stream) Close() {
	s.cancel()
	s.wait.Wait()
	s.drain(s.now)
	for q := range s.queues {
		s.drain(q)
	}
	s.now = nil
}

// drain releases what waits in a queue that nobody will read.
func (s *Stream) drain(q <-chan Event) {
	for {
		select {
		case ev, ok := <-q:
			if !ok {
				return
			}
			if ev.Block != nil {
				ev.Block.Release()
			}
		default:
			return
		}
	}
}
