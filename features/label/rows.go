package label

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/pcapline/pcapline/transform/schema"
)

// view names the columns of a kind of table that the rules need. Where several
// columns are named, a row's value is that of the first which has one.
type view struct {
	table            int // 0 packets, 1 flows
	file             string
	from, to         []string
	src, dst         []string
	srcMAC, dstMAC   []string
	srcPort, dstPort []string
	proto            []string
	arp              string // present in rows of ARP
	etherType        string
	number           string // with the capture it identifies the row
}

// tableNames are the tables as reports name them.
var tableNames = [...]string{"packets", "flows"}

// The tables that can be labelled; a flow has an end besides its start.
var (
	packetView = view{
		table: 0, file: "file_id", from: []string{"ts_ns"}, to: []string{"ts_ns"},
		src: []string{"ip_src", "ipv6_src", "arp_src_ip"}, dst: []string{"ip_dst", "ipv6_dst", "arp_dst_ip"},
		srcMAC: []string{"eth_src"}, dstMAC: []string{"eth_dst"},
		srcPort: []string{"tcp_src_port", "udp_src_port", "sctp_src_port"},
		dstPort: []string{"tcp_dst_port", "udp_dst_port", "sctp_dst_port"},
		proto: []string{
			"ip_proto", "ipv6_next", "ipv6_hopopts_next", "ipv6_dstopts_next",
			"ipv6_routing_next", "ipv6_frag_next", "ipv6_mobility_next",
		}, arp: "arp_opcode", number: "frame_number",
	}
	flowView = view{
		table: 1, file: "file_id", from: []string{"ts_ns"}, to: []string{"ts_end_ns"},
		src: []string{"src_ip"}, dst: []string{"dst_ip"},
		srcMAC: []string{"src_mac"}, dstMAC: []string{"dst_mac"},
		srcPort: []string{"src_port"}, dstPort: []string{"dst_port"},
		proto: []string{"ip_proto"}, etherType: "ether_type", number: "flow_id",
	}
)

// inside is the view of what a tunnel carries: the inner columns, but for
// those that the table has once.
func (v *view) inside(has func(column string) bool) *view {
	rename := func(names []string) []string {
		out := slices.Clone(names)
		for i, n := range out {
			if has("inner_" + n) {
				out[i] = "inner_" + n
			}
		}
		return out
	}
	in := *v
	in.src, in.dst = rename(v.src), rename(v.dst)
	in.srcMAC, in.dstMAC = rename(v.srcMAC), rename(v.dstMAC)
	in.srcPort, in.dstPort = rename(v.srcPort), rename(v.dstPort)
	in.proto, in.arp = rename(v.proto), rename([]string{v.arp})[0]
	return &in
}

// errNoTable says that a batch is of neither table.
var errNoTable = errors.New("label: the table has neither the columns file_id and ts_ns of packets nor also ts_end_ns of flows")

func viewOf(has func(column string) bool) (*view, error) {
	for _, v := range []*view{&flowView, &packetView} {
		if has(v.file) && has(v.from[0]) && has(v.to[0]) {
			return v, nil
		}
	}
	return nil, errNoTable
}

// reader gives the rows of a batch in ascending order.
type reader struct {
	file             func(row int) (int64, bool)
	from, to         func(row int) (int64, bool)
	src, dst         func(row int) (netip.Addr, bool)
	srcMAC, dstMAC   schema.Cursor[schema.MAC]
	srcPort, dstPort func(row int) (int64, bool)
	proto            func(row int) (int64, bool)
	number           func(row int) (int64, bool)
	arp              func(row int) bool
	inside           *reader // of the conversation in a tunnel; nil where the table has no columns for it
}

func newReader(v *view, b *schema.Batch) *reader {
	r := &reader{
		file: number(b, v.file), from: number(b, v.from...), to: number(b, v.to...),
		src: address(b, v.src...), dst: address(b, v.dst...),
		srcMAC:  mac(b, v.srcMAC[0]),
		dstMAC:  mac(b, v.dstMAC[0]),
		srcPort: number(b, v.srcPort...), dstPort: number(b, v.dstPort...),
		proto: upperProto(b, v.proto), number: number(b, v.number),
	}
	if v.arp != "" {
		op := number(b, v.arp)
		r.arp = func(row int) bool { _, ok := op(row); return ok }
		has := func(column string) bool { return b.Column(column) != nil }
		if in := v.inside(has); in.src[0] != v.src[0] {
			r.inside = newReader(in, b)
		}
	} else {
		et := number(b, v.etherType)
		r.arp = func(row int) bool { t, ok := et(row); return ok && t == 0x0806 }
	}
	return r
}

