package slice

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/flow"
)

// Options say what Run reads and writes.
type Options struct {
	Inputs   []string       // captures, as pcapio.Expand lists them
	Reader   pcapio.Options // how they are read
	Merge    bool           // packets of all captures in order of time, as transform.Options has it
	Flow     flow.Config    // what a flow is; Rows, EarlyRows and Reorder are not looked at
	Select   Selection
	Output   string // a file, or with Split a folder that is not there yet
	Split    Split
	PcapML   bool // comments "sample_id,label", by a labelled table
	MaxFiles int  // of a split at most; 0: 100,000
}

// Selection says which packets are taken. The zero value of a field is no
// condition.
type Selection struct {
	Table        string   // a packets or flows table, which Labels and Classes look into
	Labels       []string // its rows with one of these labels
	Classes      []string // its rows of one of these classes: benign, attack, unknown
	Flows        []int64  // flow_id
	CommunityIDs []string
	From, To     int64  // ns since 1970, half-open; see [ParseTimes]; both 0: any time
	Filter       string // pcap-filter(7)
	Spans        []Span // packets of any of these
}

// Span is the packets of one conversation from one packet of the captures to
// another, both included: those of a row of a flows table, by its columns flow_key,
// first_packet and last_packet. No flow has to be found anew for it, so a few
// captures of many do; but fragments behind the first, which show no ports, are of
// another conversation.
type Span struct {
	Key         int64 // flow_key; 0: of any
	File, To    int   // indices of captures in Options.Inputs
	First, Last int64 // numbers of packets in these, from 1
	Most        int64 // packets taken at most, the first ones; 0: all
}

// begun and ended say where packet number n of a capture lies.
func (s *Span) begun(file int, n int64) bool { return file > s.File || file == s.File && n >= s.First }
func (s *Span) ended(file int, n int64) bool { return file > s.To || file == s.To && n > s.Last }

// rowConditions says what a row of the table must have.
func (s *Selection) rowConditions() string {
	var list []string
	for _, l := range s.Labels {
		list = append(list, "label "+l)
	}
	for _, c := range s.Classes {
		list = append(list, "class "+c)
	}
	if list == nil {
		return "been written"
	}
	return strings.Join(list, " or ")
}

// Split says how packets are distributed to files.
type Split string

// The ways to split.
const (
	NoSplit Split = ""
	ByFlow  Split = "flow"  // a file for each flow; with labels in a folder for each label
	ByLabel Split = "label" // a file for each label
)

// Everything is the time that excludes nothing.
const (
	Earliest = math.MinInt64
	Latest   = math.MaxInt64
)

// ParseTimes reads "A..B", the times from A up to but not including B; either
// may be missing. A time is RFC 3339, or seconds since 1970 with up to nine
// decimals.
func ParseTimes(s string) (from, to int64, err error) {
	a, b, ok := strings.Cut(s, "..")
	if !ok {
		return 0, 0, fmt.Errorf("time %q: a range is written A..B", s)
	}
	from, to = Earliest, Latest
	if a != "" {
		if from, err = parseTime(a); err != nil {
			return 0, 0, err
		}
	}
	if b != "" {
		if to, err = parseTime(b); err != nil {
			return 0, 0, err
		}
	}
	if from >= to {
		return 0, 0, fmt.Errorf("time %q: it ends before it begins", s)
	}
	return from, to, nil
}

// Years that nanoseconds in 64 bits can express on either side of 1970.
const maxSeconds = math.MaxInt64 / int64(time.Second)

func parseTime(s string) (int64, error) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		if sec := t.Unix(); sec < -maxSeconds || sec >= maxSeconds {
			return 0, fmt.Errorf("time %q: outside of the years 1678 to 2261", s)
		}
		return t.UnixNano(), nil
	}
	whole, frac, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || len(frac) > 9 || sec < -maxSeconds || sec >= maxSeconds || strings.HasSuffix(s, ".") {
		return 0, fmt.Errorf("time %q is neither RFC 3339, as 2026-01-31T12:00:00Z, nor seconds since 1970", s)
	}
	ns, err := strconv.ParseUint((frac + "000000000")[:9], 10, 63)
	if err != nil {
		return 0, fmt.Errorf("time %q is neither RFC 3339, as 2026-01-31T12:00:00Z, nor seconds since 1970", s)
	}
	if strings.HasPrefix(whole, "-") {
		return sec*int64(time.Second) - int64(ns), nil
	}
	return sec*int64(time.Second) + int64(ns), nil
}

// check reports what cannot be done.
func (o *Options) check() error {
	s := &o.Select
	switch {
	case o.Split != NoSplit && o.Split != ByFlow && o.Split != ByLabel:
		return fmt.Errorf("split %q is none of flow, label", o.Split)
	case s.Table == "" && (len(s.Labels) > 0 || len(s.Classes) > 0):
		return fmt.Errorf("labels are looked up in a labelled table: name one")
	case s.Table == "" && o.Split == ByLabel:
		return fmt.Errorf("a split by label needs a labelled table")
	case len(s.Spans) > 0 && o.Merge:
		return fmt.Errorf("spans are between packets of captures one after another, not merged")
	case s.Table == "" && o.PcapML:
		return fmt.Errorf("pcapml's comments need the labels of a table")
	}
	return nil
}
