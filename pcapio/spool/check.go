package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/pcapline/pcapline/pcapio"
)

// SegmentCheck is what reading a segment found.
type SegmentCheck struct {
	Segment
	Packets    int64  `json:"packets"`
	First      int64  `json:"first"`        // ns since 1970; earliest
	Last       int64  `json:"last"`         // ns since 1970; latest
	OutOfOrder int64  `json:"out_of_order"` // packets before the one in front of them
	Dropped    int64  `json:"dropped"`      // lost while capturing, as the segment says
	Error      string `json:"error,omitempty"`
}

// CheckReport is what reading a spool found.
type CheckReport struct {
	Segments []SegmentCheck `json:"segments"`
	Packets  int64          `json:"packets"`
	Bytes    int64          `json:"bytes"`
	Dropped  int64          `json:"dropped"`
	Gaps     int64          `json:"gaps"`     // numbers missing between segments
	Problems []string       `json:"problems"` // in words; none in a sound spool
}

// Check reads every segment: is each readable to its end and finished, do its
// statistics agree with its packets, do numbers and times rise? Gaps in the numbers are
// no problem: the quota and the user delete segments. A segment being written
// is read as far as it goes. The error is one of the directory.
func Check(dir string, opt pcapio.Options) (CheckReport, error) {
	list, err := List(dir)
	if err != nil {
		return CheckReport{}, err
	}
	var r CheckReport
	problem := func(format string, args ...any) { r.Problems = append(r.Problems, fmt.Sprintf(format, args...)) }
	for i, s := range list {
		c, problems := checkSegment(s, opt)
		for _, p := range problems {
			problem("%s: %s", s.Name, p)
		}
		if i > 0 {
			before := r.Segments[i-1]
			switch gap := s.Seq - before.Seq - 1; {
			case gap < 0:
				problem("%s: has the number of %s", s.Name, before.Name)
			default:
				r.Gaps += gap
			}
			if s.Start < before.Start {
				problem("%s: begins before %s", s.Name, before.Name)
			}
			if before.Part {
				problem("%s: was left by a crash; recover it", before.Name)
			}
		}
		r.Segments = append(r.Segments, c)
		r.Packets += c.Packets
		r.Bytes += c.Size
		r.Dropped += c.Dropped
	}
	return r, nil
}

func checkSegment(s Segment, opt pcapio.Options) (SegmentCheck, []string) {
	c := SegmentCheck{Segment: s}
	opt.NoMap = opt.NoMap || s.Part // which may be cut
	r, err := pcapio.Open(s.Path, opt)
	if errors.Is(err, fs.ErrNotExist) && s.Part { // finished meanwhile
		c.Path, c.Part, s.Part = filepath.Join(filepath.Dir(s.Path), s.Name), false, false
		r, err = pcapio.Open(c.Path, opt)
	}
	if err != nil {
		c.Error = err.Error()
		return c, []string{c.Error}
	}
	defer r.Close()
	var perIface []int64
	var p pcapio.Packet
	var last int64
	for err = r.Next(&p); err == nil; err = r.Next(&p) {
		for len(perIface) <= int(p.Interface) {
			perIface = append(perIface, 0)
		}
		perIface[p.Interface]++
		if c.Packets == 0 {
			c.First, c.Last, last = p.Time, p.Time, p.Time
		}
		if p.Time < last {
			c.OutOfOrder++
		}
		last = p.Time
		c.First, c.Last = min(c.First, p.Time), max(c.Last, p.Time)
		c.Packets++
	}
	f := r.File()
	c.Dropped = f.Dropped
	if err != io.EOF && !(s.Part && errors.Is(err, pcapio.ErrTruncated)) { //nolint:errorlint // Next gives it bare
		c.Error = err.Error()
		return c, []string{c.Error}
	}
	if s.Part {
		return c, nil
	}
	return c, checkStatistics(f, perIface)
}

// checkStatistics compares what a segment says with what it has.
func checkStatistics(f *pcapio.File, perIface []int64) []string {
	var problems []string
	for i, iface := range f.Interfaces {
		var n int64
		if i < len(perIface) {
			n = perIface[i]
		}
		switch {
		case iface.Stats == nil:
			problems = append(problems, fmt.Sprintf("no statistics of interface %d", i))
		case iface.Stats.Delivered != nil && *iface.Stats.Delivered != n:
			problems = append(problems, fmt.Sprintf("%d packets of interface %d, but its statistics say %d", n, i, *iface.Stats.Delivered))
		}
	}
	return problems
}
