package lab

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files")

// scenarios are all that there are.
func scenarios(t *testing.T) []Scenario {
	t.Helper()
	all := []Scenario{Network()}
	for _, app := range Apps {
		s, err := Web(app, "/cache")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

func TestPlanFollowsFromItsSeed(t *testing.T) {
	text := func(s Scenario, seed uint64) string {
		t.Helper()
		p, err := NewPlan(s, Config{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := p.WriteText(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for _, s := range scenarios(t) {
		got := text(s, 7)
		if again := text(s, 7); got != again {
			t.Errorf("%s: the same seed gives another plan:\n%s", s.Name, cmp.Diff(got, again))
		}
		if other := text(s, 8); got == other {
			t.Errorf("%s: another seed gives the same plan", s.Name)
		}
		golden := filepath.Join("testdata", s.Name+".golden")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("%s: %s", golden, d)
		}
	}
}

func TestScenariosAreSound(t *testing.T) {
	for _, s := range scenarios(t) {
		p, err := NewPlan(s, Config{})
		if err != nil {
			t.Fatal(err)
		}
		labels := map[string]bool{}
		for i, a := range p.Strikes {
			if labels[a.Label] {
				t.Errorf("%s: two attacks %s", s.Name, a.Label)
			}
			labels[a.Label] = true
			if _, ok := p.host(a.Attack.Target); !ok && a.Attack.Target != "" {
				t.Errorf("%s: %s has no target %q", s.Name, a.Label, a.Attack.Target)
			}
			if i > 0 && a.Start < p.Strikes[i-1].Start+p.AttackTime+settle {
				t.Errorf("%s: %s begins before the one before it has ended", s.Name, a.Label)
			}
			if strings.ContainsAny(strings.Join(a.Command, ""), "{}") {
				t.Errorf("%s: %s: %q", s.Name, a.Label, a.Command)
			}
		}
		for _, e := range p.Errands {
			if e.Start > p.Length || slices.ContainsFunc(e.Command, func(w string) bool { return strings.Contains(w, "{") }) {
				t.Errorf("%s: errand %+v", s.Name, e)
			}
		}
		var addrs []string
		for _, h := range p.Hosts {
			if !p.Subnet.Contains(h.Addr) || slices.Contains(addrs, h.Addr.String()) {
				t.Errorf("%s: host %+v", s.Name, h)
			}
			addrs = append(addrs, h.Addr.String())
		}
	}
}

func TestUnknownAppIsRefused(t *testing.T) {
	if _, err := Web("rails", "/cache"); err == nil || !strings.Contains(err.Error(), "django, flask") {
		t.Error(err)
	}
}

func TestPlanRefuses(t *testing.T) {
	for want, c := range map[string]Config{
		`no attack "scan_sin"; there are scan_sweep,`: {Attacks: []string{"scan_syn", "scan_sin"}},
		"an hour is the most":                         {AttackTime: 10 * time.Minute},
	} {
		if _, err := NewPlan(Network(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v; want %q", c, err, want)
		}
	}
}

func TestChosenAttacksAreTheOnlyOnes(t *testing.T) {
	p, err := NewPlan(Network(), Config{Attacks: []string{"brute_ftp", "scan_syn"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range p.Strikes {
		got = append(got, s.Label)
	}
	slices.Sort(got)
	if want := []string{"brute_ftp", "scan_syn"}; !reflect.DeepEqual(got, want) {
		t.Errorf("attacks %v, want %v", got, want)
	}
	for _, tool := range p.Scenario.Tools() {
		if tool.Program == "slowhttptest" {
			t.Error("a tool is asked for that no attack uses")
		}
	}
}

func TestTruth(t *testing.T) {
	p, err := NewPlan(Network(), Config{Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1_700_000_000, 1500)
	truth := Truth{Capture: "network7_*.pcapng", Start: at, End: at.Add(time.Minute)}
	for _, label := range []string{"scan_udp", "scan_sweep", "brute_ssh"} {
		i := slices.IndexFunc(p.Strikes, func(s Strike) bool { return s.Label == label })
		truth.Attacks = append(truth.Attacks, Interval{p.Strikes[i], at.Add(time.Second), at.Add(2 * time.Second)})
	}
	got, err := truth.CSV(p)
	if err != nil {
		t.Fatal(err)
	}
	const want = `file,start,end,src,dst,proto,sport,dport,src_mac,label,category,tool,attacker_host
network7_*.pcapng,1700000001.000001,1700000002.000001,10.77.68.40,10.77.68.154,udp,,,,scan_udp,recon,nmap,user3
network7_*.pcapng,1700000001.000001,1700000002.000001,10.77.68.40,10.77.68.154,icmp,,,,scan_udp,recon,nmap,user3
network7_*.pcapng,1700000001.000001,1700000002.000001,*,*,arp,,,02:72:e9:52:e5:e2,scan_sweep,recon,nmap,user1
network7_*.pcapng,1700000001.000001,1700000002.000001,10.77.68.133,10.77.68.72,tcp,,22,,brute_ssh,bruteforce,hydra,user1
network7_*.pcapng,1700000000.000001,1700000060.000001,*,*,*,,,,benign,benign,,
`
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Error(d)
	}
}

// TestSourcesAreWhole makes sure that what is built has all that its tools
// read, and that the lock names no address to download from.
func TestSourcesAreWhole(t *testing.T) {
	for app, want := range map[string][]string{
		"react":  {"package-lock.json", "package.json", "index.html", "vite.config.js", "src/api.js", "src/main.jsx"},
		"vue":    {"package-lock.json", "package.json", "index.html", "vite.config.js", "src/api.js", "src/main.js"},
		"spring": {"pom.xml", "src/main/java/shop/Shop.java"},
	} {
		f, err := frameworkOf(app)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := f.writeSources(dir); err != nil {
			t.Fatal(err)
		}
		for _, name := range want {
			text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
			if err != nil {
				t.Errorf("%s: %v", app, err)
			}
			if name == "package-lock.json" && bytes.Contains(text, []byte(`"resolved"`)) {
				t.Errorf("%s: %s names addresses", app, name)
			}
		}
	}
}

func TestAppIsInstalledWhenAllOfItIsThere(t *testing.T) {
	for _, app := range Apps {
		f, err := frameworkOf(app)
		if err != nil {
			t.Fatal(err)
		}
		cache := t.TempDir()
		var parts []string
		if f.python != "" {
			parts = append(parts, f.gunicorn(cache))
		}
		if f.build != nil {
			parts = append(parts, f.product(cache))
		}
		for _, part := range parts {
			if AppInstalled(app, cache) {
				t.Errorf("%s: installed without %s", app, part)
			}
			if err := os.MkdirAll(part, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if !AppInstalled(app, cache) {
			t.Errorf("%s: not installed with %v", app, parts)
		}
	}
}
