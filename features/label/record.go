package label

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// benignPriority is that of benign rules where a file does not say: benign is
// what is left when no attack rule matches.
const benignPriority = -1

// record is a rule as it is written, in YAML, JSON or CSV. All values are
// text, so that epoch seconds keep their nanoseconds and "80" and 80 are the
// same port.
type record struct {
	ID        text     `yaml:"id"`
	File      text     `yaml:"file"`
	From      text     `yaml:"from"`
	To        text     `yaml:"to"`
	Src       listText `yaml:"src"`
	Dst       listText `yaml:"dst"`
	SrcPort   listText `yaml:"src_port"`
	DstPort   listText `yaml:"dst_port"`
	SrcMAC    text     `yaml:"src_mac"`
	Proto     text     `yaml:"proto"`
	Direction text     `yaml:"direction"`
	When      text     `yaml:"when"`
	Filter    text     `yaml:"filter"`
	Label     text     `yaml:"label"`
	Category  text     `yaml:"category"`
	Class     text     `yaml:"class"`
	Attempted attempts `yaml:"attempted"`
	Priority  text     `yaml:"priority"`
	Note      string   `yaml:"note"` // for people; not used
}

// attempts are the cases of attempted attacks as they are written.
type attempts []attemptRecord

type attemptRecord struct {
	Cause text   `yaml:"cause"`
	When  text   `yaml:"when"`
	Note  string `yaml:"note"` // for people; not used
}

// rule gives the rule that a record stands for.
func (d *record) rule(zone *time.Location) (r Rule, err error) {
	r = NewRule()
	r.ID, r.File, r.Label, r.Category = string(d.ID), string(d.File), string(d.Label), string(d.Category)
	r.When, r.Filter = string(d.When), string(d.Filter)
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
	if err = d.tuple(&r); err != nil {
		return r, err
	}
	if err = d.classify(&r); err != nil {
		return r, err
	}
	for _, a := range d.Attempted {
		cause, err := strconv.ParseInt(string(a.Cause), 10, 8)
		if err != nil {
			return r, fmt.Errorf("cause %q of an attempted attack is none of -1 to 6", a.Cause)
		}
		r.Attempted = append(r.Attempted, Attempt{string(a.When), int8(cause)})
	}
	return r, r.check()
}

// tuple reads the criteria that a packet's headers meet.
func (d *record) tuple(r *Rule) (err error) {
	if r.Src, err = ParsePrefixes(string(d.Src)); err != nil {
		return err
	}
	if r.Dst, err = ParsePrefixes(string(d.Dst)); err != nil {
		return err
	}
	if r.SrcPorts, err = ParsePorts(string(d.SrcPort)); err != nil {
		return err
	}
	if r.DstPorts, err = ParsePorts(string(d.DstPort)); err != nil {
		return err
	}
	if r.SrcMAC, err = parseMAC(string(d.SrcMAC)); err != nil {
		return err
	}
	if r.Proto, err = ParseProto(string(d.Proto)); err != nil {
		return err
	}
	switch d.Direction {
	case "", "either":
	case "forward":
		r.Dir = Forward
	default:
		return fmt.Errorf("direction %q is neither either nor forward", d.Direction)
	}
	return nil
}

func (d *record) classify(r *Rule) (err error) {
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
	if d.Priority != "" {
		if r.Priority, err = strconv.Atoi(string(d.Priority)); err != nil {
			return fmt.Errorf("priority %q is no whole number", d.Priority)
		}
	}
	return nil
}

// loadRecords reads rules in CSV: the columns are the keys of the YAML form
// and a mandatory zone in each row; lists are written in one cell with blanks
// or semicolons, attempted cases as "CAUSE if PREDICATE; …" or "CAUSE".
func loadRecords(t *table) ([]Rule, error) {
	rules := make([]Rule, len(t.rows))
	for i := range t.rows {
		zone, err := loadZone(t.cell(i, "zone"))
		if err != nil {
			return nil, t.error(i, err)
		}
		d := t.record(i)
		if d.Attempted, err = parseAttempts(t.cell(i, "attempted")); err != nil {
			return nil, t.error(i, err)
		}
		if rules[i], err = d.rule(zone); err != nil {
			return nil, t.error(i, err)
		}
	}
	return rules, nil
}

// record is row i but for its zone and attempted cases.
func (t *table) record(i int) record {
	cell := func(c string) text { return text(t.cell(i, c)) }
	return record{
		ID: cell("id"), File: cell("file"), From: cell("from"), To: cell("to"),
		Src: listText(cell("src")), Dst: listText(cell("dst")),
		SrcPort: listText(cell("src_port")), DstPort: listText(cell("dst_port")),
		SrcMAC: cell("src_mac"), Proto: cell("proto"), Direction: cell("direction"),
		When: cell("when"), Filter: cell("filter"),
		Label: cell("label"), Category: cell("category"), Class: cell("class"), Priority: cell("priority"),
	}
}

func parseAttempts(s string) (attempts, error) {
	if s == "" {
		return nil, nil
	}
	var list attempts
	for part := range strings.SplitSeq(s, ";") {
		cause, when, conditional := strings.Cut(strings.TrimSpace(part), " if ")
		if conditional && strings.TrimSpace(when) == "" {
			return nil, fmt.Errorf("attempted %q: no predicate after if", part)
		}
		list = append(list, attemptRecord{Cause: text(strings.TrimSpace(cause)), When: text(strings.TrimSpace(when))})
	}
	return list, nil
}

// loadZone reads the name of a time zone; the machine's own is none.
func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("zone is missing: name the time zone of the times, UTC or one like Europe/Prague")
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("zone %q is unknown", name)
	}
	return zone, nil
}
