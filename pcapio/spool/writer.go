package spool

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pcapline/pcapline/pcapio"
)

// Writer writes packets into the segments of a spool. Write, WriteBatch,
// AddInterface, Flush and Stats are for any number of goroutines at once.
type Writer struct {
	cfg   Config
	lock  *os.File
	q     *queue
	d     *disk
	flush chan chan struct{}
	quit  chan struct{}
	ended chan struct{} // the goroutine that writes has come to its end
	once  sync.Once
	err   error // Close's
}

// Stats are the counts of a Writer. Offered = Written + DroppedQueue +
// DroppedDisk + what is still in the queue.
type Stats struct {
	Offered      int64            `json:"offered"`       // packets given to Write
	Written      int64            `json:"written"`       // packets in segments
	WrittenBytes int64            `json:"written_bytes"` // of the segments, headers included
	DroppedQueue int64            `json:"dropped_queue"` // packets for which the queue had no room
	DroppedDisk  int64            `json:"dropped_disk"`  // packets that could not be written
	Segments     int64            `json:"segments"`      // finished
	Deleted      int64            `json:"deleted"`       // segments, for the quota
	Stopped      bool             `json:"stopped"`       // writing does not succeed at present
	Error        string           `json:"error,omitempty"`
	Interfaces   []InterfaceStats `json:"interfaces"`
}

// InterfaceStats are the counts of one interface.
type InterfaceStats struct {
	Offered      int64 `json:"offered"`
	Written      int64 `json:"written"`
	DroppedQueue int64 `json:"dropped_queue"`
	DroppedDisk  int64 `json:"dropped_disk"`
}

// Open takes the directory, which it makes if need be, recovers what a crash
// left there, and starts to write. The error wraps [ErrLocked] when another
// Writer is at work there.
func Open(cfg Config) (*Writer, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	lock, err := takeLock(cfg.Dir)
	if err != nil {
		return nil, err
	}
	w := &Writer{cfg: cfg, lock: lock, flush: make(chan chan struct{}), quit: make(chan struct{}), ended: make(chan struct{})}
	w.q = newQueue(cfg.QueueBytes, cfg.ChunkBytes, len(cfg.Interfaces), cfg.Wait || cfg.Hold)
	if w.d, err = newDisk(cfg, w.q); err != nil {
		lock.Close()
		return nil, err
	}
	go w.run()
	return w, nil
}

// Lock holds a folder for one program, as a [Writer] holds its spool, until
// what it returns is closed or the program ends. Who comes second gets
// [ErrLocked].
func Lock(dir string) (io.Closer, error) { return takeLock(dir) }

// takeLock holds the directory until the file is closed.
func takeLock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("lock spool: %w", err)
	}
	if err := lockFile(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock spool %s: %w", dir, err)
	}
	return f, nil
}

// Write takes a packet: it copies what it needs and does not wait for the
// disk. Interface, Time, Data, WireLen, Direction and Comment count. The error
// is [ErrDropped] when the queue is full, [ErrClosed] after Close, or wraps
// [pcapio.ErrNotWritable]; with Config.Wait it may be the disk's.
func (w *Writer) Write(p *pcapio.Packet) error {
	w.q.mu.Lock()
	defer w.q.mu.Unlock()
	return w.q.putOne(p)
}

// WriteBatch takes packets as Write does, and gives how many were not dropped
// and the first error.
func (w *Writer) WriteBatch(pkts []pcapio.Packet) (int, error) { return w.q.put(pkts) }

// AddInterface declares another interface, from which packets may come from
// now on, and gives its index.
func (w *Writer) AddInterface(i pcapio.Interface) (int, error) { return w.q.declare(&i) }

// Flush waits until everything that was given to Write before is in the file
// or counted as dropped. It does not fsync.
func (w *Writer) Flush() {
	done := make(chan struct{})
	select {
	case w.flush <- done:
		<-done
	case <-w.ended:
	}
}

// Stats gives the counts at this moment.
func (w *Writer) Stats() Stats {
	w.q.mu.Lock()
	offered := append([]int64(nil), w.q.offered...)
	lost := append([]int64(nil), w.q.lostAll...)
	w.q.mu.Unlock()
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	s := w.d.stats
	s.Interfaces = make([]InterfaceStats, len(offered))
	for i := range s.Interfaces {
		c := InterfaceStats{Offered: offered[i], DroppedQueue: lost[i]}
		if i < len(w.d.stats.Interfaces) {
			c.Written, c.DroppedDisk = w.d.stats.Interfaces[i].Written, w.d.stats.Interfaces[i].DroppedDisk
		}
		s.Interfaces[i] = c
		s.Offered += c.Offered
		s.Written += c.Written
		s.DroppedQueue += c.DroppedQueue
		s.DroppedDisk += c.DroppedDisk
	}
	return s
}

// Close writes what is queued, finishes the segment and gives the directory
// back. The error says that the last packets could not be written, or that a
// segment could not be finished; what was dropped is in Stats.
func (w *Writer) Close() error {
	w.once.Do(func() {
		left := w.q.stop()
		close(w.quit)
		<-w.ended
		w.err = w.d.close(left)
		w.lock.Close()
	})
	return w.err
}

// run is the goroutine that writes.
func (w *Writer) run() {
	defer close(w.ended)
	tick := time.NewTicker(w.cfg.tickEvery())
	defer tick.Stop()
	var due <-chan time.Time // when what is queued has to be written
	var last time.Time       // that it was
	for {
		select {
		case <-w.q.notify:
			w.drain(false)
			if due != nil {
				break
			}
			if wait := w.cfg.FlushEvery - time.Since(last); wait > 0 {
				due = time.After(wait)
				break
			}
			last = time.Now() // after a pause: at once
			w.drain(true)
		case <-due:
			due, last = nil, time.Now()
			w.drain(true)
		case done := <-w.flush:
			w.drain(true)
			close(done)
		case <-w.d.finished:
			w.d.collect(0)
		case now := <-tick.C:
			if w.d.overdue(now) {
				w.drain(true)
				w.d.finish()
			}
			w.d.tick(now)
		case <-w.quit:
			w.drain(true)
			return
		}
	}
}

// drain writes the full chunks, or all.
func (w *Writer) drain(all bool) {
	for c := w.q.get(all); c != nil; c = w.q.get(all) {
		w.d.write(c)
		w.q.give(c)
	}
}

// tickEvery is how exactly segments end by the clock.
func (c *Config) tickEvery() time.Duration {
	every := time.Second
	for _, d := range []time.Duration{c.Rotation.Duration, c.Rotation.Interval} {
		if d > 0 {
			every = min(every, max(d/10, 5*time.Millisecond))
		}
	}
	return every
}
