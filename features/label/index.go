package label

import (
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

func (s shape) any() bool { return s == shape{src: -1, dst: -1, proto: s.proto} }

// tuple is the pinned parts of a tuple; the others are zero.
type tuple struct {
	src, dst netip.Addr
	ports    uint32
	proto    Proto
}

// key gives the tuple by which a row is looked up, as it is or turned round.
func (s shape) key(w *row, turned bool) (t tuple, ok bool) {
	src, dst, sport, dport := w.src, w.dst, w.srcPort, w.dstPort
	if turned {
		src, dst, sport, dport = dst, src, dport, sport
	}
	if s.src >= 0 {
		if t.src, ok = maskAddr(src, s.src, s.v6); !ok {
			return t, false
		}
	}
	if s.dst >= 0 {
		if t.dst, ok = maskAddr(dst, s.dst, s.v6); !ok {
			return t, false
		}
	}
	if s.sport || s.dport {
		if !w.hasPorts {
			return t, false
		}
		if s.sport {
			t.ports = uint32(sport) << 16
		}
		if s.dport {
			t.ports |= uint32(dport)
		}
	}
	if s.proto {
		t.proto = w.proto
	}
	return t, true
}

// maskAddr keeps the first bits of an address of the family.
func maskAddr(a netip.Addr, bits int16, v6 bool) (netip.Addr, bool) {
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

// keys gives the tuples under which a rule is found, all of one shape.
func (r *Rule) keys() map[shape][]tuple {
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
	keys := make(map[shape][]tuple)
	for _, a := range orNone(src) {
		for _, b := range orNone(dst) {
			if a.IsValid() && b.IsValid() && a.Addr().Is4() != b.Addr().Is4() {
				continue
			}
			s := shape{src: int16(bitsOf(a)), dst: int16(bitsOf(b)), sport: sport != nil, dport: dport != nil, proto: r.Proto != AnyProto}
			s.v6 = a.Addr().Is6() || b.Addr().Is6()
			t := tuple{src: a.Masked().Addr(), dst: b.Masked().Addr()}
			if s.proto {
				t.proto = r.Proto
			}
			for _, p := range orNone(sport) {
				for _, q := range orNone(dport) {
					t.ports = uint32(p)<<16 | uint32(q)
					keys[s] = append(keys[s], t)
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
	turned bool // some rule is about both directions
	heads  map[tuple]int32
}

// entry is an element of the list of groups under one tuple.
type entry struct{ group, next int32 }

func (x *index) add(g int32, r *Rule) {
	for s, tuples := range r.keys() {
		t := x.table(s)
		t.turned = t.turned || r.Dir == Either && !s.any()
		for _, k := range tuples {
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
	x.tables = append(x.tables, shapeTable{shape: s, heads: make(map[tuple]int32)})
	return &x.tables[len(x.tables)-1]
}

// candidates appends the groups under the row's tuples, some perhaps twice.
func (x *index) candidates(w *row, to []int32) []int32 {
	for i := range x.tables {
		t := &x.tables[i]
		for _, turned := range [...]bool{false, true} {
			if turned && !t.turned {
				break
			}
			k, ok := t.shape.key(w, turned)
			if !ok {
				continue
			}
			e, ok := t.heads[k]
			for ok && e >= 0 {
				to = append(to, x.entries[e].group)
				e = x.entries[e].next
			}
		}
	}
	return to
}
