package label

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapline/pcapline/transform/schema"
)

var update = flag.Bool("update", false, "rewrite golden files")

// spell writes a rule on one line, what is any left out.
func spell(r *Rule) string {
	var b strings.Builder
	put := func(name string, value any, any bool) {
		if !any {
			fmt.Fprintf(&b, " %s=%v", name, value)
		}
	}
	fmt.Fprintf(&b, "%s: %s %q", r.ID, r.Class, r.Label)
	put("category", fmt.Sprintf("%q", r.Category), r.Category == "")
	put("from", instantOf(r.From), r.From == Always)
	put("to", instantOf(r.To), r.To == Ever)
	put("file", r.File, r.File == "")
	put("src", r.Src, r.Src == nil)
	put("dst", r.Dst, r.Dst == nil)
	put("sport", r.SrcPorts, r.SrcPorts == nil)
	put("dport", r.DstPorts, r.DstPorts == nil)
	put("mac", string(r.SrcMAC.AppendTo(nil)), r.SrcMAC == schema.MAC{})
	put("proto", r.Proto, r.Proto == AnyProto)
	put("forward", true, r.Dir == Either)
	put("when", fmt.Sprintf("%q", r.When), r.When == "")
	put("filter", fmt.Sprintf("%q", r.Filter), r.Filter == "")
	put("attempted", fmt.Sprintf("%+v", r.Attempted), r.Attempted == nil)
	put("priority", r.Priority, r.Priority == 0)
	if r.Draw != nil {
		fmt.Fprintf(&b, " draw=%+v", *r.Draw)
	}
	return b.String()
}

func instantOf(ns int64) string {
	return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.999999999")
}

// TestImports reads a file in each form, recognised by its content, and
// compares the rules with the golden ones.
func TestImports(t *testing.T) {
	for file, form := range map[string]string{
		"eve.json": "eve", "fast.log": "fastlog", "conn.log.labeled": "zeek",
		"cic-2017.csv": "cic", "cic-corrected.csv": "cic",
		"unsw-gt.csv": "unsw-nb15-gt", "unsw-1.csv": "unsw-nb15", "capture20110810.binetflow": "ctu-13",
		"20150101_anomalous_suspicious.csv": "mawilab", "20150101_anomalous_suspicious.xml": "admd",
		"ton.csv": "ton-iot", "labels.config": "netflowlabeler", "pcapml.txt": "pcapml",
		"antinex-constant.json": "antinex", "antinex-random.json": "antinex", "rules.csv": "rules-csv",
	} {
		t.Run(file, func(t *testing.T) {
			path := filepath.Join("testdata", "import", file)
			opt := Options{}
			switch form {
			case "fastlog":
				opt.Zone = "Europe/Prague"
			case "antinex":
				opt.Seed = new(uint64)
			}
			rules, err := LoadWith(path, opt)
			if err != nil {
				t.Fatal(err)
			}
			if got := rules.Files[0].Importer; got != form {
				t.Errorf("taken for %s", got)
			}
			var b strings.Builder
			for i := range rules.List {
				b.WriteString(spell(&rules.List[i]) + "\n")
			}
			for _, n := range rules.Files[0].Notes {
				b.WriteString("# " + n + "\n")
			}
			golden(t, path+".golden", b.String())
			if _, err := NewAnnotator(rules, []string{"a"}); err != nil {
				t.Errorf("the rules do not compile: %v", err)
			}
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
}

// TestImportsRefuse says why files that look right cannot be used.
func TestImportsRefuse(t *testing.T) {
	for _, c := range []struct {
		file, text, want string
		opt              Options
	}{
		{file: "cic-ml.csv", want: "cannot be joined to captures"},
		{file: "ton-train-test.csv", want: "there is no column ts"},
		{file: "fast.log", want: "name their time zone"},
		{file: "fast.log", opt: Options{Zone: "Mars"}, want: `zone "Mars" is unknown`},
		{file: "antinex-random.json", want: "label by chance"},
		{file: "eve.json", opt: Options{Format: "evee"}, want: `no form of rules is called "evee"`},
		{file: "eve.json", opt: Options{Format: "zeek"}, want: "no #fields line"},
		{file: "x.json", text: `{"label_rules":{}}`, want: "label_rules need"},
		{file: "x.log", text: "#fields\tts\tid.orig_h\tid.resp_h\n", want: "x.log:1: there is no field label"},
		{file: "x.log", text: "#fields\tts\tid.orig_h\tid.resp_h\tlabel\n1.5\t192.0.2.1\t192.0.2.2\n", want: "x.log:2: the row has no label"},
		{file: "x.csv", text: "StartTime,Dur,Proto,SrcAddr,DstAddr,Label\n2011/10/30 02:30:00.0,1,tcp,192.0.2.1,192.0.2.2,flow=Background\n", want: "happened twice"},
		{file: "x.xml", text: `<admd:annotation xmlns:admd="http://www.nict.go.jp/admd"><anomaly type="odd" value="1"><slice/></anomaly></admd:annotation>`, want: `x.xml:1: "odd" is none of`},
		{file: "x.xml", text: `<admd:annotation xmlns:admd="http://www.nict.go.jp/admd"><anomaly`, want: "x.xml:1: XML syntax error"},
		{file: "x.config", text: "Malicious:\n  - Tos=1\n", want: "x.config:2: field Tos has no counterpart"},
		{file: "x.config", text: "Malicious:\n  - srcIP\n", want: `x.config:2: condition "srcIP"`},
		{file: "x.txt", text: "BPF:tcp porf 3,a\n", want: `x.txt:1: filter "tcp porf 3"`},
	} {
		path := filepath.Join("testdata", "import", c.file)
		if c.text != "" {
			path = write(t, c.file, c.text)
		}
		if _, err := LoadWith(path, c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v; want it to say %q", c.file, err, c.want)
		}
	}
}

// TestEveryFormIsTested keeps the lists of forms and of fixtures together.
func TestEveryFormIsTested(t *testing.T) {
	text, err := os.ReadFile("import_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Formats() {
		if f[0] == "rules" || f[0] == "lab-truth" {
			continue // load_test.go
		}
		if !strings.Contains(string(text), `"`+f[0]+`"`) {
			t.Errorf("form %s has no fixture", f[0])
		}
	}
}
