package features

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Kind is a way to split.
type Kind string

// The ways to split. In all of them rows of one flow stay together or are
// purged.
const (
	// ByTime cuts every capture twice: training before validation before test.
	ByTime Kind = "time"
	// ByStart is ByTime, but a row on a cut is in the part in which it begins.
	// Attacks whose flows all overlap (slowloris) can only be tested on so;
	// training rows may then end after test rows begin, and it warns of it.
	ByStart Kind = "start"
	// ByFlow deals whole flows out, the same share of each capture and class.
	ByFlow Kind = "flow"
	// ByCapture deals whole captures out.
	ByCapture Kind = "capture"
	// ByClass is ByTime, but one attack class is in the test part alone, with
	// the benign test rows: does the model find what it has never seen?
	ByClass Kind = "class"
	// Random deals whole flows out regardless of capture and class. It tells
	// how well a model remembers a recording, not how well it will do, and
	// warns of it.
	Random Kind = "random"
)

// SplitSpec says how to split. The zero value is the default: by time,
// 60 % training, 20 % validation, 20 % test.
type SplitSpec struct {
	Kind    Kind          `json:"kind"`
	Train   float64       `json:"train"`   // shares; all zero: 0.6, 0.2, 0.2
	Valid   float64       `json:"valid"`   //
	Test    float64       `json:"test"`    //
	Gap     time.Duration `json:"gap_ns"`  // after each cut nothing is used for so long; 0: [DefaultGap]; negative: none
	Seed    uint64        `json:"seed"`    // of ByFlow, ByCapture and Random
	Holdout string        `json:"holdout"` // the class that ByClass keeps for the test
}

// Position is where a row is. A split sees nothing else of it.
type Position struct {
	Start, End int64  // ns; both of them in the row
	Group      uint64 // rows of one capture with the same group stay together; 0: the row is alone
	Capture    int32  // index of the capture
	Class      int32  // index of the class; 0 is benign
}

// Split is a spec applied to rows.
type Split struct {
	Spec     SplitSpec `json:"spec"`     // with the defaults filled in
	Cuts     []Cut     `json:"cuts"`     // of ByTime, ByStart and ByClass, by capture
	Warnings []string  `json:"warnings"` // what a reader of the figures should know
	Parts    []Part    `json:"-"`        // of each row
}

// Cut is where a capture was cut.
type Cut struct {
	Capture string `json:"capture"`
	Valid   int64  `json:"valid_ns"` // training rows end before it
	Test    int64  `json:"test_ns"`  // validation rows end before it
}

// withDefaults fills in and checks.
func (s SplitSpec) withDefaults(classes []string) (SplitSpec, error) {
	if s.Kind == "" {
		s.Kind = ByTime
	}
	if s.Train == 0 && s.Valid == 0 && s.Test == 0 {
		s.Train, s.Valid, s.Test = 0.6, 0.2, 0.2
	}
	if s.Gap == 0 {
		s.Gap = DefaultGap
	}
	s.Gap = max(s.Gap, 0)
	sum := s.Train + s.Valid + s.Test
	if s.Train <= 0 || s.Valid < 0 || s.Test < 0 || sum < 0.999 || sum > 1.001 {
		return s, fmt.Errorf("split %g/%g/%g: shares must not be negative and add up to 1, with some training", s.Train, s.Valid, s.Test)
	}
	switch s.Kind {
	case ByTime, ByStart, ByFlow, ByCapture, Random:
		if s.Holdout != "" {
			return s, fmt.Errorf("split %s holds no class out: ask for the split class", s.Kind)
		}
	case ByClass:
		if i := slices.Index(classes, s.Holdout); i < 1 {
			return s, fmt.Errorf("split class: %q is none of the attack classes %v", s.Holdout, classes[min(1, len(classes)):])
		}
	default:
		return s, s.Kind.Check()
	}
	return s, nil
}

