package features

import "context"

// Chunks are the rows of a part of a dataset in stretches, for a set that does
// not fit into memory: of a Parquet table, its row groups. Stretches can be
// read in any order, and by several goroutines at once.
type Chunks interface {
	// Chunks is their number.
	Chunks() int
	// Reader gives a reader for one goroutine.
	Reader() (ChunkReader, error)
}

// ChunkReader reads stretches, one at a time.
type ChunkReader interface {
	// Read gives the rows of a stretch in their order, up to a few thousand at
	// a time: x has the features, one row behind another, and class the index
	// of each row's class. Both are valid until visit returns.
	Read(ctx context.Context, chunk int, visit func(x []float32, class []int32) error) error
	Close() error
}
