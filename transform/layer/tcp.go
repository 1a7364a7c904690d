package layer

import "github.com/pcapline/pcapline/transform/schema"

// TCP is the header of the Transmission Control Protocol, with its options.
type TCP struct {
	schema.Layer `name:"tcp" title:"Transmission Control Protocol" source:"RFC 9293"`

	SrcPort  schema.Values[uint16]  `name:"tcp_src_port" ws:"tcp.srcport" antinex:"tcp_sport" role:"identity" store:"dict" doc:"Source port."`
	DstPort  schema.Values[uint16]  `name:"tcp_dst_port" ws:"tcp.dstport" antinex:"tcp_dport" role:"identity" store:"dict" doc:"Destination port."`
	Seq      schema.Values[uint32]  `name:"tcp_seq" ws:"tcp.seq_raw" antinex:"tcp_seq" role:"identity" store:"plain" doc:"Sequence number as in the header."`
	Ack      schema.Values[uint32]  `name:"tcp_ack" ws:"tcp.ack_raw" role:"identity" store:"plain" doc:"Acknowledgement number as in the header, also where the ACK flag is not set."`
	HdrLen   schema.Values[uint8]   `name:"tcp_hdr_len" ws:"tcp.hdr_len" store:"dict" unit:"B" doc:"Header length, options included."`
	Flags    schema.Values[uint16]  `name:"tcp_flags" ws:"tcp.flags" store:"dict" doc:"The twelve bits behind the data offset: three reserved, then NS, CWR, ECE, URG, ACK, PSH, RST, SYN, FIN."`
	NS       schema.Values[bool]    `name:"tcp_flag_ns" ws:"tcp.flags.ae" source:"RFC 3540" doc:"ECN nonce sum; since RFC 9768 accurate ECN."`
	CWR      schema.Values[bool]    `name:"tcp_flag_cwr" ws:"tcp.flags.cwr" source:"RFC 3168" doc:"Congestion window reduced."`
	ECE      schema.Values[bool]    `name:"tcp_flag_ece" ws:"tcp.flags.ece" source:"RFC 3168" doc:"ECN echo."`
	URG      schema.Values[bool]    `name:"tcp_flag_urg" ws:"tcp.flags.urg" doc:"The urgent pointer counts."`
	ACK      schema.Values[bool]    `name:"tcp_flag_ack" ws:"tcp.flags.ack" doc:"The acknowledgement number counts."`
	PSH      schema.Values[bool]    `name:"tcp_flag_psh" ws:"tcp.flags.push" doc:"Push to the application."`
	RST      schema.Values[bool]    `name:"tcp_flag_rst" ws:"tcp.flags.reset" doc:"Reset."`
	SYN      schema.Values[bool]    `name:"tcp_flag_syn" ws:"tcp.flags.syn" doc:"Synchronise sequence numbers: begins a connection."`
	FIN      schema.Values[bool]    `name:"tcp_flag_fin" ws:"tcp.flags.fin" doc:"No more data from the sender."`
	Window   schema.Values[uint16]  `name:"tcp_window" ws:"tcp.window_size_value" doc:"Receive window as in the header, not scaled."`
	Checksum schema.Values[uint16]  `name:"tcp_checksum" ws:"tcp.checksum" role:"identity" store:"plain" doc:"Checksum as captured."`
	Status   schema.Optional[uint8] `name:"tcp_checksum_status" ws:"tcp.checksum.status" role:"provenance" store:"dict" doc:"0 bad, 1 good, 3 absent (0 in the packet), 5 partial: the sum of the pseudo-header, which the network card completes; null where it cannot be verified (fragment, capture cut). Numbers as Wireshark's, which has none for partial."`
	Urgent   schema.Values[uint16]  `name:"tcp_urgent" ws:"tcp.urgent_pointer" antinex:"tcp_fields_urgptr" store:"dict" doc:"Urgent pointer."`

	Options   schema.Optional[schema.Bytes] `name:"tcp_options" ws:"tcp.options" role:"identity" store:"dict" doc:"All options as captured, padding included; null without any."`
	MSS       schema.Optional[uint16]       `name:"tcp_mss" ws:"tcp.options.mss_val" antinex:"tcp_fields_options.MSS" store:"dict" unit:"B" source:"RFC 9293, 3.7.1" doc:"Maximum segment size that the sender accepts."`
	WScale    schema.Optional[uint8]        `name:"tcp_wscale" ws:"tcp.options.wscale.shift" antinex:"tcp_fields_options.WScale" store:"dict" source:"RFC 7323, 2" doc:"Window scale: the sender's windows are shifted left by so many bits."`
	SACKPerm  schema.Values[bool]           `name:"tcp_sack_permitted" source:"RFC 2018" doc:"The SACK permitted option is there."`
	SACKLeft  schema.List[uint32]           `name:"tcp_sack_left" ws:"tcp.options.sack_le" antinex:"tcp_fields_options.SAck" role:"identity" source:"RFC 2018" doc:"First sequence number of each block received out of order; null without the option."`
	SACKRight schema.List[uint32]           `name:"tcp_sack_right" ws:"tcp.options.sack_re" role:"identity" source:"RFC 2018" doc:"Sequence number behind each of those blocks."`
	TSVal     schema.Optional[uint32]       `name:"tcp_ts_val" ws:"tcp.options.timestamp.tsval" antinex:"tcp_fields_options.Timestamp" role:"identity" store:"delta" source:"RFC 7323, 3" doc:"Timestamp of the sender's clock."`
	TSEcr     schema.Optional[uint32]       `name:"tcp_ts_ecr" ws:"tcp.options.timestamp.tsecr" role:"identity" store:"delta" source:"RFC 7323, 3" doc:"Timestamp echoed."`

	left, right []uint32 // scratch for the lists
}

