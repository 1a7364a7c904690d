package features

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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
	// ByHost deals whole hosts out, or whole pairs of hosts, over all captures:
	// does the model find attackers that it has never seen?
	ByHost Kind = "host"
	// KFold deals whole groups out to folds of about the same number of rows of
	// each class. One fold is the test, the next one validation, the others are
	// training.
	KFold Kind = "kfold"
	// ByClass is ByTime, but one attack class is in the test part alone, with
	// the benign test rows: does the model find what it has never seen?
	ByClass Kind = "class"
	// Random deals whole flows out regardless of capture and class. It tells
	// how well a model remembers a recording, not how well it will do, and
	// warns of it.
	Random Kind = "random"
)

// GroupBy says which rows stay together.
type GroupBy string

// What rows may be grouped by. Each keeps the rows of one flow together: a
// flow lies in one capture, and its host is the one that began it.
const (
	Flows    GroupBy = "flow"
	Sources  GroupBy = "source" // the host that began the flow
	Pairs    GroupBy = "pair"   // both hosts, whichever began it
	Captures GroupBy = "capture"
)

// SplitSpec says how to split. The zero value is the default: by time,
// 60 % training, 20 % validation, 20 % test.
type SplitSpec struct {
	Kind    Kind          `json:"kind"`
	Train   float64       `json:"train"`           // shares; all zero: 0.6, 0.2, 0.2; not of KFold
	Valid   float64       `json:"valid"`           //
	Test    float64       `json:"test"`            //
	Gap     time.Duration `json:"gap_ns"`          // after each cut nothing is used for so long; 0: [DefaultGap]; negative: none
	Seed    uint64        `json:"seed"`            // of all kinds that deal out
	Holdout string        `json:"holdout"`         // the class that ByClass keeps for the test
	Group   GroupBy       `json:"group,omitempty"` // of ByHost: Sources (default) or Pairs; of KFold: any, default Flows
	Folds   int           `json:"folds,omitempty"` // of KFold; 0: 5
	Fold    int           `json:"fold,omitempty"`  // of KFold: the test fold, from 0
}

// ByHosts reports whether positions must be grouped by host; the groups then
// go across captures.
func (s SplitSpec) ByHosts() bool {
	return s.Kind == ByHost || s.Kind == KFold && (s.Group == Sources || s.Group == Pairs)
}

// Position is where a row is. A split sees nothing else of it.
type Position struct {
	Start, End int64  // ns; both of them in the row
	Group      uint64 // rows of one capture (by hosts: of all) with the same group stay together; 0: the row is alone
	Capture    int32  // index of the capture
	Class      int32  // index of the class; 0 is benign
}

// Split is a spec applied to rows.
type Split struct {
	Spec     SplitSpec `json:"spec"`     // with the defaults filled in
	Cuts     []Cut     `json:"cuts"`     // of ByTime, ByStart and ByClass, by capture
	Warnings []string  `json:"warnings"` // what a reader of the figures should know
	Parts    []Part    `json:"-"`        // of each row
	Folds    []uint8   `json:"-"`        // of each row, from 0; nil but for KFold
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
	if err := s.groupDefaults(); err != nil {
		return s, err
	}
	switch s.Kind {
	case ByTime, ByStart, ByFlow, ByCapture, ByHost, KFold, Random:
		if s.Holdout != "" {
			return s, fmt.Errorf("split %s holds no class out: ask for the split class", s.Kind)
		}
	case ByClass:
		if i := slices.Index(classes, s.Holdout); i < 1 {
			return s, fmt.Errorf("split class: %q is none of the attack classes %v", s.Holdout, classes[min(1, len(classes)):])
		}
	default:
		return s, s.Kind.check()
	}
	return s, nil
}

// scope is what the split's units are.
func (s *SplitSpec) scope() scope {
	switch {
	case s.Kind == ByCapture || s.Kind == KFold && s.Group == Captures:
		return wholeCaptures
	case s.ByHosts():
		return acrossAll
	}
	return inCapture
}

// groupDefaults fills in and checks what only some kinds have.
func (s *SplitSpec) groupDefaults() error {
	allowed := map[Kind][]GroupBy{ByHost: {Sources, Pairs}, KFold: {Flows, Sources, Pairs, Captures}}[s.Kind]
	if s.Group == "" && allowed != nil {
		s.Group = allowed[0]
	}
	if s.Group != "" && !slices.Contains(allowed, s.Group) {
		return fmt.Errorf("split %s cannot group by %q", s.Kind, s.Group)
	}
	if s.Kind != KFold {
		if s.Folds != 0 || s.Fold != 0 {
			return fmt.Errorf("split %s has no folds: ask for the split kfold", s.Kind)
		}
		return nil
	}
	if s.Folds == 0 {
		s.Folds = 5
	}
	if s.Folds < 3 || s.Folds > 255 || s.Fold < 0 || s.Fold >= s.Folds {
		return fmt.Errorf("split kfold: fold %d of %d: there are 3 to 255 folds, counted from 0", s.Fold, s.Folds)
	}
	return nil
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
	us := unitsOf(rows, sp.Parts, spec.scope())
	switch spec.Kind {
	case ByStart, ByTime, ByClass:
		us.startsOnly = spec.Kind == ByStart
		sp.byTime(us, classes, captures)
	case ByCapture:
		sp.byCapture(us)
	case KFold:
		sp.byFold(us)
	default:
		sp.byUnit(us)
	}
	us.spread()
	if !spec.ByHosts() { // groups of hosts go across captures by themselves
		sp.purgeContinued(rows, len(captures))
	}
	if spec.Kind == ByClass {
		sp.holdOut(rows, int32(slices.Index(classes, spec.Holdout)))
	}
	sp.warn(rows, classes)
	return sp, nil
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
	for _, p := range []Part{Train, Test} {
		expected := p == Train && sp.Spec.Train > 0 || p == Test && sp.Spec.Test > 0
		var without []string
		for c, name := range classes {
			heldOut := sp.Spec.Kind == ByClass && (name == sp.Spec.Holdout) == (p == Train) && c > 0
			if expected && n[c][p] == 0 && !heldOut {
				without = append(without, name)
			}
		}
		if len(without) > 0 {
			sp.Warnings = append(sp.Warnings, fmt.Sprintf("no %s rows of class %s", p, strings.Join(without, ", ")))
		}
	}
	if sp.Spec.Kind == ByFlow || sp.Spec.Kind == KFold && sp.Spec.Group == Flows {
		sp.Warnings = append(sp.Warnings, "whole flows are dealt out: their neighbours in time are on the other sides")
	}
	if sp.Spec.Kind == ByStart {
		sp.Warnings = append(sp.Warnings, "flows are split by their starts: training flows may end after test flows begin")
	}
	if sp.Spec.Kind == Random {
		sp.Warnings = append(sp.Warnings, "a random split measures memory of the recording: neighbours in time are on both sides")
	}
}

// CheckGroups reports what is wrong with the kind and its groups, which can be
// told before any row is read.
func (s SplitSpec) CheckGroups() error {
	if err := s.Kind.check(); err != nil {
		return err
	}
	return s.groupDefaults()
}

// check reports a kind that there is not.
func (k Kind) check() error {
	switch k {
	case "", ByTime, ByStart, ByFlow, ByCapture, ByHost, ByClass, KFold, Random:
		return nil
	}
	return fmt.Errorf("split %q is none of time, start, flow, capture, host, class, kfold, random", k)
}
