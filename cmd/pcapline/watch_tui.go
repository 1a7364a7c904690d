package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/train/watch"
)

// The dashboard's colours are the terminal's own sixteen, so that they fit its
// background.
var (
	titleStyle  = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.BrightCyan)
	faintStyle  = lipgloss.NewStyle().Faint(true)
	goodStyle   = lipgloss.NewStyle().Foreground(lipgloss.Green)
	warnStyle   = lipgloss.NewStyle().Foreground(lipgloss.Yellow)
	badStyle    = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Red)
	chosenStyle = lipgloss.NewStyle().Reverse(true)
	boxStyle    = lipgloss.NewStyle().Border(lipgloss.RoundedBorder()).BorderForeground(lipgloss.BrightBlack).Padding(0, 1)
)

// dashboard is a watch as its operator sees it.
type dashboard struct {
	opt           watch.Options
	width, height int
	began         time.Time
	stats         *watch.Stats // nil until the first report
	rates         []rates      // of the last reports, the newest last
	selected      int          // alert, from the newest
	detail        bool
	said          string // the last line of the log
}

// rates are counts a second between two reports.
type rates struct{ packets, rows, alerts float64 }

const keptRates = 240

// watchDashboard watches and shows it until the operator quits or the watch ends.
func watchDashboard(c *cli.Context, opt watch.Options) (*watch.Stats, error) {
	if !isTerminal(c.App.Writer) {
		return nil, usagef("--tui needs a terminal")
	}
	ctx, cancel := context.WithCancel(c.Context)
	defer cancel()
	p := tea.NewProgram(&dashboard{opt: opt, began: time.Now()}, tea.WithContext(c.Context), tea.WithOutput(c.App.Writer), tea.WithoutSignalHandler())
	opt.Stats = both(opt.Stats, func(s *watch.Stats) { p.Send(s) })
	opt.Log = slog.New(slog.NewTextHandler(sayTo{p}, &slog.HandlerOptions{Level: slog.LevelInfo, ReplaceAttr: withoutTime}))
	w, err := watch.Open(opt)
	if err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	go func() {
		err := w.Run(ctx)
		done <- err
		if err != nil || !opt.Once { // else what was found stays to be looked at
			p.Quit()
		}
	}()
	_, shown := p.Run()
	cancel()
	if err := <-done; err != nil {
		return nil, err
	}
	if shown != nil && c.Context.Err() == nil {
		return nil, shown
	}
	return w.Stats(), nil
}

// both calls two functions, of which the first may be nil.
func both(a, b func(*watch.Stats)) func(*watch.Stats) {
	if a == nil {
		return b
	}
	return func(s *watch.Stats) { a(s); b(s) }
}

// sayTo shows lines of the log at the foot of the dashboard.
type sayTo struct{ p *tea.Program }

type saidMsg string

func (s sayTo) Write(b []byte) (int, error) {
	go s.p.Send(saidMsg(strings.TrimSpace(string(b)))) // the program may not run yet
	return len(b), nil
}

func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		a.Value = slog.StringValue(a.Value.Time().Format("15:04:05"))
	}
	return a
}

// Init implements tea.Model.
func (d *dashboard) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (d *dashboard) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch m := msg.(type) {
	case tea.WindowSizeMsg:
		d.width, d.height = m.Width, m.Height
	case *watch.Stats:
		d.take(m)
	case saidMsg:
		d.said = string(m)
	case tea.KeyPressMsg:
		return d, d.key(m.String())
	}
	return d, nil
}

func (d *dashboard) take(s *watch.Stats) {
	if old := d.stats; old != nil {
		if t := s.Time.Sub(old.Time).Seconds(); t > 0 {
			d.rates = append(d.rates, rates{
				float64(s.Packets-old.Packets) / t, float64(s.Rows-old.Rows) / t, float64(s.Alerts-old.Alerts) / t,
			})
			d.rates = d.rates[max(0, len(d.rates)-keptRates):]
		}
		if d.selected > 0 { // the chosen alert stays chosen
			d.selected += int(s.Sent - old.Sent)
		}
	}
	d.stats = s
	d.selected = min(d.selected, max(0, len(s.Recent)-1))
}

