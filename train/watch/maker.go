package watch

import (
	"fmt"
	"net/netip"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/train"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/layer"
	"github.com/pcapline/pcapline/transform/schema"
)

// maker makes a table's rows of packets. What it makes goes to deliver.
type maker struct {
	decoder *layer.Table
	flows   *flow.Table
	cfg     flow.Config
	packets bool // rows are packets, not flows
	digest  flow.Digest
	pending int // packets decoded since the decoder was reset
	deliver func(*schema.Batch) error

	marks []flow.Mark // of the rows of flows that are being delivered

	// Of packets, since deliver was called last.
	digests []flow.Digest
	members []flow.Member
	data    []byte
}

// newMaker makes rows for the model. cfg is its flows', with Span.
func newMaker(m *train.Model, deliver func(*schema.Batch) error) (*maker, error) {
	p, err := m.FeaturePipeline()
	if err != nil {
		return nil, err
	}
	k := &maker{deliver: deliver, packets: m.Table == transform.PacketsTable}
	if p != nil {
		if k.cfg, err = p.FlowConfig(); err != nil {
			return nil, err
		}
	}
	k.cfg.Span, k.cfg.BatchRows = true, batchRows
	skip := layer.Skip{Hash: !k.cfg.DropDuplicates}
	switch {
	case k.packets:
		k.cfg.IDsOnly = true
	case m.Table != transform.FlowsTable:
		return nil, fmt.Errorf("the model was trained on a %q table, which is not made of captures", m.Table)
	default:
		skip = layer.Skip{Checksums: true, Conversation: true}
		k.cfg.Rows = k.receive
		if k.cfg.Early > 0 || k.cfg.EarlyTime > 0 {
			k.cfg.Rows, k.cfg.EarlyRows = nil, k.cfg.Rows
		}
	}
	k.decoder = layer.NewTable(layer.Options{Skip: skip})
	return k, nil
}

// receive delivers rows of flows.
func (k *maker) receive(full *flow.Rows) (*flow.Rows, error) {
	k.marks = full.Marks()
	return full, k.deliver(full.Batch())
}

// schema is that of the rows.
func (k *maker) schema() schema.Schema {
	if k.packets {
		return k.decoder.Batch().Schema()
	}
	return flow.Schema()
}

// add takes a packet of segment number file, counted from the first.
func (k *maker) add(p *pcapio.Packet, file int32) error {
	if k.packets {
		k.data = append(k.data, p.Data...) // rows borrow it
		p.Data = k.data[len(k.data)-len(p.Data):]
	}
	k.decoder.Append(p, file, &k.digest)
	k.digest.Mark.Note = placeOf(p.Offset)
	m := k.flows.Add(&k.digest)
	k.pending++
	if k.packets {
		k.digests, k.members = append(k.digests, k.digest), append(k.members, m)
	} else if k.pending == batchRows {
		k.reset()
	}
	return k.flows.Err()
}

// Where a flow's packets begin in their segment travels with its first packet:
// blocks begin at multiples of four.
func placeOf(offset int64) uint32 {
	if n := offset/4 + 1; n>>32 == 0 {
		return uint32(n)
	}
	return 0
}

// offsetOf gives the byte offset, -1 behind the first 16 GiB of a segment.
func offsetOf(note uint32) int64 { return (int64(note) - 1) * 4 }

// flush delivers the rows made so far.
func (k *maker) flush() error {
	if !k.packets {
		k.flows.Flush()
		return k.flows.Err()
	}
	if k.pending == 0 {
		return nil
	}
	k.decoder.Place(k.members)
	err := k.deliver(k.decoder.Batch())
	k.reset()
	return err
}

// finish ends what is open.
func (k *maker) finish() error {
	if err := k.flush(); err != nil {
		return err
	}
	return k.flows.Finish()
}

func (k *maker) reset() {
	k.decoder.Reset()
	k.pending, k.digests, k.members, k.data = 0, k.digests[:0], k.members[:0], k.data[:0]
}

// key says what alerts of the row are alike by, without the class, and the time
// of its latest packet. It is cheap: in a flood every row is an alert.
func (k *maker) key(b *schema.Batch, row int) (alertKey, int64) {
	if k.packets {
		d := &k.digests[row]
		return alertKey{Source: d.Src, Target: d.Dst}, d.Time
	}
	hosts := func(column string) netip.Addr { return b.Column(column).Data().([]netip.Addr)[row] }
	return alertKey{Source: hosts("src_ip"), Target: hosts("dst_ip")}, b.Column("ts_end_ns").Data().([]int64)[row]
}

// subject says what the row of a delivered batch is about.
func (k *maker) subject(b *schema.Batch, row int) subject {
	if k.packets {
		return k.packetSubject(row)
	}
	s := subject{
		Flow:        number(b, "flow_id", row),
		CommunityID: text(b, "community_id", row),
		Source:      text(b, "src_ip", row), SourcePort: number(b, "src_port", row),
		Target: text(b, "dst_ip", row), TargetPort: number(b, "dst_port", row),
		Protocol: text(b, "proto_name", row),
		Packets:  number(b, "flow_packets", row), Bytes: number(b, "flow_bytes", row),
		EndReason: text(b, "end_reason", row),
		start:     number(b, "ts_ns", row), end: number(b, "ts_end_ns", row),
	}
	s.first = place{int32(number(b, "file_id", row)), number(b, "first_packet", row), offsetOf(k.marks[row].Note)}
	s.last = place{int32(number(b, "last_file_id", row)), number(b, "last_packet", row), -1}
	return s
}

func (k *maker) packetSubject(row int) subject {
	d := &k.digests[row]
	key := flow.KeyOf(d)
	s := subject{
		Flow: k.members[row].Flow, Packets: 1, Bytes: int64(d.WireLen), start: d.Time, end: d.Time,
		CommunityID: string(key.CommunityID(nil)),
		SourcePort:  int64(d.SrcPort), TargetPort: int64(d.DstPort),
	}
	if key.Valid() {
		s.Source, s.Target, s.Protocol = d.Src.String(), d.Dst.String(), key.ProtoName()
	}
	s.first = place{d.File, d.Number, offsetOf(d.Mark.Note)}
	s.last = s.first
	return s
}

// text is a row's value in a finished batch, "" for none.
func text(b *schema.Batch, column string, row int) string {
	v, _ := value(b.Column(column), row)
	return v
}

func value(c schema.Column, row int) (string, bool) {
	if p := c.Presence(); p != nil {
		if !p.Has(row) {
			return "", false
		}
		n := 0
		for _, d := range p.Def[:row] {
			n += int(d)
		}
		row = n
	}
	return string(c.AppendText(nil, row)), true
}

// number is likewise, 0 for none.
func number(b *schema.Batch, column string, row int) int64 {
	v, _ := schema.Integers(b.Column(column))(row)
	return v
}