// read fills w with a row and returns its capture. Of a packet in a tunnel it
// takes the inner conversation, as flows do, and the MAC addresses of the
// frame where the tunnel carries none.
func (r *reader) read(i int, w *row) (file int64) {
	file, _ = r.file(i)
	n, _ := r.number(i)
	w.n, w.id = i, uint64(file)<<40+uint64(n)
	w.from, _ = r.from(i)
	w.to, _ = r.to(i)
	w.srcMAC, _ = r.srcMAC.At(i)
	w.dstMAC, _ = r.dstMAC.At(i)
	if r.inside != nil {
		if _, ok := r.inside.src(i); ok {
			if mac, ok := r.inside.srcMAC.At(i); ok {
				w.srcMAC = mac
				w.dstMAC, _ = r.inside.dstMAC.At(i)
			}
			r = r.inside
		}
	}
	r.readTuple(i, w)
	return file
}

// readTuple fills addresses, ports and protocol.
func (r *reader) readTuple(i int, w *row) {
	w.src, _ = r.src(i)
	w.dst, _ = r.dst(i)
	sport, has := r.srcPort(i)
	dport, _ := r.dstPort(i)
	w.srcPort, w.dstPort, w.hasPorts = uint16(sport), uint16(dport), has
	w.proto = AnyProto
	if p, ok := r.proto(i); ok {
		w.proto = Proto(p)
	}
	if r.arp(i) {
		w.proto = ARP
	}
}

// extensions are the numbers of IPv6 extension headers, which are followed by
// the number of another (IANA, IPv6 Extension Header Types).
var extensions = [256]bool{0: true, 43: true, 44: true, 60: true, 135: true}

// upperProto reads the protocol above IP: of the columns' values the first
// that does not announce an extension header, else the last.
func upperProto(b *schema.Batch, names []string) func(row int) (int64, bool) {
	var read []func(row int) (int64, bool)
	for _, n := range names {
		if b.Column(n) != nil {
			read = append(read, number(b, n))
		}
	}
	if len(read) == 1 {
		return read[0]
	}
	return func(row int) (proto int64, ok bool) {
		for _, f := range read {
			if p, has := f(row); has {
				proto, ok = p, true
				if !extensions[uint8(p)] {
					break
				}
			}
		}
		return proto, ok
	}
}

// number reads integer columns of any width; the first with a value counts.
func number(b *schema.Batch, names ...string) func(row int) (int64, bool) {
	var read []func(row int) (int64, bool)
	for _, n := range names {
		c := b.Column(n)
		if c == nil {
			continue
		}
		if whole := schema.Integers(c); whole != nil {
			read = append(read, whole)
		}
	}
	return first(read)
}

// address reads address columns of any kind.
func address(b *schema.Batch, names ...string) func(row int) (netip.Addr, bool) {
	var read []func(row int) (netip.Addr, bool)
	for _, n := range names {
		if c := b.Column(n); c != nil {
			if f := addressColumn(c); f != nil {
				read = append(read, f)
			}
		}
	}
	return first(read)
}

// addressColumn reads a column of addresses, nil for another.
func addressColumn(c schema.Column) func(row int) (netip.Addr, bool) {
	switch c.Data().(type) {
	case []schema.IPv4:
		cur := schema.Walk[schema.IPv4](c)
		return func(row int) (netip.Addr, bool) { v, ok := cur.At(row); return netip.AddrFrom4(v), ok }
	case []schema.IPv6:
		cur := schema.Walk[schema.IPv6](c)
		return func(row int) (netip.Addr, bool) { v, ok := cur.At(row); return netip.AddrFrom16(v), ok }
	case []netip.Addr:
		cur := schema.Walk[netip.Addr](c)
		return cur.At
	}
	return nil
}

func mac(b *schema.Batch, name string) schema.Cursor[schema.MAC] {
	c := b.Column(name)
	if c == nil {
		return schema.Walk[schema.MAC](nil)
	}
	if _, ok := c.Data().([]schema.MAC); !ok {
		return schema.Walk[schema.MAC](nil)
	}
	return schema.Walk[schema.MAC](c)
}

// first tries readers in their order. Where none has a value it returns an
// invalid one and false.
func first[T any](read []func(row int) (T, bool)) func(row int) (T, bool) {
	if len(read) == 1 {
		return read[0]
	}
	return func(row int) (v T, ok bool) {
		for _, f := range read {
			if v, ok = f(row); ok {
				return v, true
			}
		}
		var none T
		return none, false
	}
}
