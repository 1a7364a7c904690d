//go:build linux

package main

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
)

// manyFlows has the columns of the flows table that prepare looks for, and
// numbers for 24 more.
type manyFlows struct {
	schema.Layer `name:"flow" every:"row"`

	File   schema.Values[uint32]        `name:"file_id" role:"provenance" store:"dict" doc:"-"`
	Start  schema.Values[int64]         `name:"ts_ns" role:"time" store:"delta" doc:"-"`
	End    schema.Values[int64]         `name:"ts_end_ns" role:"time" store:"delta" doc:"-"`
	SrcIP  schema.Values[netip.Addr]    `name:"src_ip" role:"identity" store:"dict" doc:"-"`
	SrcMAC schema.Values[schema.MAC]    `name:"src_mac" role:"identity" store:"dict" doc:"-"`
	State  schema.Values[schema.Text]   `name:"conn_state" store:"dict" doc:"-"`
	RTT    schema.Optional[float64]     `name:"tcp_syn_rtt" doc:"-"`
	Name   schema.Optional[schema.Text] `name:"label" role:"label" store:"dict" doc:"-"`
	Class  schema.Values[schema.Text]   `name:"label_class" role:"label" store:"dict" doc:"-"`
}

// writeManyFlows writes rows in 20 captures, a tenth of them attacks of five
// classes, and a third without a round-trip time.
func writeManyFlows(t *testing.T, path string, rows int) {
	t.Helper()
	f := new(manyFlows)
	var numbers schema.Schema
	for i := range 24 {
		numbers = append(numbers, &schema.Field{Name: fmt.Sprintf("number_%02d", i), Layer: "flow", Kind: schema.Int64, Doc: "-"})
	}
	extra := schema.FromFields(numbers)
	b := schema.Join(schema.Of(f), extra)
	out, err := sink.Create(path, sink.Format{}, b.Schema(), sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Abort()
	enc := out.NewEncoder()
	for i := 0; i < rows; {
		b.Reset()
		for ; b.Rows < 65536 && i < rows; i++ {
			h := features.Mix(uint64(i))
			row := b.Rows
			b.Rows++
			f.File.Append(uint32(i * 20 / rows))
			f.Start.Append(1_700_000_000_000_000_000 + int64(i)*1e6)
			f.End.Append(1_700_000_000_000_000_000 + int64(i)*1e6 + int64(h>>44))
			f.SrcIP.Append(netip.AddrFrom4([4]byte{10, 0, 0, byte(h)}))
			f.SrcMAC.Append(schema.MAC{2, 0, 0, 0, 0, byte(h)})
			f.State.Append(schema.Text([]string{"SF", "S0", "REJ"}[h%3]))
			if h%3 != 0 {
				f.RTT.Set(row, float64(h>>40)/1e6)
			}
			class, name := "benign", "benign"
			if i%10 == 7 {
				class, name = "attack", "scan_"+strconv.Itoa(i/10%5)
			}
			f.Class.Append(schema.Text(class))
			f.Name.Set(row, schema.Text(name))
			for k, c := range extra.Columns {
				c.(*schema.Values[int64]).Append(int64(features.Mix(h+uint64(k)) >> 52))
			}
		}
		b.Finish()
		if err := enc.Encode(b); err != nil {
			t.Fatal(err)
		}
		endGroup(t, out, enc)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// endGroup ends the row group at hand.
func endGroup(t *testing.T, out sink.Sink, enc sink.Encoder) {
	t.Helper()
	piece, err := enc.Flush()
	ok(t, err)
	ok(t, out.Commit(piece))
}

// TestPrepareIsBounded holds prepare, audit included, to 400 MiB and 60 bytes a
// row: ten million rows in a gigabyte (PCAPLINE_MEASURE_ROWS=10000000).
func TestPrepareIsBounded(t *testing.T) {
	rows, _ := strconv.Atoi(os.Getenv("PCAPLINE_MEASURE_ROWS"))
	if rows == 0 {
		rows = 50_000
	}
	if testing.Short() {
		t.Skip("writes and reads many rows")
	}
	dir := t.TempDir()
	table := filepath.Join(dir, "flows.parquet")
	writeManyFlows(t, table, rows)
	for _, split := range []string{"time", "host", "kfold"} {
		t.Run(split, func(t *testing.T) {
			cmd := exec.Command("pcapline", "-q", "prepare", "-o", filepath.Join(dir, "dataset"), "--split", split, "--seed", "3", table)
			_, peak := peakOf(t, cmd)
			t.Logf("%d rows in %d MiB at most, %.0f CPU s", rows, peak>>20, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
			if limit := int64(400<<20 + 60*rows); peak > limit {
				t.Errorf("%d MiB for %d rows; want up to %d", peak>>20, rows, limit>>20)
			}
		})
	}
}
