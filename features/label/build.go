package label

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// builder makes rules of the rows of other people's files. Rules of large
// files share what is alike, and rows that cannot be rules are counted by
// reason.
type builder struct {
	in       *input
	rules    []Rule
	prefixes map[string][]netip.Prefix
	ports    map[uint16]Ports
	strings  map[string]string
	skipped  map[string]int
}

func newBuilder(in *input) *builder {
	return &builder{
		in: in, prefixes: map[string][]netip.Prefix{}, ports: map[uint16]Ports{},
		strings: map[string]string{}, skipped: map[string]int{},
	}
}

// done gives the rules and notes what was skipped.
func (b *builder) done() ([]Rule, error) {
	reasons := make([]string, 0, len(b.skipped))
	for r := range b.skipped {
		reasons = append(reasons, r)
	}
	slices.Sort(reasons)
	for _, r := range reasons {
		b.in.note("%d rows: %s", b.skipped[r], r)
	}
	return b.rules, nil
}

// note counts rows by what was done about them.
func (b *builder) note(reason string) { b.skipped[reason]++ }

// add completes a rule with its line and takes it.
func (b *builder) add(line int, r Rule) error {
	r.ID = lineID(b.in.path, line)
	r.Label, r.Category = b.intern(r.Label), b.intern(r.Category)
	if err := r.check(); err != nil {
		return b.in.error(line, err)
	}
	b.rules = append(b.rules, r)
	return nil
}

// addIf adds a rule that a row was read into: ok says that it is one, and err
// what is wrong with the row.
func (b *builder) addIf(line int, r Rule, ok bool, err error) error {
	switch {
	case err != nil:
		return b.in.error(line, err)
	case !ok:
		return nil
	}
	return b.add(line, r)
}

func (b *builder) intern(s string) string {
	if t, known := b.strings[s]; known {
		return t
	}
	s = strings.Clone(s) // not a part of the file's text
	b.strings[s] = s
	return s
}

// host reads one address; empty, "-" and "*" are any.
func (b *builder) host(s string) ([]netip.Prefix, error) {
	if s == "" || s == "-" || s == "*" {
		return nil, nil
	}
	if p, known := b.prefixes[s]; known {
		return p, nil
	}
	p, err := ParsePrefix(s)
	if err != nil {
		return nil, err
	}
	list := []netip.Prefix{p}
	b.prefixes[strings.Clone(s)] = list
	return list, nil
}

// tuple sets protocol, addresses and ports. Rows about other than IP
// addresses, and with protocols that have no number, make no rules: ok is
// false, and they are counted.
func (b *builder) tuple(r *Rule, proto, src, dst, sport, dport string) (ok bool, err error) {
	if r.Proto, ok = b.proto(proto); !ok {
		return false, nil
	}
	if !b.hosts(r, src, dst) {
		return false, nil
	}
	return true, b.setPorts(r, sport, dport)
}

func (b *builder) hosts(r *Rule, src, dst string) (ok bool) {
	var err, also error
	r.Src, err = b.host(src)
	r.Dst, also = b.host(dst)
	if err != nil || also != nil {
		b.note("skipped: the addresses are no IP addresses")
		return false
	}
	return true
}

// port reads a port in decimal, or in hexadecimal with 0x before it, as argus
// writes those it has no name for; empty, "-" and "*" are any.
func (b *builder) port(s string) (Ports, error) {
	if s == "" || s == "-" || s == "*" {
		return nil, nil
	}
	digits, base := s, 10
	if hex, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(digits, ".0"), base, 16)
	if err != nil {
		return nil, fmt.Errorf("port %q is no number up to 65535", s)
	}
	p, known := b.ports[uint16(n)]
	if !known {
		p = Ports{{uint16(n), uint16(n)}}
		b.ports[uint16(n)] = p
	}
	return p, nil
}

// setPorts sets both ports where the protocol has ports. Others' columns hold
// types and codes of ICMP, or nothing.
func (b *builder) setPorts(r *Rule, src, dst string) (err error) {
	switch r.Proto {
	case AnyProto, 6, 17, 132, 136:
	default:
		return nil
	}
	if r.SrcPorts, err = b.port(src); err != nil {
		return err
	}
	r.DstPorts, err = b.port(dst)
	return err
}

// proto reads a protocol's name or number. What data sets call "any" or "ip"
// is some protocol that nobody knows, and no wildcard.
func (b *builder) proto(s string) (Proto, bool) {
	p, err := ParseProto(strings.TrimSpace(s))
	if err != nil || p == AnyProto {
		b.note("skipped: their protocol has no number")
		return p, false
	}
	return p, true
}

// classify sets class, label and priority by a class's name as data sets
// have it.
func (r *Rule) classify(name, category string) {
	r.Class, r.Label, r.Category = classOfName(name), name, category
	if r.Class == Benign {
		r.Label, r.Priority = "benign", benignPriority
	}
}

// classOfName tells benign classes from attacks by their names.
func classOfName(name string) Class {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "benign", "normal", "legitimate", "not_attack":
		return Benign
	case "unknown", "background", "-", "(empty)":
		return Unknown
	}
	return Attack
}

// records calls do with each record of CSV that is as loose as data sets are:
// stray quotes, rows of other lengths, blanks around values.
func (in *input) records(do func(line int, rec []string) error) error {
	r := csv.NewReader(bytes.NewReader(in.text))
	r.FieldsPerRecord, r.LazyQuotes, r.ReuseRecord = -1, true, true
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return csvError(in.path, err)
		}
		line, _ := r.FieldPos(0)
		for i := range rec {
			rec[i] = strings.TrimSpace(rec[i])
		}
		if err := do(line, rec); err != nil {
			return err
		}
	}
}

// csvRow is a record of CSV with a header.
type csvRow struct {
	columns map[string]int
	rec     []string
}

// cell gives the value of a column, "" where there is none.
func (r csvRow) cell(column string) string {
	if c, ok := r.columns[column]; ok && c < len(r.rec) {
		return r.rec[c]
	}
	return ""
}

func (r csvRow) has(column string) bool { _, ok := r.columns[column]; return ok }

// withHeader calls do with each row after the header.
func (in *input) withHeader(do func(line int, row csvRow) error) error {
	var columns map[string]int
	return in.records(func(line int, rec []string) error {
		if columns == nil {
			columns = columnsOf(rec)
			return nil
		}
		return do(line, csvRow{columns, rec})
	})
}

// lines calls do with each line, without its end.
func (in *input) lines(do func(line int, text string) error) error {
	n := 0
	for text := range bytes.Lines(in.text) {
		n++
		if err := do(n, string(bytes.TrimRight(text, "\r\n"))); err != nil {
			return err
		}
	}
	return nil
}

// span sets the interval of a flow that began at from and took duration,
// which is written in seconds ("" and "-" for 0), both known to resolution.
func (r *Rule) span(from int64, duration string, resolution int64) error {
	var d int64
	if duration != "" && duration != "-" {
		f, err := strconv.ParseFloat(duration, 64)
		if err != nil || f < 0 || f > 1e9 {
			return fmt.Errorf("duration %q is not in seconds", duration)
		}
		d = int64(f * 1e9)
	}
	r.From, r.To = from, from+d+resolution
	return nil
}

// Resolutions of times in files.
const (
	microsecond int64 = 1e3
	second      int64 = 1e9
)
