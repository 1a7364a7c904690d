package label

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
)

// row is what the rules see of a packet or a flow.
type row struct {
	n                int   // in its batch
	from, to         int64 // both of them in it; equal for a packet
	src, dst         netip.Addr
	srcMAC, dstMAC   schema.MAC
	srcPort, dstPort uint16
	hasPorts         bool
	proto            Proto     // AnyProto: none is known
	id               uint64    // capture and number of the packet or flow, for draws
	mark             flow.Mark // what was found in the packets themselves
}

// matches reports whether the row fits all of the rule but file, time and
// the expressions.
func (r *Rule) matches(w *row) bool {
	if r.Proto != AnyProto && r.Proto != w.proto {
		return false
	}
	if r.way(w.src, w.dst, w.srcPort, w.dstPort, w.hasPorts, w.srcMAC) {
		return true
	}
	return r.Dir == Either && r.way(w.dst, w.src, w.dstPort, w.srcPort, w.hasPorts, w.dstMAC)
}

// pinned is the criteria of a rule that is about one conversation, as most
// rules of large files are, in one place.
type pinned struct {
	is           bool
	forward      bool
	ports        bool
	sport, dport uint16
	proto        Proto
	src, dst     netip.Addr
}

// pin gives the criteria of a rule between two hosts; is is false for others.
func (r *Rule) pin() (p pinned) {
	one := func(list []netip.Prefix) bool { return len(list) == 1 && list[0].IsSingleIP() }
	single := func(list Ports) bool { return len(list) == 1 && list[0].First == list[0].Last }
	if !one(r.Src) || !one(r.Dst) || r.SrcMAC != (schema.MAC{}) || r.Proto == AnyProto {
		return p
	}
	switch {
	case single(r.SrcPorts) && single(r.DstPorts):
		p.ports, p.sport, p.dport = true, r.SrcPorts[0].First, r.DstPorts[0].First
	case len(r.SrcPorts) > 0 || len(r.DstPorts) > 0:
		return p
	}
	p.is, p.forward, p.proto = true, r.Dir == Forward, r.Proto
	p.src, p.dst = r.Src[0].Addr(), r.Dst[0].Addr()
	return p
}

func (p *pinned) matches(w *row) bool {
	if p.proto != w.proto || p.ports && !w.hasPorts {
		return false
	}
	if p.src == w.src && p.dst == w.dst && (!p.ports || p.sport == w.srcPort && p.dport == w.dstPort) {
		return true
	}
	return !p.forward && p.src == w.dst && p.dst == w.src && (!p.ports || p.sport == w.dstPort && p.dport == w.srcPort)
}

func (r *Rule) way(src, dst netip.Addr, sport, dport uint16, ports bool, mac schema.MAC) bool {
	if !containsAddr(r.Src, src) || !containsAddr(r.Dst, dst) {
		return false
	}
	if r.SrcMAC != (schema.MAC{}) && r.SrcMAC != mac {
		return false
	}
	return r.SrcPorts.match(sport, ports) && r.DstPorts.match(dport, ports)
}

// shape says which parts of a tuple a rule pins down. Rules of one shape are
// found by one look into a hash table, however many there are: tuple space
// search (Srinivasan, Suri and Varghese, SIGCOMM 1999). Rule files have few
// shapes.
type shape struct {
	src, dst     int16 // length of the prefix; -1: any address
	v6           bool
	sport, dport bool
	proto        bool
}

// symmetric says that both ends are pinned alike: a row and the same turned
// round then have one key.
func (s shape) symmetric() bool { return s.src == s.dst && s.sport == s.dport }

// key is a hash of the pinned parts of a tuple. Rows of another tuple may
// have it too: [Rule.matches] decides.
func (s shape) key(src, dst netip.Addr, sport, dport uint16, proto Proto) uint64 {
	if !s.sport {
		sport = 0
	}
	if !s.dport {
		dport = 0
	}
	a, b := endpointHash(src, sport), endpointHash(dst, dport)
	if !s.symmetric() {
		b = bits.RotateLeft64(b, 1)
	}
	h := a + b
	if s.proto {
		h += uint64(proto) * 0x9e3779b97f4a7c15
	}
	return mix(h)
}

// endpointHash hashes an address, an invalid one too, and a port.
func endpointHash(a netip.Addr, port uint16) uint64 {
	h := uint64(port) + 1
	if a.IsValid() {
		b := a.As16()
		h = mix(h ^ binary.LittleEndian.Uint64(b[:]))
		h ^= binary.LittleEndian.Uint64(b[8:])
	}
	return mix(h)
}

// mix is the finalizer of SplitMix64.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// keyOf gives the key by which a row is looked up, as it is or turned round;
// ok is false when the row lacks what the shape pins down.
func (s shape) keyOf(w *row, turned bool) (key uint64, ok bool) {
	src, dst, sport, dport := w.src, w.dst, w.srcPort, w.dstPort
	if turned {
		src, dst, sport, dport = dst, src, dport, sport
	}
	if (s.sport || s.dport) && !w.hasPorts {
		return 0, false
	}
	if src, ok = maskAddr(src, s.src, s.v6); !ok {
		return 0, false
	}
	if dst, ok = maskAddr(dst, s.dst, s.v6); !ok {
		return 0, false
	}
	return s.key(src, dst, sport, dport, w.proto), true
}

