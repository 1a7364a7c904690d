package label

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

func knowsPcapml(in *input) bool { return strings.HasPrefix(in.firstLine(), "BPF:") }

// loadPcapml reads pcapml's list of labels: lines
//
//	BPF:<filter>[|TS_START:<µs>][|TS_END:<µs>],label[,hash_key]
//
// The label stands behind the first comma; filters have none. Times are epoch
// microseconds, both ends in the interval.
func loadPcapml(in *input) ([]Rule, error) {
	b := newBuilder(in)
	err := in.lines(func(line int, text string) error {
		if text = strings.TrimSpace(text); text == "" {
			return nil
		}
		r, err := pcapmlRule(text)
		if err != nil {
			return in.error(line, err)
		}
		return b.add(line, r)
	})
	if err != nil {
		return nil, err
	}
	return b.done()
}

func pcapmlRule(text string) (Rule, error) {
	r := NewRule()
	what, rest, ok := strings.Cut(text, ",")
	if !ok {
		return r, errors.New("there is no label behind a comma")
	}
	name, _, _ := strings.Cut(rest, ",")
	r.classify(strings.TrimSpace(name), "")
	parts := strings.Split(what, "|TS_")
	if r.Filter, ok = strings.CutPrefix(parts[0], "BPF:"); !ok {
		return r, fmt.Errorf("%q does not begin with BPF:", parts[0])
	}
	r.Filter = strings.TrimSpace(r.Filter)
	for _, p := range parts[1:] {
		key, value, _ := strings.Cut(p, ":")
		us, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		if err != nil || us < 0 || us >= Ever/microsecond {
			return r, fmt.Errorf("time %q is not in whole microseconds since 1970", value)
		}
		ns := us * microsecond
		switch key {
		case "START":
			r.From = ns
		case "END":
			r.To = ns + microsecond
		default:
			return r, fmt.Errorf("TS_%s is neither TS_START nor TS_END", key)
		}
	}
	return r, nil
}
