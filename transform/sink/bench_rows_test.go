package sink_test

import "github.com/pcapline/pcapline/transform/schema"

// The layers of a packets table as wide as the real one, for the benchmarks.

type benchFrame struct {
	schema.Layer `name:"frame" every:"row"`
	No           schema.Values[int64]         `name:"frame_no" doc:"." store:"delta"`
	Ts           schema.Values[schema.Micros] `name:"frame_ts" doc:"." store:"delta"`
	TsNs         schema.Values[int64]         `name:"frame_ts_ns" doc:"." store:"delta"`
	WireLen      schema.Values[uint32]        `name:"frame_wire_len" doc:"."`
	CapLen       schema.Values[uint32]        `name:"frame_cap_len" doc:"."`
	Iface        schema.Values[uint8]         `name:"frame_iface" doc:"."`
	FileId       schema.Values[uint16]        `name:"frame_file_id" doc:"."`
	LinkType     schema.Values[uint16]        `name:"frame_link_type" doc:"."`
	Direction    schema.Optional[uint8]       `name:"frame_direction" doc:"."`
	DecodeError  schema.Optional[schema.Text] `name:"frame_decode_error" doc:"."`
	FlowId       schema.Values[uint32]        `name:"frame_flow_id" doc:"."`
	CommunityId  schema.Values[schema.Text]   `name:"frame_community_id" doc:"."`
}

type benchEth struct {
	schema.Layer `name:"eth"`
	Dst          schema.Values[schema.MAC] `name:"eth_dst" doc:"."`
	Src          schema.Values[schema.MAC] `name:"eth_src" doc:"."`
	Type         schema.Values[uint16]     `name:"eth_type" doc:"."`
	Len          schema.Optional[uint16]   `name:"eth_len" doc:"."`
	Pad          schema.Optional[uint8]    `name:"eth_pad" doc:"."`
}

type benchVlan struct {
	schema.Layer `name:"vlan"`
	Id           schema.Values[uint16] `name:"vlan_id" doc:"."`
	Prio         schema.Values[uint8]  `name:"vlan_prio" doc:"."`
	Dei          schema.Values[bool]   `name:"vlan_dei" doc:"."`
	Type         schema.Values[uint16] `name:"vlan_type" doc:"."`
}

type benchArp struct {
	schema.Layer `name:"arp"`
	Op           schema.Values[uint16]      `name:"arp_op" doc:"."`
	Sha          schema.Values[schema.MAC]  `name:"arp_sha" doc:"."`
	Spa          schema.Values[schema.IPv4] `name:"arp_spa" doc:"."`
	Tha          schema.Values[schema.MAC]  `name:"arp_tha" doc:"."`
	Tpa          schema.Values[schema.IPv4] `name:"arp_tpa" doc:"."`
}

type benchIp struct {
	schema.Layer `name:"ip"`
	Src          schema.Values[schema.IPv4]    `name:"ip_src" doc:"."`
	Dst          schema.Values[schema.IPv4]    `name:"ip_dst" doc:"."`
	Ihl          schema.Values[uint8]          `name:"ip_ihl" doc:"."`
	Dscp         schema.Values[uint8]          `name:"ip_dscp" doc:"."`
	Ecn          schema.Values[uint8]          `name:"ip_ecn" doc:"."`
	Len          schema.Values[uint16]         `name:"ip_len" doc:"."`
	Id           schema.Values[uint16]         `name:"ip_id" doc:"." store:"plain"`
	Df           schema.Values[bool]           `name:"ip_df" doc:"."`
	Mf           schema.Values[bool]           `name:"ip_mf" doc:"."`
	Frag         schema.Values[uint16]         `name:"ip_frag" doc:"."`
	Ttl          schema.Values[uint8]          `name:"ip_ttl" doc:"."`
	Proto        schema.Values[uint8]          `name:"ip_proto" doc:"."`
	Checksum     schema.Values[uint16]         `name:"ip_checksum" doc:"." store:"plain"`
	ChecksumOk   schema.Values[bool]           `name:"ip_checksum_ok" doc:"."`
	Options      schema.Optional[schema.Bytes] `name:"ip_options" doc:"."`
}

