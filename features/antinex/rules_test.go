package antinex

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	table "github.com/pcapline/pcapline/transform/antinex"
)

func TestReadRules(t *testing.T) {
	for _, c := range []struct {
		file, full, clean, suffix, pattern string
		utils, marks, keep                 bool
		drop, files, labels                int
	}{
		{file: "django-attack-prepare-v1.json", full: "v1_django_full_attack.csv", clean: "v1_django_cleaned_attack.csv",
			suffix: "v1_django_attack_metadata.json", pattern: "/opt/antinex/datasets/django/*.csv", utils: true, marks: true, keep: true, drop: 16, labels: 1},
		{file: "prepare-new-dataset.json", full: "fulldata_attack_scans.csv", clean: "cleaned_attack_scans.csv",
			suffix: "metadata.json", pattern: "/opt/antinex/datasets/*/*.csv", utils: true, drop: 10, labels: 2},
		{file: "sample_cleaned_metadata.json", suffix: "metadata.json", drop: 10, files: 6, labels: 2},
		{file: "training-ready_cleaned_v1_django_metadata.json", suffix: "v1_django_metadata.json", utils: true, marks: true, keep: true, drop: 16, files: 2},
	} {
		t.Run(c.file, func(t *testing.T) {
			r, err := ReadRules(filepath.Join("testdata", c.file))
			if err != nil {
				t.Fatal(err)
			}
			p, err := r.postProc()
			if err != nil {
				t.Fatal(err)
			}
			l, err := r.labels()
			if err != nil {
				t.Fatal(err)
			}
			labels := 0
			if l != nil {
				labels = len(l.names)
			}
			if base(r.Full) != c.full || base(r.Cleaned) != c.clean || r.MetaSuffix != c.suffix || r.Pattern != c.pattern ||
				r.Utils != c.utils || p.marks != c.marks || p.keep != c.keep || len(p.drop) != c.drop || len(r.Files) != c.files || labels != c.labels {
				t.Errorf("%+v %+v %d labels", r, p, labels)
			}
		})
	}
}

func base(path string) string {
	if path == "" {
		return ""
	}
	return filepath.Base(path)
}

// TestFeaturesFallBack: where the original left the list of features empty,
// they are the headers without the labels.
func TestFeaturesFallBack(t *testing.T) {
	m, err := ReadMetadata("testdata/training-ready_cleaned_v1_django_metadata.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(m.FeaturesToProcess) != 0 || len(m.Features()) != 67 || slices.Contains(m.Features(), "label_value") {
		t.Errorf("%d features to process, %d features", len(m.FeaturesToProcess), len(m.Features()))
	}
	if m, err = ReadMetadata("testdata/sample_cleaned_metadata.json"); err != nil || len(m.Features()) != 13 {
		t.Errorf("%d features, %v", len(m.Features()), err)
	}
}

// TestMetadataIsWrittenAsRead: but for the depth of its indentation.
func TestMetadataIsWrittenAsRead(t *testing.T) {
	m, err := ReadMetadata("testdata/sample_cleaned_metadata.json")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/sample_cleaned_metadata.json")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(string(m.JSON()), "    ", "  ")
	if got != strings.TrimRight(string(want), "\n") {
		t.Errorf("%s", got)
	}
}

func TestNames(t *testing.T) {
	for suffix, want := range map[string][2]string{
		"metadata.json":                  {"fulldata_attack_scans.csv", "cleaned_attack_scans.csv"},
		"v1_django_attack_metadata.json": {"v1_django_full_attack.csv", "v1_django_cleaned_attack.csv"},
		"v1_nonattack_metadata.json":     {"v1_full_nonattack.csv", "v1_cleaned_nonattack.csv"},
		"v1_flask_metadata.json":         {"v1_flask_full.csv", "v1_flask_cleaned.csv"},
		"something_else.json":            {"fulldata_attack_scans.csv", "cleaned_attack_scans.csv"},
	} {
		if full, clean := Names(suffix); full != want[0] || clean != want[1] {
			t.Errorf("%s: %s, %s", suffix, full, clean)
		}
	}
}

func TestBadRules(t *testing.T) {
	for _, c := range []struct{ text, err string }{
		{`{`, "unexpected EOF"},
		{`{"a": 1}`, "neither metadata"},
		{`{"post_proc_rules": []}`, `"post_proc_rules" is not an object`},
		{`{"post_proc": "{"}`, `"post_proc", a text`},
		{`{"post_proc": {}, "pipeline_files": {"attack_files": [1]}}`, "element 1 is not a text"},
		{`{"post_proc_rules": {}, "headers": "x"}`, `"headers" is not a list`},
	} {
		path := filepath.Join(t.TempDir(), "rules.json")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadRules(path); err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want %q and the file", c.text, err, c.err)
		}
	}
}

