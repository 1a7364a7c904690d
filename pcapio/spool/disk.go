package spool

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/pcapline/pcapline/pcapio"
)

// disk writes chunks into segments. One goroutine calls it; another finishes
// segments behind it, so that fsync does not hold up the next one.
type disk struct {
	cfg     Config
	q       *queue
	ifaces  []pcapio.Interface
	iface   string // in names
	seq     int64  // last one used
	seg     *part
	pending []int64    // losses that the next packet of an interface has to say
	lost    []int64    // losses since the last statistics block
	seen    []Counters // the capture's, at the last statistics block
	used    int64      // bytes of all segments
	retryAt time.Time  // while writing does not succeed
	swept   time.Time  // when age was looked at last
	scratch []byte

	jobs     chan *part
	finished chan struct{} // a segment was
	done     sync.WaitGroup

	mu    sync.Mutex
	stats Stats
	fails []error // segments that could not be finished
	tell  sync.Mutex
	names sync.Mutex // no segment is renamed while they are counted
}

func newDisk(cfg Config, q *queue) (*disk, error) {
	d := &disk{
		cfg: cfg, q: q, iface: ifaceName(cfg.Interfaces), swept: time.Now(),
		jobs: make(chan *part, 1), finished: make(chan struct{}, 1),
	}
	for i := range cfg.Interfaces {
		d.declare(&cfg.Interfaces[i])
	}
	// What cannot be recovered stays where it is; a sensor captures all the same.
	recovered, err := recoverDir(cfg.Dir)
	for _, r := range recovered {
		d.notify(Event{Kind: Recovered, Segment: r.Name, Packets: r.Packets, Bytes: r.Size, Err: r.err()})
	}
	if err != nil {
		d.fails = append(d.fails, err)
		d.notify(Event{Kind: Failed, Err: err})
	}
	list, err := List(cfg.Dir)
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		d.seq = max(d.seq, s.Seq)
		d.used += s.Size
	}
	cursors, err := Cursors(cfg.Dir)
	if err != nil {
		d.notify(Event{Kind: Failed, Err: err})
	}
	for _, c := range cursors {
		if s, ok := ParseName(c.Position.Segment); ok {
			d.seq = max(d.seq, s.Seq) // the consumer must not take new segments for old ones
		}
	}
	d.done.Add(1)
	go d.finisher()
	return d, nil
}

func (d *disk) declare(i *pcapio.Interface) {
	d.ifaces = append(d.ifaces, *i)
	d.pending, d.lost, d.seen = append(d.pending, 0), append(d.lost, 0), append(d.seen, Counters{})
	d.mu.Lock()
	d.stats.Interfaces = append(d.stats.Interfaces, InterfaceStats{})
	d.mu.Unlock()
}

// write writes a chunk, as far as that succeeds, and counts the rest.
func (d *disk) write(c *chunk) {
	if c.iface != nil {
		d.declare(c.iface)
		if d.seg != nil {
			d.put(pcapio.AppendInterface(nil, c.iface), 1)
		}
		return
	}
	for i, n := range c.lost {
		d.pending[i] += n
		d.lost[i] += n
	}
	if !d.retryAt.IsZero() && time.Now().Before(d.retryAt) {
		d.drop(c.buf)
		return
	}
	d.packets(c.buf)
}

// packets cuts blocks where a segment ends or a loss has to be said, and
// writes what lies between at once.
func (d *disk) packets(buf []byte) {
	start, n := 0, int64(0) // what waits to be written begins there and has n packets
	for pos := 0; pos < len(buf); n++ {
		b := buf[pos : pos+blockLen(buf[pos:])]
		full := d.seg != nil && d.ends(b, int64(pos-start), n)
		lossy := d.pending[blockIface(b)] > 0
		if full || lossy || d.seg == nil {
			if !d.put(buf[start:pos], 0) {
				d.drop(buf[pos:])
				return
			}
			start, n = pos, 0
			if full {
				d.finish()
			}
			if d.seg == nil && !d.begin(blockTime(b)) || lossy && !d.putLossy(b) {
				d.drop(buf[pos:])
				return
			}
			if lossy {
				start, n = pos+len(b), -1
			}
		}
		pos += len(b)
	}
	d.put(buf[start:], 0)
}

// ends says whether the segment, with bytes and packets that wait to be
// written, has to end before block b.
func (d *disk) ends(b []byte, bytes, packets int64) bool {
	r, s, t := &d.cfg.Rotation, d.seg, blockTime(b)
	switch {
	case blockIface(b) >= s.ifaces: // declaring it did not succeed
	case s.packets+packets == 0:
		return false
	case r.Bytes > 0 && s.size+bytes+int64(len(b))+d.statsRoom() > r.Bytes:
	case r.Packets > 0 && s.packets+packets >= r.Packets:
	case r.Duration > 0 && t-s.start >= int64(r.Duration):
	case r.Interval > 0 && t/int64(r.Interval) != s.start/int64(r.Interval):
	default:
		return false
	}
	return true
}

