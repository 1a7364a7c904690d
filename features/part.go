package features

import "fmt"

// Part is what a row is used for.
type Part uint8

// The parts. Purged rows are in none of the others: they lie on a border.
const (
	Train Part = iota
	Valid
	Test
	Purged
)

var partNames = [...]string{"train", "valid", "test", "purged"}

// Parts are the parts in order.
var Parts = [...]Part{Train, Valid, Test, Purged}

// String gives the part as the column split has it.
func (p Part) String() string { return partNames[p] }

// ParsePart is the inverse of [Part.String].
func ParsePart(s string) (Part, error) {
	for i, n := range partNames {
		if n == s {
			return Part(i), nil
		}
	}
	return 0, fmt.Errorf("%q is none of train, valid, test, purged", s)
}

// MarshalText gives the part's name.
func (p Part) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (p *Part) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePart(string(text))
	return err
}

// TrainingRows are the rows that may be learned from. Only a split makes them,
// so that nothing is fitted on rows which are to be scored.
type TrainingRows struct{ rows []int }

// Training picks the training rows of a split.
func Training(parts []Part) TrainingRows {
	var t TrainingRows
	for i, p := range parts {
		if p == Train {
			t.rows = append(t.rows, i)
		}
	}
	return t
}

// Len is how many rows there are.
func (t TrainingRows) Len() int { return len(t.rows) }

// Rows are their indices, ascending.
func (t TrainingRows) Rows() []int { return append([]int(nil), t.rows...) }
