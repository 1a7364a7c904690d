package label

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // rules name zones, and not every machine has the database
)

// ParseEpoch reads seconds since 1970 UTC in decimal, with up to nine digits
// behind the point, as exact nanoseconds.
func ParseEpoch(s string) (int64, error) {
	whole, frac, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseUint(whole, 10, 63)
	if err != nil || len(frac) > 9 || sec > math.MaxInt64/uint64(time.Second)-1 {
		return 0, fmt.Errorf("time %q is not in epoch seconds with up to nine decimals", s)
	}
	var ns uint64
	if frac != "" {
		if ns, err = strconv.ParseUint(frac+"000000000"[len(frac):], 10, 63); err != nil {
			return 0, fmt.Errorf("time %q is not in epoch seconds with up to nine decimals", s)
		}
	}
	return int64(sec)*int64(time.Second) + int64(ns), nil
}

// The forms of a local time in rule files; fractions may follow in all.
var localLayouts = []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04"}

// ParseTime reads a point in time: epoch seconds; RFC 3339 with an offset or
// Z; or a local time in the zone given, which must have happened exactly
// once there.
func ParseTime(s string, zone *time.Location) (int64, error) {
	if s != "" && strings.Trim(s, "0123456789.") == "" {
		return ParseEpoch(s)
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return nanos(t, s)
		}
	}
	for _, layout := range localLayouts {
		t, err := time.ParseInLocation(layout, s, zone)
		if err != nil {
			continue
		}
		// A clock that is set back shows some times twice, one that is set
		// forward leaves some out; then only an offset says what is meant.
		const wall = "2006-01-02 15:04:05.999999999"
		naive, _ := time.Parse(layout, s)
		if t.Format(wall) != naive.Format(wall) {
			return 0, fmt.Errorf("time %q did not happen in %s: write it with its UTC offset", s, zone)
		}
		for _, d := range []time.Duration{-time.Hour, -time.Hour / 2, time.Hour / 2, time.Hour} {
			if t.Add(d).Format(wall) == t.Format(wall) {
				return 0, fmt.Errorf("time %q happened twice in %s: write it with its UTC offset", s, zone)
			}
		}
		return nanos(t, s)
	}
	return 0, fmt.Errorf("time %q is neither epoch seconds, nor RFC 3339, nor 2006-01-02 15:04:05", s)
}

func nanos(t time.Time, s string) (int64, error) {
	if y := t.Year(); y < 1970 || y > 2261 {
		return 0, fmt.Errorf("time %q lies outside 1970 to 2261", s)
	}
	return t.UnixNano(), nil
}

// parseLocal reads a local time in one layout; a fraction may follow. It must
// have happened exactly once in the zone.
func parseLocal(layout, s string, zone *time.Location) (int64, error) {
	naive, err := time.Parse(layout, s)
	if err != nil {
		return 0, fmt.Errorf("time %q is not like %s", s, layout)
	}
	return ParseTime(naive.Format("2006-01-02 15:04:05.999999999"), zone)
}
