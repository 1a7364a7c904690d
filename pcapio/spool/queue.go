package spool

import (
	"sync"

	"github.com/pcapline/pcapline/pcapio"
)

// chunk is a piece of what goes to disk: blocks of packets, or one interface
// that is declared from here on.
type chunk struct {
	buf   []byte
	lost  []int64 // packets of each interface that found no room since the chunk before
	iface *pcapio.Interface
}

// queue takes packets from many goroutines and gives chunks to one. Packets
// are encoded into memory that goes to disk as it is. It never takes more
// than its chunks.
type queue struct {
	mu      sync.Mutex
	room    *sync.Cond // a chunk became free, or nobody will free one
	notify  chan struct{}
	size    int // of a chunk
	left    int // chunks that may still be made
	free    []*chunk
	ready   []*chunk
	cur     *chunk
	wait    bool // rather than lose a packet
	closed  bool
	err     error   // given to writers that wait, but do not hold
	offered []int64 // packets, by interface
	bytes   int64   // captured bytes of them
	lost    []int64 // packets that found no room, since the last chunk
	lostAll []int64 // ditto, ever
}

func newQueue(bytes, chunkSize, ifaces int, wait bool) *queue {
	q := &queue{
		notify: make(chan struct{}, 1), size: chunkSize, left: max(bytes/chunkSize, 3), wait: wait,
		offered: make([]int64, ifaces), lost: make([]int64, ifaces), lostAll: make([]int64, ifaces),
	}
	q.room = sync.NewCond(&q.mu)
	return q
}

// put encodes packets and gives how many found room.
func (q *queue) put(pkts []pcapio.Packet) (n int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range pkts {
		e := q.putOne(&pkts[i])
		if e == nil {
			n++
		} else if err == nil {
			err = e
		}
	}
	return n, err
}

func (q *queue) putOne(p *pcapio.Packet) error {
	if p.Interface < 0 || int(p.Interface) >= len(q.offered) {
		return errInterface
	}
	if err := pcapio.CheckPacket(p); err != nil {
		return err
	}
	need := pcapio.PacketBlockLen(p, 0)
	for {
		switch {
		case q.closed:
			return ErrClosed
		case q.err != nil && q.wait:
			return q.err
		}
		if q.fits(need) {
			break
		}
		if !q.wait {
			q.offered[p.Interface]++
			q.lost[p.Interface]++
			q.lostAll[p.Interface]++
			return ErrDropped
		}
		q.room.Wait()
	}
	if len(q.cur.buf) == 0 {
		q.wake()
	}
	q.offered[p.Interface]++
	q.bytes += int64(len(p.Data))
	q.cur.buf = pcapio.AppendPacket(q.cur.buf, p, 0)
	return nil
}

// fits makes q.cur a chunk with room for a block, if there is one.
func (q *queue) fits(need int) bool {
	if q.cur != nil && len(q.cur.buf) > 0 && len(q.cur.buf)+need > q.size {
		q.seal()
		q.wake()
	}
	if q.cur == nil {
		q.cur = q.take()
	}
	return q.cur != nil
}

func (q *queue) seal() {
	q.ready = append(q.ready, q.cur)
	q.cur = nil
}

func (q *queue) take() *chunk {
	var c *chunk
	if n := len(q.free); n > 0 {
		c, q.free = q.free[n-1], q.free[:n-1]
	} else if q.left > 0 {
		q.left--
		c = &chunk{buf: make([]byte, 0, q.size)}
	} else {
		return nil
	}
	c.lost = append(c.lost[:0], q.lost...)
	clear(q.lost)
	return c
}

// wake tells the writing goroutine that there is something new.
func (q *queue) wake() {
	select {
	case q.notify <- struct{}{}:
	default:
	}
}

// declare puts an interface behind what is queued and gives its index.
func (q *queue) declare(i *pcapio.Interface) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return 0, ErrClosed
	}
	if q.cur != nil {
		q.seal()
	}
	q.ready = append(q.ready, &chunk{iface: i})
	q.offered, q.lost, q.lostAll = append(q.offered, 0), append(q.lost, 0), append(q.lostAll, 0)
	q.wake()
	return len(q.offered) - 1, nil
}

// get gives the oldest chunk: a full one, or with all also one that is still
// being filled. It is nil when there is none.
func (q *queue) get(all bool) *chunk {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.ready) > 0 {
		c := q.ready[0]
		q.ready[0] = nil
		if q.ready = q.ready[1:]; len(q.ready) == 0 {
			q.ready = nil
		}
		return c
	}
	if !all || q.cur == nil || len(q.cur.buf) == 0 {
		return nil
	}
	c := q.cur
	q.cur = nil
	return c
}

// give takes a chunk back.
func (q *queue) give(c *chunk) {
	if c.iface != nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if cap(c.buf) > 2*q.size { // one huge packet was in it
		c.buf = make([]byte, 0, q.size)
	}
	c.buf = c.buf[:0]
	q.free = append(q.free, c)
	q.room.Broadcast()
}

// stop lets nobody put any more and gives the losses that no chunk carries.
func (q *queue) stop() []int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.room.Broadcast()
	q.wake()
	lost := q.lost
	q.lost = make([]int64, len(lost))
	return lost
}

// fail makes writers that wait return err; nil lets them go on.
func (q *queue) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.err = err
	q.room.Broadcast()
}