// Reached says what leads to a TCP header.
func (*TCP) Reached() []Key { return []Key{IPProto(6)} }

// Decode takes the header and its options.
func (t *TCP) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 20 {
		return d.Short(b)
	}
	t.append(d, b)
	src, dst, hdrLen := be.Uint16(b), be.Uint16(b[2:]), int(b[12]>>4)*4
	g := d.Digest
	g.SrcPort, g.DstPort, g.HeaderLen = src, dst, uint16(hdrLen)
	g.Seq, g.Ack, g.Window = be.Uint32(b[4:]), be.Uint32(b[8:]), be.Uint16(b[14:])
	g.TCPFlags = be.Uint16(b[12:]) & 0x1ff
	d.setChecksum(&t.Status, 6, b, be.Uint16(b[16:]))
	end := min(max(hdrLen, 20), len(b))
	t.decodeOptions(d, b[20:end])
	switch {
	case hdrLen < 20:
		return d.Fail("header length below 20", b[20:])
	case hdrLen > len(b):
		return d.ShortOf(hdrLen, b)
	}
	return d.ByPort(TCPPort, src, dst), b[hdrLen:]
}

// append fills the columns of the fixed 20 bytes.
func (t *TCP) append(d *Decoder, b []byte) {
	flags := be.Uint16(b[12:]) & 0xfff
	t.Mark(d.Row)
	t.SrcPort.Append(be.Uint16(b))
	t.DstPort.Append(be.Uint16(b[2:]))
	t.Seq.Append(be.Uint32(b[4:]))
	t.Ack.Append(be.Uint32(b[8:]))
	t.HdrLen.Append(b[12] >> 4 * 4)
	t.Flags.Append(flags)
	t.NS.Append(flags&0x100 != 0)
	t.CWR.Append(flags&0x80 != 0)
	t.ECE.Append(flags&0x40 != 0)
	t.URG.Append(flags&0x20 != 0)
	t.ACK.Append(flags&0x10 != 0)
	t.PSH.Append(flags&0x08 != 0)
	t.RST.Append(flags&0x04 != 0)
	t.SYN.Append(flags&0x02 != 0)
	t.FIN.Append(flags&0x01 != 0)
	t.Window.Append(be.Uint16(b[14:]))
	t.Checksum.Append(be.Uint16(b[16:]))
	t.Urgent.Append(be.Uint16(b[18:]))
}