type benchIp6 struct {
	schema.Layer `name:"ip6"`
	Src          schema.Values[schema.IPv6] `name:"ip6_src" doc:"."`
	Dst          schema.Values[schema.IPv6] `name:"ip6_dst" doc:"."`
	Class        schema.Values[uint8]       `name:"ip6_class" doc:"."`
	Flow         schema.Values[uint32]      `name:"ip6_flow" doc:"."`
	Len          schema.Values[uint16]      `name:"ip6_len" doc:"."`
	Next         schema.Values[uint8]       `name:"ip6_next" doc:"."`
	Hlim         schema.Values[uint8]       `name:"ip6_hlim" doc:"."`
}

type benchIcmp struct {
	schema.Layer `name:"icmp"`
	Type         schema.Values[uint8]    `name:"icmp_type" doc:"."`
	Code         schema.Values[uint8]    `name:"icmp_code" doc:"."`
	Checksum     schema.Values[uint16]   `name:"icmp_checksum" doc:"." store:"plain"`
	Id           schema.Optional[uint16] `name:"icmp_id" doc:"."`
	Seq          schema.Optional[uint16] `name:"icmp_seq" doc:"."`
}

type benchTcp struct {
	schema.Layer `name:"tcp"`
	SrcPort      schema.Values[uint16]   `name:"tcp_src_port" doc:"."`
	DstPort      schema.Values[uint16]   `name:"tcp_dst_port" doc:"."`
	Seq          schema.Values[uint32]   `name:"tcp_seq" doc:"." store:"plain"`
	Ack          schema.Values[uint32]   `name:"tcp_ack" doc:"." store:"plain"`
	Doff         schema.Values[uint8]    `name:"tcp_doff" doc:"."`
	Fin          schema.Values[bool]     `name:"tcp_fin" doc:"."`
	Syn          schema.Values[bool]     `name:"tcp_syn" doc:"."`
	Rst          schema.Values[bool]     `name:"tcp_rst" doc:"."`
	Psh          schema.Values[bool]     `name:"tcp_psh" doc:"."`
	Ackf         schema.Values[bool]     `name:"tcp_ackf" doc:"."`
	Urg          schema.Values[bool]     `name:"tcp_urg" doc:"."`
	Ece          schema.Values[bool]     `name:"tcp_ece" doc:"."`
	Cwr          schema.Values[bool]     `name:"tcp_cwr" doc:"."`
	Flags        schema.Values[uint16]   `name:"tcp_flags" doc:"."`
	Window       schema.Values[uint16]   `name:"tcp_window" doc:"."`
	Checksum     schema.Values[uint16]   `name:"tcp_checksum" doc:"." store:"plain"`
	ChecksumOk   schema.Values[bool]     `name:"tcp_checksum_ok" doc:"."`
	Urgptr       schema.Values[uint16]   `name:"tcp_urgptr" doc:"."`
	Mss          schema.Optional[uint16] `name:"tcp_mss" doc:"."`
	Wscale       schema.Optional[uint8]  `name:"tcp_wscale" doc:"."`
	SackOk       schema.Optional[bool]   `name:"tcp_sack_ok" doc:"."`
	Tsval        schema.Optional[uint32] `name:"tcp_tsval" doc:"." store:"plain"`
	Tsecr        schema.Optional[uint32] `name:"tcp_tsecr" doc:"." store:"plain"`
	RelSeq       schema.Values[int64]    `name:"tcp_rel_seq" doc:"."`
	OptionsLen   schema.Values[uint8]    `name:"tcp_options_len" doc:"."`
}

type benchUdp struct {
	schema.Layer `name:"udp"`
	SrcPort      schema.Values[uint16] `name:"udp_src_port" doc:"."`
	DstPort      schema.Values[uint16] `name:"udp_dst_port" doc:"."`
	Len          schema.Values[uint16] `name:"udp_len" doc:"."`
	Checksum     schema.Values[uint16] `name:"udp_checksum" doc:"." store:"plain"`
}

