package anonymize

import (
	"maps"
	"slices"
	"strings"
)

// stays says what the outputs still show, in words.
func (r *Report) stays() []string {
	list := []string{
		"sizes of packets, times between them, and with both the traffic that they are of",
		"ports, TTLs, IP identifications, sequence numbers, windows, VLAN and tunnel numbers",
		"the classes of addresses, and which share a prefix",
		"multicast groups, loopback and broadcast addresses",
	}
	if r.TimeShift == "none" {
		list = append(list, "absolute times (--time-shift hides them)")
	}
	if r.keepOUI {
		list = append(list, "the makers of network cards, in the first half of MAC addresses")
	}
	if len(r.Captures) > 0 {
		list = append(list, "TCP options, whose timestamps tell clocks apart")
		if r.Payload == MaskHash {
			list = append(list, "which payloads are the same")
		}
		if len(r.Captures)+len(r.Tables) > 1 {
			list = append(list, "names of the files, but for their endings")
		}
	}
	if len(r.Tables) == 0 {
		return list
	}
	list = append(list, "lengths and entropies of payload and of names", "labels, with the names of their rules and of the files of these",
		"which names and texts are the same, and what programs the fingerprints (JA3, JA4, HASSH) are of")
	unknown := map[string]bool{}
	for _, t := range r.Tables {
		for _, c := range t.Columns[unexamined] {
			unknown[c] = true
		}
	}
	if len(unknown) > 0 {
		list = append(list, "columns that nobody knows: "+strings.Join(slices.Sorted(maps.Keys(unknown)), ", "))
	}
	return list
}
