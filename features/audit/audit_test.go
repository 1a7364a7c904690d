package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// row is a row of a made-up table: 6 recordings of 300 rows, in which attacks
// and benign rows come in any order and differ a little in x.
type row struct {
	recording, n int
	attack       bool
	x, y         float64
	rng          *rand.Rand
}

// madeUp writes a table with the columns capture, ts_ns, x, y, label and one
// more that a row's function gives.
func madeUp(t *testing.T, extra string, value func(r row) string) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(4, 2))
	var b strings.Builder
	fmt.Fprintf(&b, "capture,ts_ns,x,y,%s,label\n", extra)
	for recording := range 6 {
		for n := range 300 {
			r := row{recording, n, rng.IntN(3) == 0, rng.NormFloat64(), rng.NormFloat64(), rng}
			label := "benign"
			if r.attack {
				label = fmt.Sprintf("scan_%d", rng.IntN(2))
				r.x++
			}
			fmt.Fprintf(&b, "%d,%d,%g,%g,%s,%s\n", recording, 1_700_000_000_000_000_000+n*1_000_000, r.x, r.y, value(r), label)
		}
	}
	path := filepath.Join(t.TempDir(), "table.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEachLeakIsFoundAndNothingElse(t *testing.T) {
	attack := func(r row) string {
		if r.attack {
			return "1"
		}
		return "0"
	}
	for _, c := range []struct {
		name, column string
		value        func(r row) string
		check        string // "": none
		also         string // another check that it trips
		verdict      Verdict
		says         string
	}{
		{"honest", "z", func(r row) string { return fmt.Sprint(r.rng.NormFloat64()) }, "", "", Pass, ""},
		{"the label", "z", attack, "one_feature", "", Fail, "z alone tells"},
		{"nearly the label", "z", func(r row) string {
			if r.rng.IntN(40) == 0 {
				return "0"
			}
			return attack(r)
		}, "one_feature", "", Warn, "z alone tells"},
		{"a counter", "z", func(r row) string { return fmt.Sprint(r.n * 7) }, "identity", "", Fail, "z only grows"},
		{"a falling counter", "z", func(r row) string { return fmt.Sprint(-3 * r.n) }, "identity", "", Fail, "z only grows or only falls"},
		{"the recording", "z", func(r row) string { return fmt.Sprint(r.recording * 100) }, "identity", "shuffled_blocks", Fail, "z tells the captures apart"},
		{"the recording, in noise", "z", func(r row) string { return fmt.Sprint(float64(r.recording) + r.rng.Float64()*1.8) }, "identity", "shuffled_blocks", Warn, "z tells the captures apart"},
		{"an address by its name", "ip_src", func(r row) string { return fmt.Sprintf("10.0.0.%d", r.rng.IntN(200)) }, "identity", "", Fail, "ip_src holds an address"},
		{"a checksum by its name", "l4_chksum", func(r row) string { return fmt.Sprint(r.rng.IntN(65536)) }, "identity", "", Fail, "l4_chksum holds a checksum"},
		{"a port", "dport", func(r row) string { return fmt.Sprint(r.rng.IntN(1000)) }, "identity", "", Warn, "dport holds a port"},
		{"a text that tells", "z", func(r row) string {
			if r.attack {
				return "evil" + fmt.Sprint(r.rng.IntN(9))
			}
			return "good" + fmt.Sprint(r.rng.IntN(9))
		}, "one_feature", "", Fail, "z alone tells"},
		{"a constant", "z", func(row) string { return "5" }, "columns", "", Warn, "1 columns are constant: z"},
		{"a copy", "z", func(r row) string { return fmt.Sprint(3 - 2*r.y) }, "columns", "", Warn, "z = y"},
	} {
		r := mustTables(t, madeUp(t, c.column, c.value))
		for _, k := range r.Checks {
			switch {
			case k.Name == c.check && (k.Verdict != c.verdict || !says(k, c.says)):
				t.Errorf("%s: %+v; want %s saying %q", c.name, k, c.verdict, c.says)
			case k.Name != c.check && (k.Verdict != Pass) != (k.Name == c.also):
				t.Errorf("%s: %s, too: %v", c.name, k.Name, k.Findings)
			}
		}
		if r.Verdict != c.verdict {
			t.Errorf("%s: in all %s, want %s", c.name, r.Verdict, c.verdict)
		}
	}
}

