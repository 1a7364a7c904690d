package train

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train/metrics"
)

// Stream is data to learn from that is read anew in each epoch, since it does
// not fit into memory. Test rows are no part of it.
type Stream struct {
	Names   []string // of the feature columns
	Classes []string
	Benign  int // index of the benign class
	Train   features.Chunks
	Valid   features.Chunks
}

// check finds what is wrong before any row is read.
func (s *Stream) check() error {
	if len(s.Names) == 0 {
		return errors.New("the dataset has no feature columns")
	}
	if err := checkNames("class", s.Classes); err != nil {
		return err
	}
	if err := checkNames("feature column", s.Names); err != nil {
		return err
	}
	return checkBenign(s.Classes, s.Benign)
}

// bytesPerRow is what a row of so many features takes in memory in the course
// of a training: the matrix, the parts packed, and what is known of the row.
func bytesPerRow(cols int) int64 { return 8*int64(cols) + 64 }

// Streams reports whether so many rows of so many features would take more
// than the configuration's memory, so that they must be trained on by
// [FitStream]. Nothing else decides it.
func (c Config) Streams(rows int64, cols int) bool {
	return rows > c.WithDefaults().Memory/bytesPerRow(cols)
}

// The memory of a streamed training is dealt out so: a quarter to the rows
// that are shuffled, an eighth to rows that were read ahead, an eighth to the
// sample that a scaling is learned from ([Config.ScalerMemory]). The rest is
// for four bytes a validation row, the pages being decoded, and what the
// collector has not collected.

// ScalerMemory is how many bytes the sample for a scaling may take.
func (c Config) ScalerMemory() int64 { return c.WithDefaults().Memory / 8 }

// bufferRows is how many rows are shuffled together.
func (c Config) bufferRows(cols int) int { return max(int(c.Memory/4/int64(4*cols+4)), c.Batch) }

// lanes is how many chunks are read at once, and mixed in a shuffled epoch. It
// is a constant: the order of rows must not depend on the processors.
const lanes = 4

// depth is how many blocks each lane reads ahead.
func (c Config) depth(cols int) int {
	const blockRows = 8192 // about
	return int(min(max(c.Memory/8/lanes/int64(blockRows*(4*cols+4)), 1), 8))
}

// streamed is examples that are read anew.
type streamed struct {
	stream  *Stream
	classes []string // of the model
	benign  int
	relabel []int32 // class of the model for each of the stream's
	names   []string
	depth   int
	buffer  shuffler
	order   []int32 // of the training chunks
}

func newStreamed(s *Stream, c Config) *streamed {
	out := &streamed{
		stream: s, classes: s.Classes, benign: s.Benign, relabel: ascending(len(s.Classes)), names: s.Names, depth: c.depth(len(s.Names)),
		buffer: shuffler{cols: len(s.Names), limit: c.bufferRows(len(s.Names))},
		order:  ascending(s.Train.Chunks()),
	}
	if c.Target == "binary" {
		out.classes, out.benign = binaryClasses(s.Classes, s.Benign)
	}
	if len(out.classes) < len(s.Classes) {
		for i := range out.relabel {
			out.relabel[i] = 1
		}
		out.relabel[s.Benign] = 0
	}
	return out
}

// epoch reads the chunks in a drawn order, four at a time, a block of each in
// turn, into a buffer; each row then leaves the buffer when another one takes
// its place, drawn at random. So rows are shuffled across the buffer and the
// four chunks in it, not across the whole part.
func (s *streamed) epoch(ctx context.Context, order rand.Source, take func(x []float32, class int32) error) error {
	cols := len(s.names)
	if order == nil {
		return s.each(ctx, features.Train, func(x []float32, class []int32) error {
			for i, c := range class {
				if err := take(x[i*cols:(i+1)*cols], c); err != nil {
					return err
				}
			}
			return nil
		})
	}
	metrics.Shuffle(order, s.order)
	s.buffer.source, s.buffer.take = order, take
	s.buffer.x, s.buffer.class = s.buffer.x[:0], s.buffer.class[:0]
	r := chunkReading{chunks: s.stream.Train, order: s.order, depth: s.depth, mixed: true}
	err := r.each(ctx, func(x []float32, class []int32) error {
		for i, c := range class {
			if err := s.buffer.add(x[i*cols:(i+1)*cols], s.relabel[c]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.buffer.drain()
}

func (s *streamed) each(ctx context.Context, p features.Part, visit func(x []float32, class []int32) error) error {
	chunks := s.stream.Train
	if p == features.Valid {
		chunks = s.stream.Valid
	}
	r := chunkReading{chunks: chunks, order: ascending(chunks.Chunks()), depth: s.depth}
	return r.each(ctx, func(x []float32, class []int32) error {
		for i, c := range class {
			class[i] = s.relabel[c]
		}
		return visit(x, class)
	})
}

// summaries reads all rows once and checks them.
func (s *streamed) summaries(ctx context.Context) (train, valid *summary, err error) {
	var out [2]*summary
	for i, p := range []features.Part{features.Train, features.Valid} {
		sum := newSummary(len(s.classes), len(s.names))
		err := s.each(ctx, p, func(x []float32, class []int32) error {
			for r := range class {
				if err := checkRow(x[r*len(s.names):(r+1)*len(s.names)], sum.rows+r, s.names); err != nil {
					return err
				}
			}
			sum.add(x, class)
			return nil
		})
		if err != nil {
			return nil, nil, fmt.Errorf("%s rows: %w", p, err)
		}
		out[i] = sum
	}
	return out[0], out[1], nil
}

// shuffler is a buffer that rows leave in a random order.
type shuffler struct {
	cols, limit int
	source      rand.Source
	take        func(x []float32, class int32) error
	x           []float32
	class       []int32
}

// draw is a row of the buffer.
func (b *shuffler) draw() int {
	at, _ := bits.Mul64(b.source.Uint64(), uint64(len(b.class)))
	return int(at)
}

func (b *shuffler) row(i int) []float32 { return b.x[i*b.cols : (i+1)*b.cols] }

// add takes a row in, and another one out when the buffer is full.
func (b *shuffler) add(x []float32, class int32) error {
	if len(b.class) < b.limit {
		if b.x == nil { // at once: a slice that grows is there twice
			b.x, b.class = make([]float32, 0, b.limit*b.cols), make([]int32, 0, b.limit)
		}
		b.x, b.class = append(b.x, x...), append(b.class, class)
		return nil
	}
	at := b.draw()
	if err := b.take(b.row(at), b.class[at]); err != nil {
		return err
	}
	copy(b.row(at), x)
	b.class[at] = class
	return nil
}

// drain takes all rows out.
func (b *shuffler) drain() error {
	for n := len(b.class); n > 0; n-- {
		at := b.draw()
		if err := b.take(b.row(at), b.class[at]); err != nil {
			return err
		}
		copy(b.row(at), b.row(n-1))
		b.class[at] = b.class[n-1]
		b.x, b.class = b.x[:(n-1)*b.cols], b.class[:n-1]
	}
	return nil
}
