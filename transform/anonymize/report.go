package anonymize

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
)

// Report is what Run did. Neither the key nor a time shift that follows from
// it is in there.
type Report struct {
	Captures  []*CaptureReport `json:"captures"`
	Tables    []*TableReport   `json:"tables"`
	Payload   Mask             `json:"payload"`    // how it was masked
	TimeShift string           `json:"time_shift"` // none, keyed, or how much
	Stays     []string         `json:"stays"`      // what the outputs still show

	unread  int // captures of which nothing could be read
	keepOUI bool
}

// CaptureReport is what was done to a capture.
type CaptureReport struct {
	Input     string           `json:"input"`
	Output    string           `json:"output"`
	In        int64            `json:"packets_in"`
	Out       int64            `json:"packets_out"`
	Skipped   map[string]int64 `json:"skipped"`       // packets that are not in the output, by reason
	Addresses map[string]int64 `json:"addresses"`     // fields rewritten, by kind: ipv4, ipv6, mac
	Payload   int64            `json:"payload"`       // packets whose payload was masked
	Bytes     int64            `json:"payload_bytes"` // of it
	Masked    map[string]int64 `json:"masked"`        // what else was masked because it is not understood: how often
	Dropped   map[string]int64 `json:"dropped"`       // left out of the file: comments, names, …
	Damaged   string           `json:"damaged,omitempty"`
}

// TableReport is what was done to a table.
type TableReport struct {
	Input    string              `json:"input"`
	Output   string              `json:"output"`
	Rows     int64               `json:"rows"`
	Columns  map[string][]string `json:"columns"`  // names, by what was done
	Keys     map[string]int64    `json:"keys"`     // values of community_id and flow_key, by how they were made
	Metadata []string            `json:"metadata"` // keys of the file's metadata that were left out
}

func newReport(opt *Options) *Report {
	r := &Report{Captures: []*CaptureReport{}, Tables: []*TableReport{}, Payload: opt.Mask, TimeShift: "none", keepOUI: opt.KeepOUI}
	switch {
	case opt.Keyed:
		r.TimeShift = "keyed"
	case opt.Shift != 0:
		r.TimeShift = opt.Shift.String()
	}
	return r
}

func newCaptureReport(in, out string) *CaptureReport {
	return &CaptureReport{
		Input: in, Output: out, Skipped: map[string]int64{}, Addresses: map[string]int64{},
		Masked: map[string]int64{}, Dropped: map[string]int64{},
	}
}

// endFile notes how the capture ended, and what it held beside packets. A
// capture that cannot be opened is an error.
func (c *CaptureReport) endFile(ev pcapio.Event) error {
	f := ev.File
	if ev.Err != nil {
		if f.Packets == 0 {
			return fmt.Errorf("%w: %w", transform.ErrNothing, ev.Err)
		}
		c.Damaged = ev.Err.Error()
	}
	texts := int64(0)
	for i := range f.Interfaces {
		n := &f.Interfaces[i]
		if n.Name+n.Description+n.Filter+n.OS+n.Hardware+n.MAC != "" || len(n.Addrs) > 0 {
			texts++
		}
	}
	for what, n := range map[string]int64{
		"comments of blocks":                           int64(len(f.Comments)) + f.CommentsCut,
		"comments of packets":                          f.PacketNotes,
		"names of addresses":                           int64(len(f.Names)) + f.NamesCut,
		"blocks of secrets":                            f.Blocks.Secrets,
		"blocks of statistics":                         f.Blocks.Statistics,
		"blocks of unknown and custom types":           f.Blocks.Custom + f.Blocks.CustomNoCopy + f.Blocks.Unknown,
		"interfaces' names, addresses, filters, hosts": texts,
	} {
		if n > 0 {
			c.Dropped[what] = n
		}
	}
	return nil
}

// close sums what the workers counted, and checks that nothing was lost.
func (c *CaptureReport) close(counts []*packetCounts) error {
	for _, n := range counts {
		for i, kind := range []string{"ipv4", "ipv6", "mac"} {
			c.Addresses[kind] += n.addresses[i]
		}
		c.Payload += n.payload
		c.Bytes += n.bytes
		for m, k := range n.masked {
			c.Masked[m.String()] += k
		}
	}
	skipped := int64(0)
	for _, n := range c.Skipped {
		skipped += n
	}
	if c.In != c.Out+skipped {
		return fmt.Errorf("ledger does not balance: %d packets in, %d out, %d skipped", c.In, c.Out, skipped)
	}
	return nil
}

