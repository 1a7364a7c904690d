package label

import (
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// maxPictures is how many captures are drawn; more are too many to look at.
const maxPictures = 100

// maxLanes is how many labels of a capture have a line of their own.
const maxLanes = 12

// Sizes in a picture, in pixels.
const (
	pictureWidth = 960
	marginLeft   = 190
	plotWidth    = pictureWidth - marginLeft - 20
	laneHeight   = 14
	stripHeight  = 26
	titleHeight  = 22
	axisHeight   = 24
)

// The colours of attack, unknown and benign rows and of the rules' times,
// told apart also by the colour-blind (Okabe and Ito, 2008).
var pictureColours = struct{ attack, unknown, benign, rule string }{"#d55e00", "#999999", "#0072b2", "#e69f00"}

// panel is one capture's timeline: when its rules say that something happened
// above when rows were seen.
type panel struct {
	name     string
	table    string
	from, to int64 // what is drawn
	lanes    []lane
	outside  int // rules' intervals that lie outside of the capture's time altogether
	bins     []TimeBin
	width    int64
}

// lane is the intervals in which rules with one label hold.
type lane struct {
	label string
	times []window
}

// panels are the captures' timelines of the first table. more is how many
// captures are left out.
func (r *Report) panels() (list []panel, more int) {
	if len(r.hits) == 0 {
		return nil, 0
	}
	h := &r.hits[0]
	for i, name := range h.files {
		if len(h.counts.times) == 0 || len(h.counts.times[i].bins) == 0 {
			continue
		}
		if len(list) == maxPictures {
			more++
			continue
		}
		p := panel{name: name, table: h.Table}
		p.bins, p.width = h.counts.times[i].sorted()
		first, last := p.bins[0].FromNS, p.bins[len(p.bins)-1].FromNS+p.width
		margin := max((last-first)/20, 1)
		p.from, p.to = first-margin, last+margin
		p.addLanes(h.set, name)
		list = append(list, p)
	}
	return list, more
}

// addLanes gathers the times of attack rules about the capture, by label.
func (p *panel) addLanes(set *ruleset, capture string) {
	byLabel := map[string][]window{}
	for _, pat := range set.byPattern {
		if !pat.pattern.covers(capture) {
			continue
		}
		for _, g := range pat.groups {
			for _, w := range set.windows[set.groups[g].lo:set.groups[g].hi] {
				switch r := &set.list[w.rule]; {
				case r.Class != Attack:
				case w.to <= p.from || w.from >= p.to:
					p.outside++
				default:
					byLabel[r.Label] = append(byLabel[r.Label], window{from: max(w.from, p.from), to: min(w.to, p.to)})
				}
			}
		}
	}
	for label, times := range byLabel {
		p.lanes = append(p.lanes, lane{label, joined(times, (p.to-p.from)/plotWidth)})
	}
	slices.SortFunc(p.lanes, func(a, b lane) int { return strings.Compare(a.label, b.label) })
	if len(p.lanes) > maxLanes {
		rest := lane{label: fmt.Sprintf("%d other labels", len(p.lanes)-maxLanes+1)}
		for _, l := range p.lanes[maxLanes-1:] {
			rest.times = append(rest.times, l.times...)
		}
		rest.times = joined(rest.times, (p.to-p.from)/plotWidth)
		p.lanes = append(p.lanes[:maxLanes-1], rest)
	}
}

// joined merges intervals with less than gap between them.
func joined(times []window, gap int64) []window {
	slices.SortFunc(times, func(a, b window) int {
		if a.from != b.from {
			return int(min(max(a.from-b.from, -1), 1))
		}
		return int(min(max(a.to-b.to, -1), 1))
	})
	out := times[:0]
	for _, w := range times {
		if n := len(out); n > 0 && w.from <= out[n-1].to+gap {
			out[n-1].to = max(out[n-1].to, w.to)
			continue
		}
		out = append(out, w)
	}
	return out
}

func (p *panel) height() int {
	return titleHeight + laneHeight*max(len(p.lanes), 1) + 3*stripHeight + axisHeight
}

func (p *panel) x(ns int64) float64 {
	return marginLeft + plotWidth*float64(ns-p.from)/float64(p.to-p.from)
}

// WriteSVG draws a timeline of each capture: in the upper lines when the
// attack rules hold, below them how many rows were attack, unknown and benign,
// on a logarithmic scale. Where bars and rows do not stand above each other,
// clocks differ.
func (r *Report) WriteSVG(w io.Writer) error {
	panels, more := r.panels()
	height := 10
	for i := range panels {
		height += panels[i].height()
	}
	if more > 0 {
		height += titleHeight
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11" fill="currentColor">`+"\n",
		pictureWidth, height, pictureWidth, height)
	y := 5
	for i := range panels {
		panels[i].draw(&b, y)
		y += panels[i].height()
	}
	if more > 0 {
		fmt.Fprintf(&b, `<text x="4" y="%d">%d more captures are not drawn</text>`+"\n", y+14, more)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (p *panel) draw(b *strings.Builder, y int) {
	title := fmt.Sprintf("%s (%s)", p.name, p.table)
	if p.outside > 0 {
		title += fmt.Sprintf(": %d intervals of attack rules lie outside", p.outside)
	}
	fmt.Fprintf(b, `<text x="4" y="%d" font-weight="bold">%s</text>`+"\n", y+14, html.EscapeString(title))
	y += titleHeight
	if len(p.lanes) == 0 {
		fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">no attack rule</text>`+"\n", marginLeft-8, y+11)
		y += laneHeight
	}
	for _, l := range p.lanes {
		fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", marginLeft-8, y+11, html.EscapeString(l.label))
		for _, w := range l.times {
			p.bar(b, w.from, w.to, y+2, laneHeight-4, pictureColours.rule)
		}
		y += laneHeight
	}
	for _, s := range []struct {
		name, colour string
		rows         func(*TimeBin) int64
	}{
		{"attack", pictureColours.attack, func(t *TimeBin) int64 { return t.Attack }},
		{"unknown", pictureColours.unknown, func(t *TimeBin) int64 { return t.Unknown }},
		{"benign", pictureColours.benign, func(t *TimeBin) int64 { return t.Benign }},
	} {
		p.strip(b, y, s.name, s.colour, s.rows)
		y += stripHeight
	}
	fmt.Fprintf(b, `<text x="%d" y="%d">%s</text>`+"\n", marginLeft, y+12, instant(p.from))
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", marginLeft+plotWidth, y+12, instant(p.to))
}

// strip is the rows of one class over time.
func (p *panel) strip(b *strings.Builder, y int, name, colour string, rows func(*TimeBin) int64) {
	var sum, most int64
	for i := range p.bins {
		sum += rows(&p.bins[i])
		most = max(most, rows(&p.bins[i]))
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s %d</text>`+"\n", marginLeft-8, y+stripHeight-6, name, sum)
	for i := range p.bins {
		t := &p.bins[i]
		if n := rows(t); n > 0 {
			h := max(int(float64(stripHeight-4)*math.Log1p(float64(n))/math.Log1p(float64(most))), 1)
			p.bar(b, t.FromNS, t.FromNS+p.width, y+stripHeight-h, h, colour)
		}
	}
	fmt.Fprintf(b, `<path d="M%d %d.5h%d" stroke="currentColor" stroke-opacity="0.3"/>`+"\n", marginLeft, y+stripHeight, plotWidth)
}

func (p *panel) bar(b *strings.Builder, from, to int64, y, height int, colour string) {
	x := p.x(from)
	fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", x, y, max(p.x(to)-x, 0.8), height, colour)
}

func instant(ns int64) string {
	return time.Unix(0, ns).UTC().Format("2006-01-02 15:04:05.000 UTC")
}
