package label

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// benignPriority is that of benign rules where a file does not say: benign is
// what is left when no attack rule matches.
const benignPriority = -1

// document is a rule file in YAML or JSON.
type document struct {
	Zone  string   `yaml:"zone"`
	Rules []record `yaml:"rules"`
}

// record is a rule as it is written. All values are text, so that epoch
// seconds keep their nanoseconds and "80" and 80 are the same port.
type record struct {
	ID        text   `yaml:"id"`
	File      text   `yaml:"file"`
	From      text   `yaml:"from"`
	To        text   `yaml:"to"`
	Src       text   `yaml:"src"`
	Dst       text   `yaml:"dst"`
	SrcPort   text   `yaml:"src_port"`
	DstPort   text   `yaml:"dst_port"`
	SrcMAC    text   `yaml:"src_mac"`
	Proto     text   `yaml:"proto"`
	Direction text   `yaml:"direction"`
	Label     text   `yaml:"label"`
	Category  text   `yaml:"category"`
	Class     text   `yaml:"class"`
	Priority  *int   `yaml:"priority"`
	Note      string `yaml:"note"` // for people; not used
}

// text is a scalar as it stands in the file.
type text string

// UnmarshalYAML takes any scalar for its spelling.
func (t *text) UnmarshalYAML(n ast.Node) error {
	switch n := n.(type) {
	case *ast.NullNode:
		*t = ""
	case *ast.StringNode:
		*t = text(n.Value)
	case *ast.LiteralNode:
		*t = text(n.Value.Value)
	case ast.ScalarNode:
		*t = text(n.GetToken().Value)
	default:
		return fmt.Errorf("a single value is wanted, not a %s", n.Type())
	}
	return nil
}

// ParseYAML reads rules in YAML, or in JSON, which is YAML too:
//
//	zone: Europe/Prague      # of all local times below; mandatory
//	rules:
//	  - id: botnet           # default: file name and line
//	    file: "2011081*.pcap" # capture, a path.Match pattern; default: all
//	    from: 2011-08-10 11:04:00.25   # or epoch seconds, or RFC 3339 with offset
//	    to: 2011-08-10 12:30:00        # not in the interval any more
//	    src: 147.32.84.165   # address or CIDR prefix
//	    dst: 0.0.0.0/0
//	    src_port: "1024-65535"
//	    dst_port: 25,587
//	    src_mac: 00:11:22:33:44:55
//	    proto: tcp           # tcp, udp, icmp, icmp6, arp, … or the IANA number
//	    direction: either    # or forward
//	    label: spam
//	    category: botnet
//	    class: attack        # or benign; default: benign for the label benign
//	    priority: 0          # the highest wins; default: 0, benign -1
//	    note: free text
//
// Unknown keys are errors. path is for messages and ids only.
func ParseYAML(path string, data []byte) ([]Rule, error) {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, yamlError(path, err)
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, &SyntaxError{path, 1, errors.New("the file is empty")}
	}
	var doc document
	if err := yaml.NodeToValue(file.Docs[0].Body, &doc, yaml.Strict()); err != nil {
		return nil, yamlError(path, err)
	}
	if doc.Zone == "" || doc.Zone == "Local" {
		return nil, &SyntaxError{path, 1, errors.New("zone is missing: name the time zone of the times, UTC or one like Europe/Prague")}
	}
	zone, err := time.LoadLocation(doc.Zone)
	if err != nil {
		return nil, &SyntaxError{path, 1, fmt.Errorf("zone %q is unknown", doc.Zone)}
	}
	lines := ruleLines(file.Docs[0].Body)
	rules := make([]Rule, len(doc.Rules))
	seen := make(map[string]bool)
	for i := range doc.Rules {
		r, err := doc.Rules[i].rule(zone)
		if r.ID == "" {
			r.ID = fmt.Sprintf("%s:%d", filepath.Base(path), lines[i])
		}
		if err == nil && seen[r.ID] {
			err = fmt.Errorf("id %q is there twice", r.ID)
		}
		if err != nil {
			return nil, &SyntaxError{path, lines[i], err}
		}
		seen[r.ID] = true
		rules[i] = r
	}
	return rules, nil
}

// rule gives the rule that a record stands for.
func (d *record) rule(zone *time.Location) (r Rule, err error) {
	r = NewRule()
	r.ID, r.File, r.Label, r.Category = string(d.ID), string(d.File), string(d.Label), string(d.Category)
	if d.From != "" {
		if r.From, err = ParseTime(string(d.From), zone); err != nil {
			return r, err
		}
	}
	if d.To != "" {
		if r.To, err = ParseTime(string(d.To), zone); err != nil {
			return r, err
		}
	}
	if r.Src, err = ParsePrefix(string(d.Src)); err != nil {
		return r, err
	}
	if r.Dst, err = ParsePrefix(string(d.Dst)); err != nil {
		return r, err
	}
	if r.SrcPorts, err = ParsePorts(string(d.SrcPort)); err != nil {
		return r, err
	}
	if r.DstPorts, err = ParsePorts(string(d.DstPort)); err != nil {
		return r, err
	}
	if r.SrcMAC, err = parseMAC(string(d.SrcMAC)); err != nil {
		return r, err
	}
	if r.Proto, err = ParseProto(string(d.Proto)); err != nil {
		return r, err
	}
	if err = d.classify(&r); err != nil {
		return r, err
	}
	return r, r.check()
}

func (d *record) classify(r *Rule) (err error) {
	switch d.Direction {
	case "", "either":
	case "forward":
		r.Dir = Forward
	default:
		return fmt.Errorf("direction %q is neither either nor forward", d.Direction)
	}
	r.Class = Attack
	if r.Label == "benign" {
		r.Class = Benign
	}
	if d.Class != "" {
		if r.Class, err = ParseClass(string(d.Class)); err != nil {
			return err
		}
	}
	if r.Class == Benign {
		r.Priority = benignPriority
	}
	if d.Priority != nil {
		r.Priority = *d.Priority
	}
	return nil
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
	var ye yaml.Error
	if errors.As(err, &ye) && ye.GetToken() != nil {
		return &SyntaxError{path, ye.GetToken().Position.Line, errors.New(ye.GetMessage())}
	}
	return &SyntaxError{File: path, Err: err}
}
