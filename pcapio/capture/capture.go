package capture

import (
	"errors"
	"fmt"
	"time"
)

// ErrUnsupported says that this system has no AF_PACKET sockets.
var ErrUnsupported = errors.New("live capture needs Linux")

// Config says what to capture. Only Interfaces is needed.
type Config struct {
	Interfaces []string // names; "any" stands for all that are up
	Filter     string   // in pcap's language, see package filter; "": everything
	Snaplen    int      // captured bytes of a packet at most; 0: 262144

	RingBytes    int           // of an interface's rings together; 0: 64 MiB, and 8 MiB each for "any"
	BlockBytes   int           // a multiple of the page size; no packet is larger; 0: 1 MiB, less in a small ring
	BlockTimeout time.Duration // after which a block is handed over that is not full; 0: 20 ms
	Fanout       int           // rings of an interface, among which the kernel divides flows; 0: 1

	Promiscuous       bool
	KeepLoopbackPairs bool // deliver both sights of a packet on the loopback interface

	// Notify is told when an interface goes and comes; one call at a time.
	Notify func(Event)
}

// EventKind is what happened to an interface.
type EventKind string

// What happens to interfaces.
const (
	Down   EventKind = "down"
	Up     EventKind = "up"
	Failed EventKind = "failed" // it is there, but could not be opened; it is tried again
)

// Event is something that happened to an interface.
type Event struct {
	Kind      EventKind
	Interface string
	Err       error
}

// Stats are counts of packets since Open. Once Run has returned, Received is
// Delivered + Dropped.
type Stats struct {
	Received           int64 // let through by the filter, dropped ones included
	Delivered          int64 // given to Run's function
	Dropped            int64 // by the kernel, for lack of room in the ring
	DroppedByInterface int64 // missed by the network card, before any filter
	Restarts           int64 // times that the interface came back
}

func (s Stats) String() string {
	return fmt.Sprintf("%d packets received, %d delivered, %d dropped by the kernel, %d dropped by the interface",
		s.Received, s.Delivered, s.Dropped, s.DroppedByInterface)
}

const (
	defaultSnaplen = 262144
	defaultRing    = 64 << 20
	defaultAnyRing = 8 << 20
	defaultBlock   = 1 << 20
	maxFanout      = 256 // the kernel's limit
)

// withDefaults fills in what is zero and says what cannot be.
func (c Config) withDefaults(pageSize int) (Config, error) {
	if len(c.Interfaces) == 0 {
		return c, errors.New("capture: no interface given")
	}
	if c.Snaplen == 0 {
		c.Snaplen = defaultSnaplen
	}
	if c.RingBytes == 0 {
		c.RingBytes = defaultRing
		for _, name := range c.Interfaces {
			if name == "any" {
				c.RingBytes = defaultAnyRing
			}
		}
	}
	c.Fanout = max(c.Fanout, 1)
	if c.BlockTimeout == 0 {
		c.BlockTimeout = 20 * time.Millisecond
	}
	if c.BlockBytes == 0 { // a ring of one block could be read only while nothing is written
		c.BlockBytes = defaultBlock
		for c.BlockBytes > pageSize && c.BlockBytes > c.RingBytes/c.Fanout/4 {
			c.BlockBytes /= 2
		}
	}
	switch {
	case c.Snaplen < 0 || c.Snaplen > 1<<28:
		return c, fmt.Errorf("capture: a snaplen of %d bytes is not possible", c.Snaplen)
	case c.BlockBytes < pageSize || c.BlockBytes%pageSize != 0 || c.BlockBytes > 1<<30:
		return c, fmt.Errorf("capture: blocks of %d bytes are not a multiple of the page size, %d", c.BlockBytes, pageSize)
	case c.RingBytes/c.Fanout < 2*c.BlockBytes:
		return c, fmt.Errorf("capture: %d bytes of ring do not hold two blocks of %d bytes for each of %d rings", c.RingBytes, c.BlockBytes, c.Fanout)
	case c.BlockTimeout < time.Millisecond || c.BlockTimeout > time.Minute:
		return c, fmt.Errorf("capture: a block timeout of %v is not between 1ms and 1m", c.BlockTimeout)
	case c.Fanout > maxFanout:
		return c, fmt.Errorf("capture: a fan-out of %d is above %d", c.Fanout, maxFanout)
	}
	return c, nil
}
