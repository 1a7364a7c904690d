package flow

import (
	"reflect"
	"testing"
	"time"
)

// Without rows and statistics the table cuts and numbers flows as with them,
// and gives each packet the same place.
func TestIDsOnlyAgrees(t *testing.T) {
	for seed := range uint64(8) {
		ds := randomDigests(seed, 600)
		for i := range ds {
			ds[i].File = int32(i / 250)
		}
		for _, cfg := range []Config{{}, smallLimits, {Span: true}, {DropDuplicates: true, DupWindow: time.Hour}} {
			var c collector
			with := cfg
			with.Rows = c.take
			light := cfg
			light.IDsOnly = true
			full, ids := NewTable(with), NewTable(light)
			packets := map[string]int64{}
			for i := range ds {
				ds[i].Hash = uint64(i%50+1) << 8
				a, b := full.Add(&ds[i]), ids.Add(&ds[i])
				if a != b {
					t.Fatalf("packet %d: %+v, ids only: %+v", i, a, b)
				}
				if a.Flow != 0 {
					packets[intText(a.Flow)]++
				} else if a != (Member{}) {
					t.Fatalf("a packet of no flow is %+v", a)
				}
			}
			if err := full.Finish(); err != nil {
				t.Fatal(err)
			}
			if err := ids.Finish(); err != nil {
				t.Fatal(err)
			}
			if a, b := full.Stats(), ids.Stats(); a.Flows != b.Flows || a.InFlows != b.InFlows || a.NonFlow != b.NonFlow || !reflect.DeepEqual(a.Ended, b.Ended) {
				t.Fatalf("%+v\n%+v", a, b)
			}
			if len(c.rows) != len(packets) {
				t.Fatalf("%d rows, packets of %d flows", len(c.rows), len(packets))
			}
			for _, row := range c.rows {
				if row["flow_packets"] != intText(packets[row["flow_id"]]) {
					t.Fatalf("flow %s has %s packets, %d were given to it", row["flow_id"], row["flow_packets"], packets[row["flow_id"]])
				}
			}
		}
	}
}

func TestRelativeNumbers(t *testing.T) {
	table := NewTable(Config{IDsOnly: true})
	ds := connection(0)
	want := [][2]uint32{{0, 0}, {0, 1}, {1, 1}, {1, 1}, {1, 201}, {1, 201}, {201, 1001}, {1001, 202}, {202, 1002}}
	for i, d := range ds {
		m := table.Add(&d)
		got := [2]uint32{m.Seq, 0}
		if m.HasAck {
			got[1] = m.Ack
		}
		if !m.HasSeq || m.HasAck != (i > 0) || got != want[i] || m.Backward != (i == 1 || i == 4 || i == 5 || i == 7) || m.Flow != 1 {
			t.Errorf("packet %d: %v, want %v; %+v", i, got, want[i], m)
		}
	}
	// Not seen from the beginning on.
	table = NewTable(Config{IDsOnly: true})
	for i, c := range []struct {
		d    Digest
		want [2]uint32
	}{
		{seq(pkt(0, up, "PA", 10), 7000, 900), [2]uint32{1, 1}},
		{seq(pkt(1, down, "PA", 10), 900, 7010), [2]uint32{1, 11}},
		{seq(pkt(2, up, "A", 0), 7010, 910), [2]uint32{11, 11}},
	} {
		m := table.Add(&c.d)
		if got := [2]uint32{m.Seq, m.Ack}; got != c.want {
			t.Errorf("packet %d: %v, want %v", i, got, c.want)
		}
	}
}
