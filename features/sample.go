package features

import "container/heap"

// sample keeps the training rows whose positions hash lowest: a uniform sample
// that depends on nothing but the rows' positions.
type sample struct {
	limit int // rows that are kept
	heap  bottom
}

// pick says that a row of the batch takes a slot of the sample.
type pick struct{ row, slot int }

type kept struct {
	hash uint64
	slot int
}

func (s *sample) len() int { return len(s.heap) }

// pick chooses from a batch whose first row is the table's row base. A slot
// may be taken twice; the later row then stays.
func (s *sample) pick(base uint64, parts []Part) (picked []pick) {
	for i, p := range parts {
		if p != Train {
			continue
		}
		if slot, taken := s.take(Mix(base + uint64(i))); taken {
			picked = append(picked, pick{i, slot})
		}
	}
	return picked
}

// take gives a row, known by the hash of its position, a slot if it is kept.
func (s *sample) take(h uint64) (slot int, taken bool) {
	switch {
	case len(s.heap) < s.limit:
		slot = len(s.heap)
		heap.Push(&s.heap, kept{h, slot})
		return slot, true
	case h < s.heap[0].hash:
		s.heap[0].hash, slot = h, s.heap[0].slot
		heap.Fix(&s.heap, 0)
		return slot, true
	}
	return 0, false
}

// bottom is a heap with the highest hash on top.
type bottom []kept

func (b bottom) Len() int           { return len(b) }
func (b bottom) Less(i, j int) bool { return b[i].hash > b[j].hash }
func (b bottom) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }
func (b *bottom) Push(x any)        { *b = append(*b, x.(kept)) }
func (b *bottom) Pop() any {
	old := *b
	x := old[len(old)-1]
	*b = old[:len(old)-1]
	return x
}