func (d *dashboard) key(k string) tea.Cmd {
	n := 0
	if d.stats != nil {
		n = len(d.stats.Recent)
	}
	switch k {
	case "q", "ctrl+c", "esc":
		if d.detail && k == "esc" {
			d.detail = false
			return nil
		}
		return tea.Quit
	case "up", "k":
		d.selected = max(0, d.selected-1)
	case "down", "j":
		d.selected = max(0, min(n-1, d.selected+1))
	case "home", "g":
		d.selected = 0
	case "enter", "space":
		d.detail = !d.detail && n > 0
	}
	return nil
}

// View implements tea.Model.
func (d *dashboard) View() tea.View {
	v := tea.NewView(d.content())
	v.AltScreen = true
	v.WindowTitle = "pcapline watch"
	return v
}

const leastWidth, leastHeight = 60, 18

func (d *dashboard) content() string {
	switch {
	case d.width == 0:
		return ""
	case d.width < leastWidth || d.height < leastHeight:
		return fmt.Sprintf("pcapline watch: %d × %d cells are needed, there are %d × %d", leastWidth, leastHeight, d.width, d.height)
	case d.stats == nil:
		return d.header() + "\n\nreading the spool …"
	}
	top := d.header() + "\n" + d.tiles()
	half := d.width / 2
	middle := lipgloss.JoinHorizontal(lipgloss.Top, d.scores(half), d.drift(d.width-half))
	foot := d.foot()
	room := d.height - lipgloss.Height(top) - lipgloss.Height(middle) - 1
	return top + "\n" + middle + "\n" + d.alerts(room) + "\n" + foot
}

func (d *dashboard) header() string {
	left := titleStyle.Render("pcapline watch") + "  " + d.opt.Spool + faintStyle.Render("  model ") + filepath.Base(d.opt.Model)
	right := ""
	if s := d.stats; s != nil {
		left += faintStyle.Render(" "+s.Model[:12]) + faintStyle.Render(fmt.Sprintf("  alerts from %.3f", s.Threshold))
		right = faintStyle.Render("up ") + time.Since(d.began).Round(time.Second).String()
	}
	gap := d.width - lipgloss.Width(left) - lipgloss.Width(right)
	if gap < 1 {
		return clip(left, d.width)
	}
	return left + strings.Repeat(" ", gap) + right
}

// clip cuts styled text to a width.
func clip(s string, width int) string { return lipgloss.NewStyle().MaxWidth(width).Render(s) }

// box draws a titled frame of that outer size, filled with lines.
func box(title string, lines []string, width, height int) string {
	inner := width - 4
	rows := []string{clip(titleStyle.Render(title), inner)}
	for _, l := range lines {
		if len(rows) == height-2 {
			break
		}
		rows = append(rows, clip(l, inner))
	}
	return boxStyle.Width(width).Height(height).Render(strings.Join(rows, "\n"))
}

// tiles are the figures that matter first, side by side.
func (d *dashboard) tiles() string {
	s := d.stats
	last := rates{}
	if len(d.rates) > 0 {
		last = d.rates[len(d.rates)-1]
	}
	lag := goodStyle.Render("up to date")
	switch {
	case s.LagSeconds >= 60:
		lag = badStyle.Render(fmt.Sprintf("%s, %.0f s behind", bytesText(s.LagBytes), s.LagSeconds))
	case s.LagBytes > 1<<20:
		lag = warnStyle.Render(fmt.Sprintf("%s, %.0f s behind", bytesText(s.LagBytes), s.LagSeconds))
	}
	var held int64
	for _, n := range s.Suppressed {
		held += n
	}
	width := d.width / 4
	spark := func(of func(rates) float64) string { return sparkline(d.rates, width-4, of) }
	tile := func(title, value, line string, w int) string {
		return box(title, []string{value, line}, w, 5)
	}
	return lipgloss.JoinHorizontal(lipgloss.Top,
		tile("packets/s", countText(last.packets)+faintStyle.Render("  of "+countText(float64(s.Packets))), goodStyle.Render(spark(func(r rates) float64 { return r.packets })), width),
		tile("scored/s", countText(last.rows)+faintStyle.Render("  of "+countText(float64(s.Rows))+", "+countText(float64(s.OpenFlows))+" open"), goodStyle.Render(spark(func(r rates) float64 { return r.rows })), width),
		tile("alerts", fmt.Sprintf("%d sent", s.Sent)+faintStyle.Render("  +"+countText(float64(held))+" held"), badStyle.Render(spark(func(r rates) float64 { return r.alerts })), width),
		tile("spool", lag, d.losses(), d.width-3*width))
}

