package flow

import (
	"math"
	"math/bits"
)

// sums are the exact statistics of lengths: whole numbers are added up as
// such, so that neither order nor size costs precision and two directions can
// be added. How many there are is kept by the caller.
type sums struct {
	sum, squares uint64
	carry        uint64 // of squares: a wire length is whatever a file says
	min, max     uint32
}

func (s *sums) add(n int64, v uint32) {
	if n == 1 || v < s.min {
		s.min = v
	}
	s.max = max(s.max, v)
	s.sum += uint64(v)
	var c uint64
	s.squares, c = bits.Add64(s.squares, uint64(v)*uint64(v), 0)
	s.carry += c
}

// plus gives the statistics of n of s and m of o together.
func (s sums) plus(n int64, o sums, m int64) sums {
	switch {
	case n == 0:
		return o
	case m == 0:
		return s
	}
	squares, c := bits.Add64(s.squares, o.squares, 0)
	return sums{
		sum: s.sum + o.sum, squares: squares, carry: s.carry + o.carry + c,
		min: min(s.min, o.min), max: max(s.max, o.max),
	}
}

func (s *sums) mean(n int64) float64 { return float64(s.sum) / float64(n) }

// std is the sample standard deviation of n ≥ 2 values. n·Σv² − (Σv)² is
// taken in 128 bits: as floating point numbers the two nearly cancel.
func (s *sums) std(n int64) float64 {
	h1, l1 := bits.Mul64(uint64(n), s.squares)
	h1 += uint64(n) * s.carry
	h2, l2 := bits.Mul64(s.sum, s.sum)
	lo, borrow := bits.Sub64(l1, l2, 0)
	hi, _ := bits.Sub64(h1, h2, borrow)
	d := float64(float64(hi)*(1<<64)) + float64(lo)
	return math.Sqrt(d / float64(n) / float64(n-1))
}

// moments are running statistics of durations by Welford's method, which
// needs no second pass and does not cancel. The conversions keep compilers
// from fusing multiplication and addition, so that all machines agree.
type moments struct {
	n        int64
	mean, m2 float64
	min, max int64
}

func (m *moments) add(v int64) {
	m.n++
	if m.n == 1 {
		m.min, m.max, m.mean = v, v, float64(v)
		return
	}
	m.min, m.max = min(m.min, v), max(m.max, v)
	x := float64(v)
	d := x - m.mean
	m.mean += d / float64(m.n)
	m.m2 += float64(d * (x - m.mean))
}

// std is the sample standard deviation of n ≥ 2 values.
func (m *moments) std() float64 { return math.Sqrt(m.m2 / float64(m.n-1)) }

// seconds turns nanoseconds into seconds.
func seconds(ns float64) float64 { return ns / 1e9 }
