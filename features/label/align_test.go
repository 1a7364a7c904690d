package label

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestAlertsInTheMiddleOfFlowsAreAligned: the flows began long before their
// alerts, which is no wrong clock; alerts of another time zone are one.
func TestAlertsInTheMiddleOfFlowsAreAligned(t *testing.T) {
	const start = int64(1_600_000_000) * second
	for _, shift := range []time.Duration{0, 2 * time.Hour, -17 * time.Minute} {
		var rules []Rule
		var rows []span64
		for i := range int64(50) {
			from := start + i*40*second
			rows = append(rows, span64{from, from + 300*second})
			at := from + 200*second + int64(shift)
			rules = append(rules, rule(at, at+second/10, func(r *Rule) {
				r.ID, r.SrcPorts, r.Dir = string(rune('A'+i)), Ports{{uint16(i), uint16(i)}}, Forward
			}))
		}
		a := annotator(t, []string{"a"}, rules...).WithAlignment()
		q, x := a.search, a.shared.files[0]
		for i, s := range rows {
			w := row{from: s.from, to: s.to, hasPorts: true, srcPort: uint16(i), proto: 6}
			q.find(x, &w, true)
			for _, g := range q.matched {
				a.counts.align.note(g, &w)
			}
		}
		a.counts.rows = int64(len(rows))
		a.shared.add(1, &a.counts)
		o := bestOffset(a.Hits())
		if o.Aligned != (shift == 0) || o.HitsAtBest != 50 {
			t.Errorf("alerts shifted by %s: %+v", shift, o)
		}
		// Anything that brings the alerts back into their flows will do.
		if d := o.Best() + shift; shift != 0 && (d < -200*time.Second || d > 200*time.Second) {
			t.Errorf("alerts shifted by %s: best %s", shift, o.Best())
		}
	}
}

type span64 struct{ from, to int64 }

// TestShortAttackIsAlignedWhereverItFallsInASecond: rows are known to the
// second, an attack may take less.
func TestShortAttackIsAlignedWhereverItFallsInASecond(t *testing.T) {
	const start = int64(1_600_000_000) * second
	for tenth := range int64(10) {
		for _, shift := range []int64{0, 5 * second} {
			at := start + tenth*second/10
			a := annotator(t, []string{"a"}, rule(at+shift, at+shift+7*second/10, func(*Rule) {})).WithAlignment()
			w := row{from: at + second/20, to: at + second/20, proto: 6}
			a.search.find(a.shared.files[0], &w, true)
			for _, g := range a.search.matched {
				a.counts.align.note(g, &w)
			}
			a.counts.rows = 1
			a.shared.add(1, &a.counts)
			if o := bestOffset(a.Hits()); o.Aligned != (shift == 0) {
				t.Errorf("%d tenths into a second, shifted by %d s: %+v", tenth, shift/second, o)
			}
		}
	}
}

// TestAlignmentIsBoundedAndKnowsNoOrder feeds more spans than there is room
// for, in two orders and batches.
func TestAlignmentIsBoundedAndKnowsNoOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	rows := make([]row, 3*maxBins)
	for i := range rows {
		rows[i].from = int64(i)*second - 5*second
		rows[i].to = rows[i].from + int64(rng.IntN(3))*second
	}
	var made [2]*alignment
	for k := range made {
		shared, batch := newAlignment(), newAlignment()
		if k == 1 {
			rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		}
		for i := range rows {
			batch.note(0, &rows[i])
			if i%(1000+k*997) == 0 {
				shared.take(batch)
			}
		}
		shared.take(batch)
		made[k] = shared
	}
	if len(made[0].seen) > maxBins || made[0].seconds < 4 {
		t.Errorf("%d bins of %d s", len(made[0].seen), made[0].seconds)
	}
	if made[0].seconds != made[1].seconds || !reflect.DeepEqual(made[0].seen, made[1].seen) {
		t.Error("two orders give two alignments")
	}
}

