// Package label says which rows of a table are attacks, which are benign, and
// which nobody knows about.
//
// The truth about a recording comes from outside of it: a list of what was
// done when, by whom, to whom. Each corpus has a form of its own for that
// list. Here all of them become [Rules]: a rule is an interval of time, a
// tuple of addresses, ports, protocol and MAC, a pattern for the capture's
// name, and the label that rows get which lie in all of them. [Load] reads a
// rule file; an [Annotator] applies the rules to batches of the packets table
// or of the flows table, both through one matcher.
//
//	rules, err := label.Load("truth.csv")
//	…
//	a, err := label.NewAnnotator(rules, captureNames) // names by file_id
//	a.Annotate(batch)                                 // fills a.Batch()
//	report := label.NewReport(rules, a.Hits()...)
//
// # When a row matches
//
// Intervals are half-open: from ≤ t < to, in whole nanoseconds since 1970,
// never by way of a floating-point number. A packet has one time; a flow
// matches when its span from first to last packet meets the interval, so a
// flow that began before an attack's window and reaches into it is an attack
// if its tuple is the attack's.
//
// A rule whose direction is [Either] covers both directions of a
// conversation: source and destination address, port and MAC may be swapped,
// all together. With [Forward] they may not. Rows of ARP are matched with
// sender and target protocol address. A later fragment has no ports, so a rule
// with ports does not cover it in the packets table.
//
// Of several rules that match, the one with the highest priority gives the
// label, then the one that stands first in the file; if another of the same
// priority would have said something else, the row is counted as a conflict.
// A row that no rule matches is unknown, which is not benign: its label is
// null, its class "unknown", and datasets leave it out and say how many.
//
// # Limits
//
// Rules do not look into payloads. A packet in a tunnel is matched by the
// addresses, ports and protocol inside, in the packets table as in the flows
// table; only of a tunnel in a tunnel has the packets table no inner columns,
// so that there the middle one counts. A benign host that talks to the same
// server in the same seconds from the attacker's address cannot be told from
// the attack.
package label
