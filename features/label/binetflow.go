package label

import (
	"strings"
)

// loadBinetflow reads the bidirectional argus flows of CTU-13. Times are
// Prague's (in summer, CEST). Dir is padded ("  <?>"); who began does not
// matter here, a rule covers both directions. Ports of ICMP are types and
// codes in hexadecimal. argus names RTP, RTCP and UDT, which are UDP.
//
// The authors count as the bot's what begins with From-Botnet, and as normal
// what begins with From-Normal or Normal; what strangers sent to either (To-)
// they leave open, and Background is whatever else the university did. Both
// are unknown here, by a rule.
func loadBinetflow(in *input) ([]Rule, error) {
	zone, err := in.zone("Europe/Prague")
	if err != nil {
		return nil, err
	}
	b := newBuilder(in)
	err = in.withHeader(func(line int, row csvRow) error {
		r := NewRule()
		proto := strings.ToLower(row.cell("proto"))
		switch proto {
		case "rtp", "rtcp", "udt":
			proto = "udp"
		}
		ok, err := b.tuple(&r, proto, row.cell("srcaddr"), row.cell("dstaddr"), row.cell("sport"), row.cell("dport"))
		if err != nil {
			return in.error(line, err)
		}
		if !ok {
			return nil
		}
		from, err := parseLocal("2006/01/02 15:04:05", row.cell("starttime"), zone)
		if err != nil {
			return in.error(line, err)
		}
		if err := r.span(from, row.cell("dur"), microsecond); err != nil {
			return in.error(line, err)
		}
		r.binetflow(row.cell("label"))
		return b.add(line, r)
	})
	if err != nil {
		return nil, err
	}
	return b.done()
}

// binetflow sets the class by a label such as flow=From-Botnet-V42-TCP-CC.
func (r *Rule) binetflow(label string) {
	name := strings.TrimPrefix(label, "flow=")
	r.Category = name
	switch {
	case strings.HasPrefix(name, "From-Botnet"):
		r.Class, r.Label = Attack, "botnet"
	case strings.HasPrefix(name, "From-Normal"), strings.HasPrefix(name, "Normal"), name == "LEGITIMATE":
		r.classify("benign", name)
	default:
		r.Class, r.Label, r.Priority = Unknown, "background", benignPriority
	}
}
