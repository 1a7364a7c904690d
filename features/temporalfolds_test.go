package features

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// Rows of ten seconds each in two captures; in the first, every fifth begins
// early enough to lie on each cut, and two rows far apart are one flow.
func TestTemporalFolds(t *testing.T) {
	const second = int64(time.Second)
	var rows []Position
	for i := range 240 {
		p := Position{Start: int64(i/2) * 10 * second, Capture: int32(i % 2)}
		p.End = p.Start + 9*second
		rows = append(rows, p)
	}
	rows[0].Group, rows[200].Group = 7, 7 // 0 to 1009 s in capture 0
	folds, err := TemporalFolds(rows, 2, 3, 15*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if len(folds) != 3 {
		t.Fatalf("%d folds", len(folds))
	}
	trained := 0
	for f, parts := range folds {
		var last, first [2]int64
		first = [2]int64{1 << 62, 1 << 62}
		n := map[Part]int{}
		for i, p := range parts {
			c := rows[i].Capture
			n[p]++
			switch p {
			case Train:
				last[c] = max(last[c], rows[i].End)
			case Valid:
				first[c] = min(first[c], rows[i].Start)
			case Test:
				t.Fatalf("fold %d has test rows", f)
			}
		}
		for c := range last {
			if first[c]-last[c] < 10*second {
				t.Errorf("fold %d, capture %d: training ends at %d, validation begins at %d", f, c, last[c]/second, first[c]/second)
			}
		}
		if parts[0] != parts[200] || parts[0] != Purged {
			t.Errorf("fold %d: a flow over all cuts is in %s and %s", f, parts[0], parts[200])
		}
		if n[Train] <= trained || n[Valid] < 50 || n[Valid] > 60 {
			t.Errorf("fold %d: %v", f, n)
		}
		trained = n[Train]
	}
	if !slices.Equal(folds[2][238:], []Part{Valid, Valid}) {
		t.Error("the last rows are in no validation part")
	}
	if _, err := TemporalFolds(rows, 2, 1, 0); err == nil || !strings.Contains(err.Error(), "2 to 255") {
		t.Error(err)
	}
	// Captures of one row, or of rows that all begin together, are cut all the same.
	same := []Position{{Capture: 0}, {Capture: 1}, {Capture: 1}, {Capture: 1}}
	if folds, err = TemporalFolds(same, 3, 2, 0); err != nil || len(folds) != 2 {
		t.Errorf("%v, %v", folds, err)
	}
}