func (d *dashboard) losses() string {
	s := d.stats
	style, text := goodStyle, fmt.Sprintf("lost %d  shed %d", s.Tail.Dropped, s.Shed)
	if s.Tail.Dropped+s.Shed+s.Tail.Missing > 0 {
		style = warnStyle
	}
	if s.Tail.Missing > 0 {
		text += fmt.Sprintf("  %d segments gone", s.Tail.Missing)
	}
	return style.Render(text)
}

// sparkline draws the last figures, each a cell.
func sparkline(r []rates, width int, of func(rates) float64) string {
	r = r[max(0, len(r)-max(width, 0)):]
	top := 0.0
	for i := range r {
		top = max(top, of(r[i]))
	}
	var b strings.Builder
	for i := range r {
		b.WriteString(bar(of(r[i]), top))
	}
	return b.String()
}

var eighths = []rune("▁▂▃▄▅▆▇█")

func bar(v, top float64) string {
	if v <= 0 || top <= 0 {
		return " "
	}
	return string(eighths[min(int(v/top*8), 7)])
}

const middleHeight = 8

// scores is a histogram with logarithmic heights: attacks are rare.
func (d *dashboard) scores(width int) string {
	s := d.stats
	cells := max(1, (width-6)/len(s.Scores))
	lines := make([]string, 0, middleHeight)
	const rows = middleHeight - 4
	for row := rows - 1; row >= 0; row-- {
		var b strings.Builder
		for i, n := range s.Scores {
			style := goodStyle
			if float64(i+1)/float64(len(s.Scores)) > s.Threshold {
				style = badStyle
			}
			b.WriteString(style.Render(strings.Repeat(column(logShare(n, s.Rows)*rows-float64(row)), cells)))
		}
		lines = append(lines, b.String())
	}
	scale := "0" + strings.Repeat(" ", max(0, cells*len(s.Scores)-2)) + "1"
	return box("scores, logarithmic", append(lines, faintStyle.Render(scale)), width, middleHeight)
}

// logShare is 0 for none, near 0 for one, and 1 for all.
func logShare(n, all int64) float64 {
	digits := func(v int64) (d float64) {
		for f := float64(v + 1); f > 1; f /= 1.5 {
			d++
		}
		return d
	}
	return digits(n) / max(1, digits(all))
}

func column(part float64) string {
	switch {
	case part <= 0:
		return " "
	case part >= 1:
		return "█"
	}
	return string(eighths[int(part*8)])
}

// drift names the features that changed most since training.
func (d *dashboard) drift(width int) string {
	s := d.stats
	if s.PSI == nil {
		return box("drift", []string{faintStyle.Render("too few rows so far, or a model that does"), faintStyle.Render("not say what it was trained on")}, width, middleHeight)
	}
	order := make([]int, len(s.PSI))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.PSI[b], s.PSI[a]) })
	var lines []string
	for _, i := range order[:min(middleHeight-3, len(order))] {
		style := goodStyle
		switch v := s.PSI[i]; {
		case v > 0.25:
			style = badStyle
		case v > 0.1:
			style = warnStyle
		}
		name := min(28, width-20)
		filled := min(int(s.PSI[i]*20), max(0, width-name-14))
		lines = append(lines, fmt.Sprintf("%-*.*s %6.3f %s", name, name, s.Columns[i], s.PSI[i], style.Render(strings.Repeat("■", filled))))
	}
	return box(fmt.Sprintf("drift: PSI against training; %d of %d features above 0.25", s.Drifted, len(s.PSI)), lines, width, middleHeight)
}

