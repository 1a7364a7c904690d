package flow

import "math"

// reorder holds packets back until none can come that belongs before them: a
// heap by time, then file and number.
type reorder struct {
	slab   []Digest
	free   []int32
	heap   []int32
	newest int64
	out    Digest // what pop returned last
}

func (r *reorder) len() int { return len(r.heap) }

func (r *reorder) push(d *Digest) {
	if len(r.heap) == 0 {
		r.newest = math.MinInt64
	}
	r.newest = max(r.newest, d.Time)
	var i int32
	if n := len(r.free); n > 0 {
		i, r.free = r.free[n-1], r.free[:n-1]
		r.slab[i] = *d
	} else {
		i = int32(len(r.slab))
		r.slab = append(r.slab, *d)
	}
	r.heap = append(r.heap, i)
	for c := len(r.heap) - 1; c > 0; {
		p := (c - 1) / 2
		if !r.less(c, p) {
			return
		}
		r.heap[c], r.heap[p] = r.heap[p], r.heap[c]
		c = p
	}
}

func (r *reorder) less(i, j int) bool {
	a, b := &r.slab[r.heap[i]], &r.slab[r.heap[j]]
	switch {
	case a.Time != b.Time:
		return a.Time < b.Time
	case a.File != b.File:
		return a.File < b.File
	}
	return a.Number < b.Number
}

// ready reports whether the first packet is older than the window.
func (r *reorder) ready(window int64) bool {
	return len(r.heap) > 0 && r.slab[r.heap[0]].Time < r.newest-window
}

// before reports whether the first packet is older than now.
func (r *reorder) before(now int64) bool {
	return len(r.heap) > 0 && r.slab[r.heap[0]].Time < now
}

// pop takes the first packet. It is valid until the next call.
func (r *reorder) pop() *Digest {
	i := r.heap[0]
	r.out = r.slab[i]
	r.free = append(r.free, i)
	n := len(r.heap) - 1
	r.heap[0] = r.heap[n]
	r.heap = r.heap[:n]
	for p := 0; ; {
		c := 2*p + 1
		if c >= n {
			break
		}
		if c+1 < n && r.less(c+1, c) {
			c++
		}
		if !r.less(c, p) {
			break
		}
		r.heap[c], r.heap[p] = r.heap[p], r.heap[c]
		p = c
	}
	return &r.out
}
