package layer

import (
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/schema"
)

// Frame is what a capture says of a packet, before any protocol.
type Frame struct {
	schema.Layer `name:"frame" title:"Frame" source:"pcapng, draft-ietf-opsawg-pcapng" every:"row"`

	FileID      schema.Values[uint32]        `name:"file_id" role:"provenance" store:"delta" doc:"Index of the capture file among the run's inputs, from 0."`
	Number      schema.Values[int64]         `name:"frame_number" ws:"frame.number" role:"provenance" store:"delta" doc:"Number of the packet in its file, from 1."`
	TS          schema.Values[schema.Micros] `name:"ts" ws:"frame.time_epoch" role:"time" store:"delta" unit:"us" doc:"Time of capture, UTC, cut to microseconds."`
	TSNanos     schema.Values[int64]         `name:"ts_ns" ws:"frame.time_epoch" role:"time" store:"delta" unit:"ns" doc:"Time of capture, since 1970-01-01T00:00:00Z, exact."`
	Len         schema.Values[uint32]        `name:"frame_len" ws:"frame.len" unit:"B" doc:"Length on the wire, from the link-layer header on."`
	CapLen      schema.Values[uint32]        `name:"frame_cap_len" ws:"frame.cap_len" role:"provenance" unit:"B" doc:"Bytes captured; fewer than frame_len when the capture cut the packet."`
	InterfaceID schema.Values[uint32]        `name:"frame_interface_id" ws:"frame.interface_id" role:"provenance" store:"dict" doc:"Index of the capturing interface in the file; 0 in pcap files."`
	LinkType    schema.Values[uint16]        `name:"frame_link_type" role:"provenance" store:"dict" source:"https://www.tcpdump.org/linktypes.html" doc:"LINKTYPE number of the interface."`
	Direction   schema.Optional[uint8]       `name:"frame_direction" ws:"frame.packet_flags_direction" role:"provenance" store:"dict" doc:"1 inbound, 2 outbound, as seen from the capturing interface; null where the capture does not say."`
	Protocols   schema.Values[schema.Text]   `name:"frame_protocols" store:"dict" source:"pcapline" doc:"Names of the layers decoded, from the outside in, joined by colons."`
	DecodeError schema.Optional[schema.Text] `name:"decode_error" store:"dict" source:"pcapline" doc:"The first error in decoding, as layer: reason; null without one. The columns hold what could be read."`
}

func (f *Frame) fill(row int, p *pcapio.Packet, file int32, protocols schema.Text) {
	f.FileID.Append(uint32(file))
	f.Number.Append(p.Number)
	f.TS.Append(schema.Micros(floorDiv(p.Time, 1000)))
	f.TSNanos.Append(p.Time)
	f.Len.Append(p.WireLen)
	f.CapLen.Append(uint32(len(p.Data)))
	f.InterfaceID.Append(uint32(p.Interface))
	f.LinkType.Append(uint16(p.LinkType))
	if p.Direction != pcapio.Unknown {
		f.Direction.Set(row, uint8(p.Direction))
	}
	f.Protocols.Append(protocols)
}

// floorDiv rounds towards the past, so that times before 1970 are cut as
// those after are.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
