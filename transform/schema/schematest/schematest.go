// Package schematest makes batches of random values of every kind, for the
// tests of what writes and reads tables.
package schematest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"

	"github.com/pcapline/pcapline/transform/schema"
)

// kinds lists every kind.
func kinds() []schema.Kind {
	var all []schema.Kind
	for k := schema.Bool; k <= schema.Binary; k++ {
		all = append(all, k)
	}
	return all
}

// Every is a schema with each kind required, nullable and as a list, and in
// each storage.
func Every() schema.Schema {
	var s schema.Schema
	for _, k := range kinds() {
		for _, store := range []schema.Storage{schema.Auto, schema.Dictionary, schema.Delta, schema.Plain} {
			name := k.String() + "_" + string(store)
			if store == schema.Auto {
				name = k.String()
			}
			s = append(s,
				&schema.Field{Name: name, Kind: k, Storage: store, Doc: "Required.", Unit: "B"},
				&schema.Field{Name: name + "_null", Kind: k, Nullable: true, Storage: store, Doc: "Nullable."})
		}
		s = append(s, &schema.Field{Name: k.String() + "_list", Kind: k, List: true, Nullable: true, Doc: "List."})
	}
	return s
}

// Fill adds rows to b, which was made by schema.FromFields, and finishes it.
// nulls is the share of nulls in nullable columns, 0 to 1. Values repeat, so
// that dictionaries are used, unless wide is set.
func Fill(b *schema.Batch, rng *rand.Rand, rows int, nulls float64, wide bool) {
	for i := range rows {
		row := b.Rows + i
		for _, c := range b.Columns {
			if c.Field().Nullable && rng.Float64() < nulls {
				continue
			}
			put(c, row, rng, wide)
		}
	}
	b.Rows += rows
	b.Finish()
}

func put(c schema.Column, row int, rng *rand.Rand, wide bool) {
	span := uint64(16)
	if wide {
		span = math.MaxUint64
	}
	n := func() uint64 { return rng.Uint64N(span) }
	switch c.Field().Kind {
	case schema.Bool:
		set(c, row, rng, func() bool { return n()%2 == 0 })
	case schema.Uint8:
		set(c, row, rng, func() uint8 { return uint8(n()) })
	case schema.Uint16:
		set(c, row, rng, func() uint16 { return uint16(n()) })
	case schema.Uint32:
		set(c, row, rng, func() uint32 { return uint32(n()) })
	case schema.Int64:
		set(c, row, rng, func() int64 { return int64(n()) })
	case schema.Float64:
		set(c, row, rng, func() float64 { return float64(int64(n())) / 8 })
	case schema.Timestamp:
		set(c, row, rng, func() schema.Micros { return schema.Micros(1_500_000_000_000_000 + int64(n()>>12)) })
	case schema.IPv4Addr:
		set(c, row, rng, func() schema.IPv4 { return schema.IPv4{10, byte(n() >> 8), byte(n()), byte(n())} })
	case schema.IPv6Addr:
		set(c, row, rng, func() schema.IPv6 { return schema.IPv6{0x20, 1, 0xd, 0xb8, 14: byte(n()), 15: byte(n())} })
	case schema.MACAddr:
		set(c, row, rng, func() schema.MAC { return schema.MAC{2, 0x1a, 0, byte(n()), byte(n()), byte(n())} })
	case schema.IPAddr:
		set(c, row, rng, func() netip.Addr {
			if n()%2 == 0 {
				return netip.AddrFrom4([4]byte{192, 0, 2, byte(n())})
			}
			return netip.AddrFrom16([16]byte{0xfe, 0x80, 15: byte(n())}).WithZone([]string{"", "eth0"}[n()%2])
		})
	case schema.String:
		set(c, row, rng, func() schema.Text { return schema.Text(text(n())) })
	case schema.Binary:
		set(c, row, rng, func() schema.Bytes { return randomBytes(rng, int(n()%40)) })
	}
}

func text(n uint64) string {
	switch n % 5 {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("host-%d.example", n)
	case 2:
		return fmt.Sprintf("комма, \"quote\" %d", n)
	case 3:
		return fmt.Sprintf("line\nbreak %d", n)
	}
	return fmt.Sprint(n)
}

func randomBytes(rng *rand.Rand, n int) schema.Bytes {
	b := make(schema.Bytes, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func set[T schema.Value](c schema.Column, row int, rng *rand.Rand, value func() T) {
	switch c := c.(type) {
	case *schema.List[T]:
		list := make([]T, rng.IntN(4))
		for i := range list {
			list[i] = value()
		}
		c.Set(row, list...)
	case *schema.Optional[T]:
		c.Set(row, value())
	case *schema.Values[T]:
		c.Append(value())
	default:
		panic(fmt.Sprintf("column %s is a %T", c.Field().Name, c))
	}
}
