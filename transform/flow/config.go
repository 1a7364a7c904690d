package flow

import (
	"time"

	"github.com/pcapline/pcapline/transform/schema"
)

// Config says how packets are joined to flows. The zero value of each field
// is the default that its comment gives.
type Config struct {
	// Rows receives the rows of ended flows, at most BatchRows at a time. The
	// batch is finished; it is valid until Rows returns. An error stops the
	// table: no more rows are made, and Err and Finish return it. Nil: no rows.
	Rows func(*schema.Batch) error

	// EarlyRows, with Early > 0, receives one row for each flow as it stood
	// after its first Early packets (end_reason "early"), or as it ended where
	// it had fewer. A model trained on these rows sees in training what it
	// sees when it must decide early.
	EarlyRows func(*schema.Batch) error
	Early     int // packets; 0: no early view

	IdleTimeout   time.Duration // without a packet for longer, a flow ends; 120 s
	ActiveTimeout time.Duration // a packet later than this after the start begins another flow; 30 min
	Linger        time.Duration // how long a closed TCP flow waits for its tail; 60 s, Linux's TIME_WAIT
	ActivityGap   time.Duration // a longer silence inside a flow is idle time; 5 s, as in CICFlowMeter
	Reorder       time.Duration // packets are put in order of time within this window; 0: taken as they come
	Sequence      int           // packets in the splt_ lists; 20, negative for none, at most 255
	Span          bool          // flows and histories go on from one file to the next

	BatchRows    int // rows in a batch; 8192
	MaxFlows     int // open flows; the one that was silent longest is ended for a new one; 262,144
	MaxFragments int // datagrams whose later fragments are waited for; 16,384
	MaxHosts     int // addresses whose windows are kept; 65,536
	MaxEvents    int // events of the last 60 s that the windows are made of; 262,144
	MaxPairs     int // distinct (host, host) and (host, port) of the last 60 s; 262,144
	MaxServices  int // (source, destination, port) whose history is kept; 131,072
}

func (c Config) withDefaults() Config {
	duration := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	count := func(n *int, v int) {
		if *n <= 0 {
			*n = v
		}
	}
	duration(&c.IdleTimeout, 120*time.Second)
	duration(&c.ActiveTimeout, 30*time.Minute)
	duration(&c.Linger, 60*time.Second)
	duration(&c.ActivityGap, 5*time.Second)
	c.Reorder = max(c.Reorder, 0)
	if c.Sequence == 0 {
		c.Sequence = 20
	}
	c.Sequence = min(max(c.Sequence, 0), 255)
	count(&c.BatchRows, 8192)
	count(&c.MaxFlows, 1<<18)
	count(&c.MaxFragments, 1<<14)
	count(&c.MaxHosts, 1<<16)
	count(&c.MaxEvents, 1<<18)
	count(&c.MaxPairs, 1<<18)
	count(&c.MaxServices, 1<<17)
	return c
}
