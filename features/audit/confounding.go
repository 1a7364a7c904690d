package audit

import (
	"cmp"
	"slices"
)

// confounding asks what the capture alone says.
func (s *sample) confounding() Check {
	c := Check{Name: "confounding", Verdict: Pass}
	var right, all [2]float64
	mixed := 0
	homes := make([]int, len(s.in.classes)) // captures of each class
	for _, n := range s.byClass {
		var kinds [2]float64
		for class, rows := range n {
			kinds[min(class, 1)] += float64(rows)
			if rows > 0 {
				homes[class]++
			}
		}
		all[0], all[1] = all[0]+kinds[0], all[1]+kinds[1]
		if kinds[0] > 0 && kinds[1] > 0 {
			mixed++
		}
		// Rows of a capture are called attacks when it has more than its
		// share of all attacks.
		if kinds[1]/s.kindTotal(1) > kinds[0]/s.kindTotal(0) {
			right[1] += kinds[1]
		} else {
			right[0] += kinds[0]
		}
	}
	balanced := (right[0]/all[0] + right[1]/all[1]) / 2
	captures := len(s.byClass)
	switch {
	case captures < 2:
		c.found(Warn, "All rows are of one capture: whatever is found may be of that capture alone.")
	case mixed == 0:
		c.found(Fail, "Every capture holds attacks only or benign rows only: what tells the captures apart passes for detection, and nothing in the dataset can show the difference.")
	case balanced >= failBalanced:
		c.found(Fail, "The capture alone tells attacks from benign rows with a balanced accuracy of %.1f %%.", 100*balanced)
	default:
		c.found(severityIf(balanced >= warnBalanced), "The capture alone tells attacks from benign rows with a balanced accuracy of %.1f %%; %d of %d captures hold both.", 100*balanced, mixed, captures)
	}
	single, attackClasses := 0, 0
	for _, n := range homes[1:] {
		if n > 0 {
			attackClasses++
		}
		if n == 1 {
			single++
		}
	}
	if captures > 1 && single > 0 {
		c.found(Warn, "%d of %d attack classes lie in one capture each: how they look elsewhere is not known, and a split by capture tests on classes that it never trained.", single, attackClasses)
	}
	return c
}

// kindTotal counts benign rows or attacks.
func (s *sample) kindTotal(kind int) (n float64) {
	for _, classes := range s.byClass {
		for class, rows := range classes {
			if min(class, 1) == kind {
				n += float64(rows)
			}
		}
	}
	return max(n, 1)
}

// time asks what the moment alone says: in each capture that has both kinds,
// the best window of time for attacks.
func (s *sample) time() Check {
	c := Check{Name: "time", Verdict: Pass}
	rows := map[int32][]int{}
	for i, k := range s.capture {
		rows[k] = append(rows[k], i)
	}
	judged, sum, apart := 0, 0.0, 0
	for k := range s.byClass {
		list := rows[int32(k)]
		if len(list) < leastRows || !s.bothKinds(list) {
			continue
		}
		judged++
		b := s.bestWindow(list)
		sum += b
		if b >= warnBalanced {
			apart++
		}
	}
	what := "time"
	if !s.in.timed {
		what = "the order of rows"
	}
	switch {
	case judged == 0:
		c.found(Pass, "No capture has enough rows of both kinds to compare their moments.")
	case apart*2 >= judged:
		c.found(Warn, "In %d of %d captures a window of %s alone tells attacks from benign rows with a balanced accuracy of %.0f %% or more: a feature that drifts with time passes for detection.", apart, judged, what, 100*warnBalanced)
	default:
		c.found(Pass, "A window of %s tells attacks from benign rows with a mean balanced accuracy of %.0f %% over %d captures.", what, 100*sum/float64(judged), judged)
	}
	return c
}

// bestWindow is the balanced accuracy of the best window of time: the
// greatest sum of a run of rows, attacks counting 1/attacks each and benign
// rows −1/benign (Kadane's algorithm).
func (s *sample) bestWindow(rows []int) float64 {
	slices.SortStableFunc(rows, func(a, b int) int { return cmp.Compare(s.start[a], s.start[b]) })
	var n [2]float64
	for _, i := range rows {
		n[min(s.class[i], 1)]++
	}
	best, run := 0.0, 0.0
	for k := 0; k < len(rows); {
		at := s.start[rows[k]]
		for ; k < len(rows) && s.start[rows[k]] == at; k++ {
			if s.attack(rows[k]) {
				run += 1 / n[1]
			} else {
				run -= 1 / n[0]
			}
		}
		run = max(run, 0)
		best = max(best, run)
	}
	return (1 + best) / 2
}
