package label

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseEpochIsExact(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int64
		bad  bool
	}{
		{in: "1795430581.576506", want: 1795430581_576506000},
		{in: "1795430581.5", want: 1795430581_500000000},
		{in: "1795430581", want: 1795430581_000000000},
		// float64 has 53 bits: these two would be the same number in it.
		{in: "1795430581.576506123", want: 1795430581_576506123},
		{in: "1795430581.576506124", want: 1795430581_576506124},
		{in: "0.000000001", want: 1},
		{in: "1795430581.5765061234", bad: true},
		{in: "-1", bad: true},
		{in: "1e9", bad: true},
		{in: "", bad: true},
		{in: "1.2.3", bad: true},
		{in: "1.-2", bad: true},
		{in: "9223372036854775807", bad: true},
	} {
		got, err := ParseEpoch(c.in)
		if (err != nil) != c.bad || got != c.want {
			t.Errorf("ParseEpoch(%q) = %d, %v; want %d, error %t", c.in, got, err, c.want, c.bad)
		}
	}
}

func TestParseTimeInZones(t *testing.T) {
	prague, err := time.LoadLocation("Europe/Prague")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in   string
		want int64
		err  string
	}{
		{in: "2011-08-10 11:04:00.25", want: 1312967040_250000000}, // CEST
		{in: "2011-01-10 11:04", want: 1294653840_000000000},       // CET
		{in: "2011-08-10T11:04:00Z", want: 1312974240_000000000},
		{in: "2011-08-10 11:04:00-03:00", want: 1312985040_000000000},
		{in: "1312967040.000000001", want: 1312967040_000000001},
		{in: "2011-10-30 02:30:00", err: "happened twice"},
		{in: "2011-03-27 02:30:00", err: "did not happen"},
		{in: "10/08/2011 11:04", err: "neither"},
		{in: "1900-01-01 00:00:00", err: "outside"},
	} {
		got, err := ParseTime(c.in, prague)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("ParseTime(%q): %v; want an error with %q", c.in, err, c.err)
			}
		} else if err != nil || got != c.want {
			t.Errorf("ParseTime(%q) = %d, %v; want %d", c.in, got, err, c.want)
		}
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const truthHeader = "file,start,end,src,dst,proto,sport,dport,src_mac,label,category,tool,attacker_host\n"

