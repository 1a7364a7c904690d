package watch

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestMetrics(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	spoolOf(t, dir, 0)
	m := NewMetrics()
	if problems, err := testutil.GatherAndLint(m.Gatherer()); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	w, err := Open(Options{Spool: dir, Model: model(t, "packets"), Once: true, Stats: m.Update})
	must(t, err)
	must(t, w.Run(context.Background()))
	if problems, err := testutil.GatherAndLint(m.Gatherer()); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	path := filepath.Join(t.TempDir(), "watch.prom")
	must(t, m.WriteFile(path))
	text, s := read(t, path), w.Stats()
	for _, line := range []string{
		fmt.Sprintf("pcapline_watch_packets_total %d", s.Packets),
		fmt.Sprintf("pcapline_watch_rows_total %d", s.Rows),
		fmt.Sprintf("pcapline_watch_score_count %d", s.Rows),
		fmt.Sprintf(`pcapline_watch_alerts_suppressed_total{reason="duplicate"} %d`, s.Suppressed[duplicate]),
		fmt.Sprintf(`pcapline_watch_model_info{sha256="%s"} 1`, s.Model),
		"pcapline_watch_lag_bytes ",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("no %q in\n%s", line, text)
		}
	}
	if n := strings.Count(text, "pcapline_watch_feature_psi{"); n != len(s.Columns) || n == 0 {
		t.Errorf("%d features with an index, %d there are", n, len(s.Columns))
	}
}
