package features

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// recording makes captures with benign rows all along and an attack in the middle.
func recording(seed uint64, captures, groups int) ([]Position, []string, []string) {
	rng := rand.New(rand.NewPCG(seed, 7))
	classes := []string{"benign"}
	var names []string
	var rows []Position
	for c := range captures {
		names = append(names, string(rune('a'+c)))
		classes = append(classes, "attack_"+names[c])
		span := int64(20 * time.Second)
		for range 200 {
			p := Position{Capture: int32(c), Start: rng.Int64N(span)}
			if rng.IntN(3) == 0 {
				p.Start = span/2 + rng.Int64N(int64(2*time.Second))
				p.Class = int32(c + 1)
			}
			p.End = p.Start + rng.Int64N(int64(300*time.Millisecond))
			if groups > 0 {
				p.Group = uint64(rng.IntN(groups)) // 0: alone
			}
			rows = append(rows, p)
		}
	}
	return rows, classes, names
}

func assign(t *testing.T, s SplitSpec, rows []Position, classes, captures []string) *Split {
	t.Helper()
	sp, err := s.Assign(rows, classes, captures)
	if err != nil {
		t.Fatal(err)
	}
	return sp
}

func TestTimeSplitIsStrictlyInOrder(t *testing.T) {
	for seed := range uint64(20) {
		rows, classes, captures := recording(seed, 3, 0)
		spec := SplitSpec{Gap: 50 * time.Millisecond}
		sp := assign(t, spec, rows, classes, captures)
		for c := range captures {
			var last, first [4]int64
			for p := range first {
				first[p], last[p] = 1<<62, -1
			}
			for i, r := range rows {
				if int(r.Capture) == c {
					p := sp.Parts[i]
					first[p], last[p] = min(first[p], r.Start), max(last[p], r.End)
				}
			}
			gap := int64(spec.Gap)
			if last[Train] >= first[Valid]-gap || last[Valid] >= first[Test]-gap {
				t.Errorf("seed %d capture %d: parts overlap: last %v first %v", seed, c, last, first)
			}
		}
		var n [4][2]int
		for i := range rows {
			n[sp.Parts[i]][min(rows[i].Class, 1)]++
		}
		for p := range 3 {
			if n[p][1] == 0 || n[p][0] == 0 {
				t.Errorf("seed %d: part %s has %d benign and %d attack rows", seed, Part(p), n[p][0], n[p][1])
			}
		}
		if n[Train][1] < n[Test][1] || n[Purged][1]*10 > len(rows) {
			t.Errorf("seed %d: attack rows by part %v", seed, n)
		}
	}
}

// specs are all the ways to split.
var specs = []SplitSpec{
	{Kind: ByTime}, {Kind: ByStart}, {Kind: ByFlow}, {Kind: ByCapture}, {Kind: ByHost}, {Kind: ByHost, Group: Pairs},
	{Kind: ByClass, Holdout: "attack_b"}, {Kind: Random},
	{Kind: KFold}, {Kind: KFold, Group: Sources, Folds: 3}, {Kind: KFold, Group: Captures, Folds: 3, Fold: 2},
}

func TestNoSplitCutsAFlow(t *testing.T) {
	for _, spec := range specs {
		for seed := range uint64(10) {
			rows, classes, captures := recording(seed, 3, 400)
			spec.Seed = seed
			if spec.Kind == ByClass {
				// A class that shares flows with another is no sensible holdout.
				for i := range rows {
					rows[i].Group = 0
				}
			}
			sp := assign(t, spec, rows, classes, captures)
			type key struct {
				capture int32
				group   uint64
			}
			parts, folds := map[key]Part{}, map[key]uint8{}
			for i, r := range rows {
				if r.Group == 0 {
					continue
				}
				k := key{r.Capture, r.Group}
				if spec.ByHosts() {
					k.capture = 0 // a host lies on one side whatever the capture
				}
				if p, known := parts[k]; known && p != sp.Parts[i] {
					t.Errorf("%s by %s: flow %v is in %s and %s", spec.Kind, spec.Group, k, p, sp.Parts[i])
				}
				parts[k] = sp.Parts[i]
				if sp.Folds == nil {
					continue
				}
				if f, known := folds[k]; known && f != sp.Folds[i] {
					t.Errorf("%s by %s: flow %v is in folds %d and %d", spec.Kind, spec.Group, k, f, sp.Folds[i])
				}
				folds[k] = sp.Folds[i]
			}
		}
	}
}

