package metrics

import (
	"fmt"
	"iter"
	"math"
	"slices"
)

// Tally keeps what the areas and the threshold need of scored rows: four bytes
// a row, where [Rank] takes about fifty. The figures are the same to the bit.
type Tally struct {
	keys            []uint32 // the score's bits, then whether the row is an attack: in the order of the scores
	attacks, benign int
	sorted          bool
}

// NewTally makes room for so many rows.
func NewTally(rows int) *Tally { return &Tally{keys: make([]uint32, 0, rows)} }

// Reset forgets the rows and keeps the room.
func (t *Tally) Reset() { *t = Tally{keys: t.keys[:0]} }

// Add notes the scores of rows. Scores are between 0 and 1.
func (t *Tally) Add(scores []float32, attack func(row int) bool) error {
	t.sorted = false
	for i, s := range scores {
		if !(s >= 0 && s <= 1) {
			return fmt.Errorf("the score of row %d is %v, not between 0 and 1", len(t.keys), s)
		}
		key := math.Float32bits(s+0) << 1 // −0 + 0 is 0; the sign's bit is free
		if attack(i) {
			key |= 1
			t.attacks++
		} else {
			t.benign++
		}
		t.keys = append(t.keys, key)
	}
	return nil
}

// steps are those of the scores, from the highest down.
func (t *Tally) steps() iter.Seq[step] {
	if !t.sorted {
		slices.Sort(t.keys)
		t.sorted = true
	}
	return func(yield func(step) bool) {
		var s step
		for i := len(t.keys) - 1; i >= 0; i-- {
			if t.keys[i]&1 == 1 {
				s.pos++
				s.tp++
			} else {
				s.neg++
				s.fp++
			}
			if i > 0 && t.keys[i-1]>>1 == t.keys[i]>>1 {
				continue
			}
			s.score = math.Float32frombits(t.keys[i] >> 1)
			if !yield(s) {
				return
			}
			s.pos, s.neg = 0, 0
		}
	}
}

// Areas are [Ranking.AveragePrecision] and [Ranking.ROCAUC].
func (t *Tally) Areas() (averagePrecision, rocAUC Value) {
	var pr prArea
	var roc rocArea
	for s := range t.steps() {
		pr.step(float64(s.pos), float64(s.neg))
		roc.step(float64(s.pos), float64(s.neg))
	}
	return pr.value(), roc.value()
}

// Benign is the number of benign rows.
func (t *Tally) Benign() int { return t.benign }

// Threshold is [Ranking.Threshold].
func (t *Tally) Threshold(fpr float64) (float32, error) { return threshold(t.steps(), t.benign, fpr) }
