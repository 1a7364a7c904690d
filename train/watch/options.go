package watch

import (
	"errors"
	"log/slog"
	"time"

	"github.com/pcapline/pcapline/transform/sink"
)

// Options say what is watched and what becomes of it. Spool and Model are
// needed; the zero value of the others is the default that the comment gives.
type Options struct {
	Spool     string  // directory, see package spool
	Model     string  // file; it is read again when it was replaced
	Threshold float64 // score from which on a row is an alert; 0: the model's

	// State is the file that a later run goes on from; "": nothing is kept, and
	// the watch begins with the oldest segment. Consumer is the cursor in the
	// spool that goes with it; "watch".
	State      string
	Consumer   string
	Checkpoint time.Duration // how often State and the tables in Scored are written; 1 min

	// Once ends when the spool has no further packet, in place of waiting. Without
	// State the flows that are open then end, as at the end of a batch.
	Once bool

	Scored     string // folder for Parquet tables of everything scored; "": none
	ScoredRows int    // of one table at most; 4,194,304

	Outputs  []Output      // where alerts go; the watch closes them
	Dedup    time.Duration // alerts alike are sent once in this time; 1 min, negative: all are
	Rate     float64       // alerts a second, at most, in the long run; 10
	Burst    int           // and at once; 100
	Features int           // contributing columns in an alert; 5, negative: none

	MaxLag int64 // bytes of the spool that may wait; when more do, the oldest packets are shed; 0: none is

	Log   *slog.Logger      // nil: none
	Stats func(*Stats)      // called once a second with a copy; nil: never
	Alert func(alert Alert) // called for each alert that is sent; nil: never
}

// Grace is how long a packet may take from the wire to the spool: the clock
// that ends silent flows stays so far behind.
const Grace = time.Second

const (
	batchPackets = 4096 // read before rows are scored
	batchRows    = 8192 // of a batch of flows
	idle         = 200 * time.Millisecond
	pace         = 50 * time.Millisecond  // between looks at a spool that was read to its end
	patience     = 250 * time.Millisecond // how long a row may wait for others in a watch that is behind
	tick         = time.Second
)

func (o Options) withDefaults() (Options, error) {
	if o.Spool == "" || o.Model == "" {
		return o, errors.New("watch: a spool and a model are needed")
	}
	if o.Threshold < 0 || o.Threshold > 1 {
		return o, errors.New("watch: the threshold is a score, from 0 to 1")
	}
	set(&o.Consumer, "watch")
	set(&o.Checkpoint, time.Minute)
	set(&o.ScoredRows, 4<<20)
	set(&o.Dedup, time.Minute)
	set(&o.Rate, 10)
	set(&o.Burst, 100)
	set(&o.Features, 5)
	set(&o.Log, slog.New(slog.DiscardHandler))
	return o, nil
}

func set[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// parquet is the format of the tables in Options.Scored.
var parquet = sink.Formats[0]
