package label

import (
	"fmt"
	"math"
	"net/netip"
	"path"
	"strconv"
	"strings"

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

var protoNumbers = map[string]Proto{
	"": AnyProto, "*": AnyProto, "any": AnyProto, "ip": AnyProto,
	"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51,
	"icmp6": 58, "icmpv6": 58, "ipv6-icmp": 58, "ospf": 89, "sctp": 132, "udplite": 136, "arp": ARP,
}

// ParseProto reads a protocol's name or number; empty and "*" are any.
func ParseProto(s string) (Proto, error) {
	if p, ok := protoNumbers[strings.ToLower(s)]; ok {
		return p, nil
	}
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil {
		return 0, fmt.Errorf("protocol %q is neither a known name nor a number up to 255", s)
	}
	return Proto(n), nil
}

// Ports is a set of ports; none means any.
type Ports []PortRange

// PortRange is the ports from First to Last, both of them in it.
type PortRange struct{ First, Last uint16 }

// ParsePorts reads "80", "80,443" and "8000-8100"; empty and "*" are any.
func ParsePorts(s string) (Ports, error) {
	if s == "" || s == "*" {
		return nil, nil
	}
	var ports Ports
	for part := range strings.SplitSeq(s, ",") {
		first, last, ranged := strings.Cut(strings.TrimSpace(part), "-")
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

// The ends of an interval that is open.
const (
	Always int64 = math.MinInt64 // no beginning
	Ever   int64 = math.MaxInt64 // no end
)

// Rule labels the rows that lie in all of its criteria; a criterion's zero
// value is "any", but for From, To and Proto (see [NewRule]).
type Rule struct {
	ID       string       // unique in its Rules; the column label_rule
	File     string       // capture: name or path.Match pattern, without compression endings
	From, To int64        // ns since 1970 UTC, From ≤ t < To
	Src, Dst netip.Prefix //
	SrcPorts Ports        //
	DstPorts Ports        //
	SrcMAC   schema.MAC   // sender's; with Either the receiver's for the way back
	Proto    Proto        //
	Dir      Direction    //
	Label    string       // the class of the dataset: "scan_syn", "benign"
	Category string       // a coarser class: "recon"
	Class    Class        //
	Priority int          // of several rules that match the highest wins
}

// NewRule returns a rule that matches every row.
func NewRule() Rule { return Rule{From: Always, To: Ever, Proto: AnyProto} }

// Rules is a rule file in memory.
type Rules struct {
	List     []Rule // in the order of the file
	Source   string // the file's name, without its folder
	SHA256   string // of the file
	Importer string // which form it was in
}

// check finds what is wrong with a rule whatever form it came in.
func (r *Rule) check() error {
	switch {
	case r.To <= r.From:
		return fmt.Errorf("the interval ends at or before its start")
	case r.Label == "":
		return fmt.Errorf("the label is empty")
	case r.Class == Unknown:
		return fmt.Errorf("class unknown is for what no rule covers")
	case r.Src.IsValid() && r.Dst.IsValid() && r.Src.Addr().Is4() != r.Dst.Addr().Is4():
		return fmt.Errorf("source %s and destination %s are of two address families", r.Src, r.Dst)
	}
	if _, err := path.Match(r.File, ""); err != nil {
		return fmt.Errorf("file pattern %q: %w", r.File, err)
	}
	return nil
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
