package audit

import (
	"context"
	"math"
	"slices"

	"github.com/pcapline/pcapline/features"
)

const (
	nearRows  = 300  // held-out rows whose nearest training row is looked for
	nearTrain = 8192 // training rows among which it is looked for
	nearShare = 0.95 // of the features' bins, for two rows to be near
	warnNear  = 0.5  // of the held-out rows that are near one
	failSame  = 0.01 // of the held-out rows
	warnSame  = 0.2  // of the rows of a table, in a random half
	warnPair  = 0.05 // of the rows of a table
)

// twins counts rows that are the same as others in all features.
type twins struct {
	held     int64   // held-out rows
	same     int64   // of them, those that equal a training row
	near     float64 // share of them that nearly equal a training row, by the sample
	adjacent int64   // rows that equal the row before them
	rows     int64
}

// rowHashes are the hashes of rows by part.
type rowHashes struct {
	train, held []uint64
}

// findTwins reads all rows. Columns that count rows are left out: with them,
// no two rows would be equal.
func findTwins(ctx context.Context, in *input, s *sample) (*twins, error) {
	t := new(twins)
	var use []int
	for c := range in.columns {
		if in.columns[c].used && in.columns[c].names != "the row's number" {
			use = append(use, c)
		}
	}
	hashes := new(rowHashes)
	before := uint64(0)
	err := in.each(ctx, func(b *block) error {
		for i := range b.n {
			h := uint64(1)
			for _, c := range use {
				h = step(h, math.Float64bits(b.values[c][i]))
			}
			hashes.add(b.part[i], h)
			if t.rows > 0 && h == before {
				t.adjacent++
			}
			before = h
			t.rows++
		}
		return nil
	})
	t.held = int64(len(hashes.held))
	t.same, t.near = hashes.met(), s.nearMet()
	return t, err
}

// nearMet is the share of held-out rows for which a training row lies in the
// same bin in nearly all features.
func (s *sample) nearMet() float64 {
	b := s.newBayes()
	if len(b.code) == 0 || len(s.train) == 0 || len(s.test) == 0 {
		return 0
	}
	train, test := thin(s.train, nearTrain), thin(s.test, nearRows)
	differ := int((1 - nearShare) * float64(len(b.code)))
	near := 0
	packed := b.rows(train)
	for _, i := range test {
		row := b.rows([]int{i})[0]
		if slices.ContainsFunc(packed, func(t []uint8) bool { return differing(row, t, differ) <= differ }) {
			near++
		}
	}
	return float64(near) / float64(len(test))
}

// thin takes about n of a list, evenly.
func thin(list []int, n int) []int {
	var out []int
	for i := 0; i < len(list); i += 1 + len(list)/n {
		out = append(out, list[i])
	}
	return out
}

// rows gives the codes of rows, one behind another.
func (b *bayes) rows(rows []int) [][]uint8 {
	out := make([][]uint8, len(rows))
	for k, i := range rows {
		out[k] = make([]uint8, len(b.code))
		for c, code := range b.code {
			out[k][c] = code[i]
		}
	}
	return out
}

// differing counts where two rows differ, up to one more than the limit.
func differing(a, b []uint8, limit int) (n int) {
	for i := range a {
		if a[i] != b[i] {
			if n++; n > limit {
				break
			}
		}
	}
	return n
}

func step(h, v uint64) uint64 {
	h = (h ^ v) * 0x9e3779b97f4a7c15
	return h ^ h>>32
}

func (h *rowHashes) add(p features.Part, x uint64) {
	switch p {
	case features.Train:
		h.train = append(h.train, x)
	case features.Test:
		h.held = append(h.held, x)
	}
}

// met counts held-out rows that a training row has the hash of.
func (h *rowHashes) met() (n int64) {
	slices.Sort(h.train)
	for _, x := range h.held {
		if _, found := slices.BinarySearch(h.train, x); found {
			n++
		}
	}
	return n
}

func (t *twins) check(in *input) Check {
	c := Check{Name: "duplicates", Verdict: Pass}
	share := func(n, of int64) float64 { return 100 * float64(n) / float64(max(of, 1)) }
	if in.prepared {
		switch same := share(t.same, t.held); {
		case same >= 100*failSame:
			c.found(Fail, "%d of %d held-out rows (%.1f %%) equal a training row in all features: they are remembered.", t.same, t.held, same)
		case t.same > 0:
			c.found(Warn, "%d of %d held-out rows equal a training row in all features.", t.same, t.held)
		default:
			c.found(Pass, "No held-out row equals a training row.")
		}
		c.found(severityIf(t.near >= warnNear), "For %.0f %% of the held-out rows a training row lies in the same one of %d bins in %.0f %% of the features: they were nearly met in training.", 100*t.near, bayesBins, 100*nearShare)
		return c
	}
	if pairs := share(t.adjacent, t.rows); pairs >= 100*warnPair {
		c.found(Warn, "%d of %d rows (%.0f %%) equal the row before them in all columns but the row's number: packets recorded twice, as loopback interfaces do, end up on both sides of a random split.", t.adjacent, t.rows, pairs)
	}
	if same := share(t.same, t.held); same >= 100*warnSame {
		c.found(Warn, "A random half of the rows equals a row of the other half in %.0f %% of the cases: a random split tests memory.", same)
	}
	if c.Verdict == Pass {
		c.found(Pass, "%.1f %% of the rows equal another in all columns.", share(t.same, t.held))
	}
	return c
}

func severityIf(warn bool) Verdict {
	if warn {
		return Warn
	}
	return Pass
}
