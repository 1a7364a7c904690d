package flow

// serviceKey is who asks what of whom: later flows of the same kind have the
// same key, whatever their source port.
type serviceKey struct {
	src, dst [16]byte
	port     uint16 // of the destination; ICMP type; 0 where there is none
	proto    uint8
	family   uint8
}

// serviceState is the history of a service.
type serviceState struct {
	flows     int64
	recent    uint32 // begun in the last 60 s
	last      int64  // start of the last flow
	gaps      moments
	bytes     uint64 // of frames of all its flows so far
	dnsLength uint64 // of the names asked for so far
	dnsNames  uint64
}

// services remembers the history of (source, destination, port), those used
// least recently being forgotten first.
type services struct {
	store     store[serviceKey, serviceState]
	order     list
	max       int
	forgotten int64
}

func newServices(c *Config) *services {
	return &services{store: newStore[serviceKey, serviceState](), max: c.MaxServices}
}

func (s *services) reset() {
	s.store.clear()
	s.order = list{}
}

func (s *services) find(k serviceKey) ref {
	i := s.store.find(k)
	if i != 0 {
		s.store.touch(&s.order, i)
		return s.store.ref(i)
	}
	if s.store.used >= s.max {
		s.store.drop(&s.order)
		s.forgotten++
	}
	i = s.store.add(k)
	s.store.at(i).val = serviceState{}
	s.store.push(&s.order, i)
	return s.store.ref(i)
}

// servicePast is a service's history at a flow's start.
type servicePast struct {
	flows     int64
	recent    uint32
	since     int64 // ns since the start of the one before, if flows > 0
	gaps      moments
	bytes     uint64
	dnsLength uint64
	dnsNames  uint64
}

// begin gives the history before a flow that starts now, and counts it.
func (s *services) begin(r ref, now int64, p *servicePast) {
	v := s.store.get(r)
	*p = servicePast{
		flows: v.flows, recent: v.recent, gaps: v.gaps, bytes: v.bytes,
		dnsLength: v.dnsLength, dnsNames: v.dnsNames,
	}
	if v.flows > 0 {
		p.since = max(now-v.last, 0)
		v.gaps.add(p.since)
		p.gaps = v.gaps
	}
	v.flows++
	v.last = max(v.last, now)
}

// claims remembers which MAC addresses have claimed an IP address by ARP.
type claims struct {
	store     store[hostKey, claimState]
	order     list
	max       int
	forgotten int64
}

// maxClaims is how many MAC addresses are told apart for one IP address.
const maxClaims = 8

type claimState struct {
	macs [maxClaims][6]byte
	n    uint8
}

func (c *claims) reset() {
	c.store.clear()
	c.order = list{}
}

// claim notes that mac says it has the address.
func (c *claims) claim(k hostKey, mac [6]byte) {
	i := c.store.find(k)
	if i == 0 {
		if c.store.used >= c.max {
			c.store.drop(&c.order)
			c.forgotten++
		}
		i = c.store.add(k)
		c.store.at(i).val = claimState{}
		c.store.push(&c.order, i)
	} else {
		c.store.touch(&c.order, i)
	}
	v := &c.store.at(i).val
	for _, m := range v.macs[:v.n] {
		if m == mac {
			return
		}
	}
	if v.n < maxClaims {
		v.macs[v.n] = mac
		v.n++
	}
}

// of gives how many MAC addresses have claimed the address.
func (c *claims) of(k hostKey) uint8 {
	if i := c.store.find(k); i != 0 {
		return c.store.at(i).val.n
	}
	return 0
}
