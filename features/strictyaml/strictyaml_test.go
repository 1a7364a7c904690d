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
