package slice

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/filter"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/layer"
)

// Reasons why a packet is not taken; see Ledger.Left.
const (
	reasonTime      = "outside of the time"
	reasonNoTime    = "without a time"
	reasonFilter    = "not accepted by the filter"
	reasonCommunity = "of another Community ID"
	reasonFlow      = "of another flow"
	reasonNoFlow    = "of no flow"
	reasonSpan      = "of no span"
	reasonMost      = "more of a span than wanted"
	reasonTable     = "of no row that was chosen"
	reasonUnwritten = "cannot be written to pcapng"
)

// picker decides packet by packet, in the order of the captures.
type picker struct {
	sel     *Selection
	rows    *rows // nil: no table
	flows   map[int64]bool
	wants   map[string]bool // Community IDs
	spans   map[int64][]int // by key; indices of sel.Spans
	inSpan  []int64         // packets found of each
	filters map[pcapio.LinkType]*filter.Program
	unknown map[pcapio.LinkType]string // link types that the filter cannot be compiled for: the reason
	decoder *layer.Table               // nil: no need to decode
	tracker *flow.Table                // nil: no need of flows
	scratch []byte
	digest  flow.Digest
}

// choice is what is known of a packet that was taken.
type choice struct {
	label    string // "" without a table
	flow     int64  // flow_id; 0 where flows were not looked for, or of none
	backward bool
	digest   *flow.Digest // nil where it was not decoded
}

func newPicker(o *Options, r *rows) (*picker, error) {
	p := &picker{
		sel: &o.Select, rows: r, wants: map[string]bool{}, flows: map[int64]bool{},
		filters: map[pcapio.LinkType]*filter.Program{}, unknown: map[pcapio.LinkType]string{},
	}
	for _, id := range o.Select.CommunityIDs {
		p.wants[id] = true
	}
	p.inSpan = make([]int64, len(o.Select.Spans))
	p.spans = map[int64][]int{}
	for i, s := range o.Select.Spans {
		p.spans[s.Key] = append(p.spans[s.Key], i)
	}
	for _, list := range p.spans {
		slices.SortStableFunc(list, func(a, b int) int {
			x, y := &o.Select.Spans[a], &o.Select.Spans[b]
			return cmp.Or(cmp.Compare(x.File, y.File), cmp.Compare(x.First, y.First))
		})
	}
	for _, id := range o.Select.Flows {
		p.flows[id] = true
	}
	// A mistake in the filter is found before anything is read; a link type
	// that filters do not know only when one comes.
	if _, err := filter.Compile(o.Select.Filter, filter.Options{LinkType: pcapio.LinkEthernet}); err != nil {
		return nil, err
	}
	byFlow := r != nil && r.kind == transform.FlowsTable
	if len(p.flows) > 0 || o.Split == ByFlow || byFlow {
		cfg := o.Flow
		cfg.IDsOnly, cfg.Rows, cfg.EarlyRows, cfg.Reorder = true, nil, nil, 0
		p.tracker = flow.NewTable(cfg)
	}
	if p.tracker != nil || len(p.wants) > 0 || len(p.spans) > 0 || o.PcapML {
		p.decoder = layer.NewTable(layer.Options{MaxPayload: -1})
	}
	return p, nil
}

// pick decides on a packet of a capture. It must see every packet: flows
// depend on those before.
func (p *picker) pick(pkt *pcapio.Packet, file int32) (c choice, reason string) {
	var m flow.Member
	if p.decoder != nil {
		p.decoder.Append(pkt, file, &p.digest)
		c.digest = &p.digest
	}
	if p.tracker != nil {
		m = p.tracker.Add(&p.digest)
		c.flow, c.backward = m.Flow, m.Backward
	}
	if reason = p.ofRow(pkt, file, &c); reason != "" {
		return c, reason
	}
	if len(p.spans) > 0 {
		if reason = p.ofSpan(int(file), pkt.Number); reason != "" {
			return c, reason
		}
	}
	return c, p.ofItself(pkt, &c)
}

// ofSpan looks for the spans that the packet is in. It is taken if one of them
// wants more packets.
func (p *picker) ofSpan(file int, n int64) string {
	reason := p.ofSpansOf(0, file, n, reasonSpan)
	if key := flow.KeyOf(&p.digest).Hash(); key != 0 {
		reason = p.ofSpansOf(key, file, n, reason)
	}
	return reason
}

