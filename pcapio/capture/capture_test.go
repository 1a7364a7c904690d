package capture

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		part string
	}{
		{Config{}, "no interface"},
		{Config{Interfaces: []string{"x"}, BlockBytes: 5000}, "page size"},
		{Config{Interfaces: []string{"x"}, RingBytes: 8192, BlockBytes: 8192}, "two blocks"},
		{Config{Interfaces: []string{"x"}, RingBytes: 4096}, "two blocks"},
		{Config{Interfaces: []string{"x"}, BlockTimeout: time.Microsecond}, "block timeout"},
		{Config{Interfaces: []string{"x"}, Fanout: 1000, RingBytes: 1 << 30}, "fan-out"},
		{Config{Interfaces: []string{"x"}, Snaplen: -1}, "snaplen"},
	} {
		_, err := c.cfg.withDefaults(4096)
		if err == nil || !strings.Contains(err.Error(), c.part) {
			t.Errorf("%+v: %v, want %q", c.cfg, err, c.part)
		}
	}
	for _, ring := range []int{0, 64 << 10, 1 << 20, 256 << 20} {
		for _, fanout := range []int{0, 2, 4} {
			c, err := Config{Interfaces: []string{"x"}, RingBytes: ring, Fanout: fanout}.withDefaults(4096)
			if err != nil || c.RingBytes/c.Fanout/c.BlockBytes < 2 || c.BlockBytes%4096 != 0 {
				t.Errorf("ring %d, fan-out %d: %+v, %v", ring, fanout, c, err)
			}
		}
	}
}

func TestOpenErrors(t *testing.T) {
	if runtime.GOOS != "linux" {
		if _, err := Open(Config{}); err != ErrUnsupported {
			t.Errorf("Open: %v", err)
		}
		return
	}
	for _, c := range []struct {
		cfg  Config
		part string
	}{
		{Config{Interfaces: []string{"nosuchif0"}}, "nosuchif0"},
		{Config{Interfaces: []string{"a-name-that-is-too-long"}}, "a-name-that-is-too-long"},
		{Config{Interfaces: []string{"lo", "lo"}}, "twice"},
		{Config{Interfaces: []string{"lo", "any"}}, "any cannot be joined"},
		{Config{Interfaces: []string{"lo"}, Filter: "tcp port"}, `"tcp port", column`},
	} {
		_, err := Open(c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.part) {
			t.Errorf("%+v: %v, want %q", c.cfg, err, c.part)
		}
	}
}