// statsRoom is what the statistics at a segment's end need at most.
func (d *disk) statsRoom() int64 { return 256 * int64(len(d.ifaces)) }

// begin opens a segment whose first packet is of time t.
func (d *disk) begin(t int64) bool {
	h := header(d.cfg.Section, d.ifaces)
	err := d.makeRoom(int64(len(h)))
	if err == nil {
		name := segmentName(d.cfg.Sensor, d.iface, t, d.seq+1)
		d.seg, err = newPart(d.cfg.Dir, name, h, t, len(d.ifaces))
	}
	if err != nil {
		d.failed(err)
		return false
	}
	d.seq++
	d.used += int64(len(h))
	d.mu.Lock()
	d.stats.WrittenBytes += int64(len(h))
	d.mu.Unlock()
	return true
}

// put writes whole blocks, of which ifaces declare an interface, or counts
// those that could not be written as dropped.
func (d *disk) put(b []byte, ifaces int) bool {
	if len(b) == 0 {
		return true
	}
	n, err := 0, d.makeRoom(int64(len(b)))
	if err == nil {
		n, err = d.seg.append(b)
		d.used += int64(n)
		if ifaces == 0 {
			d.written(b[:n])
		} else if err == nil {
			d.seg.ifaces += ifaces
		}
	}
	if err == nil {
		d.resumed()
		return true
	}
	d.failed(err)
	if ifaces == 0 {
		d.drop(b[n:])
	}
	return false
}

// putLossy writes one packet with the losses before it. When that fails, the
// caller counts the packet.
func (d *disk) putLossy(b []byte) bool {
	i := blockIface(b)
	d.scratch = appendWithLoss(d.scratch[:0], b, d.pending[i])
	err := d.makeRoom(int64(len(d.scratch)))
	if err == nil {
		_, err = d.seg.append(d.scratch)
	}
	if err != nil {
		d.failed(err)
		return false
	}
	d.pending[i] = 0
	d.used += int64(len(d.scratch))
	d.written(d.scratch)
	d.resumed()
	return true
}

// written counts blocks that are in the segment.
func (d *disk) written(b []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stats.WrittenBytes += int64(len(b))
	for ; len(b) > 0; b = b[blockLen(b):] {
		i := blockIface(b)
		d.seg.count(i, blockTime(b))
		d.stats.Interfaces[i].Written++
	}
}

// drop counts blocks that could not be written.
func (d *disk) drop(b []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for ; len(b) > 0; b = b[blockLen(b):] {
		i := blockIface(b)
		d.pending[i]++
		d.lost[i]++
		d.stats.Interfaces[i].DroppedDisk++
	}
}

// failed stops writing for a while.
func (d *disk) failed(err error) {
	again := !d.retryAt.IsZero()
	d.retryAt = time.Now().Add(d.cfg.RetryEvery)
	d.mu.Lock()
	d.stats.Stopped, d.stats.Error = true, err.Error()
	d.mu.Unlock()
	if d.cfg.Wait {
		d.q.fail(err)
	}
	if !again {
		d.notify(Event{Kind: Stopped, Err: err})
	}
	if errors.Is(err, errQuota) && d.seg != nil && d.seg.packets > 0 {
		d.finish() // so that the one before it may be deleted
	}
}

// resumed takes note that writing succeeds.
func (d *disk) resumed() {
	if d.retryAt.IsZero() {
		return
	}
	d.retryAt = time.Time{}
	d.mu.Lock()
	d.stats.Stopped, d.stats.Error = false, ""
	d.mu.Unlock()
	if d.cfg.Wait {
		d.q.fail(nil)
	}
	d.notify(Event{Kind: Resumed})
}

// makeRoom deletes segments until n bytes more keep the quota.
func (d *disk) makeRoom(n int64) error {
	n += d.statsRoom()
	q := &d.cfg.Quota
	over := func() error {
		if q.Bytes > 0 && d.used+n > q.Bytes {
			return errQuota
		}
		if q.MinFree > 0 {
			if free, err := freeSpace(d.cfg.Dir); err != nil || free-n < q.MinFree {
				return errors.Join(errFloor, err)
			}
		}
		return nil
	}
	if over() == nil {
		return nil
	}
	d.collect(n)
	return over()
}

// collect deletes what the quota does not allow, with room for n bytes more.
func (d *disk) collect(n int64) {
	if d.cfg.Quota == (Quota{}) {
		return
	}
	d.names.Lock()
	r, err := gc(d.cfg.Dir, d.cfg.Quota, n, time.Now(), false)
	d.names.Unlock()
	if err != nil {
		d.notify(Event{Kind: Failed, Err: err})
	}
	for _, p := range r.Problems {
		d.notify(Event{Kind: Failed, Err: errors.New(p)})
	}
	for _, del := range r.Deleted {
		why := fmt.Errorf("quota: %s", del.Reason)
		if !del.Consumed {
			why = fmt.Errorf("%w; not every consumer had read it", why)
		}
		d.notify(Event{Kind: Deleted, Segment: del.Name, Bytes: del.Size, Err: why})
	}
	d.mu.Lock()
	d.stats.Deleted += int64(len(r.Deleted))
	d.mu.Unlock()
	if err == nil {
		d.used = r.Used
	}
}

