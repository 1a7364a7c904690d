package flow

// duplicates finds packets that were captured twice: by a loopback interface
// that shows both ways, a mirror port of both sides of a switch, or two
// interfaces of a router. It remembers the last packets by their
// [Digest.Hash], in a ring that is searched by hash, so that a packet costs
// the same however many are remembered.
type duplicates struct {
	ring   []sighting
	heads  []int64 // by hash: number of the newest packet with it, from 1
	n      int64   // packets remembered so far
	window int64   // ns
}

// sighting is a packet that was seen.
type sighting struct {
	hash   uint64
	time   int64
	before int64 // number of the packet before it at the same head
}

// twin is how a packet repeats another.
type twin uint8

const (
	noTwin     twin = iota
	sameTwin        // the same packet again
	routedTwin      // the same but for its TTL: seen on the other side of a router
)

func newDuplicates(c *Config) *duplicates {
	if c.DupWindow < 0 || c.IDsOnly && !c.DropDuplicates {
		return nil
	}
	size := 1
	for size < c.DupPackets {
		size *= 2
	}
	return &duplicates{ring: make([]sighting, size), heads: make([]int64, 2*size), window: int64(c.DupWindow)}
}

func (u *duplicates) reset() {
	if u != nil {
		clear(u.heads)
	}
}

// see says whether a packet repeats one that was seen before, and remembers it.
func (u *duplicates) see(d *Digest) (t twin) {
	if u == nil || d.Hash == 0 {
		return noTwin
	}
	size := int64(len(u.ring))
	head := &u.heads[d.Hash>>8&uint64(len(u.heads)-1)]
	for i := *head; i != 0 && i > u.n-size; {
		s := &u.ring[i&(size-1)]
		if s.hash>>8 == d.Hash>>8 && max(d.Time-s.time, s.time-d.Time) <= u.window {
			if s.hash == d.Hash {
				t = sameTwin
				break
			}
			t = routedTwin
		}
		i = s.before
	}
	u.n++
	u.ring[u.n&(size-1)] = sighting{hash: d.Hash, time: d.Time, before: *head}
	*head = u.n
	return t
}
