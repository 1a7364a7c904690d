package train

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/pcapline/pcapline/features"
)

// chunkReading reads chunks ahead, in several goroutines, and gives their rows
// in an order that these have no say in.
type chunkReading struct {
	chunks features.Chunks
	order  []int32 // of the chunks
	depth  int     // blocks that each lane reads ahead
	mixed  bool    // a block of each lane in turn, not chunk after chunk
}

// block is some rows on their way.
type block struct {
	x     []float32
	class []int32
	last  bool // no rows: the chunk has ended
	err   error
}

// lane is a goroutine that reads some of the chunks.
type lane struct {
	chunks []int32 // whose ends were not yet reached
	full   chan *block
	free   chan *block
}

// each visits all rows; what it gives is valid until visit returns.
func (r *chunkReading) each(ctx context.Context, visit func(x []float32, class []int32) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	var active []*lane
	for i := range min(lanes, len(r.order)) {
		l := &lane{full: make(chan *block, r.depth), free: make(chan *block, r.depth+2)}
		for k := i; k < len(r.order); k += lanes {
			l.chunks = append(l.chunks, r.order[k])
		}
		for range cap(l.free) {
			l.free <- new(block)
		}
		mine := slices.Clone(l.chunks)
		wg.Go(func() { l.read(ctx, r.chunks, mine) })
		active = append(active, l)
	}
	for at := 0; len(active) > 0; {
		l := active[at%len(active)]
		ended, err := l.next(ctx, visit)
		switch {
		case err != nil:
			return err
		case ended && len(l.chunks) == 0:
			at %= len(active)
			active = slices.Delete(active, at, at+1)
		case ended || r.mixed:
			at = (at + 1) % len(active)
		}
	}
	return nil
}

// next visits the next block; ended: it was the end of a chunk.
func (l *lane) next(ctx context.Context, visit func(x []float32, class []int32) error) (ended bool, err error) {
	var b *block
	select {
	case b = <-l.full:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if b.err != nil {
		return false, b.err
	}
	if ended = b.last; ended {
		l.chunks = l.chunks[1:]
	} else if err := visit(b.x, b.class); err != nil {
		return false, err
	}
	l.free <- b
	return ended, nil
}

// read sends the rows of chunks, and the end of each.
func (l *lane) read(ctx context.Context, from features.Chunks, chunks []int32) {
	err := func() error {
		reader, err := from.Reader()
		if err != nil {
			return err
		}
		for _, c := range chunks {
			err = reader.Read(ctx, int(c), func(x []float32, class []int32) error { return l.send(ctx, x, class) })
			if err == nil {
				err = l.send(ctx, nil, nil)
			}
			if err != nil {
				break
			}
		}
		return errors.Join(err, reader.Close())
	}()
	if err != nil {
		select {
		case l.full <- &block{err: err}:
		case <-ctx.Done():
		}
	}
}

// send copies rows into a free block; without any it sends the end of a chunk.
func (l *lane) send(ctx context.Context, x []float32, class []int32) error {
	var b *block
	select {
	case b = <-l.free:
	case <-ctx.Done():
		return ctx.Err()
	}
	b.x, b.class, b.last = append(b.x[:0], x...), append(b.class[:0], class...), len(class) == 0
	select {
	case l.full <- b:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
