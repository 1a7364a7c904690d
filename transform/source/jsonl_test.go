package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func jsonlFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.jsonl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestJSONLInference: what the columns of a JSONL file are taken for.
func TestJSONLInference(t *testing.T) {
	text := `{"n":1,"ts":"2018-01-29T13:36:35.000001Z","ip":{"src":"10.0.0.1","ttl":64},"payload":{"payload":"00","len":1}}

{"n":-2,"ts":"2018-01-29T13:36:35Z","x":0.5,"ok":true,"list":[1,2],"digits":"12","big":18446744073709551615,"ip":{"src":null}}
  {"n":3,"ts":"2018-01-29T13:36:36Z","x":"NaN","ok":false,"list":[],"digits":"","mixed":"a","deep":{"er":{"still":1e3}}}
`
	want := []string{
		"n int64", "ts timestamp", "ip_src string?", "ip_ttl int64?", "payload string?", "payload_len int64?", "x float64?", "ok bool?",
		"list list<int64>?", "digits string?", "big string?", "mixed string?", "deep_er_still float64?",
	}
	tab, err := Open(jsonlFile(t, text))
	if err != nil {
		t.Fatal(err)
	}
	defer tab.Close()
	var got []string
	for _, f := range tab.Schema() {
		typ := f.Name + " " + f.Type()
		if f.Nullable {
			typ += "?"
		}
		got = append(got, typ)
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
	rows := readAll(t, tab)
	if len(rows) != 3 || rows[1][10] != `"18446744073709551615"` || rows[2][6] != `"NaN"` || rows[2][8] != `"" of 0` || rows[0][4] != `"00"` {
		t.Errorf("rows %q", rows)
	}
}

// TestBadJSONL: what is wrong is named with its line.
func TestBadJSONL(t *testing.T) {
	cases := []struct{ text, want string }{
		{`{"a":1}` + "\n[1]", "line 2: not a JSON object"},
		{`{"a":1}` + "\n\n" + `{"a":`, "line 3: not a JSON object"},
		{`{"a":1 "b":2}`, "line 1: not a JSON object"},
		{`{"a":[1,null]}`, "line 1: column a: null in a list"},
		{`{"a":[{"b":1}]}`, "line 1: column a: lists of lists and of objects"},
		{`{"a":1,"a":2}`, "line 1: column a is there twice"},
		{`{"a":{"b":1},"a_b":2}`, "line 1: column a_b is there twice"},
		{`{"a":1}` + "\n" + `{"a":[1]}`, "line 2: column a: a list in one row"},
		{`{"a":"\ud800"}`, "line 1: column a: "},
		{"", "no columns"},
	}
	for _, c := range cases {
		path := jsonlFile(t, c.text)
		err := drain(path)
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.text, err, c.want)
		}
	}
}
