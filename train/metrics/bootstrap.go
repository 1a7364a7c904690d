package metrics

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Resampler draws bootstrap resamples of rows. Each resample weights a row by
// an independent Poisson(1) count (Hanley and MacGibbon 2006), which is the
// bootstrap for all but tiny sets and needs no sorting. Rows of a group get
// one weight: a capture or conversation is drawn whole, since its rows are not
// independent of each other and an interval that takes them to be is too
// narrow (the cluster bootstrap: Davison and Hinkley 1997, section 3.8).
//
// Resample k of a seed is the same for every detector, so that differences of
// two detectors' figures are paired.
type Resampler struct {
	Seed  uint64
	Group []int32 // of each row, from 0; nil: every row is alone
}

// Weights fills w with the weight of each row in resample k.
func (s Resampler) Weights(k int, w []float64) {
	src := rand.NewPCG(s.Seed, 0x626f6f74+uint64(k))
	if s.Group == nil {
		for i := range w {
			w[i] = poisson(src)
		}
		return
	}
	var groups []float64
	for i, g := range s.Group {
		for int(g) >= len(groups) {
			groups = append(groups, poisson(src))
		}
		w[i] = groups[g]
	}
}

// poissonTable[k] is 2^64 times the chance that a Poisson(1) count is at
// most k.
var poissonTable = func() (t [20]uint64) {
	sum, term := 0.0, math.Exp(-1)
	for k := range t {
		sum += term
		term /= float64(k + 1)
		t[k] = math.MaxUint64
		if sum < 1 {
			t[k] = uint64(sum * (1 << 64))
		}
	}
	return t
}()

// poisson draws a Poisson(1) count.
func poisson(src rand.Source) float64 {
	u, k := src.Uint64(), 0
	for k < len(poissonTable)-1 && u >= poissonTable[k] {
		k++
	}
	return float64(k)
}

// Sample is what one resample makes of a detector's figures.
type Sample struct {
	ROCAUC, PRAUC Value
	RecallAt      Value // at the false-positive rate asked for, by the resample's own threshold
	MacroRecallAt Value // the mean of the classes' recalls at that threshold
	Recall, FPR   Value // at the threshold asked for
	Precision     Value
	Balanced, MCC Value
	MacroRecall   Value
}

// Judged is scored rows of known classes, ready to be resampled.
type Judged struct {
	Ranking   *Ranking
	Class     []int32 // of each row
	Classes   int
	Benign    int
	Threshold float32
	FPR       float64 // of RecallAt
}

// Resample computes the figures on n resamples. It takes memory for a few
// numbers a row.
func (j Judged) Resample(s Resampler, n int) []Sample {
	r := j.Ranking
	w := make([]float64, len(r.row))
	pos, neg := make([]float64, len(r.steps)), make([]float64, len(r.steps))
	out := make([]Sample, n)
	for k := range out {
		s.Weights(k, w)
		clear(pos)
		clear(neg)
		for i, at := range r.row {
			if int(j.Class[i]) != j.Benign {
				pos[at] += w[i]
			} else {
				neg[at] += w[i]
			}
		}
		c := func(i int) (float64, float64) { return pos[i], neg[i] }
		o := &out[k]
		o.ROCAUC, o.PRAUC = r.rocAUC(c), r.averagePrecision(c)
		last := r.within(c, j.FPR)
		o.RecallAt, _, o.MacroRecallAt = j.recalls(w, func(i int) bool { return int(r.row[i]) <= last })
		if !o.ROCAUC.Defined() {
			o.RecallAt, o.MacroRecallAt = Undefined(), Undefined()
		}
		o.Recall, o.FPR, o.MacroRecall = j.recalls(w, func(i int) bool { return r.steps[r.row[i]].score >= j.Threshold })
		o.Balanced = (o.Recall + 1 - o.FPR) / 2
		o.Precision, o.MCC = j.decisions(c)
	}
	return out
}

// within is the last step at which at most the share fpr of the benign rows
// are called attacks; −1: none.
func (r *Ranking) within(c counts, fpr float64) int {
	var benign, fp float64
	for i := range r.steps {
		_, neg := c(i)
		benign += neg
	}
	for i := range r.steps {
		_, neg := c(i)
		if fp += neg; fp > fpr*benign {
			return i - 1
		}
	}
	return len(r.steps) - 1
}

// recalls gives the share of the attacks that are called, that of the benign
// rows, and the mean over the attack classes, all by weight.
func (j Judged) recalls(w []float64, called func(row int) bool) (recall, fpr, macro Value) {
	all, hit := make([]float64, j.Classes), make([]float64, j.Classes)
	for i, c := range j.Class {
		all[c] += w[i]
		if called(i) {
			hit[c] += w[i]
		}
	}
	var attacks, found float64
	var each []Value
	for c := range all {
		if c == j.Benign {
			continue
		}
		attacks += all[c]
		found += hit[c]
		each = append(each, share(hit[c], all[c]))
	}
	return share(found, attacks), share(hit[j.Benign], all[j.Benign]), mean(each)
}

func share(a, b float64) Value {
	if b == 0 {
		return Undefined()
	}
	return Value(a / b)
}

// decisions are precision and Matthews' correlation at the threshold.
func (j Judged) decisions(c counts) (precision, mcc Value) {
	var tp, fp, fn, tn float64
	for i, s := range j.Ranking.steps {
		pos, neg := c(i)
		if s.score >= j.Threshold {
			tp, fp = tp+pos, fp+neg
		} else {
			fn, tn = fn+pos, tn+neg
		}
	}
	d := math.Sqrt(tp+fp) * math.Sqrt(tp+fn) * math.Sqrt(tn+fp) * math.Sqrt(tn+fn)
	switch {
	case tp+fp+fn+tn == 0:
		return Undefined(), Undefined()
	case d > 0:
		mcc = Value((tp*tn - fp*fn) / d)
	}
	return share(tp, tp+fp), mcc
}

// Interval95 is the 95 % percentile interval of a figure over resamples;
// resamples that do not determine it are left out.
func Interval95(samples []Sample, figure func(Sample) Value) Interval {
	var vs []float64
	for _, s := range samples {
		if v := figure(s); v.Defined() {
			vs = append(vs, float64(v))
		}
	}
	return percentiles(vs)
}

func percentiles(vs []float64) Interval {
	if len(vs) == 0 {
		return Interval{Undefined(), Undefined()}
	}
	slices.Sort(vs)
	at := func(p float64) Value {
		x := p * float64(len(vs)-1)
		i := int(x)
		j := min(i+1, len(vs)-1)
		return Value(vs[i] + (x-float64(i))*(vs[j]-vs[i]))
	}
	return Interval{at(0.025), at(0.975)}
}

// Difference95 is the interval of a figure's difference a − b between two
// detectors over the same resamples.
func Difference95(a, b []Sample, figure func(Sample) Value) Interval {
	var vs []float64
	for i := range min(len(a), len(b)) {
		if d := figure(a[i]) - figure(b[i]); d.Defined() {
			vs = append(vs, float64(d))
		}
	}
	return percentiles(vs)
}
