package strictyaml_test

import (
	"errors"
	"testing"

	"github.com/pcapline/pcapline/features/strictyaml"
)

func TestErrorsSayWhere(t *testing.T) {
	type config struct{ Hidden []int }
	for text, want := range map[string]string{
		"hidden: [1, 2]":         "",
		"\nhiden: [1]":           `line 2: unknown field "hiden"`,
		"hidden: [1\nother: 2":   "line 2: ',' or ']' must be specified",
		"hidden: !x 1":           "not readable as YAML: ",
		"hidden: [1]\nhidden: 2": `line 2: mapping key "hidden" already defined at [1:1]`,
	} {
		got := ""
		file, err := strictyaml.Parse([]byte(text))
		if err == nil {
			err = strictyaml.Decode(file.Docs[0].Body, new(config))
		}
		if err != nil {
			got = err.Error()
			var e *strictyaml.Error
			if !errors.As(err, &e) {
				t.Errorf("%q: the error is a %T", text, err)
			}
		}
		if want == "" && got != "" || len(got) < len(want) || got[:len(want)] != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestLineOf finds keys by their paths.
func TestLineOf(t *testing.T) {
	file, err := strictyaml.Parse([]byte("a: 1\nb:\n  # a comment\n  c:\n    - x\n  d: 2\n"))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]int{"a": 1, "b.d": 6, "b.c": 5, "b.x": 0, "x": 0, "": 0, "[": 0} {
		if got := strictyaml.LineOf(file, key); got != want {
			t.Errorf("%q: line %d, want %d", key, got, want)
		}
	}
}
