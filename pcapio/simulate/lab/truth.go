package lab

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"
	"time"
)

// Truth is what happened: the span of the capture, and each attack's interval.
type Truth struct {
	Capture    string // pattern of the capture's file name
	Start, End time.Time
	Attacks    []Interval
}

// Interval is an attack that took place.
type Interval struct {
	Strike     Strike
	Start, End time.Time
}

// CSV is the truth as label rules in the form lab-truth (see pcapline label
// --help): a row for each protocol of an attack, and one in which all else is
// benign.
func (t *Truth) CSV(p *Plan) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{"file", "start", "end", "src", "dst", "proto", "sport", "dport", "src_mac", "label", "category", "tool", "attacker_host"}}
	for _, i := range t.Attacks {
		a := i.Strike.Attack
		from, ok := p.host(i.Strike.From)
		if !ok {
			return nil, fmt.Errorf("attack %s: no host %q", a.Label, i.Strike.From)
		}
		port := ""
		if a.Port != 0 {
			port = strconv.Itoa(a.Port)
		}
		for _, proto := range a.Protos {
			src, dst, mac := from.Addr.String(), p.target(a), ""
			if proto == "arp" { // whom it asks for is no destination
				src, dst, mac = "*", "*", from.MAC
			}
			rows = append(rows, []string{t.Capture, epoch(i.Start), epoch(i.End), src, dst, proto, "", port, mac, a.Label, a.Category, a.Tool.Program, from.Name})
		}
	}
	rows = append(rows, []string{t.Capture, epoch(t.Start), epoch(t.End), "*", "*", "*", "", "", "", "benign", "benign", "", ""})
	if err := w.WriteAll(rows); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// epoch writes seconds since 1970 to the microsecond.
func epoch(t time.Time) string {
	return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000)
}
