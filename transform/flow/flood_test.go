package flow

import (
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/pcapline/pcapline/transform/schema"
)

// A flood of SYNs, each of another 5-tuple, takes the memory of the limits and
// no more: the heap after many is that after a fifth of them. What is pushed
// out is counted and marked. PCAPLINE_FLOOD=5000000 takes that many packets
// and the default limits.
func TestFloodMemoryIsFlat(t *testing.T) {
	packets, cfg := 250_000, Config{MaxFlows: 8192, MaxHosts: 8192, MaxEvents: 32768, MaxPairs: 32768, MaxServices: 8192}
	if s := os.Getenv("PCAPLINE_FLOOD"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		packets, cfg = n, Config{}
	}
	rows, evicted := 0, 0
	cfg.EarlyRows, cfg.Early, cfg.EarlyTime = EachBatch(func(*schema.Batch) error { return nil }), 5, 1e9
	cfg.Rows = EachBatch(func(b *schema.Batch) error {
		rows += b.Rows
		reasons := schema.Walk[schema.Text](b.Column("end_reason"))
		for row := range b.Rows {
			if r, _ := reasons.At(row); string(r) == "evicted" {
				evicted++
			}
		}
		return nil
	})
	table := NewTable(cfg)
	d := pkt(0, up, "S", 0)
	var early uint64
	for i := range packets {
		flood(&d, i)
		d.Hash = uint64(i+1) << 8
		table.Add(&d)
		if i == packets/5 {
			early = heap()
		}
	}
	late := heap()
	t.Logf("%d packets: heap %d kB after a fifth, %d kB at the end", packets, early>>10, late>>10)
	if late > early+early/10 {
		t.Errorf("the heap grows from %d to %d kB", early>>10, late>>10)
	}
	if err := table.Finish(); err != nil {
		t.Fatal(err)
	}
	s := table.Stats()
	if rows != packets || int64(evicted) != s.Ended[endEvicted] || evicted < packets-table.cfg.MaxFlows {
		t.Errorf("%d packets, %d rows, %d evicted, %+v", packets, rows, evicted, s)
	}
	if s.ForgottenHosts == 0 || s.ForgottenServices == 0 {
		t.Errorf("what was forgotten is not counted: %+v", s)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