func TestFlowsThatGoOnInTheNextCaptureArePurged(t *testing.T) {
	// Two files of one recording; the flow 1 goes on from one into the other, the
	// flow 2 comes again an hour later, the flow 3 is in one.
	rows := []Position{
		{Start: 0, End: 0, Group: 1}, {Start: 1e9, End: 1e9, Group: 1}, {Start: 5e8, End: 5e8, Group: 2},
		{Start: 2e9, End: 2e9, Group: 1, Capture: 1}, {Start: 36e11, End: 36e11, Group: 2, Capture: 1}, {Start: 2e9, End: 2e9, Group: 3, Capture: 1, Class: 1},
	}
	sp := assign(t, SplitSpec{Kind: ByCapture, Train: 0.5, Test: 0.5}, rows, []string{"benign", "x"}, []string{"a", "b"})
	if sp.Parts[0] != Purged || sp.Parts[1] != Purged || sp.Parts[3] != Purged {
		t.Errorf("a flow on two sides: %v", sp.Parts)
	}
	if sp.Parts[2] == Purged || sp.Parts[4] == Purged || sp.Parts[5] == Purged || sp.Parts[2] == sp.Parts[5] {
		t.Errorf("other flows: %v", sp.Parts)
	}
}

func TestFoldsAreStratified(t *testing.T) {
	rows, classes, captures := recording(1, 3, 400)
	for i := range rows { // no flow goes on in another capture
		rows[i].Group += uint64(rows[i].Capture) * 1000
	}
	n := map[int32][5]float64{}
	total := map[int32]float64{}
	for fold := range 5 {
		sp := assign(t, SplitSpec{Kind: KFold, Fold: fold, Seed: 9}, rows, classes, captures)
		for i, r := range rows {
			if (int(sp.Folds[i]) == fold) != (sp.Parts[i] == Test) || (int(sp.Folds[i]) == (fold+1)%5) != (sp.Parts[i] == Valid) {
				t.Fatalf("fold %d is tested on: a row of fold %d is in %s", fold, sp.Folds[i], sp.Parts[i])
			}
			if fold == 0 {
				k := n[r.Class]
				k[sp.Folds[i]]++
				n[r.Class] = k
				total[r.Class]++
			}
		}
	}
	for c, k := range n {
		for fold, rows := range k {
			if share := rows / total[c]; share < 0.15 || share > 0.25 {
				t.Errorf("%.0f %% of class %s are in fold %d: %v", 100*share, classes[c], fold, k)
			}
		}
	}
}

func TestHostSplitTestsOnOtherHosts(t *testing.T) {
	rows := make([]Position, 300)
	for i := range rows { // 30 hosts, three of them attack
		rows[i] = Position{Start: int64(i), End: int64(i), Group: uint64(i%30) + 1, Capture: int32(i % 2), Class: int32(min(1, max(0, 3-i%30)))}
	}
	sp := assign(t, SplitSpec{Kind: ByHost, Seed: 3}, rows, []string{"benign", "x"}, []string{"a", "b"})
	var attackers [4]map[uint64]bool
	for i, r := range rows {
		if attackers[sp.Parts[i]] == nil {
			attackers[sp.Parts[i]] = map[uint64]bool{}
		}
		if r.Class == 1 {
			attackers[sp.Parts[i]][r.Group] = true
		}
	}
	if len(attackers[Train]) != 1 || len(attackers[Valid]) != 1 || len(attackers[Test]) != 1 {
		t.Errorf("attackers by part: %v", attackers)
	}
}

func TestFewUnitsStillGiveATest(t *testing.T) {
	for n, want := range map[int][3]int{1: {1, 0, 0}, 2: {1, 0, 1}, 3: {1, 1, 1}, 4: {2, 1, 1}, 5: {3, 1, 1}, 10: {6, 2, 2}, 100: {60, 20, 20}} {
		sp := &Split{Spec: SplitSpec{Train: 0.6, Valid: 0.2, Test: 0.2}}
		var got [4]int
		for i := range n {
			got[sp.share(i, n)]++
		}
		if [3]int(got[:3]) != want {
			t.Errorf("%d units: %v; want %v", n, got, want)
		}
	}
}

func TestGroupsExtentIsPurged(t *testing.T) {
	// Two packets of one flow, one on each side of any cut between the others.
	rows := []Position{{Start: 0, End: 0, Group: 9}, {Start: 100, End: 100, Group: 9}}
	for i := range int64(99) {
		rows = append(rows, Position{Start: i + 1, End: i + 1, Class: 1})
	}
	sp := assign(t, SplitSpec{Gap: -1}, rows, []string{"benign", "x"}, []string{"a"})
	if sp.Parts[0] != Purged || sp.Parts[1] != Purged {
		t.Errorf("a flow over all of the capture is in %s and %s", sp.Parts[0], sp.Parts[1])
	}
	var n [4]int
	for _, p := range sp.Parts[2:] {
		n[p]++
	}
	if n[Train] < 55 || n[Train] > 65 || n[Valid] < 15 || n[Test] < 15 || n[Purged] != 0 {
		t.Errorf("parts of rows without length: %v", n)
	}
}

