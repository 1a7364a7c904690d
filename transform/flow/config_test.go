package flow

import (
	"testing"
	"time"
)

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{}, "{}"},
		{Config{IdleTimeout: 2 * time.Minute, Sequence: 20, BatchRows: 7, IDsOnly: true}, "{}"},
		{Config{IdleTimeout: 15 * time.Second, Span: true}, `{"idle_timeout":15000000000,"span":true}`},
		{Config{Early: 8, EarlyTime: time.Second, Sequence: -5, DupWindow: -1}, `{"early":8,"early_time":1000000000,"dup_window":-1,"sequence":-1}`},
	} {
		got := c.cfg.Settings()
		if got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
		back, err := ParseSettings(got)
		if err != nil || back.Settings() != got {
			t.Errorf("%s comes back as %s, %v", got, back.Settings(), err)
		}
	}
	for _, bad := range []string{"{", `{"idle_time_out":1}`} {
		if _, err := ParseSettings(bad); err == nil {
			t.Errorf("%s is no error", bad)
		}
	}
}
