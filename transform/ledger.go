package transform

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

// Version is the tool's version as it stands in the metadata of everything
// written. It changes when outputs may change.
const Version = "0.1.0"

// Ledger accounts for every packet that was read: it is a row, or it is
// counted under the reason why not.
type Ledger struct {
	Files     int              `json:"files"`                     // captures read to their end
	PacketsIn int64            `json:"packets_in"`                // packets that the captures hold, up to any damage
	Rows      int64            `json:"rows"`                      // rows of the packets table
	Skipped   map[string]int64 `json:"skipped"`                   // packets that are no row, by reason
	Malformed map[string]int64 `json:"malformed"`                 // rows with a decode_error, by "layer: reason"
	Flows     int64            `json:"flows"`                     // rows of the flows table
	InFlows   int64            `json:"packets_in_flows"`          // packets that belong to a flow
	NonFlow   map[string]int64 `json:"packets_not_in_flow"`       // the others, by reason
	Open      int64            `json:"flows_open,omitempty"`      // flows that go on in the saved state
	Carried   int64            `json:"packets_carried,omitempty"` // packets that wait in the saved state to be put in order, less those that came out of the one loaded
	Forgotten map[string]int64 `json:"forgotten,omitempty"`       // what the windows over hosts had no room for; their counts are then lower bounds
	Dropped   int64            `json:"dropped_by_capture"`        // as the captures' statistics say: never seen by us
	Damaged   []Damage         `json:"damaged"`                   // captures not read to their end
}

// Damage is a capture that could not be read to its end.
type Damage struct {
	File    string `json:"file"`
	Packets int64  `json:"packets"` // read before the damage
	Error   string `json:"error"`   // names packet and byte offset
}

// NewLedger makes an empty ledger.
func NewLedger() *Ledger {
	return &Ledger{Skipped: map[string]int64{}, Malformed: map[string]int64{}, NonFlow: map[string]int64{}, Damaged: []Damage{}}
}

// Check verifies that nothing was lost in silence.
func (l *Ledger) Check() error {
	if got := l.Rows + total(l.Skipped); got != l.PacketsIn {
		return fmt.Errorf("ledger does not balance: %d packets in, %d rows + skipped", l.PacketsIn, got)
	}
	if l.InFlows == 0 && len(l.NonFlow) == 0 {
		return nil // no flows were asked for
	}
	if got := l.InFlows + total(l.NonFlow) + l.Carried + total(l.Skipped); got != l.PacketsIn {
		return fmt.Errorf("ledger does not balance: %d packets in, %d in flows + not in flows + skipped", l.PacketsIn, got)
	}
	return nil
}

// withoutFlows is the ledger as the packets table has it: the same whether
// flows are made in the same run or not.
func (l *Ledger) withoutFlows() *Ledger {
	c := *l
	c.Flows, c.InFlows, c.NonFlow, c.Open, c.Carried, c.Forgotten = 0, 0, map[string]int64{}, 0, 0, nil
	return &c
}

// Add adds what a shard has read, or a run on another sensor.
func (l *Ledger) Add(o *Ledger) {
	l.Files += o.Files
	l.PacketsIn += o.PacketsIn
	l.Rows += o.Rows
	l.Dropped += o.Dropped
	l.Damaged = append(l.Damaged, o.Damaged...)
	l.Flows += o.Flows
	l.InFlows += o.InFlows
	l.Open += o.Open
	l.Carried += o.Carried
	add(l.Skipped, o.Skipped)
	add(l.Malformed, o.Malformed)
	add(l.NonFlow, o.NonFlow)
	if l.Forgotten == nil && len(o.Forgotten) > 0 {
		l.Forgotten = map[string]int64{}
	}
	add(l.Forgotten, o.Forgotten)
}

// WriteText prints the ledger for people.
func (l *Ledger) WriteText(w io.Writer) {
	fmt.Fprintf(w, "packets in %d = rows %d + skipped %d", l.PacketsIn, l.Rows, total(l.Skipped))
	if l.Dropped > 0 {
		fmt.Fprintf(w, "; dropped while capturing %d", l.Dropped)
	}
	fmt.Fprintln(w)
	writeCounts(w, "skipped", l.Skipped)
	writeCounts(w, "malformed (kept as rows)", l.Malformed)
	if l.InFlows > 0 {
		fmt.Fprintf(w, "flows %d hold %d packets; not in a flow %d\n", l.Flows, l.InFlows, total(l.NonFlow))
		writeCounts(w, "not in a flow", l.NonFlow)
		writeCounts(w, "no room for in the windows over hosts", l.Forgotten)
		if l.Open > 0 {
			fmt.Fprintf(w, "flows that go on in the saved state: %d\n", l.Open)
		}
	}
	for _, d := range l.Damaged {
		fmt.Fprintf(w, "damaged: %s (%d packets kept)\n", d.Error, d.Packets)
	}
}

func writeCounts(w io.Writer, title string, counts map[string]int64) {
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(w, "  %s: %s: %d\n", title, k, counts[k])
	}
}

func total(counts map[string]int64) int64 {
	var sum int64
	for _, n := range counts {
		sum += n
	}
	return sum
}

func add(to, from map[string]int64) {
	for k, n := range from {
		to[k] += n
	}
}
