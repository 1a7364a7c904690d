package sink

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pcapline/pcapline/transform/schema"
)

// Format is one way to write a table. It is a row of [Formats].
type Format struct {
	Name         string   // as --format takes it
	Extensions   []string // file name endings that choose it, with the dot
	Doc          string   // one line for help
	Compressions []string // names for Options.Compression, the default first
	Text         bool     // it is lines; a compression is around the file, whose ending says it
	Derived      bool     // its rows are made of a table's, and are not the table: no reader gives it back
	New          func(w io.Writer, s schema.Schema, opt Options) (Sink, error)
}

// Options say how a table is written; the zero value is each format's default.
// A format refuses an option that it has no use for, but for Metadata.
type Options struct {
	Compression string            // one of Format.Compressions; "" is the default
	Metadata    map[string]string // key-value metadata, for formats that have a place for it
	Log         string            // what the table is called, for formats that say it
	Bloom       []string          // Parquet: columns that get bloom filters
	Headers     []string          // nPrint: some of NPrintHeaders; nil: IPv4, TCP, UDP and ICMP
	Payload     int               // nPrint: bytes of payload
}

// refuseOptions names an option that is set and that the format does not
// understand.
func refuseOptions(format string, opt Options, understood ...string) error {
	for _, o := range []struct {
		name string
		set  bool
	}{
		{"Bloom", opt.Bloom != nil}, {"Headers", opt.Headers != nil}, {"Payload", opt.Payload != 0},
	} {
		if o.set && !slices.Contains(understood, o.name) {
			return fmt.Errorf("%s: the format has no option %s", format, strings.ToLower(o.name))
		}
	}
	return nil
}

// Sink writes a table in two stages, so that the costly one runs on all cores
// and the output does not depend on how many there are. Encoders turn rows
// into finished pieces, concurrently; Commit puts pieces one behind another.
type Sink interface {
	// NewEncoder makes an encoder for the use of one goroutine.
	NewEncoder() Encoder
	// Commit writes a piece behind those before it. Pieces are committed by
	// one goroutine, in the order of the table's rows.
	Commit(Piece) error
	// SetMetadata adds a key-value pair that is known only at the end, for
	// formats with a place for it; others ignore it.
	SetMetadata(key, value string)
	// Close ends the table. It does not close the writer under it.
	Close() error
}

// Encoder turns batches into pieces.
type Encoder interface {
	// Encode adds the rows of a finished batch to the current piece. It keeps
	// nothing of the batch.
	Encode(*schema.Batch) error
	// Flush ends the piece (a row group in Parquet) and returns it; the
	// encoder then begins the next one.
	Flush() (Piece, error)
}

// Piece is a finished part of a table, on its way from an encoder to Commit.
// Only the sink whose encoder made it can read it.
type Piece interface {
	Rows() int
	Bytes() int // its size in memory
}
