package label

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
)

func knowsAntiNex(in *input) bool {
	_, ok := jsonKeys(in.text)["label_rules"]
	return ok
}

// antinexRules is the member label_rules of AntiNex's metadata files and
// prepare configs.
type antinexRules struct {
	Labels      []string `json:"labels"`
	LabelValues []int    `json:"label_values"`
	SetIfAbove  *int     `json:"set_if_above"`
}

// loadAntiNex reads AntiNex's label_rules, as an object or, in its configs,
// as text with JSON in it. prepare-dataset.py draws a number from 0 to 100 for
// each row; one above set_if_above gives the second label, others the first.
// With a set_if_above of 100 or more, as the published sets have it, all rows
// get the first. Anything less labels by chance: it is refused without a
// seed, and the report says so.
func loadAntiNex(in *input) ([]Rule, error) {
	rules, err := parseAntiNex(jsonKeys(in.text)["label_rules"])
	if err != nil {
		return nil, &SyntaxError{File: in.path, Err: err}
	}
	list := []Rule{antinexRule(rules, 0)}
	if *rules.SetIfAbove < 100 {
		if len(rules.Labels) < 2 {
			return nil, &SyntaxError{File: in.path, Err: errors.New("label_rules: two labels are drawn from, there is one")}
		}
		if in.opt.Seed == nil {
			return nil, &SyntaxError{File: in.path, Err: fmt.Errorf("label_rules label by chance (set_if_above %d): nothing can be learned from that; name a seed if you want it all the same", *rules.SetIfAbove)}
		}
		in.note("LABELS BY CHANCE, as AntiNex draws them: they say nothing of the traffic")
		r := antinexRule(rules, 1)
		r.Draw = &Draw{Seed: *in.opt.Seed, Above: *rules.SetIfAbove}
		r.Priority = list[0].Priority + 1
		list = append(list, r)
	}
	for i := range list {
		list[i].ID = fmt.Sprintf("%s:label_rules[%d]", filepath.Base(in.path), i)
		if err := list[i].check(); err != nil {
			return nil, &SyntaxError{File: in.path, Err: err}
		}
	}
	return list, nil
}

func parseAntiNex(raw json.RawMessage) (*antinexRules, error) {
	var inner string
	if json.Unmarshal(raw, &inner) == nil {
		raw = json.RawMessage(inner)
	}
	var r antinexRules
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fmt.Errorf("label_rules: %w", err)
	}
	if r.SetIfAbove == nil || len(r.Labels) == 0 || len(r.Labels) != len(r.LabelValues) {
		return nil, errors.New("label_rules need set_if_above, labels, and as many label_values; empty ones label nothing")
	}
	return &r, nil
}

func antinexRule(rules *antinexRules, i int) Rule {
	r := NewRule()
	r.classify(rules.Labels[i], "")
	if r.Class == Attack && rules.LabelValues[i] == 0 {
		r.classify("benign", rules.Labels[i])
	}
	return r
}
