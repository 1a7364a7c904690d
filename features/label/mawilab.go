package label

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/encoding/charmap"
)

// mawilab sets the class of an anomaly. MAWILab's detectors agree that
// anomalous traffic is abnormal; suspicious and notice are open, which is
// unknown here, by a rule.
func (r *Rule) mawilab(kind, taxonomy string) error {
	switch kind {
	case "anomalous":
		r.Class = Attack
	case "suspicious", "notice":
		r.Class, r.Priority = Unknown, benignPriority
	default:
		return fmt.Errorf("%q is none of anomalous, suspicious, notice", kind)
	}
	r.Label = taxonomy
	if r.Label == "" {
		r.Label = kind
	}
	return nil
}

// loadMAWILab reads MAWILab's CSV. There are blanks behind its commas; an
// empty field is any; several lines of one id are alternatives. The class is
// found by its value, since files name its column differently. There is no
// time in it: rules hold for the day (in Japan) that the file's name begins
// with, or always. The category says what the heuristic (Fontugne et al.,
// CoNEXT 2010) took the traffic for: below 500 an attack, up to 900 a known
// service, above it nothing known.
func loadMAWILab(in *input) ([]Rule, error) {
	from, to := in.traceDay()
	b := newBuilder(in)
	err := in.withHeader(func(line int, row csvRow) error {
		r := NewRule()
		r.From, r.To = from, to
		if !b.hosts(&r, row.cell("srcip"), row.cell("dstip")) {
			return nil
		}
		if err := b.setPorts(&r, row.cell("srcport"), row.cell("dstport")); err != nil {
			return in.error(line, err)
		}
		i := slices.IndexFunc(row.rec, isMAWIKind)
		if i < 0 {
			return in.error(line, errors.New("none of anomalous, suspicious, notice is in the row"))
		}
		if err := r.mawilab(row.rec[i], row.cell("taxonomy")); err != nil {
			return in.error(line, err)
		}
		var err error
		if r.Category, err = mawiHeuristic(row.cell("heuristic")); err != nil {
			return in.error(line, err)
		}
		return b.add(line, r)
	})
	if err != nil {
		return nil, err
	}
	return b.done()
}

func isMAWIKind(s string) bool { return s == "anomalous" || s == "suspicious" || s == "notice" }

func mawiHeuristic(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	n, err := strconv.Atoi(s)
	switch {
	case err != nil:
		return "", fmt.Errorf("heuristic %q is no whole number", s)
	case n < 500:
		return "attack", nil
	case n <= 900:
		return "known_service", nil
	}
	return "unknown", nil
}

var traceName = regexp.MustCompile(`^(\d{4})(\d\d)(\d\d)`)

// traceDay is the day in Japan that the file's name begins with.
func (in *input) traceDay() (from, to int64) {
	m := traceName.FindStringSubmatch(filepath.Base(in.path))
	if m == nil {
		in.note("the file's name has no date: rules hold at any time")
		return Always, Ever
	}
	day, err := time.Parse("20060102 -0700", m[0]+" +0900")
	if err != nil {
		in.note("the file's name has no date: rules hold at any time")
		return Always, Ever
	}
	return day.UnixNano(), day.AddDate(0, 0, 1).UnixNano()
}

func knowsADMD(in *input) bool {
	head := in.text[:min(len(in.text), 4096)]
	return bytes.Contains(head, []byte("admd:annotation")) || bytes.Contains(head, []byte("www.nict.go.jp/admd"))
}

// admdAnomaly is an anomaly of an ADMD file. Slices stand below it or below
// its description.
type admdAnomaly struct {
	Type   string      `xml:"type,attr"`
	Value  string      `xml:"value,attr"` // its last part is the taxonomy
	Slices []admdSlice `xml:"slice"`
	Inner  []struct {
		Slices []admdSlice `xml:"slice"`
	} `xml:"description"`
}