// tick looks after what no packet brings about.
func (d *disk) tick(now time.Time) {
	if d.cfg.Quota.Age > 0 && now.Sub(d.swept) >= min(time.Minute, d.cfg.Quota.Age/10+time.Second) {
		d.swept = now
		d.collect(0)
	}
}

// overdue says whether the segment has to end by the clock.
func (d *disk) overdue(now time.Time) bool {
	r := &d.cfg.Rotation
	if d.seg == nil || d.cfg.PacketTime {
		return false
	}
	return r.Duration > 0 && now.Sub(d.seg.opened) >= r.Duration ||
		r.Interval > 0 && now.UnixNano()/int64(r.Interval) != d.seg.opened.UnixNano()/int64(r.Interval)
}

func (d *disk) notify(e Event) {
	if d.cfg.Notify == nil {
		return
	}
	d.tell.Lock()
	defer d.tell.Unlock()
	d.cfg.Notify(e)
}

// close finishes what is open. Left are losses that came after the last chunk.
func (d *disk) close(left []int64) error {
	for i, n := range left {
		d.lost[i] += n
	}
	if d.seg != nil {
		d.finish()
	}
	close(d.jobs)
	d.done.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	errs := d.fails
	if d.stats.Stopped {
		errs = append(errs, fmt.Errorf("the last packets could not be written: %s", d.stats.Error))
	}
	return errors.Join(errs...)
}

// finisher gives segments their final names, in order.
func (d *disk) finisher() {
	defer d.done.Done()
	for s := range d.jobs {
		err := s.publish(d.cfg.Dir, !d.cfg.NoSync, &d.names)
		d.mu.Lock()
		if err == nil {
			d.stats.Segments++
		} else {
			d.fails = append(d.fails, fmt.Errorf("%w: %w", errUnfinished, err))
		}
		d.mu.Unlock()
		if err != nil {
			d.notify(Event{Kind: Failed, Segment: s.name, Err: err})
			continue
		}
		d.notify(Event{Kind: Finished, Segment: s.name, Packets: s.packets, Bytes: s.size})
		select {
		case d.finished <- struct{}{}:
		default:
		}
	}
}

// finish appends statistics and hands the segment on. One without a packet
// is removed.
func (d *disk) finish() {
	s := d.seg
	d.seg = nil
	if s.packets == 0 {
		s.f.Close()
		if err := os.Remove(s.path); err != nil {
			d.notify(Event{Kind: Failed, Segment: s.name, Err: err})
			return
		}
		d.used -= s.size
		d.seq--
		return
	}
	now := d.counters()
	b := d.statistics(s, now)
	n, err := s.append(b)
	if err != nil && d.cfg.Quota != (Quota{}) {
		d.used += int64(n)
		d.collect(int64(len(b)))
		b = b[n:]
		n, err = s.append(b)
	}
	d.used += int64(n)
	d.mu.Lock()
	d.stats.WrittenBytes += int64(n)
	d.mu.Unlock()
	if err == nil {
		clear(d.lost[:s.ifaces])
		copy(d.seen[:s.ifaces], now)
	} else {
		d.notify(Event{Kind: Failed, Segment: s.name, Err: fmt.Errorf("statistics: %w", err)})
	}
	d.jobs <- s
}

// counters asks the capture once for all interfaces.
func (d *disk) counters() []Counters {
	c := make([]Counters, len(d.ifaces))
	if d.cfg.Counters != nil {
		for i := range c {
			c[i] = d.cfg.Counters(i)
		}
	}
	return c
}

// statistics are the blocks at a segment's end.
func (d *disk) statistics(s *part, now []Counters) []byte {
	var b []byte
	for i := range s.ifaces {
		delivered, ours := s.delivered(i), d.lost[i]
		received := now[i].Received - d.seen[i].Received
		dropped := ours + now[i].DroppedByInterface - d.seen[i].DroppedByInterface
		byOS := now[i].DroppedByOS - d.seen[i].DroppedByOS
		if d.cfg.Counters == nil {
			received = delivered + ours
		}
		st := pcapio.InterfaceStats{Time: s.last, Start: s.first, End: s.last,
			Received: &received, Dropped: &dropped, DroppedByOS: &byOS, Delivered: &delivered}
		comment := ""
		if ours > 0 {
			comment = fmt.Sprintf("%d packets were lost for want of room in the queue or on the disk", ours)
		}
		b = pcapio.AppendStatistics(b, i, &st, comment)
	}
	return b
}
