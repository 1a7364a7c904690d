package spool

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	suffix     = ".pcapng"
	partSuffix = ".part"
)

// Segment is one file of a spool.
type Segment struct {
	Name      string    `json:"name"` // the final one
	Path      string    `json:"path"` // as it lies on disk
	Sensor    string    `json:"sensor"`
	Interface string    `json:"interface"`
	Start     int64     `json:"start"` // ns since 1970 of the first packet
	Seq       int64     `json:"seq"`
	Size      int64     `json:"size"`
	Modified  time.Time `json:"modified"`
	Part      bool      `json:"part"` // being written, or left by a crash
}

// segmentName builds a final name.
func segmentName(sensor, iface string, start, seq int64) string {
	return fmt.Sprintf("%s_%s_%d_%010d%s", sensor, iface, start, seq, suffix)
}

// partName is what a segment is called before it is finished.
func partName(name string) string { return "." + name + partSuffix }

// ParseName reads the name of a segment, finished or not, without its
// directory, and says whether it is one.
func ParseName(base string) (Segment, bool) {
	s := Segment{Name: base}
	if hidden, ok := strings.CutSuffix(base, partSuffix); ok {
		if s.Name, s.Part = strings.CutPrefix(hidden, "."); !s.Part {
			return Segment{}, false
		}
	}
	stem, ok := strings.CutSuffix(s.Name, suffix)
	parts := strings.Split(stem, "_")
	n := len(parts)
	if !ok || n < 4 || strings.HasPrefix(stem, ".") {
		return Segment{}, false
	}
	var err1, err2 error
	s.Start, err1 = strconv.ParseInt(parts[n-2], 10, 64)
	s.Seq, err2 = strconv.ParseInt(parts[n-1], 10, 64)
	s.Sensor, s.Interface = parts[0], strings.Join(parts[1:n-2], "_")
	if err1 != nil || err2 != nil || s.Seq < 1 || s.Start < 0 {
		return Segment{}, false
	}
	return s, s.Name == segmentName(s.Sensor, s.Interface, s.Start, s.Seq)
}

// cleanName makes a sensor's or an interface's name fit for a file name.
// Only an interface may have underscores.
func cleanName(s, none string, underscore bool) string {
	const longest = 64
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '+', r == '.':
			return r
		case r == '_' && underscore:
			return r
		}
		return '-'
	}, s)
	s = strings.TrimLeft(s[:min(len(s), longest)], ".")
	if s == "" {
		return none
	}
	return s
}

// List gives the segments of a spool in order of their numbers, the one being
// written included. Other files are passed over.
func List(dir string) ([]Segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list spool: %w", err)
	}
	var list []Segment
	for _, e := range entries {
		s, ok := ParseName(e.Name())
		if !ok || !e.Type().IsRegular() {
			continue
		}
		s.Path = filepath.Join(dir, e.Name())
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) && s.Part { // finished meanwhile
			s.Path, s.Part = filepath.Join(dir, s.Name), false
			info, err = os.Lstat(s.Path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted meanwhile
		} else if err != nil {
			return nil, fmt.Errorf("list spool: %w", err)
		}
		s.Size, s.Modified = info.Size(), info.ModTime()
		list = append(list, s)
	}
	slices.SortFunc(list, compareSegments)
	// A directory that changes while it is read may show a file under both names.
	return slices.CompactFunc(list, func(a, b Segment) bool { return a.Path == b.Path }), nil
}

// compareSegments orders by number; where a directory was put together by
// hand, by time, then by name.
func compareSegments(a, b Segment) int {
	return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Start, b.Start), strings.Compare(a.Path, b.Path))
}