// edited changes the lines of a made-up table.
func edited(t *testing.T, change func(line []string, n int) [][]string) string {
	t.Helper()
	path := madeUp(t, "z", func(r row) string { return fmt.Sprint(r.rng.NormFloat64()) })
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	out := lines[:1:1]
	for n, l := range lines[1:] {
		for _, cells := range change(strings.Split(l, ","), n) {
			out = append(out, strings.Join(cells, ","))
		}
	}
	if err := os.WriteFile(path, []byte(strings.Join(out, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAColumnThatTellsHostsIsFound(t *testing.T) {
	path := madeUp(t, "src_ip,window", func(r row) string {
		host := r.rng.IntN(5)
		return fmt.Sprintf("10.0.0.%d,%d", host, 1000*host+r.rng.IntN(900))
	})
	r, err := Tables(context.Background(), []string{path}, TableOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if k := find(t, r, "identity"); !says(k, "window tells hosts apart") {
		t.Errorf("%+v", k)
	}
}

func TestRowsAndRecordings(t *testing.T) {
	attack := func(l []string) bool { return l[5] != "benign" }
	for _, c := range []struct {
		name, check string
		verdict     Verdict
		says        string
		change      func(l []string, n int) [][]string
	}{
		{"a recording of one kind each", "confounding", Fail, "attacks only or benign rows only", func(l []string, _ int) [][]string {
			l[0] = map[bool]string{true: "1", false: "2"}[attack(l)]
			return [][]string{l}
		}},
		{"nearly so", "confounding", Warn, "capture alone tells", func(l []string, n int) [][]string {
			if n%33 != 0 {
				l[0] = map[bool]string{true: "1", false: "2"}[attack(l)]
			} else {
				l[0] = []string{"1", "2"}[n%2]
			}
			return [][]string{l}
		}},
		{"one class in each recording", "confounding", Warn, "lie in one capture each", func(l []string, _ int) [][]string {
			if attack(l) {
				l[5] = "class" + l[0]
			}
			return [][]string{l}
		}},
		{"one recording", "confounding", Warn, "of one capture", func(l []string, _ int) [][]string {
			l[0] = "1"
			return [][]string{l}
		}},
		{"attacks in one window", "time", Warn, "window of time alone", func(l []string, n int) [][]string {
			l[5] = map[bool]string{true: "x", false: "benign"}[n%300 > 100 && n%300 < 200]
			return [][]string{l}
		}},
		{"every row twice", "duplicates", Warn, "equal the row before them", func(l []string, _ int) [][]string { return [][]string{l, l} }},
	} {
		r := mustTables(t, edited(t, c.change))
		k := find(t, r, c.check)
		if k.Verdict != c.verdict || !says(k, c.says) {
			t.Errorf("%s: %+v; want %s saying %q", c.name, k, c.verdict, c.says)
		}
	}
}

func TestLabelsAreFoundOrNamed(t *testing.T) {
	path := madeUp(t, "z", func(r row) string { return fmt.Sprint(r.rng.NormFloat64()) })
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, replace ...string) string {
		p := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(p, []byte(strings.NewReplacer(replace...).Replace(string(text))), 0o644); err != nil {
			t.Fatal(err)
		}
		return p
	}
	want := mustTables(t, path).Columns
	for name, c := range map[string]struct {
		path string
		opt  TableOptions
	}{
		"label_value": {write("a.csv", ",label\n", ",label_value\n", "benign", "0", "scan_0", "1", "scan_1", "1"), TableOptions{}},
		"label_class": {write("b.csv", ",label\n", ",label_class\n", "scan_0", "attack", "scan_1", "attack"), TableOptions{}},
		"named":       {write("c.csv", ",label\n", ",verdict\n", "benign", "harmless"), TableOptions{Label: "verdict", Benign: []string{"harmless"}}},
	} {
		r, err := Tables(context.Background(), []string{c.path}, c.opt)
		if err != nil {
			t.Fatal(err)
		}
		for i, k := range r.Columns {
			if k.Name != want[i].Name || k.AUC != want[i].AUC {
				t.Errorf("%s: %+v; want %+v", name, k, want[i])
			}
		}
	}
	for name, c := range map[string]struct {
		path string
		opt  TableOptions
		want string
	}{
		"no label":  {write("d.csv", ",label\n", ",verdict\n"), TableOptions{}, "name the one with the class"},
		"misspelt":  {path, TableOptions{Label: "lable"}, `"lable"`},
		"one kind":  {write("e.csv", "scan_0", "benign", "scan_1", "benign"), TableOptions{}, "nothing to tell apart"},
		"not there": {"none.csv", TableOptions{}, "none.csv"},
	} {
		if _, err := Tables(context.Background(), []string{c.path}, c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want it to say %q", name, err, c.want)
		}
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Tables(cancelled, []string{path}, TableOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	ignored, err := Tables(context.Background(), []string{path}, TableOptions{Ignore: []string{"z"}})
	if err != nil || len(ignored.Columns) != len(want)-1 {
		t.Errorf("%d columns with one ignored of %d: %v", len(ignored.Columns), len(want), err)
	}
}

func TestTwoAuditsGiveTheSameReport(t *testing.T) {
	path := madeUp(t, "z", func(r row) string { return fmt.Sprint(r.recording, r.rng.IntN(3)) })
	var first string
	for range 3 {
		text, err := json.Marshal(mustTables(t, path))
		if err != nil {
			t.Fatal(err)
		}
		if first != "" && string(text) != first {
			t.Fatalf("%s\n%s", text, first)
		}
		first = string(text)
	}
}

// TestControlIsNotBlind shows that the control by recordings finds what it is
// there for: columns that name a recording only together.
func TestControlIsNotBlind(t *testing.T) {
	// Of six recordings, each of four columns names three.
	masks := []int{0b000111, 0b011001, 0b101010, 0b110100}
	path := madeUp(t, "a,b,c,d", func(r row) string {
		cells := make([]string, len(masks))
		for i, m := range masks {
			cells[i] = fmt.Sprintf("%.3f", float64(m>>r.recording&1)+0.4*r.rng.NormFloat64())
		}
		return strings.Join(cells, ",")
	})
	if k := find(t, mustTables(t, path), "shuffled_blocks"); k.Verdict != Warn {
		t.Errorf("%+v", k)
	}
	if k := find(t, mustTables(t, path), "identity"); k.Verdict != Pass {
		t.Errorf("no column names a recording alone: %+v", k)
	}
}
