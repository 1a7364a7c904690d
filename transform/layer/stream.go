package layer

import (
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
)

// StreamLayer is the name of the layer whose columns [Table.Place] fills.
const StreamLayer = "stream"

// Stream is what is known of a packet only from those before it: the flow that
// it belongs to. Packets are decoded in any order and followed in theirs, so
// these columns are filled last, by [Table.Place].
type Stream struct {
	schema.Layer `name:"stream" title:"Stream" source:"pcapline, flow.Member" every:"row"`

	FlowID  schema.Optional[int64]  `name:"flow_id" role:"identity" store:"delta" doc:"flow_id of the flow in the flows table of the same run; null for packets of no flow, and where packets are reordered."`
	Forward schema.Optional[bool]   `name:"flow_forward" doc:"The packet was sent by the flow's initiator, not by the other side; null without flow_id."`
	SeqRel  schema.Optional[uint32] `name:"tcp_seq_rel" ws:"tcp.seq" unit:"B" source:"RFC 9293, 3.4; Wireshark" doc:"Sequence number relative to the direction's first in the flow: 0 for its SYN; 1 for what comes first where no SYN was seen."`
	AckRel  schema.Optional[uint32] `name:"tcp_ack_rel" ws:"tcp.ack" unit:"B" source:"RFC 9293, 3.4; Wireshark" doc:"Acknowledgement number relative to the other direction's first; null without the ACK flag."`
}

// Place fills the columns of the stream from the places of the rows in their
// flows, as flow.Table.Add gives them. It is called at most once between two
// Resets, after the last Append; without it the columns are null.
func (t *Table) Place(places []flow.Member) {
	for row := range places {
		t.stream.Place(row, &places[row])
	}
}

// Place fills the columns of one row, which comes behind those filled before.
func (s *Stream) Place(row int, m *flow.Member) {
	if m.Flow == 0 {
		return
	}
	s.FlowID.Set(row, m.Flow)
	s.Forward.Set(row, !m.Backward)
	if m.HasSeq {
		s.SeqRel.Set(row, m.Seq)
	}
	if m.HasAck {
		s.AckRel.Set(row, m.Ack)
	}
}

// Sibling makes an empty table with the same options for the same goroutine.
// It shares what t remembers of conversations.
func (t *Table) Sibling() *Table {
	s := NewTable(t.opt)
	s.decoder.dispatch = t.decoder.dispatch
	s.conversation.cache = t.conversation.cache
	return s
}
