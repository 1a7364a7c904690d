package audit

import (
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/features/label"
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/source"
)

const (
	lab     = "../../testdata/lab"
	antiNex = "../../testdata/antinex"
	corpus  = "../../../shared/data/antinex/prepared"
)

// antinexColumns are our columns in place of those of AntiNex's cleaned sets;
// each of the others is −1 in all rows. Two of them hold checksums, as in the
// original, whose names say otherwise.
var antinexColumns = map[string]string{
	"eth_type": "eth_type", "ip_ihl": "ip_hdr_len", "ip_len": "ip_checksum", "ip_tos": "ip_tos", "ip_version": "ip_version",
	"tcp_dport": "tcp_dst_port", "tcp_sport": "tcp_src_port", "tcp_seq": "tcp_checksum",
	"tcp_fields_options.MSS": "tcp_mss", "tcp_fields_options.Timestamp": "tcp_ts_val", "tcp_fields_options.WScale": "tcp_wscale",
}

// benignAs writes the benign TCP packets of a lab capture with the columns of
// an attack set.
func benignAs(t *testing.T, capture string, header []string) string {
	t.Helper()
	rules, err := label.Load(filepath.Join(lab, "truth.csv"))
	if err != nil {
		t.Fatal(err)
	}
	inputs, err := pcapio.Expand([]string{filepath.Join(lab, capture)})
	if err != nil {
		t.Fatal(err)
	}
	a, err := label.NewAnnotator(rules, transform.CaptureNames(inputs))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	packets := transform.Output{Path: filepath.Join(dir, "packets.parquet")}
	if _, err := transform.Run(context.Background(), transform.Options{
		Inputs: inputs, Packets: packets, Annotate: func() transform.Annotator { return a.Clone() },
	}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "lab_benign.csv")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := csv.NewWriter(f)
	if err := w.Write(header); err != nil {
		t.Fatal(err)
	}
	rows := 0
	eachRow(t, packets.Path, func(value func(string) string) {
		if value("label_class") != "benign" || value("tcp_src_port") == "" {
			return
		}
		record := make([]string, len(header))
		for i, n := range header {
			switch ours, there := antinexColumns[n]; {
			case n == "idx":
				record[i] = strconv.Itoa(rows)
			case n == "label_value":
				record[i] = "0"
			case n == "label_name":
				record[i] = "not_attack"
			case there && value(ours) != "":
				record[i] = value(ours)
			default:
				record[i] = "-1.0"
			}
		}
		rows++
		if err := w.Write(record); err != nil {
			t.Fatal(err)
		}
	})
	if w.Flush(); w.Error() != nil || rows < 500 {
		t.Fatalf("%d benign rows: %v", rows, w.Error())
	}
	return path
}

// eachRow gives the cells of a table's rows as text.
func eachRow(t *testing.T, path string, visit func(value func(name string) string)) {
	t.Helper()
	f, err := source.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := schema.FromFields(f.Schema())
	for f.Next(b) == nil {
		var next []func(int) int
		for _, c := range b.Columns {
			next = append(next, walk(c))
		}
		at := make([]int, len(next))
		for row := range b.Rows {
			for i := range next {
				at[i] = next[i](row)
			}
			visit(func(name string) string {
				i := slices.IndexFunc(b.Columns, func(c schema.Column) bool { return c.Field().Name == name })
				if at[i] < 0 {
					return ""
				}
				return string(b.Columns[i].AppendText(nil, at[i]))
			})
		}
	}
}

func headerOf(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.Split(line, ",")
}

// TestAntiNexSetsAreConvicted joins the attack sets with benign traffic of
// ours, as their users join them with benign traffic of theirs.
func TestAntiNexSetsAreConvicted(t *testing.T) {
	sets := []string{
		filepath.Join(antiNex, "v1_django_cleaned_attack_cut.csv"), filepath.Join(antiNex, "v1_flask_cleaned_attack_cut.csv"),
	}
	whole, err := filepath.Glob(filepath.Join(corpus, "*", "v1_*_cleaned_attack.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if whole == nil {
		t.Logf("the whole sets are not at %s: their cuts are judged alone", corpus)
	}
	benign := map[string]string{}
	for _, set := range append(sets, whole...) {
		for _, capture := range []string{"web_xss.pcapng.zst", "tunnel_dns.pcapng.zst"} {
			if benign[capture] == "" {
				benign[capture] = benignAs(t, capture, headerOf(t, set))
			}
			r, err := Tables(context.Background(), []string{set, benign[capture]}, TableOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != Fail {
				t.Errorf("%s with %s: %s", set, capture, r.Verdict)
			}
			identity := find(t, r, "identity")
			for _, column := range []string{"idx", "tcp_fields_options.Timestamp", "ip_len", "tcp_seq"} {
				if !says(identity, column+" holds ") {
					t.Errorf("%s with %s: %s is not convicted: %v", set, capture, column, identity.Findings)
				}
			}
			if identity.Verdict != Fail || find(t, r, "confounding").Verdict != Fail {
				t.Errorf("%s with %s: %+v", set, capture, r.Checks)
			}
		}
		if duplicates := find(t, mustTables(t, set, benign["web_xss.pcapng.zst"]), "duplicates"); duplicates.Verdict != Warn || !says(duplicates, "recorded twice") {
			t.Errorf("%s: loopback twins: %+v", set, duplicates)
		}
	}
}

// TestARowNumberIsFoundByWhatItDoes hides the names.
func TestARowNumberIsFoundByWhatItDoes(t *testing.T) {
	set := filepath.Join(antiNex, "v1_django_cleaned_attack_cut.csv")
	benign := benignAs(t, "web_xss.pcapng.zst", headerOf(t, set))
	var hidden []string
	for _, path := range []string{set, benign} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		header, rest, _ := strings.Cut(string(text), "\n")
		header = strings.NewReplacer("idx", "alpha", "tcp_fields_options.Timestamp", "beta", "ip_len", "gamma", "tcp_seq", "delta").Replace(header)
		out := filepath.Join(t.TempDir(), filepath.Base(path))
		if err := os.WriteFile(out, []byte(header+"\n"+rest), 0o644); err != nil {
			t.Fatal(err)
		}
		hidden = append(hidden, out)
	}
	identity := find(t, mustTables(t, hidden...), "identity")
	if identity.Verdict != Fail || !says(identity, "alpha only grows") {
		t.Errorf("%+v", identity)
	}
}

func mustTables(t *testing.T, paths ...string) *Report {
	t.Helper()
	r, err := Tables(context.Background(), paths, TableOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func find(t *testing.T, r *Report, name string) Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no check %s", name)
	return Check{}
}

func says(c Check, text string) bool {
	return slices.ContainsFunc(c.Findings, func(f string) bool { return strings.Contains(f, text) })
}
