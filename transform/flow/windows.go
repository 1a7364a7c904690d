package flow

// The windows that end at a flow's start, in ns: (t-w, t].
const windowCount = 3

var windowLengths = [windowCount]int64{1e9, 10e9, 60e9}

// tickLength is how finely bytes are told apart in time: a host's bytes are
// added up over this long before they become an event.
const tickLength = 100e6

// counts holds one number for each window.
type counts [windowCount]uint32

// add adds n to the windows from w on; removing is adding the complement.
func (c *counts) add(w int, n uint32) { c[w] += n }

// roleCounts is what one host did in one role: as the source of flows, or as
// their target.
type roleCounts struct {
	flows    counts // begun
	syns     counts // begun by a TCP SYN
	answered counts // got their first answer
	rejected counts // a SYN answered by RST
	peers    counts // distinct hosts at the other end
	ports    counts // distinct (protocol, destination port)
}

// volume is the bytes of frames that a host sent or received.
type volume [windowCount]uint64

// hostState is what is remembered of an address, or of a MAC address.
type hostState struct {
	role           [2]roleCounts // as source, as target
	sent, received volume
	arpRequests    counts
	arpReplies     counts
	tick           int64 // the tick that tickEvent belongs to
	tickEvent      int64 // number of the event that collects bytes
}

// noEvent is the number of an event that was never written.
const noEvent = -1

const (
	asSource = 0
	asTarget = 1
)

// hostKey is an address: of IP, with family 4 or 6, or of a network card.
type hostKey struct {
	addr   [16]byte
	family uint8
}

const familyMAC uint8 = 48

func macKey(mac [6]byte) hostKey {
	k := hostKey{family: familyMAC}
	copy(k.addr[:], mac[:])
	return k
}

type eventKind uint8

const (
	evStarted eventKind = iota // a: source, b: target, x: 1 if by SYN
	evAnswered
	evRejected
	evBytes      // a: host, x: sent, y: received
	evARPRequest // a: MAC
	evARPReply
	evService // a: service; counts in the longest window only
)

// event is something that counts in each window until it is too old for it.
type event struct {
	time int64
	a, b ref
	x, y uint32
	kind eventKind
}

// pairKey is a host with another host or a port, in one word each; the two
// high bits of b say which kind of pair it is.
type pairKey struct{ a, b uint64 }

const (
	pairPeers      uint64 = iota // a: source, b: target
	pairSourcePort               // a: source, b: protocol and port
	pairTargetPort               // a: target, b: protocol and port
	pairShift      = 62
)

// pairState is when a pair was last seen and the shortest window it is in.
type pairState struct {
	time  int64
	level int8
}

// windowing counts, for each host, what happened in the windows that end now.
// Counts of events are sliding: every event stands in one ring, and each
// window has a cursor that follows at its length and takes out what it
// passes. Counts of distinct things are as exact: a pair stands in the list
// of the shortest window that still holds its last sighting, and moves to the
// next list as it ages. Both cost a constant amount for each event, whatever
// the rate, and memory for what the last 60 s hold, up to the configured
// limits; beyond them the oldest is forgotten first and Stats counts it, so
// that counts become lower bounds.
type windowing struct {
	hosts     store[hostKey, hostState]
	hostOrder list
	maxHosts  int

	ring []event
	head int64 // events written
	tail [windowCount]int64

	pairs    store[pairKey, pairState]
	levels   [windowCount]list
	maxPairs int
	maxRing  int

	services *services

	forgottenHosts, forgottenEvents, forgottenPairs int64
}

func newWindowing(c *Config, s *services) *windowing {
	return &windowing{
		hosts: newStore[hostKey, hostState](), pairs: newStore[pairKey, pairState](),
		maxHosts: c.MaxHosts, maxPairs: c.MaxPairs, maxRing: c.MaxEvents, services: s,
	}
}

func (w *windowing) reset() {
	w.hosts.clear()
	w.pairs.clear()
	w.hostOrder, w.levels = list{}, [windowCount]list{}
	w.head, w.tail = 0, [windowCount]int64{}
}

