package label

import (
	"fmt"
	"math"
	"net/netip"
	"path"
	"strconv"
	"strings"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/filter"
	"github.com/pcapline/pcapline/transform/schema"
)

// Class is what is known of a row.
type Class uint8

// The classes. What no rule covers is unknown.
const (
	Unknown Class = iota
	Benign
	Attack
)

var classNames = [...]string{"unknown", "benign", "attack"}

// String gives the class as the column label_class has it.
func (c Class) String() string { return classNames[c] }

// ParseClass is the inverse of [Class.String].
func ParseClass(s string) (Class, error) {
	for i, n := range classNames {
		if n == s {
			return Class(i), nil
		}
	}
	return 0, fmt.Errorf("class %q is none of benign, attack, unknown", s)
}

// Direction says whether a rule covers both directions of a conversation.
type Direction uint8

// The directions.
const (
	Either  Direction = iota // source and destination may be swapped
	Forward                  // from the rule's source to its destination only
)

// Proto is what a rule says of the protocol: an IANA protocol number, or one
// of the constants.
type Proto int16

// Protocols that are no IANA number.
const (
	AnyProto Proto = -1
	ARP      Proto = 256
)

// Ports is a set of ports; none means any.
type Ports []PortRange

// PortRange is the ports from First to Last, both of them in it.
type PortRange struct{ First, Last uint16 }

// isListSeparator says what stands between the elements of a list in one text.
func isListSeparator(r rune) bool { return r == ',' || r == ';' || r == ' ' }

// ParsePorts reads "80", "80,443" and "8000-8100"; empty and "*" are any.
func ParsePorts(s string) (Ports, error) {
	if s == "" || s == "*" {
		return nil, nil
	}
	var ports Ports
	for part := range strings.FieldsFuncSeq(s, isListSeparator) {
		first, last, ranged := strings.Cut(part, "-")
		if !ranged {
			last = first
		}
		a, err := strconv.ParseUint(first, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("port %q is no number up to 65535", first)
		}
		b, err := strconv.ParseUint(last, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("port %q is no number up to 65535", last)
		}
		if a > b {
			return nil, fmt.Errorf("ports %q run backwards", part)
		}
		ports = append(ports, PortRange{uint16(a), uint16(b)})
	}
	if ports == nil {
		return nil, fmt.Errorf("ports %q name none", s)
	}
	return ports, nil
}

func (p Ports) match(port uint16, known bool) bool {
	if len(p) == 0 {
		return true
	}
	for _, r := range p {
		if known && r.First <= port && port <= r.Last {
			return true
		}
	}
	return false
}

// ParsePrefix reads an address, which stands for itself alone, or a CIDR
// prefix; empty and "*" are any, which is the zero Prefix.
func ParsePrefix(s string) (netip.Prefix, error) {
	if s == "" || s == "*" {
		return netip.Prefix{}, nil
	}
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return p, fmt.Errorf("prefix %q: not in CIDR notation", s)
		}
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("address %q is none", s)
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// ParsePrefixes reads addresses and prefixes with commas, semicolons or
// blanks between them; empty and "*" are any, which is nil.
func ParsePrefixes(s string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for part := range strings.FieldsFuncSeq(s, isListSeparator) {
		p, err := ParsePrefix(part)
		if err != nil {
			return nil, err
		}
		if !p.IsValid() {
			return nil, nil
		}
		list = append(list, p)
	}
	return list, nil
}

func containsAddr(list []netip.Prefix, a netip.Addr) bool {
	if len(list) == 0 {
		return true
	}
	for i := range list {
		if list[i].Contains(a) {
			return true
		}
	}
	return false
}

// The ends of an interval that is open.
const (
	Always int64 = math.MinInt64 // no beginning
	Ever   int64 = math.MaxInt64 // no end
)

// Rule labels the rows that lie in all of its criteria; a criterion's zero
// value is "any", but for From, To and Proto (see [NewRule]).
type Rule struct {
	ID       string         // unique in its Rules; the column label_rule
	File     string         // capture: name or path.Match pattern, without compression endings
	From, To int64          // ns since 1970 UTC, From ≤ t < To
	Src, Dst []netip.Prefix // one of them
	SrcPorts Ports          //
	DstPorts Ports          //
	SrcMAC   schema.MAC     // sender's; with Either the receiver's for the way back
	Proto    Proto          //
	Dir      Direction      //
	When     string         // predicate over the row's columns; see [ParsePredicate]
	Filter   string         // pcap filter on the packet; of a flow, on any of its packets
	Draw     *Draw          // by chance; nil: not by chance

	Label     string    // the class of the dataset: "scan_syn", "benign"
	Category  string    // a coarser class: "recon"
	Class     Class     // Unknown: nobody knows what these rows are
	Attempted []Attempt // which of the rows are attacks that came to nothing; the first that fits counts
	Priority  int       // of several rules that match the highest wins
	Source    string    // who says so: the column label_source
}

// Attempt says of which rows of an attack nothing hostile arrived.
type Attempt struct {
	When  string // predicate over the row's columns; "" for all
	Cause int8   // [NotAttempted] or one of the causes
}

