package label

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// eveAlert is what counts of a line of eve.json.
type eveAlert struct {
	EventType string          `json:"event_type"`
	Timestamp string          `json:"timestamp"`
	SrcIP     string          `json:"src_ip"`
	DestIP    string          `json:"dest_ip"`
	SrcPort   json.RawMessage `json:"src_port"`
	DestPort  json.RawMessage `json:"dest_port"`
	Proto     string          `json:"proto"`
	Alert     struct {
		Signature string `json:"signature"`
		Category  string `json:"category"`
	} `json:"alert"`
	Flow struct {
		Start string `json:"start"`
	} `json:"flow"`
}

func knowsEve(in *input) bool {
	var a eveAlert
	return json.Unmarshal([]byte(in.firstLine()), &a) == nil && a.EventType != "" && a.Timestamp != ""
}

// loadEve makes a rule of each alert: its 5-tuple, both ways, since an alert's
// source is the sender of the packet and not always the client; from the
// start of its flow, or else from a second before it, until a second after.
// Times have an offset without a colon (+0200). Alerts about the decoding of
// protocols, and those that say themselves that nothing is suspicious, make
// their rows unknown.
func loadEve(in *input) ([]Rule, error) {
	b := newBuilder(in)
	err := in.lines(func(line int, text string) error {
		if strings.TrimSpace(text) == "" {
			return nil
		}
		var a eveAlert
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			return in.error(line, fmt.Errorf("no JSON object: %w", err))
		}
		if a.EventType != "alert" {
			b.note("skipped: events that are no alerts")
			return nil
		}
		r, ok, err := b.alert(&a)
		return b.addIf(line, r, ok, err)
	})
	if err != nil {
		return nil, err
	}
	return b.done()
}

func (b *builder) alert(a *eveAlert) (r Rule, ok bool, err error) {
	r = NewRule()
	if ok, err = b.tuple(&r, a.Proto, a.SrcIP, a.DestIP, number64(a.SrcPort), number64(a.DestPort)); !ok || err != nil {
		return r, false, err
	}
	at, err := parseEveTime(a.Timestamp)
	if err != nil {
		return r, false, err
	}
	r.From, r.To = at-second, at+second
	if a.Flow.Start != "" {
		if r.From, err = parseEveTime(a.Flow.Start); err != nil {
			return r, false, err
		}
	}
	r.suricata(a.Alert.Category, a.Alert.Signature)
	return r, true, nil
}

// number64 is a JSON number, or "" without one.
func number64(raw json.RawMessage) string {
	if bytes.Equal(raw, []byte("null")) {
		return ""
	}
	return strings.Trim(string(raw), `"`)
}

func parseEveTime(s string) (int64, error) {
	for _, layout := range []string{"2006-01-02T15:04:05.999999999-0700", time.RFC3339Nano} {
		if t, err := time.Parse(layout, s); err == nil {
			return nanos(t, s)
		}
	}
	return 0, fmt.Errorf("time %q is not like 2006-01-02T15:04:05.000000+0000", s)
}

// suricata sets the class of an alert: the name of its classification
// (classification.config), else the signature.
func (r *Rule) suricata(category, signature string) {
	r.Class, r.Label, r.Category = Attack, slug(category), signature
	switch r.Label {
	case "":
		r.Label = slug(signature)
	case "generic_protocol_command_decode", "not_suspicious_traffic", "unknown_traffic":
		r.Class, r.Priority = Unknown, benignPriority
	}
	if r.Label == "" {
		r.Label = "alert"
	}
}

// slug makes a class name of a phrase: "Misc Attack" is misc_attack.
func slug(s string) string {
	words := strings.FieldsFunc(strings.ToLower(s), func(c rune) bool {
		return !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c >= 0x80)
	})
	return strings.Join(words, "_")
}

// fastLine is a line of fast.log:
//
//	06/17/2018-14:23:09.123456  [**] [1:2001219:20] ET SCAN … [**] [Classification: …] [Priority: 2] {TCP} 192.0.2.1:5 -> 192.0.2.2:22
var fastLine = regexp.MustCompile(`^(\d\d/\d\d/\d{4}-\d\d:\d\d:\d\d\.\d+)\s+(?:\[Drop\] |\[wDrop\] )?\[\*\*\] \[[\d:]+\] (.*?) \[\*\*\] (?:\[Classification: (.*?)\] )?(?:\[Priority: \d+\] )?\{([^}]+)\} (\S+) -> (\S+)`)

func knowsFastLog(in *input) bool { return fastLine.MatchString(in.firstLine()) }

// loadFastLog makes a rule of each alert as loadEve does, but without the
// start of its flow. Times are of the sensor's zone, which the file does not
// say.
func loadFastLog(in *input) ([]Rule, error) {
	zone, err := in.zone("")
	if err != nil {
		return nil, err
	}
	b := newBuilder(in)
	err = in.lines(func(line int, text string) error {
		if strings.TrimSpace(text) == "" {
			return nil
		}
		m := fastLine.FindStringSubmatch(text)
		if m == nil {
			return in.error(line, fmt.Errorf("no line of fast.log"))
		}
		at, err := parseLocal("01/02/2006-15:04:05", m[1], zone)
		if err != nil {
			return in.error(line, err)
		}
		r := NewRule()
		r.From, r.To = at-second, at+second
		src, sport := endpoint(m[5])
		dst, dport := endpoint(m[6])
		ok, err := b.tuple(&r, m[4], src, dst, sport, dport)
		if err != nil {
			return in.error(line, err)
		}
		if !ok {
			return nil
		}
		r.suricata(m[3], m[2])
		return b.add(line, r)
	})
	if err != nil {
		return nil, err
	}
	return b.done()
}

// endpoint takes an address and a port apart; IPv6 addresses stand without
// brackets.
func endpoint(s string) (addr, port string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i+1:]
}
