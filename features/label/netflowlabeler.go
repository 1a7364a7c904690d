package label

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// labelLine is the head of a group of conditions: "Label, Detail:".
var labelLine = regexp.MustCompile(`^([^\s:,-][^:,]*?)\s*(?:,\s*([^:]*?))?\s*:\s*$`)

func knowsNetflowLabeler(in *input) bool {
	if !isText(in.text) {
		return false
	}
	for line := range strings.Lines(string(in.text[:min(len(in.text), 1<<16)])) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		if line != "" {
			return labelLine.MatchString(line)
		}
	}
	return false
}

// loadNetflowLabeler reads the rules of stratosphereips/netflowlabeler. Below
// a line "Label, Detail:" stand conditions: lines are alternatives, & joins
// what must hold together, and a later group overrides an earlier one, which
// is priority here. A rule is about the flow as its initiator began it, so
// its direction is forward.
//
// Labels that begin with Benign or Normal are benign, with Background unknown,
// all others attacks.
func loadNetflowLabeler(in *input) ([]Rule, error) {
	b := newBuilder(in)
	var head Rule
	groups := 0
	err := in.lines(func(line int, text string) error {
		text, _, _ = strings.Cut(text, "#")
		text = strings.TrimSpace(text)
		if text == "" {
			return nil
		}
		if m := labelLine.FindStringSubmatch(text); m != nil {
			groups++
			head = NewRule()
			head.netflowLabel(m[1], m[2])
			head.Dir, head.Priority = Forward, groups
			return nil
		}
		condition, ok := strings.CutPrefix(text, "-")
		if !ok || groups == 0 {
			return in.error(line, fmt.Errorf("%q is neither a label with a colon nor a condition with a dash", text))
		}
		r := head
		for part := range strings.SplitSeq(condition, "&") {
			if err := b.netflowCondition(&r, strings.TrimSpace(part)); err != nil {
				return in.error(line, err)
			}
		}
		return b.add(line, r)
	})
	if err != nil {
		return nil, err
	}
	return b.done()
}

func (r *Rule) netflowLabel(generic, detail string) {
	r.Class, r.Label, r.Category = Attack, generic, generic
	if detail != "" {
		r.Label = detail
	}
	switch l := strings.ToLower(generic); {
	case strings.HasPrefix(l, "benign"), strings.HasPrefix(l, "normal"):
		r.Class, r.Label = Benign, "benign"
	case strings.HasPrefix(l, "background"):
		r.Class = Unknown
	}
}

// netflowTerm is a condition: a field, an operator and a value.
var netflowTerm = regexp.MustCompile(`^(\w+)\s*(!=|>=|<=|=|<|>)\s*(\S+)$`)

// netflowColumns are the fields that become predicates over the flows table.
var netflowColumns = map[string]string{
	"srcip": "src_ip", "dstip": "dst_ip", "srcport": "src_port", "dstport": "dst_port",
	"bytes": "flow_payload_bytes", "packets": "flow_packets", "duration": "duration",
	"state": "conn_state", "proto": "proto_name",
}

// netflowCondition adds a condition to a rule.
func (b *builder) netflowCondition(r *Rule, term string) (err error) {
	m := netflowTerm.FindStringSubmatch(term)
	if m == nil {
		return fmt.Errorf("condition %q is not like srcIP=192.0.2.1", term)
	}
	field, op, value := strings.ToLower(m[1]), m[2], m[3]
	if strings.EqualFold(value, "all") {
		return nil
	}
	if op == "=" {
		switch field {
		case "srcip":
			r.Src, err = b.host(value)
			return err
		case "dstip":
			r.Dst, err = b.host(value)
			return err
		case "srcport":
			r.SrcPorts, err = b.port(value)
			return err
		case "dstport":
			r.DstPorts, err = b.port(value)
			return err
		case "proto":
			r.Proto, err = ParseProto(value)
			return err
		}
		op = "=="
	}
	column, known := netflowColumns[field]
	if !known {
		return fmt.Errorf("field %s has no counterpart in the flows table", m[1])
	}
	p, err := netflowPredicate(column, op, value)
	if err != nil {
		return err
	}
	if r.When != "" {
		p = r.When + " and " + p
	}
	r.When = p
	return nil
}

func netflowPredicate(column, op, value string) (string, error) {
	switch column {
	case "src_ip", "dst_ip":
		if p, err := netip.ParsePrefix(value); err == nil && op == "!=" {
			return fmt.Sprintf("not (%s in %q)", column, p.String()), nil
		}
		if _, err := netip.ParseAddr(value); err != nil {
			return "", fmt.Errorf("%q is neither an address nor a prefix", value)
		}
		return fmt.Sprintf("%s %s %q", column, op, value), nil
	case "conn_state":
		return fmt.Sprintf("%s %s %q", column, op, strings.ToUpper(value)), nil
	case "proto_name":
		return fmt.Sprintf("%s %s %q", column, op, strings.ToLower(value)), nil
	}
	if _, err := strconv.ParseFloat(value, 64); err != nil {
		return "", fmt.Errorf("%q is no number", value)
	}
	return fmt.Sprintf("%s %s %s", column, op, value), nil
}