func (m masked) String() string {
	switch {
	case m.number < 0:
		return m.what
	case m.what == "EtherType" || m.what == "PPP protocol":
		return fmt.Sprintf("%s 0x%04x", m.what, m.number)
	}
	return fmt.Sprintf("%s %d", m.what, m.number)
}

// unreadable notes a capture of which nothing could be read, nor written.
func (r *Report) unreadable(in string, err error) {
	c := newCaptureReport(in, "")
	c.Damaged = err.Error()
	r.Captures = append(r.Captures, c)
	r.unread++
}

// rename says where an output was put that was made elsewhere.
func (r *Report) rename(made, put string) {
	for _, c := range r.Captures {
		if c.Output == made {
			c.Output = put
		}
	}
	for _, t := range r.Tables {
		if t.Output == made {
			t.Output = put
		}
	}
}

// finish says what stays, and whether something was damaged or skipped.
func (r *Report) finish() error {
	r.Stays = r.stays()
	for _, c := range r.Captures {
		if c.Damaged != "" || len(c.Skipped) > 0 {
			return transform.ErrDamaged
		}
	}
	return nil
}

// Problems lists captures that were damaged and packets that were skipped.
func (r *Report) Problems() (list []string) {
	for _, c := range r.Captures {
		if c.Damaged != "" {
			list = append(list, c.Damaged)
		}
		for _, why := range slices.Sorted(maps.Keys(c.Skipped)) {
			list = append(list, fmt.Sprintf("%s: %d packets skipped: %s", c.Input, c.Skipped[why], why))
		}
	}
	return list
}

// WriteText prints the report for people.
func (r *Report) WriteText(w io.Writer) {
	for _, c := range r.Captures {
		c.writeText(w, r.Payload)
	}
	for _, t := range r.Tables {
		t.writeText(w)
	}
	fmt.Fprintf(w, "time shift: %s\n", r.TimeShift)
	fmt.Fprintln(w, "what stays and may identify:")
	for _, s := range r.Stays {
		fmt.Fprintf(w, "  %s\n", s)
	}
}

func (c *CaptureReport) writeText(w io.Writer, mask Mask) {
	skipped := int64(0)
	for _, n := range c.Skipped {
		skipped += n
	}
	fmt.Fprintf(w, "%s: packets in %d = out %d + skipped %d\n", c.Input, c.In, c.Out, skipped)
	writeCounts(w, "skipped", c.Skipped)
	writeCounts(w, "pseudonyms in place of", c.Addresses)
	fmt.Fprintf(w, "  payload masked (%s): %d packets, %d bytes\n", mask, c.Payload, c.Bytes)
	writeCounts(w, "masked, not understood", c.Masked)
	writeCounts(w, "left out", c.Dropped)
	if c.Damaged != "" {
		fmt.Fprintf(w, "  damaged: %s\n", c.Damaged)
	}
	if c.Output != "" {
		fmt.Fprintf(w, "  wrote %s\n", c.Output)
	}
}

func (t *TableReport) writeText(w io.Writer) {
	fmt.Fprintf(w, "%s: rows %d\n", t.Input, t.Rows)
	for _, done := range slices.Sorted(maps.Keys(t.Columns)) {
		if done == kept {
			fmt.Fprintf(w, "  %s: %d columns\n", done, len(t.Columns[done]))
			continue
		}
		fmt.Fprintf(w, "  %s: %s\n", done, strings.Join(t.Columns[done], ", "))
	}
	writeCounts(w, "values", t.Keys)
	if len(t.Metadata) > 0 {
		fmt.Fprintf(w, "  metadata left out: %s\n", strings.Join(t.Metadata, ", "))
	}
	fmt.Fprintf(w, "  wrote %s\n", t.Output)
}

func writeCounts(w io.Writer, title string, counts map[string]int64) {
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(w, "  %s: %s: %d\n", title, k, counts[k])
	}
}
