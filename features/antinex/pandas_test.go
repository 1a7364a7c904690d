package antinex

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	table "github.com/pcapline/pcapline/transform/antinex"
	"github.com/pcapline/pcapline/transform/pythontest"
)

const (
	drop     = `"drop_columns": ["src_file", "raw_load", "eth_dst", "not_there"]`
	constant = `"label_rules": {"set_if_above": 999, "labels": ["attack"], "label_values": [1]}`
)

// TestPandas: full and cleaned tables of inputs with columns of every kind, by
// rules of both of the original's programs, are those that pandas makes.
func TestPandas(t *testing.T) {
	for i, rules := range []string{
		`{"post_proc_rules": {` + drop + `, "mark_empty": -1.0, "keep_nans": true}, ` + constant + `, "utils": true}`,
		`{"post_proc_rules": {` + drop + `, "mark_empty": -1, "keep_nans": false}, "label_rules": {}, "utils": true}`,
		`{"post_proc_rules": {` + drop + `, "mark_empty": 0}, ` + constant + `, "utils": true}`,
		`{"post_proc_rules": {` + drop + `, "predict_feature": "count"}, ` + constant + `, "utils": true}`,
		`{"post_proc_rules": {` + drop + `, "predict_feature": "label_name"}, ` + constant + `, "utils": false}`,
		`{"post_proc_rules": {}, "label_rules": {}, "utils": true}`,
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			dir := t.TempDir()
			inputs := writeInputs(t, dir, uint64(i))
			path := filepath.Join(dir, "rules.json")
			if err := os.WriteFile(path, []byte(rules), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(pythontest.Interpreter(t, "pandas"), append([]string{"testdata/prepare.py", path, dir}, inputs...)...)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			opt := Options{Rules: parseRules(t, rules), Files: inputs, Full: filepath.Join(dir, "ours_full.csv"), Clean: filepath.Join(dir, "ours_cleaned.csv")}
			if _, err := Prepare(context.Background(), opt); err != nil {
				t.Fatal(err)
			}
			sameFile(t, opt.Full, filepath.Join(dir, "full.csv"))
			sameFile(t, opt.Clean, filepath.Join(dir, "cleaned.csv"))
		})
	}
}

func parseRules(t *testing.T, text string) *Rules {
	t.Helper()
	v, err := table.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r := &Rules{MetaSuffix: "metadata.json"}
	post, _ := v.Get("post_proc_rules")
	label, _ := v.Get("label_rules")
	utils, _ := v.Get("utils")
	r.PostProc, r.Labels, r.Utils = *post, *label, utils.Int != 0
	return r
}

// writeInputs writes three tables with overlapping columns; the third has only
// numbers, which pandas treats as floats row by row.
func writeInputs(t *testing.T, dir string, seed uint64) (paths []string) {
	rng := rand.New(rand.NewPCG(seed, 3))
	columns := map[string][]string{
		"idx": {"0", "1", "2"}, "count": {"7", "8", "900"}, "gap": {"5", "", "6"}, "ratio": {"0.5", "3", "1e-7"}, "empty": {""},
		"pad_load": {"0000", "", "00"}, "raw_load": {"0a0d", "12e5", "77", ""}, "eth_dst": {"00:00:00:00:00:00"}, "flag": {"True", "False"},
		"flag_gap": {"True", ""}, "list": {`"[1, 2]"`, ""}, "big": {"3269735087.0", "1e20"}, "label_name": {"attack", "not_attack"}, "text": {"a", "NA", "x y"},
	}
	for i, names := range [][]string{
		{"idx", "count", "gap", "pad_load", "raw_load", "eth_dst", "label_name", "empty", "list"},
		{"idx", "count", "ratio", "flag", "flag_gap", "pad_load", "label_name", "text", "big"},
		{"idx", "count", "gap", "ratio"},
	} {
		var b strings.Builder
		b.WriteString(strings.Join(names, ",") + "\n")
		for range 25 {
			for j, n := range names {
				if j > 0 {
					b.WriteByte(',')
				}
				b.WriteString(columns[n][rng.IntN(len(columns[n]))])
			}
			b.WriteByte('\n')
		}
		path := filepath.Join(dir, fmt.Sprintf("in%d.csv", i))
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}