// Assign splits the rows. classes and captures are the names that the
// positions' indices stand for; class 0 is benign.
func (s SplitSpec) Assign(rows []Position, classes, captures []string) (*Split, error) {
	if len(rows) == 0 {
		return nil, errors.New("split: there are no rows")
	}
	spec, err := s.withDefaults(classes)
	if err != nil {
		return nil, err
	}
	sp := &Split{Spec: spec, Parts: make([]Part, len(rows)), Cuts: []Cut{}, Warnings: []string{}}
	units, of := unitsOf(rows, len(captures))
	switch spec.Kind {
	case ByStart:
		for c := range units {
			for i := range units[c] {
				units[c][i].end = units[c][i].start
			}
		}
		sp.byTime(units, classes, captures)
	case ByTime, ByClass:
		sp.byTime(units, classes, captures)
	case ByCapture:
		sp.byCapture(units)
	default:
		sp.byFlow(units)
	}
	for i := range rows {
		sp.Parts[i] = units[rows[i].Capture][of[i]].part
	}
	if spec.Kind == ByClass {
		sp.holdOut(rows, int32(slices.Index(classes, spec.Holdout)))
	}
	sp.warn(rows, classes)
	return sp, nil
}

// unit is some rows of a capture that stay together.
type unit struct {
	start, end int64
	order      uint64 // of its capture and first row: tells units apart
	class      int32  // of the first row that is no benign one, else 0
	rows       int32
	part       Part
}

// unitsOf gathers the units of each capture, in the order of their first
// rows, and gives each row's unit as an index into those of its capture.
func unitsOf(rows []Position, captures int) (units [][]unit, of []int32) {
	units, of = make([][]unit, captures), make([]int32, len(rows))
	type key struct {
		capture int32
		group   uint64
	}
	at := make(map[key]int32)
	for i := range rows {
		p := &rows[i]
		list := &units[p.Capture]
		k := key{p.Capture, p.Group}
		j, known := at[k]
		if p.Group == 0 || !known {
			j = int32(len(*list))
			*list = append(*list, unit{
				start: p.Start, end: p.End, class: p.Class,
				order: uint64(p.Capture)<<32 | uint64(j),
			})
			if p.Group != 0 {
				at[k] = j
			}
		}
		u := &(*list)[j]
		u.start, u.end = min(u.start, p.Start), max(u.end, p.End)
		if u.class == 0 {
			u.class = p.Class
		}
		u.rows++
		of[i] = j
	}
	return units, of
}

// holdOut keeps a class for the test, and the other attacks out of it.
func (sp *Split) holdOut(rows []Position, class int32) {
	for i := range rows {
		switch {
		case rows[i].Class == class:
			sp.Parts[i] = Test
		case rows[i].Class != 0 && sp.Parts[i] == Test:
			sp.Parts[i] = Purged
		}
	}
}

// warn notes what the split cannot measure.
func (sp *Split) warn(rows []Position, classes []string) {
	n := make([][len(Parts)]int, len(classes))
	for i := range rows {
		n[rows[i].Class][sp.Parts[i]]++
	}
	for c, name := range classes {
		for _, p := range []Part{Train, Test} {
			expected := p == Train && sp.Spec.Train > 0 || p == Test && sp.Spec.Test > 0
			heldOut := sp.Spec.Kind == ByClass && (name == sp.Spec.Holdout) == (p == Train) && c > 0
			if expected && n[c][p] == 0 && !heldOut {
				sp.Warnings = append(sp.Warnings, fmt.Sprintf("class %s has no %s rows", name, p))
			}
		}
	}
	if sp.Spec.Kind == ByStart {
		sp.Warnings = append(sp.Warnings, "flows are split by their starts: training flows may end after test flows begin")
	}
	if sp.Spec.Kind == Random {
		sp.Warnings = append(sp.Warnings, "a random split measures memory of the recording: neighbours in time are on both sides")
	}
}

// Check reports a kind that there is not.
func (k Kind) Check() error {
	switch k {
	case "", ByTime, ByStart, ByFlow, ByCapture, ByClass, Random:
		return nil
	}
	return fmt.Errorf("split %q is none of time, start, flow, capture, class, random", k)
}
