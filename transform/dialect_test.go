package transform_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/antinex"
)

const allLayers = "../testdata/antinex/all_layers.pcap"

// readTable gives the cells of a CSV file, row by row under the columns' names.
func readTable(t *testing.T, path string) (header []string, rows []map[string]string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records[1:] {
		row := map[string]string{}
		for i, cell := range r {
			row[records[0][i]] = cell
		}
		rows = append(rows, row)
	}
	return records[0], rows
}

// flattenAs writes a table of captures in a dialect.
func flattenAs(t *testing.T, dialect, name string, opt transform.Options) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	opt.Packets = transform.Output{Path: path, Names: dialect}
	if _, err := transform.Run(context.Background(), opt); err != nil {
		t.Fatal(err)
	}
	return path
}

// wrong are the columns of antinex-v1 whose values are not what their names
// promise, and those that hold nothing or something only by form.
var wrong = []string{"ip_len", "tcp_seq", "udp_len", "icmp_code", "raw_load", "raw_hex_field_load", "pad_load", "pad_hex_field_load",
	"tcp_fields_options.NOP", "tcp_fields_options.SAckOK", "tcp_fields_urgptr", "tcp_fields_options.SAck"}

// TestAntiNexDialectIsTrue: where AntiNex's own table is right, the dialect
// with its names has the same values; where it is wrong, the packet's.
func TestAntiNexDialectIsTrue(t *testing.T) {
	header, ours := readTable(t, flattenAs(t, antinex.Dialect, "a.csv", transform.Options{Inputs: []string{allLayers}}))
	_, theirs := readTable(t, "../testdata/antinex/all_layers.flat.csv")
	if header[0] != "idx" || !slices.IsSorted(header[1:]) {
		t.Errorf("columns are not in order: %v", header)
	}
	compared := 0
	for i, row := range theirs {
		if i == 23 {
			continue // IP in IP, of which theirs has the inner header
		}
		for name, cell := range row {
			got, there := ours[i][name]
			if !there || slices.Contains(wrong, name) || strings.HasSuffix(name, "_id") {
				continue
			}
			compared++
			if number, is := strings.CutSuffix(cell, ".0"); is && !strings.Contains(number, ".") {
				cell = number
			}
			if got != cell {
				t.Errorf("row %d, %s is %q, theirs %q", i, name, got, cell)
			}
		}
	}
	if compared < 1000 {
		t.Errorf("only %d cells were compared", compared)
	}
	for _, c := range []struct {
		row        int
		name, want string
	}{
		{0, "ip_len", "60"}, {0, "tcp_seq", "0"}, {7, "udp_len", "13"}, {11, "icmp_code", "0"}, {11, "icmp_id", "4660"}, {0, "ip_id", "1"},
		{1, "raw_load", "474554202f20485454502f312e310d0a0d0a"}, {2, "raw_load", "fffe00"}, {6, "pad_load", "ffffffffffff"},
		{4, "tcp_fields_options.SAck", "1;2"}, {0, "tcp_fields_options.SAckOK", "true"}, {10, "dns_qr", "true"}, {9, "dns_qr", "false"},
	} {
		if got := ours[c.row][c.name]; got != c.want {
			t.Errorf("row %d, %s is %q, want %q", c.row, c.name, got, c.want)
		}
	}
}

// TestAntiNexDialectForAnyWorkers: the bytes do not depend on how many there
// are, idx counts over all captures, and the format does not matter.
func TestAntiNexDialectForAnyWorkers(t *testing.T) {
	inputs := []string{allLayers, "../testdata/lab/scan_udp.pcapng.zst"}
	var first []byte
	for _, workers := range []int{1, 2, 7} {
		path := flattenAs(t, antinex.Dialect, "a.parquet", transform.Options{Inputs: inputs, Workers: workers, UnitRows: 100})
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = data
		}
		if !bytes.Equal(first, data) {
			t.Errorf("%d workers give other bytes", workers)
		}
	}
	_, rows := readTable(t, flattenAs(t, antinex.Dialect, "a.csv", transform.Options{Inputs: inputs, UnitRows: 100}))
	if last := rows[len(rows)-1]["idx"]; len(rows) != 1530 || last != "1529" {
		t.Errorf("%d rows, the last has idx %s", len(rows), last)
	}
	_, rows = readTable(t, flattenAs(t, antinex.Dialect, "a.csv", transform.Options{Inputs: inputs, Filter: "arp"}))
	if len(rows) != 12 || rows[1]["idx"] != "19" {
		t.Errorf("%d rows pass the filter, the second has idx %s", len(rows), rows[1]["idx"])
	}
}

// TestAntiNexV1Errors: what cannot be done is said, and leaves nothing.
func TestAntiNexV1Errors(t *testing.T) {
	dir := t.TempDir()
	archive := filepath.Join(dir, "a.json")
	const message = `{"created":"c","data":{"ether":{"type":2048}},"source":"s"}`
	if err := os.WriteFile(archive, []byte(`{"packets":[`+message+`,{"data"`), 0o600); err != nil {
		t.Fatal(err)
	}
	csv := filepath.Join(dir, "a.csv")
	opt := transform.AntiNexOptions{Inputs: []string{archive}, Record: antinex.Config{CSV: csv}}
	res, err := transform.AntiNexV1(context.Background(), opt)
	if err != transform.ErrDamaged || res.Ledger.Rows != 1 || len(res.Ledger.Damaged) != 1 || !strings.Contains(res.Ledger.Damaged[0].Error, archive+": message 2") {
		t.Errorf("a cut archive: %v, %+v", err, res)
	}
	if _, rows := readTable(t, csv); len(rows) != 1 {
		t.Errorf("%d rows of a cut archive", len(rows))
	}
	opt.Inputs = []string{archive, allLayers}
	if _, err := transform.AntiNexV1(context.Background(), opt); err == nil || !strings.Contains(err.Error(), "together") {
		t.Errorf("captures and archives: %v", err)
	}
	opt.Inputs, opt.StopAfter = []string{allLayers}, 5
	if res, err := transform.AntiNexV1(context.Background(), opt); err != nil || res.Ledger.Rows != 5 || res.Stopped == "" {
		t.Errorf("stop after 5: %v, %+v", err, res)
	}
	opt.StopAfter, opt.StopFile = 0, archive
	if res, err := transform.AntiNexV1(context.Background(), opt); err != nil || res.Ledger.Rows != 0 || res.Stopped == "" {
		t.Errorf("stop file: %v, %+v", err, res)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("%v is left", entries)
	}
}
