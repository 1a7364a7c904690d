package metrics

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// Ranking is a set of scored rows, from the highest score down. Rows of equal
// score form one step, since no threshold tells them apart.
type Ranking struct {
	Attacks, Benign int
	steps           []step
	row             []int32 // the step of each row
}

// step counts the rows of one score.
type step struct {
	score  float32
	pos    int32 // attacks
	neg    int32 // benign rows
	tp, fp int   // of all rows with this score or a higher one
}

// Rank sorts scored rows. Scores must not be NaN.
func Rank(scores []float32, attack []bool) (*Ranking, error) {
	if len(scores) != len(attack) {
		return nil, fmt.Errorf("%d scores for %d rows", len(scores), len(attack))
	}
	if len(scores) == 0 {
		return nil, errors.New("no rows to evaluate")
	}
	order := make([]int32, len(scores))
	for i, s := range scores {
		if s != s {
			return nil, fmt.Errorf("the score of row %d is NaN", i)
		}
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		switch {
		case scores[a] > scores[b]:
			return -1
		case scores[a] < scores[b]:
			return 1
		}
		return 0
	})
	r := &Ranking{row: make([]int32, len(scores))}
	for _, i := range order {
		if n := len(r.steps); n == 0 || r.steps[n-1].score != scores[i] {
			r.steps = append(r.steps, step{score: scores[i]})
		}
		r.row[i] = int32(len(r.steps) - 1)
		s := &r.steps[len(r.steps)-1]
		if attack[i] {
			s.pos++
			r.Attacks++
		} else {
			s.neg++
			r.Benign++
		}
		s.tp, s.fp = r.Attacks, r.Benign
	}
	return r, nil
}

// ROCAUC is the area under the ROC curve by the trapezoidal rule: the chance
// that an attack scores higher than a benign row, ties counting half. It is
// undefined without attacks or without benign rows.
func (r *Ranking) ROCAUC() Value {
	return r.rocAUC(func(i int) (float64, float64) {
		return float64(r.steps[i].pos), float64(r.steps[i].neg)
	})
}

// AveragePrecision is the area under the precision-recall curve as a sum of
// steps, Σ (Rᵢ − Rᵢ₋₁)·Pᵢ, which unlike the trapezoidal rule is not
// optimistic. It is undefined without attacks.
func (r *Ranking) AveragePrecision() Value {
	return r.averagePrecision(func(i int) (float64, float64) {
		return float64(r.steps[i].pos), float64(r.steps[i].neg)
	})
}

// counts gives the attacks and benign rows of a step: the real ones or a
// resample's.
type counts func(i int) (pos, neg float64)

func (r *Ranking) rocAUC(c counts) Value {
	var a rocArea
	for i := range r.steps {
		a.step(c(i))
	}
	return a.value()
}

func (r *Ranking) averagePrecision(c counts) Value {
	var a prArea
	for i := range r.steps {
		a.step(c(i))
	}
	return a.value()
}

// rocArea adds the area up, step by step.
type rocArea struct{ tp, fp, area float64 }

func (a *rocArea) step(pos, neg float64) {
	a.area += neg * (a.tp + pos/2)
	a.tp += pos
	a.fp += neg
}

func (a *rocArea) value() Value {
	if a.tp == 0 || a.fp == 0 {
		return Undefined()
	}
	return Value(a.area / (a.tp * a.fp))
}

// prArea adds the area up, step by step.
type prArea struct{ tp, fp, sum float64 }

func (a *prArea) step(pos, neg float64) {
	a.tp += pos
	a.fp += neg
	if pos > 0 {
		a.sum += pos * a.tp / (a.tp + a.fp)
	}
}

func (a *prArea) value() Value {
	if a.tp == 0 {
		return Undefined()
	}
	return Value(a.sum / a.tp)
}

// Threshold is the lowest score at which at most the share fpr of the benign
// rows are called attacks, and so the one of the highest recall. When even
// the highest score has too many of them it is above every score. It is an
// error to ask without benign rows.
func (r *Ranking) Threshold(fpr float64) (float32, error) {
	return threshold(slices.Values(r.steps), r.Benign, fpr)
}

func threshold(steps iter.Seq[step], benign int, fpr float64) (t float32, err error) {
	if benign == 0 {
		return 0, errors.New("no benign rows to choose a threshold on")
	}
	first := true
	for s := range steps {
		if first {
			t, first = math.Nextafter32(s.score, float32(math.Inf(1))), false
		}
		if float64(s.fp) > fpr*float64(benign) {
			break
		}
		t = s.score
	}
	return t, nil
}

// RecallAt is the highest recall with a false-positive rate of at most fpr.
func (r *Ranking) RecallAt(fpr float64) Value {
	if r.Benign == 0 {
		return Undefined()
	}
	tp := 0
	for _, s := range r.steps {
		if float64(s.fp) > fpr*float64(r.Benign) {
			break
		}
		tp = s.tp
	}
	return Ratio(tp, r.Attacks)
}

// Point is one threshold of a curve.
type Point struct {
	Threshold Value `json:"threshold"`
	FPR       Value `json:"fpr"`
	Recall    Value `json:"recall"`
	Precision Value `json:"precision"`
}

// Curve returns the ROC and the precision-recall curve as points of falling
// threshold. When there are more than limit steps (limit > 1), those are kept
// that lie at least 1/limit away in recall or false-positive rate, and the
// ends; the areas are always computed from all.
func (r *Ranking) Curve(limit int) []Point {
	var out []Point
	lastTP, lastFP := 0, 0
	for i, s := range r.steps {
		far := (s.tp-lastTP)*limit >= r.Attacks || (s.fp-lastFP)*limit >= r.Benign
		if len(r.steps) > limit && i > 0 && i < len(r.steps)-1 && !far {
			continue
		}
		lastTP, lastFP = s.tp, s.fp
		out = append(out, Point{
			Threshold: Value(s.score), FPR: Ratio(s.fp, r.Benign),
			Recall: Ratio(s.tp, r.Attacks), Precision: Ratio(s.tp, s.tp+s.fp),
		})
	}
	return out
}

// Shuffle puts the indices 0 to n−1 in a random order given by the source
// alone (Fisher and Yates), by a rule that no library version changes.
func Shuffle(src rand.Source, order []int32) {
	for i := range order {
		order[i] = int32(i)
	}
	for i := len(order) - 1; i > 0; i-- {
		j, _ := bits.Mul64(src.Uint64(), uint64(i+1))
		order[i], order[j] = order[j], order[i]
	}
}