// host finds or makes a host and notes that it is in use.
func (w *windowing) host(k hostKey) ref {
	i := w.hosts.find(k)
	if i != 0 {
		w.hosts.touch(&w.hostOrder, i)
		return w.hosts.ref(i)
	}
	if w.hosts.used >= w.maxHosts {
		w.hosts.drop(&w.hostOrder)
		w.forgottenHosts++
	}
	i = w.hosts.add(k)
	w.hosts.at(i).val = hostState{tickEvent: noEvent}
	w.hosts.push(&w.hostOrder, i)
	return w.hosts.ref(i)
}

// advance takes out of the windows what is too old at now. Who looks at the
// windows, or lets a pair be seen, advances them first.
func (w *windowing) advance(now int64) {
	for i := range windowCount {
		for w.tail[i] < w.head {
			e := w.event(w.tail[i])
			if e.time > now-windowLengths[i] {
				break
			}
			w.tail[i]++
			w.count(e, i, -1)
		}
	}
	for i := range windowCount {
		for l := &w.levels[i]; l.oldest != 0; {
			n := w.pairs.at(l.oldest)
			if n.val.time > now-windowLengths[i] {
				break
			}
			w.agePair(l.oldest, i)
		}
	}
}

// agePair takes the oldest pair of a level to the next.
func (w *windowing) agePair(p int32, level int) {
	n := w.pairs.at(p)
	w.pairs.unlink(&w.levels[level], p)
	w.countPair(n.key, level, -1)
	if level+1 == windowCount {
		w.pairs.remove(p)
		return
	}
	n.val.level = int8(level + 1)
	w.pairs.push(&w.levels[level+1], p)
}

func (w *windowing) event(n int64) *event { return &w.ring[n%int64(len(w.ring))] }

// add counts an event in all windows. Times must not descend.
func (w *windowing) add(e event) {
	full := func() bool { return w.head-w.tail[windowCount-1] == int64(len(w.ring)) }
	if full() {
		w.advance(e.time)
	}
	if full() {
		if len(w.ring) < w.maxRing {
			w.growRing()
		} else {
			w.forget()
		}
	}
	slot := w.event(w.head)
	*slot = e
	w.head++
	for i := range windowCount {
		w.count(slot, i, 1)
	}
}

// growRing doubles the ring and moves the events to where their numbers say.
func (w *windowing) growRing() {
	old := w.ring
	w.ring = make([]event, min(max(2*len(old), 1024), w.maxRing))
	for n := w.tail[windowCount-1]; n < w.head; n++ {
		*w.event(n) = old[n%int64(len(old))]
	}
}

// forget takes the oldest event out of all windows.
func (w *windowing) forget() {
	oldest := w.tail[windowCount-1]
	e := w.event(oldest)
	for i := range windowCount {
		if w.tail[i] == oldest {
			w.tail[i]++
			w.count(e, i, -1)
		}
	}
	w.forgottenEvents++
}

// count adds an event to window i, or takes it out (sign -1).
func (w *windowing) count(e *event, i int, sign int32) {
	n := uint32(sign)
	switch e.kind {
	case evService:
		if s := w.services.store.get(e.a); s != nil && i == windowCount-1 {
			s.recent += n
		}
		return
	case evStarted, evAnswered, evRejected:
		if h := w.hosts.get(e.a); h != nil {
			h.role[asSource].count(e, i, n)
		}
		if h := w.hosts.get(e.b); h != nil {
			h.role[asTarget].count(e, i, n)
		}
		return
	}
	h := w.hosts.get(e.a)
	if h == nil {
		return
	}
	switch e.kind {
	case evBytes:
		h.sent[i] += uint64(int64(sign) * int64(e.x))
		h.received[i] += uint64(int64(sign) * int64(e.y))
	case evARPRequest:
		h.arpRequests.add(i, n)
	case evARPReply:
		h.arpReplies.add(i, n)
	}
}

func (r *roleCounts) count(e *event, i int, n uint32) {
	switch e.kind {
	case evStarted:
		r.flows.add(i, n)
		if e.x != 0 {
			r.syns.add(i, n)
		}
	case evAnswered:
		r.answered.add(i, n)
	case evRejected:
		r.rejected.add(i, n)
	}
}

