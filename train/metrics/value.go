// Package metrics computes the figures by which a detector is judged: from
// scores (ROC, precision-recall, recall at a fixed false-positive rate,
// calibration), from decisions (accuracy, precision, recall, F1, MCC, the
// confusion matrix), each with an interval where one is usual, and from both
// what they mean in operation (precision at a base rate, alerts a day).
//
// An attack is the positive class and a row is called an attack when its
// score is at least the threshold. Definitions and the treatment of ties are
// scikit-learn's (version 1.9); a figure that is undefined, such as the
// recall of a class without rows, is NaN here and null in JSON, never 0.
//
// Wilson's intervals take rows to be independent. Flows of one attack run are
// not, so read them as lower bounds of the uncertainty. Those of a [Resampler]
// with groups draw what belongs together as one.
package metrics

import (
	"encoding/json"
	"math"
	"strconv"
)

// Value is a figure that may be undefined.
type Value float64

// Undefined is the value of a figure that the data do not determine.
func Undefined() Value { return Value(math.NaN()) }

// Defined reports whether v is a number.
func (v Value) Defined() bool { return v == v }

// MarshalJSON writes null for an undefined value.
func (v Value) MarshalJSON() ([]byte, error) {
	if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(v))
}

// UnmarshalJSON reads null as undefined.
func (v *Value) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*v = Undefined()
		return nil
	}
	f, err := strconv.ParseFloat(string(b), 64)
	*v = Value(f)
	return err
}

// Ratio is a/b, undefined when b is 0.
func Ratio(a, b int) Value {
	if b == 0 {
		return Undefined()
	}
	return Value(float64(a) / float64(b))
}

// mean of the defined values; undefined when there are none.
func mean(vs []Value) Value {
	sum, n := 0.0, 0
	for _, v := range vs {
		if v.Defined() {
			sum += float64(v)
			n++
		}
	}
	if n == 0 {
		return Undefined()
	}
	return Value(sum / float64(n))
}

// Interval holds the bounds of a 95 % interval.
type Interval struct {
	Low  Value `json:"low"`
	High Value `json:"high"`
}

// Wilson is the 95 % score interval of a proportion of k in n (Wilson 1927).
// Unlike the normal approximation it stays within [0, 1] and is of use for
// small n and for proportions of 0 and 1.
func Wilson(k, n int) Interval {
	if n == 0 {
		return Interval{Undefined(), Undefined()}
	}
	const z = 1.959963984540054 // the normal distribution's 97.5 % quantile
	p, m := float64(k)/float64(n), float64(n)
	mid := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return Interval{Value(math.Max(0, mid-half)), Value(math.Min(1, mid+half))}
}
