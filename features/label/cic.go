package label

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// cicColumns are the names of what counts in the files of CICFlowMeter's
// versions, in lower case.
var cicColumns = struct{ src, sport, dst, dport []string }{
	src: []string{"source ip", "src ip"}, sport: []string{"source port", "src port"},
	dst: []string{"destination ip", "dst ip"}, dport: []string{"destination port", "dst port"},
}

func knowsCIC(in *input) bool {
	h := headerOf(in.firstLine())
	_, label := h["label"]
	_, duration := h["flow duration"]
	return label && duration
}

// loadCIC reads labelled flows of CICFlowMeter as the Canadian Institute for
// Cybersecurity publishes them (GeneratedLabelledFlows of CIC-IDS2017; the
// days of CSE-CIC-IDS2018 that have addresses), and as Liu et al. (IEEE CNS
// 2022) correct them. What one must know of the former:
//
//   - Names of columns have blanks before them, and one is there twice.
//   - The dash in "Web Attack – Brute Force" is byte 0x96 of Windows-1252.
//   - 288,602 rows of the Thursday are empty; they are skipped and counted.
//   - Rates are Infinity or NaN and durations negative; only the duration
//     counts here, and below zero it is zero.
//   - Times are New Brunswick's, with twelve hours a half-day and nothing to
//     say which: 1 to 7 is taken for the afternoon, since the recordings were
//     made in working hours. They are cut to minutes on most days.
//
// The sets without addresses and times (MachineLearningCVE) cannot be joined
// to captures.
func loadCIC(in *input) ([]Rule, error) {
	zone, err := in.zone("America/Moncton")
	if err != nil {
		return nil, err
	}
	b := newBuilder(in)
	err = in.withHeader(func(line int, row csvRow) error {
		if !row.has("timestamp") || !row.hasAny(cicColumns.src) {
			return in.error(1, errors.New("there are no addresses or no times in it, so that it cannot be joined to captures: take GeneratedLabelledFlows"))
		}
		if row.cell("label") == "" && row.cell("timestamp") == "" {
			b.note("skipped: empty")
			return nil
		}
		r, ok, err := b.cicRow(row, zone)
		return b.addIf(line, r, ok, err)
	})
	if err != nil {
		return nil, err
	}
	return b.done()
}

func (b *builder) cicRow(row csvRow, zone *time.Location) (r Rule, ok bool, err error) {
	r = NewRule()
	proto := strings.TrimSuffix(row.cell("protocol"), ".0")
	if proto == "0" {
		b.note("skipped: protocol 0, which CICFlowMeter makes of what is neither TCP nor UDP")
		return r, false, nil
	}
	ok, err = b.tuple(&r, proto, row.first(cicColumns.src), row.first(cicColumns.dst), row.first(cicColumns.sport), row.first(cicColumns.dport))
	if !ok || err != nil {
		return r, false, err
	}
	from, resolution, err := b.cicTime(row.cell("timestamp"), zone)
	if err != nil {
		return r, false, err
	}
	us, err := strconv.ParseFloat(row.cell("flow duration"), 64)
	if err != nil || us != us || us > 1e15 {
		return r, false, fmt.Errorf("flow duration %q is not in microseconds", row.cell("flow duration"))
	}
	r.From, r.To = from, from+max(int64(us), 0)*microsecond+resolution
	return r, true, b.cicLabel(&r, row)
}

// cicLabel sets the class, and whether the corrected sets say "Attempted".
func (b *builder) cicLabel(r *Rule, row csvRow) error {
	name, attempted := strings.CutSuffix(asciiDash(row.cell("label")), " - Attempted")
	r.classify(slug(name), "")
	if !attempted {
		return nil
	}
	cause, err := strconv.ParseInt(row.cell("attempted category"), 10, 8)
	if err != nil {
		return fmt.Errorf("attempted category %q is none of -1 to 6", row.cell("attempted category"))
	}
	r.Attempted = []Attempt{{Cause: int8(cause)}}
	return nil
}

// asciiDash replaces the dash that was lost on the way from Windows-1252,
// in each of the forms in which it is found.
func asciiDash(s string) string {
	for _, dash := range []string{"\x96", "\u2013", "\ufffd", "\u00ef\u00bf\u00bd"} {
		s = strings.ReplaceAll(s, dash, "-")
	}
	return s
}

func (r csvRow) hasAny(columns []string) bool {
	for _, c := range columns {
		if r.has(c) {
			return true
		}
	}
	return false
}

// first gives the value of the first column that there is.
func (r csvRow) first(columns []string) string {
	for _, c := range columns {
		if r.has(c) {
			return r.cell(c)
		}
	}
	return ""
}

// cicTime reads a time and says what it was cut to. Corrected sets have UTC
// times like 2017-07-04 12:00:00.123456.
func (b *builder) cicTime(s string, zone *time.Location) (ns, resolution int64, err error) {
	if len(s) > 4 && s[4] == '-' {
		ns, err = ParseTime(s, time.UTC)
		return ns, microsecond, err
	}
	for _, form := range []struct {
		layout     string
		resolution int64
	}{
		{"2/1/2006 3:04:05 PM", second},
		{"2/1/2006 15:04:05", second}, {"2/1/2006 15:04", 60 * second},
	} {
		t, err := time.Parse(form.layout, s)
		if err != nil {
			continue
		}
		if h := t.Hour(); !strings.HasSuffix(form.layout, "PM") && 1 <= h && h <= 7 {
			b.note("their hour, 1 to 7, was taken for the afternoon")
			t = t.Add(12 * time.Hour)
		}
		ns, err = parseLocal("2006-01-02 15:04:05", t.Format("2006-01-02 15:04:05"), zone)
		return ns, form.resolution, err
	}
	return 0, 0, fmt.Errorf("timestamp %q is not like 4/7/2017 9:17 or 03/07/2017 08:55:58", s)
}

// isText reports whether a file is text at all, for forms that are known by
// little.
func isText(b []byte) bool { return !bytes.ContainsRune(b[:min(len(b), 4096)], 0) }