// see notes a pair, which counts once in each window however often it is seen.
func (w *windowing) see(k pairKey, now int64) {
	inside := windowCount // the windows from here on hold it already
	p := w.pairs.find(k)
	if p != 0 {
		n := w.pairs.at(p)
		inside = int(n.val.level)
		w.pairs.unlink(&w.levels[inside], p)
	} else {
		if w.pairs.used >= w.maxPairs {
			w.forgetPair()
		}
		p = w.pairs.add(k)
	}
	for i := range inside {
		w.countPair(k, i, 1)
	}
	w.pairs.at(p).val = pairState{time: now}
	w.pairs.push(&w.levels[0], p)
}

// forgetPair removes the pair that was not seen for longest.
func (w *windowing) forgetPair() {
	for level := windowCount - 1; level >= 0; level-- {
		if p := w.levels[level].oldest; p != 0 {
			for i := level; i < windowCount; i++ {
				w.countPair(w.pairs.at(p).key, i, -1)
			}
			w.pairs.drop(&w.levels[level])
			w.forgottenPairs++
			return
		}
	}
}

func (w *windowing) countPair(k pairKey, i int, sign int32) {
	n := uint32(sign)
	a := w.hosts.get(ref(k.a))
	switch k.b >> pairShift {
	case pairPeers:
		if a != nil {
			a.role[asSource].peers.add(i, n)
		}
		if b := w.hosts.get(ref(k.b)); b != nil {
			b.role[asTarget].peers.add(i, n)
		}
	case pairSourcePort:
		if a != nil {
			a.role[asSource].ports.add(i, n)
		}
	case pairTargetPort:
		if a != nil {
			a.role[asTarget].ports.add(i, n)
		}
	}
}

// addBytes counts a frame for the host that sent it and the one that got it.
func (w *windowing) addBytes(from, to ref, bytes uint32, now int64) {
	if h := w.hosts.get(from); h != nil {
		w.tick(from, h, now).x += bytes
		for i := range windowCount {
			h.sent[i] += uint64(bytes)
		}
	}
	if h := w.hosts.get(to); h != nil {
		w.tick(to, h, now).y += bytes
		for i := range windowCount {
			h.received[i] += uint64(bytes)
		}
	}
}

// tick gives the event that a host's bytes are added to at now, which is
// shorter ago than a tick and therefore still in all windows.
func (w *windowing) tick(r ref, h *hostState, now int64) *event {
	t := now / tickLength
	if t != h.tick || h.tickEvent < w.tail[windowCount-1] {
		h.tick, h.tickEvent = t, w.head
		w.add(event{time: now, kind: evBytes, a: r})
	}
	return w.event(h.tickEvent)
}

// past is what the windows say at a flow's start.
type past struct {
	role           [2]roleCounts // the source's as source, the target's as target
	sent, received [2]volume     // of the source, of the target
	arpRequests    counts        // of the source's MAC address
	arpReplies     counts
}

// look fills p for a flow that is about to begin.
func (w *windowing) look(src, dst, mac ref, p *past) {
	*p = past{}
	for i, r := range [2]ref{src, dst} {
		h := w.hosts.get(r)
		if h == nil {
			continue
		}
		p.role[i] = h.role[i]
		p.sent[i], p.received[i] = h.sent, h.received
	}
	if h := w.hosts.get(mac); h != nil {
		p.arpRequests, p.arpReplies = h.arpRequests, h.arpReplies
	}
}

// begin counts a flow that has begun.
func (w *windowing) begin(f *flowState, proto uint8, port uint16, syn bool, now int64) {
	e := event{time: now, kind: evStarted, a: f.host[fwd], b: f.host[bwd]}
	if syn {
		e.x = 1
	}
	w.add(e)
	service := uint64(proto)<<16 | uint64(port)
	w.see(pairKey{uint64(f.host[fwd]), pairPeers<<pairShift | uint64(f.host[bwd])}, now)
	w.see(pairKey{uint64(f.host[fwd]), pairSourcePort<<pairShift | service}, now)
	w.see(pairKey{uint64(f.host[bwd]), pairTargetPort<<pairShift | service}, now)
}
