package label

import (
	"errors"
	"fmt"
	"strings"
)

func knowsZeek(in *input) bool {
	return strings.HasPrefix(in.firstLine(), "#separator") || strings.HasPrefix(in.firstLine(), "#fields")
}

// loadZeek reads conn.log with labels. In IoT-23 the last field is three in
// one, with three blanks between them in place of tabs, in the names and in
// the rows: "-   Malicious   C&C". Labels are Benign, benign or Malicious;
// the attack's class is the detailed label, where there is one.
func loadZeek(in *input) ([]Rule, error) {
	b := newBuilder(in)
	var columns map[string]int
	err := in.lines(func(line int, text string) error {
		if fields, ok := strings.CutPrefix(text, "#fields\t"); ok {
			columns = columnsOf(zeekFields(fields))
			for _, c := range []string{"ts", "id.orig_h", "id.resp_h", "label"} {
				if _, ok := columns[c]; !ok {
					return in.error(line, fmt.Errorf("there is no field %s: no labelled conn.log", c))
				}
			}
			return nil
		}
		if strings.HasPrefix(text, "#") || strings.TrimSpace(text) == "" {
			return nil
		}
		if columns == nil {
			return in.error(line, errors.New("there is no #fields line before the first row"))
		}
		r, ok, err := b.zeekRow(csvRow{columns, zeekFields(text)})
		return b.addIf(line, r, ok, err)
	})
	if err != nil {
		return nil, err
	}
	return b.done()
}

// zeekFields takes a line apart, and the last field where it is several.
func zeekFields(text string) []string {
	fields := strings.Split(text, "\t")
	last := len(fields) - 1
	if parts := strings.Split(fields[last], "   "); len(parts) > 1 {
		fields = append(fields[:last], parts...)
	}
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	return fields
}

func (b *builder) zeekRow(row csvRow) (r Rule, ok bool, err error) {
	if row.cell("label") == "" {
		return r, false, errors.New("the row has no label: are its last fields in another form?")
	}
	r = NewRule()
	orig, resp := row.cell("id.orig_h"), row.cell("id.resp_h")
	ok, err = b.tuple(&r, zeekProto(row.cell("proto"), orig), orig, resp, row.cell("id.orig_p"), row.cell("id.resp_p"))
	if !ok || err != nil {
		return r, false, err
	}
	from, err := ParseEpoch(row.cell("ts"))
	if err != nil {
		return r, false, err
	}
	if err = r.span(from, row.cell("duration"), microsecond); err != nil {
		return r, false, err
	}
	r.classify(row.cell("label"), "")
	if detail := row.cell("detailed-label"); r.Class == Attack && detail != "" && detail != "-" && detail != "(empty)" {
		r.Label, r.Category = detail, row.cell("label")
	}
	return r, true, nil
}

// zeekProto is the name of a protocol; Zeek's icmp is that of both IP versions.
func zeekProto(proto, addr string) string {
	if proto == "icmp" && strings.Contains(addr, ":") {
		return "icmp6"
	}
	return proto
}
