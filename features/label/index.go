package label

import (
	"cmp"
	"net/netip"
	"slices"
	"sort"

	"github.com/pcapline/pcapline/transform/schema"
)

// row is what the rules see of a packet or a flow.
type row struct {
	from, to         int64 // both of them in it; equal for a packet
	src, dst         netip.Addr
	srcMAC, dstMAC   schema.MAC
	srcPort, dstPort uint16
	hasPorts         bool
	proto            Proto // AnyProto: none is known
}

// matches reports whether the row fits all of the rule but file and time.
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
	if r.Src.IsValid() && !r.Src.Contains(src) || r.Dst.IsValid() && !r.Dst.Contains(dst) {
		return false
	}
	if r.SrcMAC != (schema.MAC{}) && r.SrcMAC != mac {
		return false
	}
	return r.SrcPorts.match(sport, ports) && r.DstPorts.match(dport, ports)
}

// index is the rules of one capture, in the order of their beginnings.
type index struct {
	list  []Rule // all rules of the file; shared
	order []int  // positions in list
	maxTo []int64
}

func newIndex(list []Rule, capture string) *index {
	x := &index{list: list}
	for i := range list {
		if list[i].covers(capture) {
			x.order = append(x.order, i)
		}
	}
	slices.SortStableFunc(x.order, func(a, b int) int { return cmp.Compare(list[a].From, list[b].From) })
	latest := Always
	for _, i := range x.order {
		latest = max(latest, list[i].To)
		x.maxTo = append(x.maxTo, latest)
	}
	return x
}

// find gives the position of the rule that labels the row, -1 if there is
// none, and whether another of the same priority says something else.
func (x *index) find(w *row) (best int, conflict bool) {
	best = -1
	n := sort.Search(len(x.order), func(i int) bool { return x.list[x.order[i]].From > w.to })
	for k := n - 1; k >= 0 && x.maxTo[k] > w.from; k-- {
		i := x.order[k]
		r := &x.list[i]
		if r.To <= w.from || !r.matches(w) {
			continue
		}
		switch {
		case best < 0 || r.Priority > x.list[best].Priority:
			best, conflict = i, false
		case r.Priority == x.list[best].Priority:
			conflict = conflict || r.Label != x.list[best].Label || r.Class != x.list[best].Class
			best = min(best, i)
		}
	}
	return best, conflict
}
