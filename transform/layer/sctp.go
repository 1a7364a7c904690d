package layer

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/pcapline/pcapline/transform/schema"
)

// SCTP is the common header of the Stream Control Transmission Protocol, the
// types of the chunks behind it, and the fixed fields of the first chunk of
// user data and of the first that begins an association. The chunks are
// payload as well.
type SCTP struct {
	schema.Layer `name:"sctp" title:"Stream Control Transmission Protocol" source:"RFC 9260, 3"`

	SrcPort        schema.Values[uint16]  `name:"sctp_src_port" ws:"sctp.srcport" role:"identity" store:"dict" doc:"Source port."`
	DstPort        schema.Values[uint16]  `name:"sctp_dst_port" ws:"sctp.dstport" role:"identity" store:"dict" doc:"Destination port."`
	VTag           schema.Values[uint32]  `name:"sctp_vtag" ws:"sctp.verification_tag" role:"identity" store:"dict" doc:"Verification tag: the receiver's initiate tag; 0 with INIT."`
	Checksum       schema.Values[uint32]  `name:"sctp_checksum" ws:"sctp.checksum" role:"identity" store:"plain" doc:"CRC32c as captured, its bytes in their order in the packet."`
	ChecksumStatus schema.Optional[uint8] `name:"sctp_checksum_status" ws:"sctp.checksum.status" role:"provenance" store:"dict" doc:"0 bad, 1 good, 3 absent: 0 in the packet, left to the network card or not made (RFC 9653); null where it cannot be verified (fragment, capture cut). Numbers as Wireshark's."`
	ChunkTypes     schema.List[uint8]     `name:"sctp_chunk_types" ws:"sctp.chunk_type" store:"dict" doc:"Types of the chunks, in order: 0 DATA, 1 INIT, 2 INIT ACK, 3 SACK, 4 HEARTBEAT, 6 ABORT, 7 SHUTDOWN, 10 COOKIE ECHO; others in the IANA registry."`

	DataFlags schema.Optional[uint8]  `name:"sctp_data_flags" store:"dict" source:"RFC 9260, 3.3.1" doc:"First DATA chunk: last fragment of a message 1, first 2, unordered 4, acknowledge at once 8."`
	DataLen   schema.Optional[uint16] `name:"sctp_data_len" unit:"B" source:"RFC 9260, 3.3.1" doc:"First DATA chunk: length of the user data."`
	DataTSN   schema.Optional[uint32] `name:"sctp_data_tsn" ws:"sctp.data_tsn_raw" role:"identity" store:"delta" source:"RFC 9260, 3.3.1" doc:"First DATA chunk: transmission sequence number."`
	DataSID   schema.Optional[uint16] `name:"sctp_data_sid" ws:"sctp.data_sid" store:"dict" source:"RFC 9260, 3.3.1" doc:"First DATA chunk: stream identifier."`
	DataSSN   schema.Optional[uint16] `name:"sctp_data_ssn" ws:"sctp.data_ssn" role:"identity" store:"delta" source:"RFC 9260, 3.3.1" doc:"First DATA chunk: sequence number in the stream."`
	DataPPID  schema.Optional[uint32] `name:"sctp_data_ppid" ws:"sctp.data_payload_proto_id" store:"dict" source:"RFC 9260, 3.3.1" doc:"First DATA chunk: payload protocol identifier (IANA): 3 M3UA, 18 S1AP, 46 and 47 Diameter, 60 NGAP."`

	InitTag        schema.Optional[uint32] `name:"sctp_init_tag" role:"identity" store:"plain" source:"RFC 9260, 3.3.2" doc:"INIT or INIT ACK: initiate tag, which the peer's packets will bear."`
	InitWindow     schema.Optional[uint32] `name:"sctp_init_rwnd" store:"dict" unit:"B" source:"RFC 9260, 3.3.2" doc:"INIT or INIT ACK: receive window."`
	InitOutStreams schema.Optional[uint16] `name:"sctp_init_out_streams" store:"dict" source:"RFC 9260, 3.3.2" doc:"INIT or INIT ACK: outbound streams wanted."`
	InitInStreams  schema.Optional[uint16] `name:"sctp_init_in_streams" store:"dict" source:"RFC 9260, 3.3.2" doc:"INIT or INIT ACK: inbound streams allowed."`
	InitTSN        schema.Optional[uint32] `name:"sctp_init_tsn" role:"identity" store:"plain" source:"RFC 9260, 3.3.2" doc:"INIT or INIT ACK: the sender's first transmission sequence number."`

	types []uint8 // scratch for the list
}