type admdSlice struct {
	Filters []struct {
		SrcIP   string `xml:"src_ip,attr"`
		DstIP   string `xml:"dst_ip,attr"`
		SrcPort string `xml:"src_port,attr"`
		DstPort string `xml:"dst_port,attr"`
	} `xml:"filter"`
	From *admdTime `xml:"from"`
	To   *admdTime `xml:"to"`
}

type admdTime struct {
	Sec  string `xml:"sec,attr"`
	Usec string `xml:"usec,attr"`
}

// loadADMD reads MAWILab's XML: a rule for each filter of each slice. Filters
// of a slice are alternatives, the attributes of one hold together.
func loadADMD(in *input) ([]Rule, error) {
	b := newBuilder(in)
	n := 0 // filters so far: several may stand on one line
	d := xml.NewDecoder(bytes.NewReader(in.text))
	d.CharsetReader = latin1
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return b.done()
		}
		line, _ := d.InputPos()
		if err != nil {
			return nil, in.error(line, err)
		}
		start, ok := tok.(xml.StartElement)
		if !ok || start.Name.Local != "anomaly" {
			continue
		}
		var a admdAnomaly
		if err := d.DecodeElement(&a, &start); err != nil {
			return nil, in.error(line, err)
		}
		for _, s := range a.Inner {
			a.Slices = append(a.Slices, s.Slices...)
		}
		if err := b.admd(line, &a, &n); err != nil {
			return nil, err
		}
	}
}

// latin1 reads the one encoding besides UTF-8 that is met.
func latin1(charset string, r io.Reader) (io.Reader, error) {
	if !strings.EqualFold(charset, "ISO-8859-1") {
		return nil, fmt.Errorf("encoding %q is neither UTF-8 nor ISO-8859-1", charset)
	}
	return charmap.ISO8859_1.NewDecoder().Reader(r), nil
}

func (b *builder) admd(line int, a *admdAnomaly, n *int) error {
	for _, s := range a.Slices {
		base := NewRule()
		if err := base.mawilab(a.Type, strings.TrimSpace(a.Value[strings.LastIndexByte(a.Value, ',')+1:])); err != nil {
			return b.in.error(line, err)
		}
		if err := s.times(&base); err != nil {
			return b.in.error(line, err)
		}
		for _, f := range s.Filters {
			r := base
			if !b.hosts(&r, f.SrcIP, f.DstIP) {
				continue
			}
			if err := b.setPorts(&r, f.SrcPort, f.DstPort); err != nil {
				return b.in.error(line, err)
			}
			if err := b.add(line, r); err != nil {
				return err
			}
			*n++
			b.rules[len(b.rules)-1].ID += "." + strconv.Itoa(*n)
		}
	}
	return nil
}

// times sets the slice's interval, both ends in it.
func (s *admdSlice) times(r *Rule) error {
	if s.From != nil {
		early, late, err := s.From.nanos()
		if err != nil {
			return err
		}
		r.From = min(early, late)
	}
	if s.To != nil {
		early, late, err := s.To.nanos()
		if err != nil {
			return err
		}
		r.To = max(early, late) + microsecond
	}
	return nil
}

// nanos gives both readings of a time. The writer of the reference tools puts
// into usec the digits behind the decimal point, without the zeros at their
// end: usec="05" is 50,000 µs there and 5 µs to whoever takes it for a
// number. Nobody can tell which one a file means; intervals take in both.
func (t *admdTime) nanos() (int64, int64, error) {
	sec, err := ParseEpoch(t.Sec)
	if err != nil {
		return 0, 0, err
	}
	if t.Usec == "" {
		return sec, sec, nil
	}
	n, err := strconv.ParseUint(t.Usec, 10, 32)
	if err != nil || len(t.Usec) > 6 {
		return 0, 0, fmt.Errorf("usec %q is no number of up to six digits", t.Usec)
	}
	fraction, err := ParseEpoch(t.Sec + "." + t.Usec)
	return sec + int64(n)*microsecond, fraction, err
}
