package audit

import (
	"fmt"
	"math"
	"strings"
)

const (
	pairRows = 4096 // rows on which columns are compared pair by pair
	samePair = 0.99999
)

// columns looks for those that say nothing, or the same as another.
func (s *sample) columns(list []Column) Check {
	c := Check{Name: "columns", Verdict: Pass}
	var constant []string
	for _, x := range list {
		if x.Used && x.Constant {
			constant = append(constant, x.Name)
		}
	}
	if len(constant) > 0 {
		c.found(Warn, "%d columns are constant: %s.", len(constant), some(constant))
	}
	var pairs []string
	for _, p := range s.pairs() {
		pairs = append(pairs, fmt.Sprintf("%s = %s", s.in.columns[p[1]].name, s.in.columns[p[0]].name))
	}
	if len(pairs) > 0 {
		c.found(Warn, "%d columns say the same as another one (correlation ±1): %s.", len(pairs), some(pairs))
	}
	if c.Verdict == Pass {
		c.found(Pass, "No column is constant, and no two are perfectly correlated.")
	}
	return c
}

// some lists up to twelve.
func some(list []string) string {
	if len(list) > 12 {
		return strings.Join(list[:12], ", ") + ", …"
	}
	return strings.Join(list, ", ")
}

// pairs finds for each column the first one before it with which it is
// perfectly correlated. Missing values count as the lowest.
func (s *sample) pairs() (found [][2]int) {
	n := min(pairRows, len(s.class))
	every := len(s.class) / n
	var unit [][]float64
	var column []int
	for c, v := range s.values {
		if !s.in.columns[c].used || s.in.columns[c].text {
			continue
		}
		if z := standardised(v, n, every); z != nil {
			unit, column = append(unit, z), append(column, c)
		}
	}
	for j := range unit {
		for i := range j {
			if math.Abs(dot(unit[i], unit[j])) >= samePair {
				found = append(found, [2]int{column[i], column[j]})
				break
			}
		}
	}
	return found
}

// standardised gives n values mean 0 and length 1; nil: they are all one.
func standardised(v []float32, n, every int) []float64 {
	z := make([]float64, n)
	lowest, mean := math.Inf(1), 0.0
	for i := range z {
		if z[i] = float64(v[i*every]); z[i] == z[i] {
			lowest = min(lowest, z[i])
		}
	}
	for i := range z {
		if z[i] != z[i] {
			z[i] = lowest - 1
		}
		mean += z[i] / float64(n)
	}
	length := 0.0
	for i := range z {
		z[i] -= mean
		length += z[i] * z[i]
	}
	if !(length > 0) || math.IsInf(length, 0) {
		return nil
	}
	length = math.Sqrt(length)
	for i := range z {
		z[i] /= length
	}
	return z
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}
