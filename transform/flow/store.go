package flow

import "hash/maphash"

// store is a hash table of nodes that never move, each of which may stand in
// one of the caller's lists. Nothing that is read from it depends on the seed
// of the hash: nodes are found by key or met in the order of a list. Node 0
// does not exist, so that 0 means none.
type store[K comparable, V any] struct {
	seed    maphash.Seed
	buckets []int32
	chunks  [][]node[K, V]
	free    int32 // first of the free nodes, chained by next
	made    int32 // nodes made so far
	used    int
}

type node[K comparable, V any] struct {
	key          K
	next         int32  // in the bucket, or of the free nodes
	older, newer int32  // in the list
	gen          uint32 // odd while the node is in use
	val          V
}

// list is nodes of one store in the order in which they were pushed.
type list struct{ oldest, newest int32 }

// ref is a node that may have been removed since: its index and generation.
// The zero ref is none.
type ref uint64

const (
	chunkBits = 8
	chunkSize = 1 << chunkBits
)

func newStore[K comparable, V any]() store[K, V] {
	return store[K, V]{seed: maphash.MakeSeed(), buckets: make([]int32, 64)}
}

func (s *store[K, V]) at(i int32) *node[K, V] {
	return &s.chunks[i>>chunkBits][i&(chunkSize-1)]
}

func (s *store[K, V]) bucket(k K) *int32 {
	return &s.buckets[maphash.Comparable(s.seed, k)&uint64(len(s.buckets)-1)]
}

// find gives the node with the key, or 0.
func (s *store[K, V]) find(k K) int32 {
	for i := *s.bucket(k); i != 0; {
		n := s.at(i)
		if n.key == k {
			return i
		}
		i = n.next
	}
	return 0
}

// add makes a node for a key that has none. Its value is what a removed node
// left there, so that the caller can reuse what it holds.
func (s *store[K, V]) add(k K) int32 {
	if 4*s.used >= len(s.buckets) { // mostly one node a bucket: each further one costs a cache miss
		s.grow()
	}
	i := s.free
	if i != 0 {
		s.free = s.at(i).next
	} else {
		s.made++
		i = s.made
		if int(i>>chunkBits) >= len(s.chunks) {
			s.chunks = append(s.chunks, make([]node[K, V], chunkSize))
		}
	}
	n, b := s.at(i), s.bucket(k)
	n.key, n.next, n.older, n.newer = k, *b, 0, 0
	n.gen++
	*b = i
	s.used++
	return i
}

func (s *store[K, V]) grow() {
	old := s.buckets
	s.buckets = make([]int32, 2*len(old))
	for _, i := range old {
		for i != 0 {
			n := s.at(i)
			b, next := s.bucket(n.key), n.next
			n.next, *b = *b, i
			i = next
		}
	}
}

// remove frees a node that is in no list.
func (s *store[K, V]) remove(i int32) {
	n := s.at(i)
	at := s.bucket(n.key)
	for *at != i {
		at = &s.at(*at).next
	}
	*at = n.next
	n.gen++
	n.next, s.free = s.free, i
	s.used--
}

// ref refers to a node for as long as it is not removed.
func (s *store[K, V]) ref(i int32) ref { return ref(i)<<32 | ref(s.at(i).gen) }

// index is the node that a ref referred to when it was made.
func (r ref) index() int32 { return int32(r >> 32) }

// get gives what a ref refers to, or nil if that was removed.
func (s *store[K, V]) get(r ref) *V {
	if r == 0 {
		return nil
	}
	n := s.at(r.index())
	if n.gen != uint32(r) {
		return nil
	}
	return &n.val
}

// push puts a node that is in no list at the newest end of l.
func (s *store[K, V]) push(l *list, i int32) {
	n := s.at(i)
	n.older, n.newer = l.newest, 0
	if l.newest != 0 {
		s.at(l.newest).newer = i
	} else {
		l.oldest = i
	}
	l.newest = i
}

// unlink takes a node out of l.
func (s *store[K, V]) unlink(l *list, i int32) {
	n := s.at(i)
	if n.older != 0 {
		s.at(n.older).newer = n.newer
	} else {
		l.oldest = n.newer
	}
	if n.newer != 0 {
		s.at(n.newer).older = n.older
	} else {
		l.newest = n.older
	}
	n.older, n.newer = 0, 0
}

// touch makes a node of l its newest.
func (s *store[K, V]) touch(l *list, i int32) {
	if l.newest != i {
		s.unlink(l, i)
		s.push(l, i)
	}
}

// drop removes l's oldest node.
func (s *store[K, V]) drop(l *list) {
	i := l.oldest
	s.unlink(l, i)
	s.remove(i)
}

// clear removes all nodes and keeps the memory; lists must be zeroed by the
// caller. Nodes are then made again from the first on.
func (s *store[K, V]) clear() {
	s.free = 0
	for i := s.made; i > 0; i-- {
		n := s.at(i)
		n.gen += n.gen & 1
		n.next, s.free = s.free, i
	}
	clear(s.buckets)
	s.used = 0
}