func TestStartSplitDividesWhatOverlaps(t *testing.T) {
	var rows []Position
	for i := range int64(100) { // as slowloris: all flows are open until the end
		rows = append(rows, Position{Start: i * 1e6, End: 1e9, Class: 1})
	}
	count := func(kind Kind) (n [4]int) {
		for _, p := range assign(t, SplitSpec{Kind: kind, Gap: time.Millisecond}, rows, []string{"benign", "x"}, []string{"a"}).Parts {
			n[p]++
		}
		return n
	}
	if n := count(ByTime); n[Test] != 0 {
		t.Errorf("time: %v", n)
	}
	if n := count(ByStart); n[Test] < 15 || n[Valid] < 15 || n[Train] < 50 {
		t.Errorf("start: %v", n)
	}
}

func TestClassSplitKeepsTheClassOut(t *testing.T) {
	rows, classes, captures := recording(1, 3, 0)
	sp := assign(t, SplitSpec{Kind: ByClass, Holdout: "attack_b"}, rows, classes, captures)
	for i, r := range rows {
		if name := classes[r.Class]; (name == "attack_b") != (r.Class != 0 && sp.Parts[i] == Test) {
			t.Errorf("row of %s is in %s", name, sp.Parts[i])
		}
	}
	if w := strings.Join(sp.Warnings, "; "); strings.Contains(w, "attack_b") {
		t.Errorf("warns of what was asked for: %s", w)
	}
}

func TestCaptureSplitKeepsCapturesWhole(t *testing.T) {
	rows, classes, captures := recording(1, 10, 0)
	sp := assign(t, SplitSpec{Kind: ByCapture, Seed: 1}, rows, classes, captures)
	parts := map[int32]Part{}
	n := map[Part]int{}
	for i, r := range rows {
		if p, known := parts[r.Capture]; known && p != sp.Parts[i] {
			t.Fatalf("capture %d is in %s and %s", r.Capture, p, sp.Parts[i])
		} else if !known {
			n[sp.Parts[i]]++
		}
		parts[r.Capture] = sp.Parts[i]
	}
	if n[Train] != 6 || n[Valid] != 2 || n[Test] != 2 {
		t.Errorf("captures by part: %v", n)
	}
}

func TestSplitsDependOnTheSeedAlone(t *testing.T) {
	for _, kind := range []Kind{ByTime, ByFlow, ByCapture, ByHost, KFold, Random} {
		rows, classes, captures := recording(2, 6, 50)
		a := assign(t, SplitSpec{Kind: kind, Seed: 1}, rows, classes, captures)
		if d := cmp.Diff(a, assign(t, SplitSpec{Kind: kind, Seed: 1}, slices.Clone(rows), classes, captures)); d != "" {
			t.Errorf("%s: two runs differ: %s", kind, d)
		}
		b := assign(t, SplitSpec{Kind: kind, Seed: 2}, rows, classes, captures)
		if same := cmp.Equal(a.Parts, b.Parts); same != (kind == ByTime) {
			t.Errorf("%s: another seed gives the same split: %t", kind, same)
		}
	}
}

func TestSplitErrorsAndWarnings(t *testing.T) {
	rows := []Position{{Start: 1, End: 1}, {Start: 2, End: 2, Class: 1}}
	classes := []string{"benign", "x"}
	for _, c := range []struct {
		spec SplitSpec
		want string
	}{
		{SplitSpec{Kind: "packet"}, "none of time, start"},
		{SplitSpec{Train: 0.5, Valid: 0.2, Test: 0.2}, "add up to 1"},
		{SplitSpec{Train: 1.5, Valid: -0.5}, "negative"},
		{SplitSpec{Kind: ByClass, Holdout: "benign"}, "none of the attack classes"},
		{SplitSpec{Holdout: "x"}, "holds no class out"},
		{SplitSpec{Kind: ByHost, Group: Captures}, "cannot group by"},
		{SplitSpec{Group: Flows}, "cannot group by"},
		{SplitSpec{Kind: KFold, Folds: 2}, "3 to 255 folds"},
		{SplitSpec{Kind: KFold, Fold: 5}, "fold 5 of 5"},
		{SplitSpec{Folds: 5}, "has no folds"},
	} {
		if _, err := c.spec.Assign(rows, classes, []string{"a"}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v; want it to say %q", c.spec, err, c.want)
		}
	}
	if _, err := (SplitSpec{}).Assign(nil, classes, nil); err == nil {
		t.Error("no rows were split")
	}
	sp := assign(t, SplitSpec{Kind: Random}, rows, classes, []string{"a"})
	if w := strings.Join(sp.Warnings, "; "); !strings.Contains(w, "random split") || !strings.Contains(w, "no test rows of class") {
		t.Errorf("warnings %q", w)
	}
}

func BenchmarkTimeSplit(b *testing.B) {
	rows, classes, captures := recording(2, 20, 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (SplitSpec{}).Assign(rows, classes, captures); err != nil {
			b.Fatal(err)
		}
	}
}
