package metrics

import (
	"cmp"
	"slices"
)

// Slot is a stretch of a detector's time.
type Slot struct {
	Start       int64 `json:"start_ns"` // of its first row, since 1970-01-01 UTC
	End         int64 `json:"end_ns"`   // start of its last row
	Benign      int   `json:"benign"`
	FalseAlerts int   `json:"false_alerts"`
	Attacks     int   `json:"attacks"`
	Detected    int   `json:"detected"`
	Recall      Value `json:"recall"`
	FPR         Value `json:"fpr"`
}

// Timeline cuts rows in the order of their start into at most n slots of
// about equally many, and counts alerts in each. Slots of equal length would
// be empty where captures lie days apart. Rows of one start are in one slot.
func Timeline(start []int64, threshold float32, scores []float32, attack []bool, n int) []Slot {
	order := make([]int32, len(start))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(start[a], start[b]) })
	var out []Slot
	share := -1 // of the n, that the slot began in
	for k, i := range order {
		if now := k * n / len(order); now != share && (k == 0 || start[i] != start[order[k-1]]) {
			out, share = append(out, Slot{Start: start[i]}), now
		}
		s := &out[len(out)-1]
		s.End = start[i]
		called := scores[i] >= threshold
		switch {
		case attack[i] && called:
			s.Attacks, s.Detected = s.Attacks+1, s.Detected+1
		case attack[i]:
			s.Attacks++
		case called:
			s.Benign, s.FalseAlerts = s.Benign+1, s.FalseAlerts+1
		default:
			s.Benign++
		}
	}
	for i := range out {
		s := &out[i]
		s.Recall, s.FPR = Ratio(s.Detected, s.Attacks), Ratio(s.FalseAlerts, s.Benign)
	}
	return out
}
