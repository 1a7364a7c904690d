package prep

import (
	"hash/fnv"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/transform/schema"
)

// A packet socket on a loopback interface sees every packet when it leaves and
// when it arrives. Of such a pair the second is left out: one half of it in
// training and the other in the test would be remembered, not recognised.

const (
	twinWindow = int64(1e6) // ns between the two
	twinReach  = 8          // packets of the capture that are looked back at
)

// dropTwins finds packets with loopback addresses that equal one shortly
// before them in all that the packet itself says.
func (p *preparation) dropTwins() error {
	if p.kind.group == "" || p.opt.Duplicates == Keep || len(p.rows) == 0 {
		return nil
	}
	looped, err := p.anyLoopback()
	if err != nil || !looped {
		return err
	}
	recent := map[int32]*[twinReach]sighting{}
	at, k := 0, 0
	err = p.each(nil, func(b *schema.Batch, state []rowState) error {
		local, sum := loopback(b), rowHash(b)
		for row, s := range state {
			loop := local(row)
			if s == unknown {
				continue
			}
			pos := p.rows[k]
			k++
			if loop && seen(recent, &pos, sum(row)) {
				p.state[at+row] = twin
				p.ledger.TwinsDropped++
			}
		}
		at += b.Rows
		return nil
	})
	if err != nil || p.ledger.TwinsDropped == 0 {
		return err
	}
	p.withoutTwins()
	return nil
}

// withoutTwins takes the twins out of the rows to be split.
func (p *preparation) withoutTwins() {
	kept, k := p.rows[:0], 0
	for _, s := range p.state {
		if s == unknown {
			continue
		}
		if s != twin {
			kept = append(kept, p.rows[k])
		}
		k++
	}
	p.rows = kept
}

// sighting is a packet that was seen.
type sighting struct {
	sum  uint64
	time int64
	half bool // the second of a pair: what equals it begins a new pair
}

// seen reports whether the packet is the second of a pair, and remembers it.
func seen(recent map[int32]*[twinReach]sighting, pos *features.Position, sum uint64) (second bool) {
	ring := recent[pos.Capture]
	if ring == nil {
		ring = new([twinReach]sighting)
		recent[pos.Capture] = ring
	}
	for i := range ring {
		s := &ring[i]
		if s.sum == sum && !s.half && pos.Start-s.time <= twinWindow && s.time <= pos.Start {
			s.half, second = true, true
			break
		}
	}
	copy(ring[1:], ring[:])
	ring[0] = sighting{sum, pos.Start, second}
	return second
}

// anyLoopback looks whether there are loopback packets at all: most captures
// have none, and then the tables are not read in full.
func (p *preparation) anyLoopback() (found bool, err error) {
	var columns []string
	for _, c := range []string{"eth_src", "eth_dst", "ip_src", "ipv6_src"} {
		if p.schema.Index(c) >= 0 {
			columns = append(columns, c)
		}
	}
	if columns == nil {
		return false, nil
	}
	err = p.each(columns, func(b *schema.Batch, _ []rowState) error {
		local := loopback(b)
		for row := range b.Rows {
			found = local(row) || found
		}
		return nil
	})
	return found, err
}

// loopback tells packets that never left their host: both link addresses are
// zero, or the sender is 127.0.0.0/8 or ::1. Rows must ascend.
func loopback(b *schema.Batch) func(row int) bool {
	src, dst := macs(b, "eth_src"), macs(b, "eth_dst")
	var v4 schema.Cursor[schema.IPv4]
	var v6 schema.Cursor[schema.IPv6]
	if c := b.Column("ip_src"); c != nil && c.Field().Kind == schema.IPv4Addr {
		v4 = schema.Walk[schema.IPv4](c)
	} else {
		v4 = schema.Walk[schema.IPv4](nil)
	}
	if c := b.Column("ipv6_src"); c != nil && c.Field().Kind == schema.IPv6Addr {
		v6 = schema.Walk[schema.IPv6](c)
	} else {
		v6 = schema.Walk[schema.IPv6](nil)
	}
	one := schema.IPv6{15: 1}
	return func(row int) bool {
		s, hasS := src.At(row)
		d, hasD := dst.At(row)
		a4, has4 := v4.At(row)
		a6, has6 := v6.At(row)
		return hasS && hasD && s == schema.MAC{} && d == schema.MAC{} || has4 && a4[0] == 127 || has6 && a6 == one
	}
}

func macs(b *schema.Batch, name string) schema.Cursor[schema.MAC] {
	c := b.Column(name)
	if c == nil || c.Field().Kind != schema.MACAddr {
		return schema.Walk[schema.MAC](nil)
	}
	return schema.Walk[schema.MAC](c)
}

// rowHash hashes what the packet itself says: all columns but those of its
// time, its place in the capture and its label. Rows must ascend.
func rowHash(b *schema.Batch) func(row int) uint64 {
	type reader struct {
		column  schema.Column
		row, at int
	}
	var list []reader
	for _, c := range b.Columns {
		switch c.Field().Role {
		case schema.Time, schema.Provenance, schema.Label:
		default:
			list = append(list, reader{column: c})
		}
	}
	h := fnv.New64a()
	var text []byte
	return func(row int) uint64 {
		h.Reset()
		for i := range list {
			r := &list[i]
			p := r.column.Presence()
			for ; r.row < row; r.row++ {
				if p.Has(r.row) {
					r.at++
				}
			}
			text = append(text[:0], byte(i), byte(i>>8))
			if p.Has(row) {
				text = r.column.AppendText(text, r.at)
			}
			_, _ = h.Write(append(text, 0)) // a hash takes all
		}
		return h.Sum64()
	}
}
