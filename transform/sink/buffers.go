package sink

import "sync"

// buffers keeps the memory of committed pieces for the next ones. A piece is
// megabytes: to let the collector free it and the kernel clear new pages would
// cost as much as filling it. There are never more than were in use at once.
type buffers struct {
	mu   sync.Mutex
	free [][]byte
}

// get returns an empty buffer; a new one has the given capacity.
func (b *buffers) get(capacity int) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.free)
	if n == 0 {
		return make([]byte, 0, capacity)
	}
	p := b.free[n-1]
	b.free = b.free[:n-1]
	return p
}

// put takes a buffer back.
func (b *buffers) put(p []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free = append(b.free, p[:0])
}
