package label

import (
	"errors"
	"net/netip"
	"strings"
)

// loadUNSWTruth reads NUSW-NB15_GT.csv: attacks by 5-tuple, times in whole
// epoch seconds UTC, and a last column named ".". Categories have stray
// blanks; Backdoor and Backdoors are one. The file names attacks only: what
// it leaves out is unknown unless another rule says more.
func loadUNSWTruth(in *input) ([]Rule, error) {
	b := newBuilder(in)
	err := in.withHeader(func(line int, row csvRow) error {
		r := NewRule()
		r.Class, r.Label, r.Category = Attack, unswCategory(row.cell("attack category")), row.cell("attack subcategory")
		return b.unsw(line, r, unswRow{
			src: row.cell("source ip"), dst: row.cell("destination ip"),
			sport: row.cell("source port"), dport: row.cell("destination port"),
			proto: row.cell("protocol"), start: row.cell("start time"), last: row.cell("last time"),
		})
	})
	if err != nil {
		return nil, err
	}
	return b.done()
}

// unswRow is what both files of UNSW-NB15 have of a flow.
type unswRow struct{ src, dst, sport, dport, proto, start, last string }

func (b *builder) unsw(line int, r Rule, u unswRow) error {
	ok, err := b.tuple(&r, u.proto, u.src, u.dst, u.sport, u.dport)
	if err != nil {
		return b.in.error(line, err)
	}
	if !ok {
		return nil
	}
	if r.From, err = ParseEpoch(u.start); err != nil {
		return b.in.error(line, err)
	}
	last, err := ParseEpoch(u.last)
	if err != nil {
		return b.in.error(line, err)
	}
	if last < r.From {
		b.note("their end is before their start; the start counts for both")
		last = r.From
	}
	r.To = last + second // times are cut to seconds
	return b.add(line, r)
}

func unswCategory(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if s == "backdoors" {
		s = "backdoor"
	}
	return s
}

// The columns of UNSW-NB15_1.csv to _4.csv that count, by their place in
// NUSW-NB15_features.csv, from 0.
const (
	unswSrc, unswSport, unswDst, unswDport, unswProto = 0, 1, 2, 3, 4
	unswStart, unswLast                               = 28, 29
	unswCat, unswLabel                                = 47, 48
	unswColumns                                       = 49
)

// knowsUNSW knows the file by its 49 columns, as there is no header.
func knowsUNSW(in *input) bool {
	rec := strings.Split(in.firstLine(), ",")
	if len(rec) != unswColumns {
		return false
	}
	_, err := netip.ParseAddr(strings.TrimSpace(rec[unswSrc]))
	label := strings.TrimSpace(rec[unswLabel])
	return err == nil && (label == "0" || label == "1")
}

// loadUNSW reads the flows of UNSW-NB15, benign and hostile. Ports may be in
// hexadecimal or "-".
func loadUNSW(in *input) ([]Rule, error) {
	b := newBuilder(in)
	err := in.records(func(line int, rec []string) error {
		if len(rec) != unswColumns {
			return in.error(line, errors.New("a row of UNSW-NB15 has 49 columns"))
		}
		r := NewRule()
		switch category := unswCategory(rec[unswCat]); {
		case rec[unswLabel] == "0":
			r.classify("benign", "")
		case category == "":
			return in.error(line, errors.New("the attack has no category"))
		default:
			r.Class, r.Label = Attack, category
		}
		return b.unsw(line, r, unswRow{
			src: rec[unswSrc], dst: rec[unswDst], sport: rec[unswSport], dport: rec[unswDport],
			proto: rec[unswProto], start: rec[unswStart], last: rec[unswLast],
		})
	})
	if err != nil {
		return nil, err
	}
	return b.done()
}
