package features

import (
	"cmp"
	"slices"
)

// Spread is how the values of one column lie in attacks and in benign rows:
// its distinct values in ascending order, with the rows of each. From it
// follows how well the column alone tells the two apart.
type Spread []ValueCount

// ValueCount counts the rows of one value.
type ValueCount struct {
	Value          float32
	Attack, Benign float64
}

// SpreadOf counts n rows, which there must be, whose values must not be NaN.
func SpreadOf(n int, value func(i int) float32, attack func(i int) bool) Spread {
	s := make(Spread, n)
	for i := range s {
		s[i].Value = value(i)
		if attack(i) {
			s[i].Attack = 1
		} else {
			s[i].Benign = 1
		}
	}
	slices.SortFunc(s, func(a, b ValueCount) int { return cmp.Compare(a.Value, b.Value) })
	last := 0
	for _, v := range s[1:] {
		if v.Value == s[last].Value {
			s[last].Attack += v.Attack
			s[last].Benign += v.Benign
		} else {
			last++
			s[last] = v
		}
	}
	return s[:last+1]
}

// AUC is the area under the ROC curve when a row is the more of an attack the
// greater its value is: 0.5 says nothing, 1 parts the classes, 0 parts them the
// other way round. It is 0.5 without rows of both kinds.
func (s Spread) AUC() float64 {
	var area, attack, benign float64
	for _, v := range s {
		area += v.Attack * (benign + v.Benign/2)
		attack += v.Attack
		benign += v.Benign
	}
	if attack == 0 || benign == 0 {
		return 0.5
	}
	return area / (attack * benign)
}

// Rule says: a row is an attack when its value is above the threshold, or
// not above it.
type Rule struct {
	Threshold float32 `json:"threshold"`
	Above     bool    `json:"above"`    // attack when value > threshold, else when value ≤ threshold
	Balanced  float64 `json:"balanced"` // mean of recall and specificity
}

// Says reports whether the rule calls a value an attack.
func (r Rule) Says(value float32) bool { return (value > r.Threshold) == r.Above }

// BestRule is the rule of the highest balanced accuracy of all thresholds
// between two values; ties go to the lowest threshold. There must be rows of
// both kinds.
func (s Spread) BestRule() Rule {
	var attack, benign, attackLow, benignLow float64
	for _, v := range s {
		attack += v.Attack
		benign += v.Benign
	}
	best := Rule{Threshold: s[0].Value, Above: true, Balanced: 0.5}
	for i, v := range s[:len(s)-1] {
		attackLow += v.Attack
		benignLow += v.Benign
		above := ((attack-attackLow)/attack + benignLow/benign) / 2 // recall and specificity of "value > t"
		for _, b := range [2]bool{true, false} {
			balanced := above
			if !b {
				balanced = 1 - above
			}
			if balanced > best.Balanced {
				best = Rule{between(v.Value, s[i+1].Value), b, balanced}
			}
		}
	}
	return best
}

// Bins gives the ascending thresholds, at most n − 1, that put the rows into n
// bins of about as many each, or each value into a bin of its own when there
// are no more than n. The last bin has no threshold.
func (s Spread) Bins(n int) []float32 {
	rows := 0.0
	for _, v := range s {
		rows += v.Attack + v.Benign
	}
	var out []float32
	seen, next := 0.0, 1
	for i, v := range s[:len(s)-1] {
		seen += v.Attack + v.Benign
		if len(s) > n && seen < float64(next)*rows/float64(n) {
			continue
		}
		out = append(out, between(v.Value, s[i+1].Value))
		for float64(next)*rows/float64(n) <= seen {
			next++
		}
	}
	return out
}

// between is a threshold that parts a from the next value b: their middle,
// unless rounding puts it at b.
func between(a, b float32) float32 {
	mid := float32((float64(a) + float64(b)) / 2)
	if mid >= b {
		return a
	}
	return mid
}