// ofSpansOf looks among those of a key. Packets come in order, so spans that
// have ended are forgotten, and those behind the first that has not begun need
// no look.
func (p *picker) ofSpansOf(key int64, file int, n int64, reason string) string {
	list := p.spans[key]
	for len(list) > 0 && p.sel.Spans[list[0]].ended(file, n) {
		list = list[1:]
		p.spans[key] = list
	}
	for _, i := range list {
		s := &p.sel.Spans[i]
		if !s.begun(file, n) {
			break
		}
		if s.ended(file, n) {
			continue
		}
		p.inSpan[i]++
		switch {
		case s.Most == 0 || p.inSpan[i] <= s.Most:
			reason = ""
		case reason != "":
			reason = reasonMost
		}
	}
	return reason
}

// endBlock forgets the packets of a block, which will be released.
func (p *picker) endBlock() {
	if p.decoder != nil {
		p.decoder.Reset()
	}
}

// ofItself looks at what the packet alone shows.
func (p *picker) ofItself(pkt *pcapio.Packet, c *choice) string {
	switch {
	case p.sel.From == Earliest && p.sel.To == Latest:
	case pkt.NoTime:
		return reasonNoTime
	case pkt.Time < p.sel.From || pkt.Time >= p.sel.To:
		return reasonTime
	}
	if p.sel.Filter != "" {
		if reason := p.filter(pkt); reason != "" {
			return reason
		}
	}
	if len(p.wants) > 0 {
		p.scratch = flow.KeyOf(c.digest).CommunityID(p.scratch[:0])
		if !p.wants[string(p.scratch)] {
			return reasonCommunity
		}
	}
	return ""
}

// ofRow looks at the flow and the table's row that the packet belongs to.
func (p *picker) ofRow(pkt *pcapio.Packet, file int32, c *choice) string {
	if p.tracker != nil && c.flow == 0 {
		return reasonNoFlow
	}
	if p.rows != nil {
		number := -1
		switch {
		case p.rows.kind == transform.FlowsTable:
			if f := p.rows.flows[c.flow]; f != nil {
				number = int(f.label)
				f.found++
			}
		case p.rows.packets[file] != nil && pkt.Number <= int64(len(p.rows.packets[file])):
			number = int(p.rows.packets[file][pkt.Number-1]) - 1
		}
		if number < 0 {
			return reasonTable
		}
		c.label = p.rows.labels[number]
	}
	if len(p.flows) > 0 && !p.flows[c.flow] {
		return reasonFlow
	}
	return ""
}

// filter runs the filter that is compiled for the packet's link type.
func (p *picker) filter(pkt *pcapio.Packet) string {
	prog := p.filters[pkt.LinkType]
	if prog == nil {
		if reason, ok := p.unknown[pkt.LinkType]; ok {
			return reason
		}
		var err error
		if prog, err = filter.Compile(p.sel.Filter, filter.Options{LinkType: pkt.LinkType}); err != nil {
			p.unknown[pkt.LinkType] = fmt.Sprintf("link type %s, for which the filter means nothing", pkt.LinkType)
			return p.unknown[pkt.LinkType]
		}
		p.filters[pkt.LinkType] = prog
	}
	if !prog.Match(pkt.Data, int(pkt.WireLen)) {
		return reasonFilter
	}
	return ""
}

// verify compares the flows found with those that the table has.
func (p *picker) verify(read []int32) error {
	if p.rows == nil || p.rows.kind != transform.FlowsTable {
		return nil
	}
	wrong, example := 0, int64(0)
	for id, f := range p.rows.flows {
		if slices.Contains(read, int32(f.file)) && f.found != f.packets {
			if wrong++; example == 0 || id < example {
				example = id
			}
		}
	}
	if wrong == 0 {
		return nil
	}
	f := p.rows.flows[example]
	return fmt.Errorf("%d of %d flows are not those of %s: flow %d has %d packets in the table, %d were found; name all of its captures and the options that it was made with; flows of a table made with a filter or a reorder window cannot be found again",
		wrong, len(p.rows.flows), p.sel.Table, example, f.packets, f.found)
}
