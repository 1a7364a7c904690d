package pcapio

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func TestClock(t *testing.T) {
	for _, c := range []struct {
		resolution byte
		offset     int64
		ticks      uint64
		want       int64
		ok         bool
	}{
		{6, 0, 1_700_000_000_123_456, 1_700_000_000_123_456_000, true},
		{9, 0, 1_700_000_000_123_456_789, 1_700_000_000_123_456_789, true},
		{3, 10, 1_500, 11_500_000_000, true},
		{0, 0, 77, 77 * second, true},
		{12, 0, 1_999, 1, true}, // picoseconds, rounded down
		{0x80 | 10, 0, 1024 + 512, 1_500_000_000, true},
		{0x80 | 32, 5, 1 << 31, 5_500_000_000, true},
		{0x80 | 64, 0, 1 << 63, 500_000_000, true},
		{0x80 | 127, 0, math.MaxUint64, 0, true},
		{20, 0, 1e19, 100_000_000, true},
		{127, 0, math.MaxUint64, 0, true},
		{6, -2, 1_000_000, -1_000_000_000, true},
		{9, 0, math.MaxInt64, math.MaxInt64, true},
		{9, 0, math.MaxUint64, math.MaxInt64, false},
		{6, 0, math.MaxUint64, math.MaxInt64, false},
		{6, math.MaxInt64, 0, math.MaxInt64, false},
		{6, math.MinInt64, 0, math.MinInt64, false},
		{0, math.MinInt64, math.MaxUint64, math.MaxInt64, false},
	} {
		k := newClock(c.resolution, c.offset)
		if got, ok := k.time(c.ticks); got != c.want || ok != c.ok {
			t.Errorf("resolution %#x, offset %d: %d ticks are %d ns, %v; want %d, %v", c.resolution, c.offset, c.ticks, got, ok, c.want, c.ok)
		}
	}
}

// The clock agrees with whole-number arithmetic of any size.
func TestClockAgainstBig(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		resolution := byte(rng.UintN(256))
		ticks := rng.Uint64() >> rng.UintN(64)
		offset := rng.Int64N(1<<34) - 1<<33
		base := int64(10)
		if resolution&0x80 != 0 {
			base = 2
		}
		want := new(big.Int).SetUint64(ticks)
		want.Mul(want, big.NewInt(second))
		want.Div(want, new(big.Int).Exp(big.NewInt(base), big.NewInt(int64(resolution&0x7f)), nil))
		want.Add(want, new(big.Int).Mul(big.NewInt(offset), big.NewInt(second)))
		k := newClock(resolution, offset)
		got, ok := k.time(ticks)
		if ok && want.Cmp(big.NewInt(got)) != 0 {
			t.Fatalf("resolution %#x, offset %d: %d ticks are %d ns, want %v", resolution, offset, ticks, got, want)
		}
		// The last second or two of what 64 bits hold may be refused.
		if edge := new(big.Int).Abs(want); !ok && edge.Cmp(big.NewInt(math.MaxInt64-3*second)) < 0 {
			t.Fatalf("resolution %#x, offset %d: %d ticks are refused, they are %v ns", resolution, offset, ticks, want)
		}
	}
}
