package train

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/train/baseline"
	"github.com/pcapline/pcapline/train/internal/blas"
)

// Data is rows to learn from and to be judged on. Class and Part have one
// element a row. Purged rows are never read.
type Data struct {
	X       *features.Matrix
	Class   []int32 // index into Classes
	Part    []features.Part
	Classes []string
	Benign  int // index of the benign class

	Capture  []int32  // index into Captures, for figures by capture; nil without
	Captures []string // names

	KeepConstant bool // take columns that have one value in all training rows, which teach nothing

	Start        []int64  // of each row, ns since 1970-01-01 UTC, for figures over time; nil without
	Conversation []int32  // of each row, for intervals; nil: each row is one of its own
	Sources      []string // the table's column that each feature was made of; nil: each is one of its own
}

// check finds what would train a useless model or crash later. Values and
// classes of purged rows are not looked at.
func (d *Data) check() error {
	if d.X == nil || d.X.Rows == 0 {
		return errors.New("the dataset has no rows")
	}
	cols := d.X.Cols()
	if cols == 0 {
		return errors.New("the dataset has no feature columns")
	}
	n := d.X.Rows
	if len(d.X.Data) != n*cols || len(d.Class) != n || len(d.Part) != n || (d.Capture != nil && len(d.Capture) != n) {
		return fmt.Errorf("the dataset has %d rows of %d columns, but %d values, %d classes, %d parts, %d captures",
			n, cols, len(d.X.Data), len(d.Class), len(d.Part), len(d.Capture))
	}
	if d.Start != nil && len(d.Start) != n || d.Conversation != nil && len(d.Conversation) != n || d.Sources != nil && len(d.Sources) != cols {
		return fmt.Errorf("the dataset has %d rows of %d columns, but %d starts, %d conversations, sources of %d columns",
			n, cols, len(d.Start), len(d.Conversation), len(d.Sources))
	}
	if err := checkNames("class", d.Classes); err != nil {
		return err
	}
	if err := checkNames("feature column", d.X.Names); err != nil {
		return err
	}
	if err := checkBenign(d.Classes, d.Benign); err != nil {
		return err
	}
	for i, p := range d.Part {
		if p == features.Purged {
			continue
		}
		if c := d.Class[i]; c < 0 || int(c) >= len(d.Classes) {
			return fmt.Errorf("row %d: class %d of %d", i, c, len(d.Classes))
		}
		if d.Capture != nil && (d.Capture[i] < 0 || int(d.Capture[i]) >= len(d.Captures)) {
			return fmt.Errorf("row %d: capture %d of %d", i, d.Capture[i], len(d.Captures))
		}
		if err := checkRow(d.X.Row(i), i, d.X.Names); err != nil {
			return err
		}
	}
	return nil
}

func checkBenign(classes []string, benign int) error {
	if len(classes) < 2 || benign < 0 || benign >= len(classes) {
		return fmt.Errorf("the dataset has %d classes and benign is number %d: there must be two, and benign one of them", len(classes), benign)
	}
	return nil
}

func checkNames(what string, names []string) error {
	seen := make(map[string]bool, len(names))
	for _, n := range names {
		if n == "" || seen[n] {
			return fmt.Errorf("%s %q is empty or there twice", what, n)
		}
		seen[n] = true
	}
	return nil
}

// checkRow names the first value that is not finite.
func checkRow(row []float32, number int, names []string) error {
	if blas.Best().Finite(row) {
		return nil
	}
	for j, v := range row {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("row %d, column %s: %v is not a finite number", number, names[j], v)
		}
	}
	return nil
}

// rows lists the rows of a part.
func (d *Data) rows(p features.Part) []int32 {
	var out []int32
	for i, q := range d.Part {
		if p == q {
			out = append(out, int32(i))
		}
	}
	return out
}

// part is one part of the data, packed.
type part struct {
	n       int
	x       []float32
	class   []int32
	attack  []bool
	attacks int
	capture []int32 // nil without
	start   []int64 // nil without
	talk    []int32 // conversation; nil without
}

// each visits the rows, all at once.
func (p *part) each(visit func(x []float32, class []int32) error) error { return visit(p.x, p.class) }

// pack copies the rows of p together.
func (d *Data) pack(p features.Part) *part { return d.packRows(d.rows(p)) }

// packRows copies rows together.
func (d *Data) packRows(rows []int32) *part {
	cols := d.X.Cols()
	out := &part{n: len(rows), x: make([]float32, len(rows)*cols), class: make([]int32, len(rows)), attack: make([]bool, len(rows))}
	for i, r := range rows {
		copy(out.x[i*cols:], d.X.Row(int(r)))
		out.class[i] = d.Class[r]
		out.attack[i] = int(d.Class[r]) != d.Benign
		if out.attack[i] {
			out.attacks++
		}
	}
	out.capture, out.start, out.talk = pick(d.Capture, rows), pick(d.Start, rows), pick(d.Conversation, rows)
	return out
}

// pick takes the elements of rows; nil without any.
func pick[T any](from []T, rows []int32) []T {
	if from == nil {
		return nil
	}
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = from[r]
	}
	return out
}

// checkTraining asks that there is something to learn, and that each column
// can help: a constant one cannot, and shows that the dataset was not
// prepared from these training rows.
func (s *summary) checkTraining(names []string, benign int, keepConstant bool) error {
	if s.rows == 0 {
		return errors.New("the dataset has no training rows")
	}
	if n := s.classes[benign]; n == 0 || n == s.rows {
		kind := "benign"
		if n == 0 {
			kind = "attacks"
		}
		return fmt.Errorf("all %d training rows are %s: there is nothing to tell apart", s.rows, kind)
	}
	if keepConstant {
		return nil
	}
	var constant []string
	for j, v := range s.varies {
		if !v {
			constant = append(constant, names[j])
		}
	}
	if len(constant) > 0 {
		return &ConstantError{Columns: constant}
	}
	return nil
}

// ConstantError names feature columns that have one value in all training
// rows.
type ConstantError struct{ Columns []string }

func (e *ConstantError) Error() string {
	return fmt.Sprintf("constant in all training rows, so drop from the dataset: %s", strings.Join(e.Columns, ", "))
}

// baselineSet shares the memory of p.
func (d *Data) baselineSet(p *part) baseline.Set {
	return baseline.Set{X: p.x, Cols: d.X.Cols(), Names: d.X.Names, Attack: p.attack}
}