// maskAddr keeps the first bits of an address of the family; of an address
// that is not pinned (-1) nothing.
func maskAddr(a netip.Addr, bits int16, v6 bool) (netip.Addr, bool) {
	if bits < 0 {
		return netip.Addr{}, true
	}
	if !a.IsValid() || a.Is4() == v6 {
		return a, false
	}
	if int(bits) == a.BitLen() {
		return a, true
	}
	p, err := a.Prefix(int(bits))
	return p.Addr(), err == nil
}

// maxKeys is how many keys a rule with lists of addresses and ports is put
// under; beyond it parts are left open and looked at one rule after another.
const maxKeys = 256

// keys gives the keys under which a rule is found.
func (r *Rule) keys() map[shape][]uint64 {
	src, dst, sport, dport := r.Src, r.Dst, singles(r.SrcPorts), singles(r.DstPorts)
	for max(len(src), 1)*max(len(dst), 1)*max(len(sport), 1)*max(len(dport), 1) > maxKeys {
		switch m := max(len(src), len(dst), len(sport), len(dport)); m {
		case len(sport):
			sport = nil
		case len(dport):
			dport = nil
		case len(dst):
			dst = nil
		default:
			src = nil
		}
	}
	keys := make(map[shape][]uint64)
	for _, a := range orNone(src) {
		for _, b := range orNone(dst) {
			if a.IsValid() && b.IsValid() && a.Addr().Is4() != b.Addr().Is4() {
				continue
			}
			s := shape{src: int16(bitsOf(a)), dst: int16(bitsOf(b)), sport: sport != nil, dport: dport != nil, proto: r.Proto != AnyProto}
			s.v6 = a.Addr().Is6() || b.Addr().Is6()
			for _, p := range orNone(sport) {
				for _, q := range orNone(dport) {
					keys[s] = append(keys[s], s.key(a.Masked().Addr(), b.Masked().Addr(), p, q, r.Proto))
				}
			}
		}
	}
	return keys
}

// bitsOf is the length of a prefix, -1 of none.
func bitsOf(p netip.Prefix) int {
	if !p.IsValid() {
		return -1
	}
	return p.Bits()
}

func orNone[T any](list []T) []T {
	if len(list) == 0 {
		return make([]T, 1)
	}
	return list
}

// singles lists the ports of a set that has no ranges, nil for another.
func singles(p Ports) []uint16 {
	var list []uint16
	for _, r := range p {
		if r.First != r.Last {
			return nil
		}
		list = append(list, r.First)
	}
	return list
}

// index finds the groups whose tuple a row may fit. It is about the captures
// that the same file patterns cover.
type index struct {
	tables  []shapeTable
	entries []entry
	filters uint64 // that its groups ask for
}

type shapeTable struct {
	shape  shape
	turned bool // some rule is about both directions, and they have two keys
	heads  map[uint64]int32
	maybe  []uint64 // a bit for each key's last bits: most rows are of no key, and the bits stay in the cache
}

// seal makes the table's filter when all keys are known.
func (t *shapeTable) seal() {
	const bitsPerKey = 16
	t.maybe = make([]uint64, 1<<bits.Len(uint(len(t.heads)*bitsPerKey/64)))
	for k := range t.heads {
		word, bit := t.place(k)
		t.maybe[word] |= bit
	}
}

func (t *shapeTable) place(k uint64) (word int, bit uint64) {
	return int(k>>6) & (len(t.maybe) - 1), 1 << (k & 63)
}

// entry is an element of the list of groups under one key.
type entry struct{ group, next int32 }

func (x *index) add(g int32, r *Rule) {
	for s, keys := range r.keys() {
		t := x.table(s)
		t.turned = t.turned || r.Dir == Either && !s.symmetric()
		for _, k := range keys {
			next, ok := t.heads[k]
			if !ok {
				next = -1
			}
			t.heads[k] = int32(len(x.entries))
			x.entries = append(x.entries, entry{g, next})
		}
	}
}

func (x *index) table(s shape) *shapeTable {
	for i := range x.tables {
		if x.tables[i].shape == s {
			return &x.tables[i]
		}
	}
	x.tables = append(x.tables, shapeTable{shape: s, heads: make(map[uint64]int32)})
	return &x.tables[len(x.tables)-1]
}

// candidates appends the groups that the row may be of, some perhaps twice.
func (x *index) candidates(w *row, to []int32) []int32 {
	for i := range x.tables {
		t := &x.tables[i]
		to = x.under(t, w, false, to)
		if t.turned {
			to = x.under(t, w, true, to)
		}
	}
	return to
}

func (x *index) under(t *shapeTable, w *row, turned bool, to []int32) []int32 {
	k, ok := t.shape.keyOf(w, turned)
	if !ok {
		return to
	}
	if word, bit := t.place(k); t.maybe[word]&bit == 0 {
		return to
	}
	e, ok := t.heads[k]
	for ok && e >= 0 {
		to = append(to, x.entries[e].group)
		e = x.entries[e].next
	}
	return to
}
