package pcapio

import (
	"math"
	"math/bits"
)

const second = 1_000_000_000 // nanoseconds

// clock turns the ticks of a pcapng interface into nanoseconds since 1970.
type clock struct {
	exponent  int    // a second has base^exponent ticks
	binary    bool   // base 2, not 10
	perSecond uint64 // ticks; 0: more than 64 bits can say
	offset    int64  // seconds

	nanos uint64 // in a tick, where that is a whole number; else 0
	fast  uint64 // the largest tick for which ticks×nanos + offset fits
}

// newClock reads if_tsresol: the negative power of ten, or with the highest
// bit set of two, that a tick is of a second.
func newClock(resolution byte, offset int64) clock {
	c := clock{exponent: int(resolution & 0x7f), binary: resolution&0x80 != 0, offset: offset}
	switch {
	case c.binary && c.exponent < 64:
		c.perSecond = 1 << c.exponent
	case !c.binary && c.exponent < 20:
		c.perSecond = power10(c.exponent)
	}
	const limit = math.MaxInt64 / second
	if c.perSecond != 0 && second%c.perSecond == 0 && offset >= -limit && offset <= limit {
		c.nanos = second / c.perSecond
		c.fast = uint64(math.MaxInt64-max(offset, 0)*second) / c.nanos
	}
	return c
}

func power10(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

// time gives the time of a tick, rounded down, and whether it fits.
func (c *clock) time(ticks uint64) (int64, bool) {
	if c.nanos != 0 && ticks <= c.fast {
		return int64(ticks*c.nanos) + c.offset*second, true
	}
	sec, nanos := c.split(ticks)
	const limit = math.MaxInt64/second - 1
	if sec > math.MaxInt64 || c.offset > limit || c.offset >= 0 && sec > uint64(limit-c.offset) {
		return math.MaxInt64, false
	}
	total := int64(sec) + c.offset
	switch {
	case total > limit:
		return math.MaxInt64, false
	case total < -limit:
		return math.MinInt64, false
	}
	return total*second + int64(nanos), true
}

// split gives whole seconds and nanoseconds of a number of ticks. Where a
// second has more ticks than 64 bits count, there are no whole ones.
func (c *clock) split(ticks uint64) (sec, nanos uint64) {
	switch {
	case c.perSecond != 0:
		hi, lo := bits.Mul64(ticks%c.perSecond, second)
		nanos, _ = bits.Div64(hi, lo, c.perSecond)
		return ticks / c.perSecond, nanos
	case c.binary:
		hi, _ := bits.Mul64(ticks, second)
		return 0, hi >> (c.exponent - 64)
	case c.exponent < 29:
		return 0, ticks / power10(c.exponent-9)
	}
	return 0, 0
}