// Causes of attempted attacks, as Liu, Engelen, Lynar, Essam and Joosen count
// them ("Error Prevalence in NIDS datasets", IEEE CNS 2022).
const (
	NotAttempted        int8 = -1
	NoPayload           int8 = 0 // the attacker sent none
	PortClosed          int8 = 1 // of the victim or the command server
	StartUpOrTeardown   int8 = 2 // of the attack tool
	NoMaliciousPayload  int8 = 3
	AttackArtefact      int8 = 4 // the attacker looks whether the victim lives
	WrongImplementation int8 = 5 // the tool did not do what it is for
	TargetUnresponsive  int8 = 6
)

// Draw makes a rule match by chance, as AntiNex labels: an integer from 0 to
// 100 is drawn for each row, and rows with one greater than Above match. The
// same seed and table give the same draws.
type Draw struct {
	Seed  uint64
	Above int
}

// NewRule returns a rule that matches every row.
func NewRule() Rule { return Rule{From: Always, To: Ever, Proto: AnyProto} }

// Rules is one or several rule files in memory.
type Rules struct {
	List     []Rule   // in the order of the files
	Files    []Source // what they were read from
	Comments bool     // packets are labelled by their pcapng comments, too
}

// Source is a file that rules were read from.
type Source struct {
	File     string   `json:"file"`     // its name, without its folder
	SHA256   string   `json:"sha256"`   // of the file; "" for rules that no file holds
	Importer string   `json:"importer"` // which form it was in
	Rules    int      `json:"rules"`
	Notes    []string `json:"notes,omitempty"` // what was left out or taken for something, and how often
}

// Merge puts rule files one behind the other. An id that an earlier file has
// too gets the file's name before it.
func Merge(all ...*Rules) *Rules {
	if len(all) == 1 {
		return all[0]
	}
	out := new(Rules)
	seen := make(map[string]bool)
	for _, r := range all {
		out.Comments = out.Comments || r.Comments
		out.Files = append(out.Files, r.Files...)
		for _, rule := range r.List {
			for n := 2; seen[rule.ID]; n++ {
				rule.ID = fmt.Sprintf("%s#%d", r.List[0].Source+":"+rule.ID, n)
			}
			seen[rule.ID] = true
			out.List = append(out.List, rule)
		}
	}
	return out
}

// Name names the files, for messages.
func (r *Rules) Name() string {
	names := make([]string, len(r.Files))
	for i, f := range r.Files {
		names[i] = f.File
	}
	return strings.Join(names, " + ")
}

// check finds what is wrong with a rule whatever form it came in.
func (r *Rule) check() error {
	switch {
	case r.To <= r.From:
		return fmt.Errorf("the interval ends at or before its start")
	case r.Label == "":
		return fmt.Errorf("the label is empty")
	case int(int32(r.Priority)) != r.Priority:
		return fmt.Errorf("priority %d is out of range", r.Priority)
	case r.Class != Attack && len(r.Attempted) > 0:
		return fmt.Errorf("attempted is said of a rule of class %s", r.Class)
	case len(r.Src) > 0 && len(r.Dst) > 0 && !sharedFamily(r.Src, r.Dst):
		return fmt.Errorf("source %s and destination %s are of two address families", r.Src[0], r.Dst[0])
	}
	if _, err := path.Match(r.File, ""); err != nil {
		return fmt.Errorf("file pattern %q: %w", r.File, err)
	}
	for _, a := range r.Attempted {
		if a.Cause < NotAttempted || a.Cause > TargetUnresponsive {
			return fmt.Errorf("cause %d of an attempted attack is none of -1 to 6", a.Cause)
		}
	}
	return r.checkExpressions()
}

// checkExpressions compiles what is written in the two languages.
func (r *Rule) checkExpressions() error {
	if r.When != "" {
		if err := ParsePredicate(r.When); err != nil {
			return err
		}
	}
	for _, a := range r.Attempted {
		if a.When == "" {
			continue
		}
		if err := ParsePredicate(a.When); err != nil {
			return err
		}
	}
	if r.Filter == "" {
		return nil
	}
	_, err := filter.Compile(r.Filter, filter.Options{LinkType: pcapio.LinkEthernet, Lookup: noLookup})
	return err
}

// noLookup keeps rules from meaning another thing where another name server is.
func noLookup(host string) ([]netip.Addr, error) {
	return nil, fmt.Errorf("host name %q: rules take addresses only", host)
}

func sharedFamily(a, b []netip.Prefix) bool {
	for _, p := range a {
		for _, q := range b {
			if p.Addr().Is4() == q.Addr().Is4() {
				return true
			}
		}
	}
	return false
}

// compressionEndings are cut off file names before they are compared: the
// truth is about the recording, however it is stored.
var compressionEndings = []string{".gz", ".zst", ".xz", ".lz4", ".bz2"}

func trimCompression(name string) string {
	for _, e := range compressionEndings {
		if s, ok := strings.CutSuffix(name, e); ok {
			return s
		}
	}
	return name
}

// covers reports whether the rule is about the named capture. A pattern with
// a slash is compared with as many trailing elements of the path as it has,
// one without is compared with the last.
func (r *Rule) covers(capture string) bool {
	if r.File == "" || r.File == "*" {
		return true
	}
	pattern := trimCompression(r.File)
	parts := strings.Split(trimCompression(capture), "/")
	if n := strings.Count(pattern, "/") + 1; n < len(parts) {
		parts = parts[len(parts)-n:]
	}
	name := strings.Join(parts, "/")
	if pattern == name {
		return true // a name with brackets in it is no pattern
	}
	ok, _ := path.Match(pattern, name)
	return ok
}