// prepared runs Prepare on one small table.
func prepared(t *testing.T, rules *Rules, seed *uint64) (full string, err error) {
	t.Helper()
	dir := t.TempDir()
	in := filepath.Join(dir, "in.csv")
	text := "idx,ip_len\n" + strings.Repeat("0,1\n", 200)
	if err := os.WriteFile(in, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	opt := Options{Rules: rules, Files: []string{in}, Full: filepath.Join(dir, "full.csv"), Clean: filepath.Join(dir, "clean.csv"), Seed: seed}
	res, err := Prepare(context.Background(), opt)
	if err != nil {
		return "", err
	}
	if rules.Labels.Fields != nil && len(res.Warnings) != 1 {
		t.Errorf("warnings %q", res.Warnings)
	}
	data, err := os.ReadFile(opt.Full)
	return strings.ReplaceAll(string(data), in, "in.csv"), err
}

// TestDice: labels by chance need a seed, and are the same for the same one.
func TestDice(t *testing.T) {
	if _, err := prepared(t, DefaultRules(), nil); !errors.Is(err, ErrSeed) {
		t.Errorf("without a seed: %v", err)
	}
	one, two := uint64(1), uint64(2)
	a, errA := prepared(t, DefaultRules(), &one)
	b, errB := prepared(t, DefaultRules(), &one)
	c, errC := prepared(t, DefaultRules(), &two)
	if err := errors.Join(errA, errB, errC); err != nil {
		t.Fatal(err)
	}
	if a != b || a == c {
		t.Error("labels do not follow the seed")
	}
	if n := strings.Count(a, ",attack,1,"); n < 15 || n > 50 {
		t.Errorf("%d of 200 rows are attacks, 15 of 101 numbers are above 85", n)
	}
}

func TestBadLabels(t *testing.T) {
	for text, want := range map[string]string{
		`{"labels": ["a"], "label_values": [1]}`:                         "set_if_above is not a number",
		`{"set_if_above": 999, "labels": ["a"], "label_values": [1, 2]}`: "two lists of one length",
		`{"set_if_above": 50, "labels": ["a"], "label_values": [1]}`:     "needs 2 labels",
		`{"set_if_above": 999, "labels": [], "label_values": []}`:        "needs 1 labels",
	} {
		v, err := table.ParseJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		r := &Rules{Labels: v, PostProc: table.Value{Kind: table.Map}, MetaSuffix: "metadata.json"}
		if _, err := prepared(t, r, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestBadTables: an error names the file and the line.
func TestBadTables(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ text, err string }{
		{"", "empty"},
		{"a,b\n1,2,3\n", "line 2 has 3 cells"},
		{"a,a\n1,2\n", `"a" is there twice`},
		{"a,b\n\"1,2\n", "line"},
		{"a,b\n", "no rows"},
	} {
		in := filepath.Join(dir, "in.csv")
		if err := os.WriteFile(in, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		r := &Rules{PostProc: table.Value{Kind: table.Map}, Utils: true, MetaSuffix: "metadata.json"}
		_, err := Prepare(context.Background(), Options{Rules: r, Files: []string{in}, Full: filepath.Join(dir, "f.csv"), Clean: filepath.Join(dir, "c.csv")})
		if err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: %v, want %q", c.text, err, c.err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%v is left", entries)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/2.csv", "a/1.csv", "b/c/3.csv", "top.csv", ".hidden/4.csv", "a/x.json"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for pattern, want := range map[string]string{
		"*/*.csv":   "a/1.csv a/2.csv",
		"**/*.csv":  "a/1.csv a/2.csv b/c/3.csv top.csv",
		"a/[2].csv": "a/2.csv",
		"top.csv":   "top.csv",
		"b/**/3.*":  "b/c/3.csv",
	} {
		found, err := Find(filepath.Join(dir, pattern))
		for i := range found {
			found[i], _ = filepath.Rel(dir, found[i])
		}
		if got := strings.Join(found, " "); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", pattern, got, err, want)
		}
	}
	for _, pattern := range []string{"none/*.csv", "[", "*.none"} {
		if _, err := Find(filepath.Join(dir, pattern)); err == nil {
			t.Errorf("%s finds something", pattern)
		}
	}
}