// Chunks with columns of their own (IANA).
const (
	sctpData    = 0
	sctpInit    = 1
	sctpInitAck = 2
)

// Reached says what leads to an SCTP packet.
func (*SCTP) Reached() []Key { return []Key{IPProto(132)} }

// Decode takes the common header and looks at the chunks.
func (s *SCTP) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 12 {
		return d.Short(b)
	}
	s.Mark(d.Row)
	s.SrcPort.Append(be.Uint16(b))
	s.DstPort.Append(be.Uint16(b[2:]))
	s.VTag.Append(be.Uint32(b[4:]))
	s.Checksum.Append(be.Uint32(b[8:]))
	if d.ip.whole {
		s.ChecksumStatus.Set(d.Row, judgeCRC32c(b))
	}
	d.Digest.SrcPort, d.Digest.DstPort, d.Digest.HeaderLen = be.Uint16(b), be.Uint16(b[2:]), 12
	s.decodeChunks(d, b[12:])
	return 0, b[12:]
}

// decodeChunks walks the chunks, each padded to a multiple of four bytes.
func (s *SCTP) decodeChunks(d *Decoder, b []byte) {
	s.types = s.types[:0]
	for len(b) > 0 {
		if len(b) < 4 {
			d.NoteShort()
			break
		}
		s.types = append(s.types, b[0])
		n := int(be.Uint16(b[2:]))
		if n < 4 {
			d.Note("chunk length below 4")
			break
		}
		chunk := b[:min(n, len(b))]
		switch b[0] {
		case sctpData:
			s.setData(d, chunk, n)
		case sctpInit, sctpInitAck:
			s.setInit(d, chunk)
		}
		if n > len(b) {
			d.NoteShort()
			break
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	s.ChunkTypes.Set(d.Row, s.types...)
}

func (s *SCTP) setData(d *Decoder, chunk []byte, n int) {
	if len(chunk) < 16 || s.DataTSN.Has(d.Row) {
		return
	}
	s.DataFlags.Set(d.Row, chunk[1])
	s.DataLen.Set(d.Row, uint16(n-16))
	s.DataTSN.Set(d.Row, be.Uint32(chunk[4:]))
	s.DataSID.Set(d.Row, be.Uint16(chunk[8:]))
	s.DataSSN.Set(d.Row, be.Uint16(chunk[10:]))
	s.DataPPID.Set(d.Row, be.Uint32(chunk[12:]))
}

func (s *SCTP) setInit(d *Decoder, chunk []byte) {
	if len(chunk) < 20 || s.InitTag.Has(d.Row) {
		return
	}
	s.InitTag.Set(d.Row, be.Uint32(chunk[4:]))
	s.InitWindow.Set(d.Row, be.Uint32(chunk[8:]))
	s.InitOutStreams.Set(d.Row, be.Uint16(chunk[12:]))
	s.InitInStreams.Set(d.Row, be.Uint16(chunk[14:]))
	s.InitTSN.Set(d.Row, be.Uint32(chunk[16:]))
}

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	noChecksum = []byte{0, 0, 0, 0} // here, because package crc32 makes its arguments escape
)

// judgeCRC32c verifies the checksum of a packet (RFC 9260, 6.8 and appendix
// A), which covers it with zeros in the checksum's place.
func judgeCRC32c(packet []byte) uint8 {
	sum := crc32.Update(0, castagnoli, packet[:8])
	sum = crc32.Update(sum, castagnoli, noChecksum)
	sum = crc32.Update(sum, castagnoli, packet[12:])
	switch binary.LittleEndian.Uint32(packet[8:]) {
	case sum:
		return checksumGood
	case 0:
		return checksumAbsent
	}
	return checksumBad
}