func TestFormsOfOneRuleAreTheSame(t *testing.T) {
	csv, err := Load(write(t, "truth.csv", truthHeader+
		"a.pcap,10.5,20,192.0.2.1,198.51.100.0/24,tcp,,80,,scan,recon,nmap,a1\n"+
		"a.pcap,1,30,*,*,*,,,,benign,benign,x,\n"))
	if err != nil {
		t.Fatal(err)
	}
	yaml, err := Load(write(t, "rules.yaml", `
zone: UTC
rules:
  - id: truth.csv:2
    file: a.pcap
    from: 10.5
    to: 1970-01-01 00:00:20
    src: 192.0.2.1
    dst: 198.51.100.0/24
    dst_port: 80
    proto: tcp
    label: scan
    category: recon
  - id: "truth.csv:3"
    file: a.pcap
    from: 1
    to: 30
    label: benign
    category: benign
`))
	if err != nil {
		t.Fatal(err)
	}
	json, err := Load(write(t, "rules.json", `{"zone":"UTC","rules":[
		{"id":"truth.csv:2","file":"a.pcap","from":10.5,"to":20,"src":"192.0.2.1","dst":"198.51.100.0/24",
		 "dst_port":"80-80","proto":6,"label":"scan","category":"recon","class":"attack","direction":"either","priority":0},
		{"id":"truth.csv:3","file":"a.pcap","from":1,"to":30,"label":"benign","category":"benign"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	same := cmp.Comparer(func(a, b Rule) bool {
		return a.ID == b.ID && a.File == b.File && a.From == b.From && a.To == b.To && fmt.Sprint(a.Src, a.Dst) == fmt.Sprint(b.Src, b.Dst) &&
			cmp.Equal(a.SrcPorts, b.SrcPorts) && cmp.Equal(a.DstPorts, b.DstPorts) && a.SrcMAC == b.SrcMAC && a.Proto == b.Proto &&
			a.Dir == b.Dir && a.Label == b.Label && a.Category == b.Category && a.Class == b.Class && a.Priority == b.Priority
	})
	if len(csv.List) != 2 || csv.Files[0].Importer != "lab-truth" || csv.List[1].Priority != -1 || csv.List[1].Class != Benign {
		t.Fatalf("CSV read as %+v", csv)
	}
	for name, other := range map[string]*Rules{"YAML": yaml, "JSON": json} {
		for i := range csv.List {
			if !cmp.Equal(csv.List[i], other.List[i], same) {
				t.Errorf("%s rule %d is %+v\nin CSV %+v", name, i, other.List[i], csv.List[i])
			}
		}
	}
}

func TestErrorsSayWhere(t *testing.T) {
	for _, c := range []struct{ name, file, text, want string }{
		{"unknown header", "x.csv", "a,b\n1,2\n", "x.csv:1: the content is of no known form; known are rules, rules-csv, lab-truth"},
		{"empty", "x.csv", "", "the file is empty"},
		{"no rules", "x.csv", truthHeader, "no rules"},
		{"bad time", "x.csv", truthHeader + "a,1,2,*,*,*,,,,benign,b,,\na,1x,2,*,*,*,,,,s,r,,\n", `x.csv:3: time "1x"`},
		{"backwards", "x.csv", truthHeader + "a,2,2,*,*,*,,,,s,r,,\n", "x.csv:2: the interval ends"},
		{"bad prefix", "x.csv", truthHeader + "a,1,2,10.0.0.0/33,*,*,,,,s,r,,\n", `prefix "10.0.0.0/33"`},
		{"bad proto", "x.csv", truthHeader + "a,1,2,*,*,tpc,,,,s,r,,\n", `protocol "tpc"`},
		{"bad port", "x.csv", truthHeader + "a,1,2,*,*,tcp,,80000,,s,r,,\n", `port "80000"`},
		{"bad MAC", "x.csv", truthHeader + "a,1,2,*,*,arp,,,02:1a,s,r,,\n", `"02:1a" is not a MAC`},
		{"no label", "x.csv", truthHeader + "a,1,2,*,*,*,,,,,r,,\n", "label is empty"},
		{"ragged", "x.csv", truthHeader + "a,1,2\n", "x.csv:2: wrong number of fields"},
		{"families", "x.csv", truthHeader + "a,1,2,10.0.0.1,::1,*,,,,s,r,,\n", "two address families"},
		{"no zone", "x.yaml", "rules:\n- label: a\n", "zone is missing"},
		{"local zone", "x.yaml", "zone: Local\nrules:\n- label: a\n", "zone is missing"},
		{"bad zone", "x.yaml", "zone: Mars/Olympus\nrules:\n- label: a\n", `zone "Mars/Olympus"`},
		{"unknown key", "x.yaml", "zone: UTC\nrules:\n- label: a\n  sorce: 10.0.0.1\n", "x.yaml:4: unknown field"},
		{"second rule", "x.yaml", "zone: UTC\nrules:\n- label: a\n\n- label: b\n  dst_port: x\n", `x.yaml:5: port "x"`},
		{"twice", "x.yaml", "zone: UTC\nrules:\n- {id: q, label: a}\n- {id: q, label: b}\n", `x.yaml:4: id "q"`},
		{"class", "x.yaml", "zone: UTC\nrules:\n- {label: a, class: bad}\n", `class "bad"`},
		{"cause", "x.yaml", "zone: UTC\nrules:\n- {label: a, attempted: 7}\n", "cause 7"},
		{"attempted benign", "x.yaml", "zone: UTC\nrules:\n- {label: benign, attempted: 0}\n", "attempted is said of a rule of class benign"},
		{"predicate", "x.yaml", "zone: UTC\nrules:\n- {label: a, when: 'a = 3'}\n", `x.yaml:3: predicate "a = 3", column 3`},
		{"pcap filter", "x.yaml", "zone: UTC\nrules:\n- {label: a, filter: tcp porf 3}\n", `filter "tcp porf 3", column 5`},
		{"host name", "x.yaml", "zone: UTC\nrules:\n- {label: a, filter: host example.com}\n", "rules take addresses only"},
		{"empty list", "x.yaml", "zone: UTC\nrules:\n- {label: a, src: []}\n", "the list is empty"},
		{"no zone in CSV", "x.csv", "zone,label\nUTC,a\n,b\n", "x.csv:3: zone is missing"},
		{"direction", "x.yaml", "zone: UTC\nrules:\n- {label: a, direction: up}\n", `direction "up"`},
		{"list", "x.yaml", "zone: UTC\nrules:\n- {label: [a]}\n", "a single value"},
		{"glob", "x.yaml", "zone: UTC\nrules:\n- {label: a, file: '[x'}\n", "file pattern"},
		{"broken yaml", "x.yaml", "zone: UTC\nrules: [\n", "x.yaml:"},
		{"empty yaml", "x.yaml", "", "the file is empty"},
		{"not a mapping", "x.json", "[1]", "x.json"},
	} {
		_, err := Load(write(t, c.file, c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v; want it to say %q", c.name, err, c.want)
			continue
		}
		if se := (*SyntaxError)(nil); !errors.As(err, &se) {
			t.Errorf("%s: %T is no SyntaxError", c.name, err)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.csv")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestExampleIsRules(t *testing.T) {
	rules, err := ParseYAML("example", []byte(Example))
	if err != nil {
		t.Fatal(err)
	}
	if len(rules) != 3 || len(rules[0].Attempted) != 1 || len(rules[0].DstPorts) != 2 || rules[1].Class != Unknown || rules[2].Class != Benign {
		t.Errorf("%+v", rules)
	}
}

func TestRulesCoverCaptures(t *testing.T) {
	for _, c := range []struct {
		pattern, capture string
		want             bool
	}{
		{"", "a.pcap", true},
		{"*", "x/a.pcap", true},
		{"a.pcap", "a.pcap", true},
		{"a.pcap", "a.pcap.zst", true},
		{"a.pcap.gz", "a.pcap", true},
		{"a.pcap", "day/a.pcap.xz", true},
		{"a.pcap", "b-a.pcap", false},
		{"a*.pcap", "abc.pcap", true},
		{"a*.pcap", "day/abc.pcap", true},
		{"mon/*.pcap", "week/mon/x.pcap", true},
		{"mon/*.pcap", "week/tue/x.pcap", false},
		{"mon/x.pcap", "x.pcap", false},
		{"x[1].pcap", "x[1].pcap", true},
	} {
		r := Rule{File: c.pattern}
		if got := r.covers(c.capture); got != c.want {
			t.Errorf("rule of %q covers %q: %t", c.pattern, c.capture, got)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("x.csv", truthHeader+"a.pcap,10.5,20,192.0.2.1,198.51.100.0/24,tcp,,80,,scan,recon,nmap,a1\n")
	f.Add("x.yaml", "zone: UTC\nrules:\n- {label: a, from: 1.5, to: 2, src_port: 1-2}\n")
	f.Add("x.json", `{"zone":"UTC","rules":[{"label":"a"}]}`)
	fixtures, err := filepath.Glob("testdata/import/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range fixtures {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(filepath.Base(path), string(text))
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		zero := uint64(0)
		rules, err := parse(name, []byte(text), Options{Zone: "UTC", Seed: &zero})
		if err != nil {
			return
		}
		for i := range rules.List {
			if err := rules.List[i].check(); err != nil {
				t.Errorf("a rule was read that is none: %v", err)
			}
		}
	})
}
