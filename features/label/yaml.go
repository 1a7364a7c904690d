package label

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/pcapline/pcapline/features/strictyaml"
)

// document is a rule file in YAML or JSON.
type document struct {
	Zone  string   `yaml:"zone"`
	Title string   `yaml:"title"` // for people; not used
	Notes []string `yaml:"notes"` // where the facts are from; shown in reports
	Rules []record `yaml:"rules"`
}

// Example is a file of rules that shows most of what they can say.
const Example = `  zone: Europe/Prague
  rules:
    - from: 2011-08-10 11:04:00
      to: 2011-08-10 12:30:00
      src: 147.32.84.165
      dst: [10.0.0.0/8, 2001:db8::/32]
      dst_port: [25, 8000-8100]
      proto: tcp
      direction: forward
      when: fwd_packets > 20 and conn_state in ["SF", "S1"]
      label: spam
      attempted:
        - {cause: 0, when: fwd_payload_bytes == 0}
    - filter: "tcp[13] & 4 != 0"
      file: "*.pcapng"
      priority: 1
      label: reset
      class: unknown
    - label: benign
`

// text is a scalar as it stands in the file.
type text string

// UnmarshalYAML takes any scalar for its spelling.
func (t *text) UnmarshalYAML(n ast.Node) error {
	s, err := spelling(n)
	*t = text(s)
	return err
}

func spelling(n ast.Node) (string, error) {
	switch n := n.(type) {
	case *ast.NullNode:
		return "", nil
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case ast.ScalarNode:
		return n.GetToken().Value, nil
	}
	return "", fmt.Errorf("a single value is wanted, not a %s", n.Type())
}

// listText is a scalar, or a list of scalars with commas between them.
type listText string

// UnmarshalYAML takes a scalar or a sequence of scalars.
func (t *listText) UnmarshalYAML(n ast.Node) error {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		s, err := spelling(n)
		*t = listText(s)
		return err
	}
	list := make([]string, len(seq.Values))
	for i, v := range seq.Values {
		var err error
		if list[i], err = spelling(v); err != nil {
			return err
		}
	}
	if len(list) == 0 {
		return errors.New("the list is empty; leave it out for any")
	}
	*t = listText(strings.Join(list, ","))
	return nil
}

// UnmarshalYAML takes a list of cases, or the cause alone, which then holds
// for all rows of the rule.
func (a *attempts) UnmarshalYAML(n ast.Node) error {
	if _, ok := n.(*ast.SequenceNode); ok {
		var list []attemptRecord
		if err := yaml.NodeToValue(n, &list, yaml.Strict()); err != nil {
			return err
		}
		*a = list
		return nil
	}
	s, err := spelling(n)
	*a = attempts{{Cause: text(s)}}
	return err
}

// ParseYAML reads rules in YAML, or in JSON, which is YAML too:
//
//	zone: Europe/Prague      # of all local times below; mandatory
//	rules:
//	  - id: botnet           # default: file name and line
//	    file: "2011081*.pcap" # capture, a path.Match pattern; default: all
//	    from: 2011-08-10 11:04:00.25   # or epoch seconds, or RFC 3339 with offset
//	    to: 2011-08-10 12:30:00        # not in the interval any more
//	    src: 147.32.84.165   # address or CIDR prefix, or a list of them
//	    dst: [10.0.0.0/8, 2001:db8::/32]
//	    src_port: "1024-65535"
//	    dst_port: [25, 587, 8000-8010]
//	    src_mac: 00:11:22:33:44:55
//	    proto: tcp           # tcp, udp, icmp, icmp6, arp, … or the IANA number
//	    direction: either    # or forward
//	    when: fwd_packets > 20 and tcp_syn_rtt != nil   # see ParsePredicate
//	    filter: tcp[tcpflags] & tcp-rst != 0            # pcap filter
//	    label: spam
//	    category: botnet
//	    class: attack        # or benign, or unknown; default: benign for the label benign
//	    attempted:           # which rows came to nothing, and why; the first case that fits
//	      - {cause: 0, when: fwd_payload_bytes == 0}
//	    priority: 0          # the highest wins; default: 0, benign -1
//	    note: free text
//
// Unknown keys are errors. Each top-level note is for the report. path is for
// messages and ids only.
func ParseYAML(path string, data []byte) ([]Rule, error) {
	rules, _, err := parseYAML(path, data)
	return rules, err
}

func parseYAML(path string, data []byte) (rules []Rule, notes []string, err error) {
	file, err := strictyaml.Parse(data)
	if err != nil {
		return nil, nil, yamlError(path, err)
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, nil, &SyntaxError{path, 1, errors.New("the file is empty")}
	}
	var doc document
	if err := strictyaml.Decode(file.Docs[0].Body, &doc); err != nil {
		return nil, nil, yamlError(path, err)
	}
	zone, err := loadZone(doc.Zone)
	if err != nil {
		return nil, nil, &SyntaxError{path, 1, err}
	}
	lines := ruleLines(file.Docs[0].Body)
	rules = make([]Rule, len(doc.Rules))
	for i := range doc.Rules {
		if rules[i], err = doc.Rules[i].rule(zone); err != nil {
			return nil, nil, &SyntaxError{path, lines[i], err}
		}
		if rules[i].ID == "" {
			rules[i].ID = lineID(path, lines[i])
		}
	}
	if i, id := twice(rules); i >= 0 {
		return nil, nil, &SyntaxError{path, lines[i], fmt.Errorf("id %q is there twice", id)}
	}
	return rules, doc.Notes, nil
}

// twice finds the first rule whose id an earlier one has; -1: none.
func twice(rules []Rule) (int, string) {
	seen := make(map[string]bool, len(rules))
	for i := range rules {
		if seen[rules[i].ID] {
			return i, rules[i].ID
		}
		seen[rules[i].ID] = true
	}
	return -1, ""
}

// ruleLines gives the lines at which the rules begin.
func ruleLines(body ast.Node) (lines []int) {
	top, ok := body.(*ast.MappingNode)
	if !ok {
		return nil
	}
	for _, kv := range top.Values {
		seq, ok := kv.Value.(*ast.SequenceNode)
		if !ok || kv.Key.String() != "rules" && kv.Key.GetToken().Value != "rules" {
			continue
		}
		for _, v := range seq.Values {
			lines = append(lines, firstLine(v))
		}
	}
	return lines
}

func firstLine(n ast.Node) int {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		n = m.Values[0].Key
	}
	return n.GetToken().Position.Line
}

func yamlError(path string, err error) error {
	var e *strictyaml.Error
	if errors.As(err, &e) {
		return &SyntaxError{path, e.Line, e.Err}
	}
	return &SyntaxError{File: path, Err: err}
}
