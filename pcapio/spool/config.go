package spool

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pcapline/pcapline/pcapio"
)

var (
	// ErrDropped says that a packet found no room in the queue; it is counted.
	ErrDropped = errors.New("the spool's queue is full: packet dropped")
	// ErrClosed says that the Writer is closed.
	ErrClosed = errors.New("the spool's writer is closed")
	// ErrLocked says that another Writer, or a recovery, is at work in the directory.
	ErrLocked = errors.New("the spool is in use by another writer")
	// ErrChanged says that a position does not fit the segment that it names.
	ErrChanged = errors.New("the segment is not the one that was read")

	errUnfinished = errors.New("a segment could not be finished; it stays hidden until it is recovered")

	errInterface = fmt.Errorf("%w: an interface that was not declared", pcapio.ErrNotWritable)
	errQuota     = errors.New("the quota is used up and nothing may be deleted")
	errFloor     = errors.New("free space is at its floor and nothing may be deleted")
)

// Config says what a Writer writes and where. Only Dir and one interface are
// needed.
type Config struct {
	Dir        string
	Sensor     string             // in names; "": "sensor"
	Interfaces []pcapio.Interface // [pcapio.Packet.Interface] is an index into it; see also AddInterface
	Section    pcapio.Section     // Hardware, OS and Application of the section headers
	Rotation   Rotation
	Quota      Quota

	FlushEvery time.Duration // a packet is in the file after this time; 0: 5 ms
	QueueBytes int           // what a stalled disk may leave waiting; 0: 64 MiB, at least three chunks
	ChunkBytes int           // written at once; 0: 1 MiB
	RetryEvery time.Duration // after a failed write; 0: 1 s

	// Wait makes Write wait for room, and return errors of the disk, instead
	// of dropping: for packets that can be had again, as in a replay. Such
	// an error is final.
	Wait bool
	// Hold makes Write wait for room, too, but not for a disk that does not
	// take packets: those are dropped and counted. It is for a source that
	// has a buffer and counts its own losses, as a capture's ring: packets
	// stay there for as long as it has room. Without it, they would be taken
	// out to be dropped.
	Hold bool
	// PacketTime rotates by the packets' times alone. Without it, segments
	// also end when Rotation.Duration has passed on the clock, so that a quiet
	// interface does not keep one open.
	PacketTime bool
	// NoSync leaves out fsync: for spools that a loss of power may cost.
	NoSync bool

	// Counters gives what the capture knows of an interface since its start.
	// It is called when a segment ends; nil: the Writer's own counts.
	Counters func(iface int) Counters
	// Notify is told what happens, one call at a time. It must not call the Writer.
	Notify func(Event)
}

// Counters are packets since the capture's start.
type Counters struct {
	Received           int64 // by the interface, lost ones included
	DroppedByInterface int64
	DroppedByOS        int64 // in the kernel, before the capture saw them
}

// EventKind is what a Writer tells.
type EventKind string

// What a Writer tells.
const (
	Finished  EventKind = "finished"  // a segment has its final name
	Deleted   EventKind = "deleted"   // a segment, for the quota; Err says why
	Stopped   EventKind = "stopped"   // writing does not succeed; packets are dropped
	Resumed   EventKind = "resumed"   // it does again
	Failed    EventKind = "failed"    // something that does not stop writing
	Recovered EventKind = "recovered" // a segment that a crash had left
)

// Event is something that a Writer did.
type Event struct {
	Kind    EventKind
	Segment string // its final name; "" where none is concerned
	Packets int64
	Bytes   int64
	Err     error
}

func (c Config) withDefaults() (Config, error) {
	if c.Dir == "" {
		return c, errors.New("spool: no directory given")
	}
	if len(c.Interfaces) == 0 {
		return c, errors.New("spool: no interface given")
	}
	c.Sensor = cleanName(c.Sensor, "sensor", false)
	if c.FlushEvery <= 0 {
		c.FlushEvery = 5 * time.Millisecond
	}
	if c.QueueBytes <= 0 {
		c.QueueBytes = 64 << 20
	}
	if c.ChunkBytes <= 0 {
		c.ChunkBytes = 1 << 20
	}
	if c.RetryEvery <= 0 {
		c.RetryEvery = time.Second
	}
	if c.Rotation.isZero() {
		files := c.Rotation.Files
		c.Rotation = DefaultRotation
		c.Rotation.Files = files
		if c.Quota.Bytes > 0 {
			c.Rotation.Bytes = min(c.Rotation.Bytes, max(c.Quota.Bytes/quotaParts, 1))
		}
	}
	return c, c.checkQuota()
}

// quotaParts is how many segments a quota holds at least: one being written,
// two being finished, the newest finished one, which is never deleted, and one that may be.
const quotaParts = 5

func (c *Config) checkQuota() error {
	if c.Rotation.Files > 0 && (c.Quota.Files == 0 || c.Rotation.Files < c.Quota.Files) {
		c.Quota.Files = c.Rotation.Files
	}
	if c.Quota.Bytes <= 0 {
		return nil
	}
	if c.Rotation.Bytes <= 0 {
		c.Rotation.Bytes = max(c.Quota.Bytes/quotaParts, 1)
	}
	if c.Rotation.Bytes > c.Quota.Bytes/quotaParts {
		return fmt.Errorf("spool: a quota of %d bytes needs segments of at most a fifth of it, %d bytes; rotation allows %d",
			c.Quota.Bytes, c.Quota.Bytes/quotaParts, c.Rotation.Bytes)
	}
	return nil
}

// ifaceName is the interfaces' part in the names of segments.
func ifaceName(ifaces []pcapio.Interface) string {
	var names []string
	for i := range ifaces {
		if n := ifaces[i].Name; n != "" {
			names = append(names, n)
		}
	}
	return cleanName(strings.Join(names, "+"), "any", true)
}
