package transform_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/source"
)

// cells reads columns of a table as text, "" for null.
func cells(t *testing.T, path string, columns ...string) [][]string {
	t.Helper()
	in, err := source.OpenWith(path, source.Options{Columns: columns})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	b := schema.FromFields(in.Schema())
	var rows [][]string
	for in.Next(b) == nil {
		at := make([]int, len(columns))
		for row := range b.Rows {
			line := make([]string, len(columns))
			for i, name := range columns {
				if c := b.Column(name); c.Presence().Has(row) {
					line[i] = string(c.AppendText(nil, at[i]))
					at[i]++
				}
			}
			rows = append(rows, line)
		}
	}
	return rows
}

// TestPacketsKnowTheirFlows joins the two tables by flow_id: every flow has as
// many packets as it says, and who sends them is the side that it says.
func TestPacketsKnowTheirFlows(t *testing.T) {
	for _, merge := range []bool{false, true} {
		opt := transform.Options{Inputs: lab("dos_frag", "scan_sweep", "scan_udp", "web_xss"), UnitRows: 900, Merge: merge}
		opt.Packets, opt.Flows = tables(t.TempDir())
		res, err := transform.Run(context.Background(), opt)
		if err != nil {
			t.Fatal(err)
		}
		type count struct{ fwd, bwd int }
		got := map[string]count{}
		inFlows := int64(0)
		for _, row := range cells(t, opt.Packets.Path, "flow_id", "flow_forward") {
			c := got[row[0]]
			switch row[1] {
			case "true":
				c.fwd++
			case "false":
				c.bwd++
			}
			if row[0] != "" {
				got[row[0]] = c
				inFlows++
			}
		}
		if inFlows != res.Ledger.InFlows {
			t.Errorf("%d packets have a flow, the ledger says %d", inFlows, res.Ledger.InFlows)
		}
		flows := cells(t, opt.Flows.Path, "flow_id", "fwd_packets", "bwd_packets")
		for _, f := range flows {
			if c := got[f[0]]; fmt.Sprint(c.fwd, c.bwd) != f[1]+" "+f[2] {
				t.Errorf("flow %s says %s and %s packets, the packets table has %d and %d", f[0], f[1], f[2], c.fwd, c.bwd)
			}
			delete(got, f[0])
		}
		if len(got) > 0 {
			t.Errorf("packets of flows that are not there: %v", got)
		}
	}
}

// TestPlacesNeedNoFlowsTable holds because flows are cut in the same way
// whether they are written or not.
func TestPlacesNeedNoFlowsTable(t *testing.T) {
	columns := []string{"frame_number", "flow_id", "flow_forward", "tcp_seq_rel", "tcp_ack_rel"}
	var want [][]string
	for _, withFlows := range []bool{true, false} {
		opt := transform.Options{Inputs: lab("scan_sweep", "web_xss"), UnitRows: 700}
		packets, flows := tables(t.TempDir())
		opt.Packets = packets
		if withFlows {
			opt.Flows = flows
		}
		if _, err := transform.Run(context.Background(), opt); err != nil {
			t.Fatal(err)
		}
		got := cells(t, packets.Path, columns...)
		if want == nil {
			want = got
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Error("the places differ without a flows table")
		}
	}
}

// TestFlowsOfChosenColumns: what a table does not have need not be computed,
// and what it has does not change by that.
func TestFlowsOfChosenColumns(t *testing.T) {
	dir := t.TempDir()
	flows := func(name string, columns ...string) string {
		opt := transform.Options{Inputs: lab("web_xss", "tunnel_dns")}
		opt.Flows = transform.Output{Path: filepath.Join(dir, name), Columns: columns}
		if _, err := transform.Run(context.Background(), opt); err != nil {
			t.Fatal(err)
		}
		return opt.Flows.Path
	}
	all := flows("all.csv")
	for _, columns := range [][]string{
		{"flow_id", "flow_bytes", "dup_packets", "conn_state"},
		{"flow_id", "fwd_entropy_mean", "dns_name_entropy_mean"},
		{"flow_id", "dns_name_entropy_mean", "tls_sni_entropy"},
	} {
		if got, want := cells(t, flows(columns[1]+".csv", columns...), columns...), cells(t, all, columns...); !reflect.DeepEqual(got, want) {
			t.Errorf("%v alone differ from those of the whole table", columns)
		}
	}
}

// TestRelativeNumbers compares with Wireshark's, packet by packet.
func TestRelativeNumbers(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("tshark is not installed, and CI must compare with it")
		}
		t.Skip("tshark is not installed: nothing to compare with")
	}
	captures, _ := filepath.Glob(filepath.Join("..", "testdata", "lab", "*.pcapng.zst"))
	for _, path := range captures {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".pcapng.zst"), func(t *testing.T) {
			opt := transform.Options{Inputs: []string{path}}
			opt.Packets.Path = filepath.Join(t.TempDir(), "p.parquet")
			if _, err := transform.Run(context.Background(), opt); err != nil {
				t.Fatal(err)
			}
			ours := cells(t, opt.Packets.Path, "tcp_seq_rel", "tcp_ack_rel", "tcp_flag_ack", "tcp_seq")
			theirs := tsharkNumbers(t, path)
			if len(ours) != len(theirs) {
				t.Fatalf("we have %d packets, tshark %d", len(ours), len(theirs))
			}
			differ := 0
			for i, o := range ours {
				if o[3] == "" {
					continue // tshark shows the numbers of a packet quoted by ICMP
				}
				if o[2] != "true" {
					theirs[i][1] = "" // tshark shows the number also where the flag says that there is none
				}
				if o[0] == theirs[i][0] && o[1] == theirs[i][1] {
					continue
				}
				if differ++; differ <= 3 {
					t.Errorf("packet %d: %v, tshark says %v", i+1, o[:2], theirs[i])
				}
			}
			if differ > 0 {
				t.Errorf("%d packets differ", differ)
			}
		})
	}
}

func tsharkNumbers(t *testing.T, path string) (rows [][]string) {
	cmd := exec.Command("tshark", "-n", "-r", path, "-T", "fields", "-e", "tcp.seq", "-e", "tcp.ack",
		"-E", "occurrence=f", "-o", "tcp.desegment_tcp_streams:FALSE")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		rows = append(rows, strings.Split(lines.Text(), "\t"))
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return rows
}