// alerts lists the last alerts, the newest first, or all of the chosen one.
func (d *dashboard) alerts(height int) string {
	s := d.stats
	if len(s.Recent) == 0 {
		return box("alerts", []string{faintStyle.Render("none so far")}, d.width, height)
	}
	if d.detail {
		a := s.Recent[len(s.Recent)-1-d.selected]
		return box("alert "+a.ID, alertDetail(&a), d.width, height)
	}
	room := max(1, height-4)
	first := max(0, d.selected-room+1)
	lines := []string{faintStyle.Render(fmt.Sprintf("%-15s %6s  %-18s %-44s %s", "time (UTC)", "score", "class", "flow", "why"))}
	for i := first; i < len(s.Recent) && len(lines) <= room; i++ {
		a := &s.Recent[len(s.Recent)-1-i]
		line := alertLine(a)
		if i == d.selected {
			line = chosenStyle.Render(line)
		}
		lines = append(lines, line)
	}
	return box("alerts", lines, d.width, height)
}

func alertLine(a *watch.Alert) string {
	var why []string
	for _, f := range a.Features[:min(3, len(a.Features))] {
		why = append(why, fmt.Sprintf("%s=%.10s", f.Column, f.Value))
	}
	class := a.Class
	if a.Repeats > 0 {
		class += fmt.Sprintf(" +%d", a.Repeats)
	}
	when := a.Time
	if t, err := time.Parse(time.RFC3339Nano, a.Time); err == nil {
		when = t.Format("01-02 15:04:05")
	}
	return fmt.Sprintf("%-15s %6.3f  %-18.18s %-44s %s", when, a.Score, class, flowText(a), strings.Join(why, " "))
}

func flowText(a *watch.Alert) string {
	f := &a.Flow
	if f.TargetPort == 0 {
		return fmt.Sprintf("%s → %s %s", f.Source, f.Target, f.Protocol)
	}
	return fmt.Sprintf("%s → %s %s/%d", f.Source, f.Target, f.Protocol, f.TargetPort)
}

func alertDetail(a *watch.Alert) []string {
	f := &a.Flow
	lines := []string{
		fmt.Sprintf("%s   score %s of %.4f, class %s, %d alike before it were not sent", a.Time, badStyle.Render(fmt.Sprintf("%.4f", a.Score)), a.Threshold, a.Class, a.Repeats),
		fmt.Sprintf("%s from port %d, %s, %d packets, %d bytes since %s, %s", flowText(a), f.SourcePort, cmp.Or(f.CommunityID, "no Community ID"), f.Packets, f.Bytes, f.Start, cmp.Or(f.EndReason, "a packet")),
		fmt.Sprintf("%s at byte %d, packet %d, to packet %d of %s", a.Capture.Segment, a.Capture.Offset, a.Capture.Packet, a.Capture.LastPacket, a.Capture.LastSegment),
		faintStyle.Render("what speaks for it, in log-odds:"),
	}
	for _, c := range a.Features {
		lines = append(lines, fmt.Sprintf("%+7.3f  %s = %s", c.LogOdds, c.Column, c.Value))
	}
	return lines
}

func (d *dashboard) foot() string {
	keys := faintStyle.Render("↑↓ choose  enter details  esc back  q quit")
	if d.said == "" {
		return clip(keys, d.width)
	}
	return clip(keys+"  "+warnStyle.Render(d.said), d.width)
}

// countText is a count in at most five characters or so.
func countText(v float64) string {
	switch {
	case v >= 1e9:
		return fmt.Sprintf("%.1fG", v/1e9)
	case v >= 1e6:
		return fmt.Sprintf("%.1fM", v/1e6)
	case v >= 1e4:
		return fmt.Sprintf("%.0fk", v/1e3)
	}
	return fmt.Sprintf("%.0f", v)
}

func bytesText(n int64) string { return countText(float64(n)) + "B" }