type benchDns struct {
	schema.Layer `name:"dns"`
	Id           schema.Values[uint16]        `name:"dns_id" doc:"." store:"plain"`
	Qr           schema.Values[bool]          `name:"dns_qr" doc:"."`
	Opcode       schema.Values[uint8]         `name:"dns_opcode" doc:"."`
	Rcode        schema.Values[uint8]         `name:"dns_rcode" doc:"."`
	Qd           schema.Values[uint16]        `name:"dns_qd" doc:"."`
	An           schema.Values[uint16]        `name:"dns_an" doc:"."`
	Qname        schema.Optional[schema.Text] `name:"dns_qname" doc:"."`
	Qtype        schema.Optional[uint16]      `name:"dns_qtype" doc:"."`
}

type benchPayload struct {
	schema.Layer `name:"payload"`
	Len          schema.Values[uint32]       `name:"payload_len" doc:"."`
	Entropy      schema.Values[float64]      `name:"payload_entropy" doc:"."`
	Data         schema.Values[schema.Bytes] `name:"payload_data" doc:"." store:"plain"`
}

// benchRow is the same table as a row struct, as parquet-go has it written.
// Pointers, because its optional fields without them come back wrong.
type benchRow struct {
	FrameNo          int64    `parquet:"frame_no,delta"`
	FrameTs          int64    `parquet:"frame_ts,timestamp(microsecond),delta"`
	FrameTsNs        int64    `parquet:"frame_ts_ns,delta"`
	FrameWireLen     uint32   `parquet:"frame_wire_len,dict"`
	FrameCapLen      uint32   `parquet:"frame_cap_len,dict"`
	FrameIface       uint8    `parquet:"frame_iface,dict"`
	FrameFileId      uint16   `parquet:"frame_file_id,dict"`
	FrameLinkType    uint16   `parquet:"frame_link_type,dict"`
	FrameDirection   *uint8   `parquet:"frame_direction,dict,optional"`
	FrameDecodeError *string  `parquet:"frame_decode_error,dict,optional"`
	FrameFlowId      uint32   `parquet:"frame_flow_id,dict"`
	FrameCommunityId string   `parquet:"frame_community_id,dict"`
	EthDst           *string  `parquet:"eth_dst,dict,optional"`
	EthSrc           *string  `parquet:"eth_src,dict,optional"`
	EthType          *uint16  `parquet:"eth_type,dict,optional"`
	EthLen           *uint16  `parquet:"eth_len,dict,optional"`
	EthPad           *uint8   `parquet:"eth_pad,dict,optional"`
	VlanId           *uint16  `parquet:"vlan_id,dict,optional"`
	VlanPrio         *uint8   `parquet:"vlan_prio,dict,optional"`
	VlanDei          *bool    `parquet:"vlan_dei,optional"`
	VlanType         *uint16  `parquet:"vlan_type,dict,optional"`
	ArpOp            *uint16  `parquet:"arp_op,dict,optional"`
	ArpSha           *string  `parquet:"arp_sha,dict,optional"`
	ArpSpa           *string  `parquet:"arp_spa,dict,optional"`
	ArpTha           *string  `parquet:"arp_tha,dict,optional"`
	ArpTpa           *string  `parquet:"arp_tpa,dict,optional"`
	IpSrc            *string  `parquet:"ip_src,dict,optional"`
	IpDst            *string  `parquet:"ip_dst,dict,optional"`
	IpIhl            *uint8   `parquet:"ip_ihl,dict,optional"`
	IpDscp           *uint8   `parquet:"ip_dscp,dict,optional"`
	IpEcn            *uint8   `parquet:"ip_ecn,dict,optional"`
	IpLen            *uint16  `parquet:"ip_len,dict,optional"`
	IpId             *uint16  `parquet:"ip_id,optional"`
	IpDf             *bool    `parquet:"ip_df,optional"`
	IpMf             *bool    `parquet:"ip_mf,optional"`
	IpFrag           *uint16  `parquet:"ip_frag,dict,optional"`
	IpTtl            *uint8   `parquet:"ip_ttl,dict,optional"`
	IpProto          *uint8   `parquet:"ip_proto,dict,optional"`
	IpChecksum       *uint16  `parquet:"ip_checksum,optional"`
	IpChecksumOk     *bool    `parquet:"ip_checksum_ok,optional"`
	IpOptions        []byte   `parquet:"ip_options,dict,optional"`
	Ip6Src           *string  `parquet:"ip6_src,dict,optional"`
	Ip6Dst           *string  `parquet:"ip6_dst,dict,optional"`
	Ip6Class         *uint8   `parquet:"ip6_class,dict,optional"`
	Ip6Flow          *uint32  `parquet:"ip6_flow,dict,optional"`
	Ip6Len           *uint16  `parquet:"ip6_len,dict,optional"`
	Ip6Next          *uint8   `parquet:"ip6_next,dict,optional"`
	Ip6Hlim          *uint8   `parquet:"ip6_hlim,dict,optional"`
	IcmpType         *uint8   `parquet:"icmp_type,dict,optional"`
	IcmpCode         *uint8   `parquet:"icmp_code,dict,optional"`
	IcmpChecksum     *uint16  `parquet:"icmp_checksum,optional"`
	IcmpId           *uint16  `parquet:"icmp_id,dict,optional"`
	IcmpSeq          *uint16  `parquet:"icmp_seq,dict,optional"`
	TcpSrcPort       *uint16  `parquet:"tcp_src_port,dict,optional"`
	TcpDstPort       *uint16  `parquet:"tcp_dst_port,dict,optional"`
	TcpSeq           *uint32  `parquet:"tcp_seq,optional"`
	TcpAck           *uint32  `parquet:"tcp_ack,optional"`
	TcpDoff          *uint8   `parquet:"tcp_doff,dict,optional"`
	TcpFin           *bool    `parquet:"tcp_fin,optional"`
	TcpSyn           *bool    `parquet:"tcp_syn,optional"`
	TcpRst           *bool    `parquet:"tcp_rst,optional"`
	TcpPsh           *bool    `parquet:"tcp_psh,optional"`
	TcpAckf          *bool    `parquet:"tcp_ackf,optional"`
	TcpUrg           *bool    `parquet:"tcp_urg,optional"`
	TcpEce           *bool    `parquet:"tcp_ece,optional"`
	TcpCwr           *bool    `parquet:"tcp_cwr,optional"`
	TcpFlags         *uint16  `parquet:"tcp_flags,dict,optional"`
	TcpWindow        *uint16  `parquet:"tcp_window,dict,optional"`
	TcpChecksum      *uint16  `parquet:"tcp_checksum,optional"`
	TcpChecksumOk    *bool    `parquet:"tcp_checksum_ok,optional"`
	TcpUrgptr        *uint16  `parquet:"tcp_urgptr,dict,optional"`
	TcpMss           *uint16  `parquet:"tcp_mss,dict,optional"`
	TcpWscale        *uint8   `parquet:"tcp_wscale,dict,optional"`
	TcpSackOk        *bool    `parquet:"tcp_sack_ok,optional"`
	TcpTsval         *uint32  `parquet:"tcp_tsval,optional"`
	TcpTsecr         *uint32  `parquet:"tcp_tsecr,optional"`
	TcpRelSeq        *int64   `parquet:"tcp_rel_seq,dict,optional"`
	TcpOptionsLen    *uint8   `parquet:"tcp_options_len,dict,optional"`
	UdpSrcPort       *uint16  `parquet:"udp_src_port,dict,optional"`
	UdpDstPort       *uint16  `parquet:"udp_dst_port,dict,optional"`
	UdpLen           *uint16  `parquet:"udp_len,dict,optional"`
	UdpChecksum      *uint16  `parquet:"udp_checksum,optional"`
	DnsId            *uint16  `parquet:"dns_id,optional"`
	DnsQr            *bool    `parquet:"dns_qr,optional"`
	DnsOpcode        *uint8   `parquet:"dns_opcode,dict,optional"`
	DnsRcode         *uint8   `parquet:"dns_rcode,dict,optional"`
	DnsQd            *uint16  `parquet:"dns_qd,dict,optional"`
	DnsAn            *uint16  `parquet:"dns_an,dict,optional"`
	DnsQname         *string  `parquet:"dns_qname,dict,optional"`
	DnsQtype         *uint16  `parquet:"dns_qtype,dict,optional"`
	PayloadLen       *uint32  `parquet:"payload_len,dict,optional"`
	PayloadEntropy   *float64 `parquet:"payload_entropy,optional"`
	PayloadData      []byte   `parquet:"payload_data,optional"`
}
