package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/pcapline/pcapline/train/watch"
)

// reported is a watch at work, as a dashboard is told.
func reported(t *testing.T, packets int64, alerts int) *watch.Stats {
	t.Helper()
	s := &watch.Stats{Model: strings.Repeat("ab", 32), Threshold: 0.5, Columns: []string{"src_10s_flows", "duration"}, PSI: []float64{0.5, 0.01}, Drifted: 1}
	s.Packets, s.Rows, s.Sent = packets, packets/10, int64(alerts)
	s.Suppressed = map[string]int64{"duplicate": 7}
	s.LagBytes, s.LagSeconds = 3<<20, 90
	s.Scores[0], s.Scores[19] = packets/10-3, 3
	s.Time = time.Unix(packets, 0)
	for range alerts {
		var a watch.Alert
		if err := json.Unmarshal([]byte(`{"id":"0123456789abcdef","time":"2026-01-02T03:04:05.6Z","score":0.99,"class":"scan",
			"flow":{"src_ip":"10.0.0.1","dst_ip":"10.0.0.2","dst_port":443,"proto":"tcp","community_id":"1:x"},
			"capture":{"segment":"s_lo_1_0000000001.pcapng","offset":184},"features":[{"column":"src_10s_flows","log_odds":2.5,"value":400}]}`), &a); err != nil {
			t.Fatal(err)
		}
		s.Recent = append(s.Recent, a)
	}
	return s
}

// TestDashboardFitsTheTerminal draws at several sizes, and holds every line to it.
func TestDashboardFitsTheTerminal(t *testing.T) {
	for _, size := range [][2]int{{60, 18}, {80, 24}, {150, 40}, {300, 100}, {40, 10}} {
		d := &dashboard{opt: watch.Options{Spool: "spool", Model: "dir/m.pcapline"}, began: time.Now()}
		d.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
		d.content()
		for i, alerts := range []int{0, 1, 64} {
			d.Update(reported(t, int64(1000*(i+1)), alerts))
			for _, detail := range []bool{false, true} {
				d.detail = detail && alerts > 0
				text := d.content()
				if h := lipgloss.Height(text); h > size[1] {
					t.Errorf("%v, %d alerts, detail %v: %d lines\n%s", size, alerts, detail, h, text)
				}
				if w := lipgloss.Width(text); w > max(size[0], leastWidth+20) {
					t.Errorf("%v, %d alerts, detail %v: %d cells\n%s", size, alerts, detail, w, text)
				}
			}
		}
	}
}

func TestDashboardShowsAndChooses(t *testing.T) {
	d := &dashboard{opt: watch.Options{Spool: "spool", Model: "dir/m.pcapline"}, began: time.Now()}
	d.Update(tea.WindowSizeMsg{Width: 160, Height: 40})
	d.Update(reported(t, 1000, 3))
	d.Update(reported(t, 1500, 3))
	text := d.content()
	for _, want := range []string{"m.pcapline", "abababababab", "3.1MB, 90 s behind", "src_10s_flows", "10.0.0.1 → 10.0.0.2 tcp/443", "3 sent", "1 of 2 features"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	d.key("down")
	d.key("enter")
	if text := d.content(); !strings.Contains(text, "at byte 184") || !strings.Contains(text, "src_10s_flows = 400") {
		t.Errorf("no details in\n%s", text)
	}
	d.Update(reported(t, 1600, 5)) // two more came: the chosen one stays
	if d.selected != 3 {
		t.Errorf("alert %d is chosen", d.selected)
	}
	if d.key("esc") != nil || d.detail {
		t.Error("esc does not go back")
	}
	if d.key("q") == nil {
		t.Error("q does not quit")
	}
}
