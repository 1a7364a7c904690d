package spool

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Rotation says when a segment ends: when any of the criteria is met. The
// zero value is [DefaultRotation].
type Rotation struct {
	Duration time.Duration // since the first packet
	Interval time.Duration // at multiples of it since 1970, as dumpcap's
	Bytes    int64         // a segment stays below, unless one packet is larger
	Packets  int64
	Files    int // finished segments that are kept; more are deleted, as by a Quota
}

// DefaultRotation is that of a Writer that was told nothing.
var DefaultRotation = Rotation{Duration: time.Minute, Bytes: 100_000_000}

// ParseRotation reads criteria in dumpcap's form, as given with several -b:
//
//	duration:60  duration:1.5  duration:10m  seconds, or with a unit
//	interval:3600                            likewise
//	filesize:100000  filesize:100MB          kB of 1000 bytes, or with a unit
//	packets:10000
//	files:48
//
// See [ParseSize] for the units of sizes.
func ParseRotation(criteria ...string) (Rotation, error) {
	var r Rotation
	for _, c := range criteria {
		name, value, ok := strings.Cut(c, ":")
		if !ok {
			return Rotation{}, fmt.Errorf("rotation %q: want NAME:VALUE, such as duration:60", c)
		}
		var err error
		switch name {
		case "duration":
			r.Duration, err = parseSeconds(value)
		case "interval":
			r.Interval, err = parseSeconds(value)
		case "filesize":
			r.Bytes, err = ParseSize(value, 1000)
		case "packets":
			r.Packets, err = parseCount(value)
		case "files":
			var n int64
			n, err = parseCount(value)
			r.Files = int(min(n, math.MaxInt32))
		default:
			err = fmt.Errorf("unknown criterion; known are duration, interval, filesize, packets, files")
		}
		if err != nil {
			return Rotation{}, fmt.Errorf("rotation %q: %w", c, err)
		}
	}
	return r, nil
}

func parseSeconds(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		sec, ferr := strconv.ParseFloat(s, 64)
		if ferr != nil || !(sec < math.MaxInt64/1e9) {
			return 0, fmt.Errorf("%q is neither seconds nor a duration such as 90s or 1h", s)
		}
		d = time.Duration(sec * 1e9)
	}
	if d <= 0 {
		return 0, fmt.Errorf("%q is not above zero", s)
	}
	return d, nil
}

func parseCount(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("%q is not a whole number above zero", s)
	}
	return n, nil
}

// sizeUnits are matched in any case; kB and MB are powers of ten, KiB and MiB of two.
var sizeUnits = []struct {
	name  string
	bytes float64
}{
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"tib", 1 << 40},
	{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"tb", 1e12},
	{"k", 1e3}, {"m", 1e6}, {"g", 1e9}, {"t", 1e12}, {"b", 1},
}

// ParseSize reads a number of bytes: with one of the units B, kB, MB, GB, TB,
// KiB, MiB, GiB, TiB (or k, M, G, T for powers of ten), else in the unit given.
func ParseSize(s string, unit float64) (int64, error) {
	number := strings.ToLower(strings.TrimSpace(s))
	for _, u := range sizeUnits {
		if n, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(n), u.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !(n > 0) || n*unit < 1 || n*unit > math.MaxInt64/2 {
		return 0, fmt.Errorf("%q is not a size above zero, such as 500kB or 1.5GiB", s)
	}
	return int64(n * unit), nil
}

// isZero says whether nothing ends a segment.
func (r Rotation) isZero() bool {
	return r.Duration <= 0 && r.Interval <= 0 && r.Bytes <= 0 && r.Packets <= 0
}
