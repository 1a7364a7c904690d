package audit

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/pcapline/pcapline/features"
)

const (
	bayesBins  = 16
	deals      = 9    // of labels, over which controls are averaged
	blockLimit = 0.65 // AUC of labels drawn for recordings
)

// bayes is naive Bayes on binned columns: simple, closed, and strong enough to
// remember what single columns give away.
type bayes struct {
	code [][]uint8 // by column, of each row of the sample
}

// newBayes bins the features by the training rows.
func (s *sample) newBayes() *bayes {
	b := new(bayes)
	for c := range s.values {
		info := s.in.columns[c]
		if !info.used || len(s.train) == 0 {
			continue
		}
		b.code = append(b.code, s.codes(c))
	}
	return b
}

func (s *sample) codes(c int) []uint8 {
	v, code := s.values[c], make([]uint8, len(s.class))
	if s.in.columns[c].text {
		for i := range code {
			code[i] = uint8(features.Mix(uint64(int64(key(v[i])))) % bayesBins)
		}
		return code
	}
	var there []int
	for _, i := range s.train {
		if v[i] == v[i] {
			there = append(there, i)
		}
	}
	if len(there) == 0 {
		return code
	}
	edges := features.SpreadOf(len(there), func(k int) float32 { return v[there[k]] }, func(int) bool { return false }).Bins(bayesBins - 1)
	for i := range code {
		if v[i] == v[i] {
			code[i] = uint8(1 + sort.Search(len(edges), func(e int) bool { return v[i] <= edges[e] }))
		}
	}
	return code
}

// auc learns labels on the training rows and says how well they are found on
// held-out rows.
func (s *sample) auc(b *bayes, label []bool) float64 {
	score := make([]float32, len(s.test))
	for _, code := range b.code {
		var n [2][bayesBins + 1]float64
		var all [2]float64
		for _, i := range s.train {
			k := 0
			if label[i] {
				k = 1
			}
			n[k][code[i]]++
			all[k]++
		}
		var weight [bayesBins + 1]float32
		for v := range weight {
			weight[v] = float32(math.Log((n[1][v]+1)/(all[1]+bayesBins)) - math.Log((n[0][v]+1)/(all[0]+bayesBins)))
		}
		for k, i := range s.test {
			score[k] += weight[code[i]]
		}
	}
	return features.SpreadOf(len(score), func(k int) float32 { return score[k] }, func(k int) bool { return label[s.test[k]] }).AUC()
}

// shuffledLabels draws labels row by row: nothing can be learned, so what
// is found on held-out rows shows how far chance goes, and more than that
// would be a fault of the audit or of the data's order.
func (s *sample) shuffledLabels() Check {
	c := Check{Name: "shuffled_labels", Verdict: Pass}
	if len(s.train) < leastRows || len(s.test) < leastRows {
		c.found(Pass, "Too few rows to say: %d for training, %d held out.", len(s.train), len(s.test))
		return c
	}
	b := s.newBayes()
	label := make([]bool, len(s.class))
	attacks, sum := 0, 0.0
	for d := range deals {
		attacks = 0
		for i := range label {
			label[i] = features.Mix(features.Mix(uint64(d)+1)^features.Mix(uint64(i)))&1 == 1
		}
		for _, i := range s.test {
			if label[i] {
				attacks++
			}
		}
		sum += s.auc(b, label)
	}
	auc, n, m := sum/deals, float64(attacks), float64(len(s.test)-attacks)
	chance := 4 * math.Sqrt((n+m+1)/(12*n*m)/deals) // of the mean of Mann and Whitney's statistic
	if math.Abs(auc-0.5) > chance {
		c.found(Fail, "A model finds labels that were drawn by dice on held-out rows (AUC %.3f, chance is 0.5 ± %.3f): the parts are not independent.", auc, chance)
		return c
	}
	c.found(Pass, "Labels drawn by dice are found no better than by chance (AUC %.3f, chance is 0.5 ± %.3f).", auc, chance)
	return c
}

// shuffledBlocks draws one label for each class of each capture. A model can
// find such labels on held-out rows only by recognising the recording.
func (s *sample) shuffledBlocks() Check {
	c := Check{Name: "shuffled_blocks", Verdict: Pass}
	type recording struct{ capture, class int32 }
	index := map[recording]int{}
	var of []int
	for i := range s.class {
		k := recording{s.capture[i], s.class[i]}
		if _, known := index[k]; !known {
			index[k] = len(index)
		}
		of = append(of, index[k])
	}
	if len(index) < 4 || len(s.train) < leastRows || len(s.test) < leastRows {
		c.found(Pass, "Too few recordings to say: %d.", len(index))
		return c
	}
	b := s.newBayes()
	sum := 0.0
	for d := range deals {
		drawn := deal(len(index), uint64(d))
		label := make([]bool, len(of))
		for i, k := range of {
			label[i] = drawn[k]
		}
		sum += s.auc(b, label)
	}
	switch auc := sum / deals; {
	case auc > blockLimit:
		c.found(Warn, "A model that is taught labels drawn for whole recordings finds them on held-out rows (AUC %.2f): the parts share recordings, so figures say how well these recordings are known, not how well others will be.", auc)
	default:
		c.found(Pass, "Labels drawn for whole recordings are not found on held-out rows (AUC %.2f).", auc)
	}
	return c
}

// deal gives half of n things the label.
func deal(n int, seed uint64) []bool {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	place := func(i int) uint64 { return features.Mix(features.Mix(seed+100) ^ features.Mix(uint64(i))) }
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(place(a), place(b)) })
	out := make([]bool, n)
	for k, i := range order {
		out[i] = k%2 == 1
	}
	return out
}
