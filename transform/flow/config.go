package flow

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Config says how packets are joined to flows. The zero value of each field
// is the default that its comment gives.
type Config struct {
	// Rows receives the rows of ended flows, at most BatchRows at a time. An
	// error stops the table: no more rows are made, and Err and Finish return
	// it. Nil: no rows.
	Rows Receiver `json:"-"`

	// EarlyRows, with Early or EarlyTime, receives one row for each flow as it
	// stood after its first Early packets or when EarlyTime had passed since
	// its first one, whichever came first (end_reason "early"), or as it ended
	// where it ended before. A model trained on these rows sees in training
	// what it sees when it must decide early.
	EarlyRows Receiver      `json:"-"`
	Early     int           `json:"early,omitempty"`      // packets; 0: no matter how many
	EarlyTime time.Duration `json:"early_time,omitempty"` // by the packets' time, or the clock's with Advance; 0: no matter how long

	// IDsOnly leaves the table nothing to do but to say which flow each packet
	// belongs to ([Table.Add]'s Member): no rows, statistics or windows. Flows
	// are cut and numbered as without it.
	IDsOnly bool `json:"-"`

	DropDuplicates bool          `json:"drop_duplicates,omitempty"` // packets captured twice are in no flow; else they are counted in it
	DupWindow      time.Duration `json:"dup_window,omitempty"`      // how far apart the sightings of a packet captured twice are; 10 ms, negative: none is looked for
	DupPackets     int           `json:"dup_packets,omitempty"`     // how many packets back it is looked for; 4096

	IdleTimeout   time.Duration `json:"idle_timeout,omitempty"`   // without a packet for longer, a flow ends; 120 s
	ActiveTimeout time.Duration `json:"active_timeout,omitempty"` // a packet later than this after the start begins another flow; 30 min
	Linger        time.Duration `json:"linger,omitempty"`         // how long a closed TCP flow waits for its tail; 60 s, Linux's TIME_WAIT
	ActivityGap   time.Duration `json:"activity_gap,omitempty"`   // a longer silence inside a flow is idle time; 5 s, as in CICFlowMeter
	Reorder       time.Duration `json:"reorder,omitempty"`        // packets are put in order of time within this window; 0: taken as they come
	Sequence      int           `json:"sequence,omitempty"`       // packets in the splt_ lists; 20, negative for none, at most 255
	Span          bool          `json:"span,omitempty"`           // flows, their numbers and histories go on from one file to the next

	BatchRows    int `json:"-"`                       // rows in a batch; 8192
	MaxFlows     int `json:"max_flows,omitempty"`     // open flows; the one that was silent longest is ended for a new one; 262,144
	MaxFragments int `json:"max_fragments,omitempty"` // datagrams whose later fragments are waited for; 16,384
	MaxHosts     int `json:"max_hosts,omitempty"`     // addresses whose windows are kept; 65,536
	MaxEvents    int `json:"max_events,omitempty"`    // events of the last 60 s that the windows are made of; 262,144
	MaxPairs     int `json:"max_pairs,omitempty"`     // distinct (host, host) and (host, port) of the last 60 s; 262,144
	MaxServices  int `json:"max_services,omitempty"`  // (source, destination, port) whose history is kept; 131,072
}

func (c Config) withDefaults() Config {
	duration := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
		*d = min(*d, 1<<60) // so that times and durations add up without overflow
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
	c.Reorder = min(max(c.Reorder, 0), 1<<60)
	c.EarlyTime = min(max(c.EarlyTime, 0), 1<<60)
	if c.DupWindow == 0 {
		c.DupWindow = 10 * time.Millisecond
	}
	count(&c.DupPackets, 1<<12)
	if c.Sequence == 0 {
		c.Sequence = 20
	}
	c.Sequence = min(max(c.Sequence, -1), 255)
	count(&c.BatchRows, 8192)
	count(&c.MaxFlows, 1<<18)
	count(&c.MaxFragments, 1<<14)
	count(&c.MaxHosts, 1<<16)
	count(&c.MaxEvents, 1<<18)
	count(&c.MaxPairs, 1<<18)
	count(&c.MaxServices, 1<<17)
	return c
}

// Settings gives what of c is not the default and changes rows, as a JSON
// object: durations in ns, no member where the default is meant. A table's
// metadata has it, so that rows to be scored can be made as those learned from.
func (c Config) Settings() string {
	c = c.withDefaults()
	v, defaults := reflect.ValueOf(&c).Elem(), reflect.ValueOf(Config{}.withDefaults())
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Func || f.Equal(defaults.Field(i)) {
			f.SetZero()
		}
	}
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // numbers and truth values have their JSON
	}
	return string(b)
}

// ParseSettings gives the Config of which Settings is text. A member that it
// does not know is an error: flows made without it would be other flows.
func ParseSettings(text string) (c Config, err error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return Config{}, fmt.Errorf("flow settings: %w", err)
	}
	return c, nil
}