func TestTimelineIsBoundedAndKnowsNoOrder(t *testing.T) {
	var a, b, part timeline
	for i := range int64(10_000) {
		a.add(i*7_000_000, Class(i%3), 1)
	}
	for i := int64(9_999); i >= 0; i-- {
		part.add(i*7_000_000, Class(i%3), 1)
		if i%77 == 0 {
			b.take(&part)
		}
	}
	x, width := a.sorted()
	y, other := b.sorted()
	if width != other || !reflect.DeepEqual(x, y) || len(x) > maxTimes {
		t.Errorf("%d bins of %d ns, %d of %d", len(x), width, len(y), other)
	}
	var sum int64
	for _, bin := range x {
		sum += bin.Benign + bin.Attack + bin.Unknown
	}
	if sum != 10_000 {
		t.Errorf("%d rows", sum)
	}
}

// TestReportsAreWritten compares the picture with a golden one, and looks into
// the other formats.
func TestReportsAreWritten(t *testing.T) {
	const start = int64(1_600_000_000) * second
	p := newTestPackets()
	for i := range 100 {
		p.tcp(0, start+int64(i)*second, 1, 1000, 2, 80)
		p.tcp(0, start+int64(i)*second, 3, 1000, 2, 80)
		p.tcp(1, start+int64(i)*second, 4, 1000, 2, 80)
	}
	a := annotator(t, []string{"<a>.pcap", "b.pcap"},
		rule(start+20*second, start+40*second, func(r *Rule) { r.Label, r.Src = "scan & more", prefixes("192.0.2.1") }),
		rule(start+9000*second, start+9001*second, func(r *Rule) { r.Label, r.Src = "late", prefixes("192.0.2.1") }),
		rule(start, start+60*second, func(r *Rule) { r.Label, r.Class, r.Priority = "benign", Benign, -1 }),
	).WithAlignment()
	a.Annotate(p.batch)
	rep := NewReport(a.shared.rules, a.Hits()...)
	var svg, page, text bytes.Buffer
	for _, w := range []struct {
		to     *bytes.Buffer
		ending string
	}{{&svg, ".svg"}, {&page, ".html"}, {&text, ".json"}} {
		if err := rep.WriteAs(w.to, w.ending); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, filepath.Join("testdata", "report.svg"), svg.String())
	var back Report
	if err := json.Unmarshal(text.Bytes(), &back); err != nil || back.Tables[0].Attack != 20 || len(back.Rules) != 3 || back.Dead[0] != "late" {
		t.Errorf("JSON: %v %+v", err, back)
	}
	for _, want := range []string{"scan &amp; more", "&lt;a&gt;.pcap", "<svg", "1 rules label nothing: late"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, never := range []string{"<script", "src=", "<a>.pcap"} {
		if strings.Contains(page.String(), never) {
			t.Errorf("the page has %q in it", never)
		}
	}
	if err := rep.WriteAs(&text, ".pdf"); err == nil {
		t.Error("a report was written as PDF")
	}
}

func TestBriefReportsAreSmall(t *testing.T) {
	rules := make([]Rule, 5000)
	for i := range rules {
		rules[i] = rule(0, 10, func(r *Rule) { r.ID, r.SrcPorts, r.Dir = lineID("f", i), Ports{{uint16(i), uint16(i)}}, Forward })
	}
	p := newTestPackets()
	p.tcp(0, 5, 1, 4000, 2, 80)
	a := annotator(t, []string{"a"}, rules...)
	a.Annotate(p.batch)
	rep := NewReport(a.shared.rules, a.Hits()...)
	b := rep.Brief()
	if len(rep.Rules) != 5000 || len(b.Rules) != briefRules || b.Rules[0].ID != "f:4000" || b.RulesTotal != 5000 || b.DeadTotal != 4999 || len(b.Dead) != briefRules {
		t.Errorf("brief: %d rules, first %+v, %d dead of %d", len(b.Rules), b.Rules[0], len(b.Dead), b.DeadTotal)
	}
	var text bytes.Buffer
	rep.WriteText(&text)
	if !strings.Contains(text.String(), "… 4979 more") {
		t.Error(text.String())
	}
}
