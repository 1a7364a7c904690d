package flow

import (
	"net/netip"

	"github.com/pcapline/pcapline/transform/schema"
)

// FlowColumns say which conversation a row is, when it was and how it ended.
type FlowColumns struct {
	schema.Layer `name:"flow" title:"Flow" source:"RFC 7011; RFC 5103" every:"row"`

	ID          schema.Values[int64]         `name:"flow_id" role:"identity" store:"delta" doc:"file_id × 2^32 + number of the flow in its file, from 1, in order of first packets; where flows go on from file to file (span, merge), the number in the run alone, whatever the files are. The same for any number of workers and shards."`
	File        schema.Values[uint32]        `name:"file_id" role:"provenance" store:"dict" doc:"Index of the capture file in the run; that of the first packet."`
	First       schema.Values[int64]         `name:"first_packet" role:"provenance" store:"delta" doc:"Number of the flow's first packet in its file, from 1."`
	LastFile    schema.Values[uint32]        `name:"last_file_id" role:"provenance" store:"dict" doc:"Index of the capture file of the last packet; another than file_id only where flows go on from file to file."`
	Last        schema.Values[int64]         `name:"last_packet" role:"provenance" store:"delta" doc:"Number of the flow's last packet in its file, last_file_id."`
	Key         schema.Values[int64]         `name:"flow_key" role:"identity" store:"plain" doc:"XXH64 of the conversation's key (endpoints in ascending order, protocol, VLAN, tunnel, ICMP echo identifier): joins flows and packets. Later flows of the same endpoints have the same key."`
	CommunityID schema.Optional[schema.Text] `name:"community_id" role:"identity" source:"Community ID v1" doc:"Community ID, version 1, seed 0; null for ARP."`
	Start       schema.Values[schema.Micros] `name:"ts" role:"time" store:"delta" source:"IPFIX 154 flowStartMicroseconds" doc:"Time of the earliest packet."`
	StartNanos  schema.Values[int64]         `name:"ts_ns" role:"time" store:"delta" unit:"ns" source:"IPFIX 156 flowStartNanoseconds" doc:"Time of the earliest packet, exact, since 1970-01-01 UTC."`
	End         schema.Values[schema.Micros] `name:"ts_end" role:"time" store:"delta" source:"IPFIX 155 flowEndMicroseconds" doc:"Time of the latest packet."`
	EndNanos    schema.Values[int64]         `name:"ts_end_ns" role:"time" store:"delta" unit:"ns" source:"IPFIX 157 flowEndNanoseconds" doc:"Time of the latest packet, exact, since 1970-01-01 UTC."`
	SrcMAC      schema.Values[schema.MAC]    `name:"src_mac" role:"identity" store:"dict" source:"IPFIX 56 sourceMacAddress" doc:"Link address the initiator's packets had at first; zero without Ethernet."`
	DstMAC      schema.Values[schema.MAC]    `name:"dst_mac" role:"identity" store:"dict" source:"IPFIX 80 destinationMacAddress" doc:"Link address of the other side at first; zero without Ethernet."`
	SrcIP       schema.Values[netip.Addr]    `name:"src_ip" role:"identity" store:"dict" doc:"Address of the initiator: who sent the SYN, else the request of an ICMP pair, else the first packet. CICFlowMeter takes the first packet's sender always."`
	DstIP       schema.Values[netip.Addr]    `name:"dst_ip" role:"identity" store:"dict" doc:"Address of the other side."`
	SrcPort     schema.Optional[uint16]      `name:"src_port" role:"identity" doc:"The initiator's port; null without ports, and where no packet showed them: later fragments without their first, headers cut off."`
	DstPort     schema.Optional[uint16]      `name:"dst_port" role:"identity" doc:"The other side's port, likewise."`
	VLAN        schema.Optional[uint16]      `name:"vlan_id" role:"identity" store:"dict" source:"IEEE 802.1Q" doc:"Outermost VLAN id, inside of the tunnel where that carries Ethernet; null without a tag."`
	Tunnel      schema.Optional[schema.Text] `name:"tunnel" store:"dict" source:"pcapline, flow.Tunnel" doc:"Kind of the innermost tunnel, by Wireshark's name: ip (IP, MPLS or Ethernet directly in IP), gre, vxlan, geneve, gtp; null outside of tunnels. Addresses and ports are those inside."`
	TunnelVNI   schema.Optional[uint32]      `name:"tunnel_vni" role:"identity" store:"dict" source:"RFC 7348; RFC 8926" doc:"Virtual network identifier of a VXLAN or Geneve tunnel; null elsewhere."`
	EtherType   schema.Values[uint16]        `name:"ether_type" store:"dict" source:"IEEE 802 numbers" doc:"EtherType of the first packet."`
	Proto       schema.Optional[uint8]       `name:"ip_proto" store:"dict" source:"IANA protocol numbers" doc:"IP protocol number (IPv6: of the upper layer); null for ARP."`
	ProtoName   schema.Values[schema.Text]   `name:"proto_name" store:"dict" source:"IANA protocol numbers" doc:"Protocol keyword: tcp, udp, icmp, icmpv6, arp, …, else ip-NUMBER."`
	ICMPType    schema.Optional[uint8]       `name:"icmp_type" source:"IANA ICMP parameters" doc:"ICMP or ICMPv6 type of the first packet."`
	ICMPCode    schema.Optional[uint8]       `name:"icmp_code" source:"IANA ICMP parameters" doc:"ICMP or ICMPv6 code of the first packet."`
	EndReason   schema.Values[schema.Text]   `name:"end_reason" role:"provenance" store:"dict" source:"IPFIX 136 flowEndReason" doc:"idle, active (time-outs), fin, rst (TCP), eof (of the capture), evicted (for want of room), early (a view of the first packets)."`
	State       schema.Values[schema.Text]   `name:"conn_state" store:"dict" source:"Zeek conn.log" doc:"Zeek's name of how it went: S0 S1 SF REJ S2 S3 RSTO RSTR RSTOS0 RSTRH SH SHR OTH."`
	History     schema.Optional[schema.Text] `name:"history" store:"dict" source:"Zeek conn.log" doc:"Zeek's letters in order of appearance, upper case from the initiator, each once a direction: s SYN, h SYN with ACK, a ACK alone, d data, f FIN, r RST, q SYN with FIN or RST, i FIN with RST, t retransmission, w zero window, g gap; ^ at first: direction turned round. TCP and UDP only."`
	Duration    schema.Values[float64]       `name:"duration" unit:"s" doc:"From the earliest to the latest packet; never negative. CICFlowMeter counts µs and goes below 0 on disordered input."`
	Late        schema.Values[uint32]        `name:"late_packets" role:"provenance" doc:"Packets with an earlier time than one before them in the flow; their gaps count as 0."`
	Duplicates  schema.Values[uint32]        `name:"dup_packets" role:"provenance" doc:"Packets that repeat one of at most 10 ms before bit for bit from the IP header on: captured twice, as by a mirror port of both sides or a loopback interface. They are in all counts; --drop-duplicates leaves them out of flows."`
	Routed      schema.Values[uint32]        `name:"routed_packets" role:"provenance" doc:"The same but for another TTL: packets captured before and behind a router."`
	Fragments   schema.Values[uint32]        `name:"fragments" source:"RFC 791; RFC 8200" doc:"Packets that are fragments of IP datagrams; later ones are joined to the flow of the first."`
}

// VolumeColumns are the statistics of packets of both directions (flow_), of
// the initiator (fwd_) and of the other side (bwd_).
type VolumeColumns struct {
	schema.Layer `name:"volume" title:"Volume and timing" source:"CICFlowMeter; nfstream" every:"row"`

	Packets      schema.Values[int64]     `name:"packets" doc:"Packets."`
	Bytes        schema.Values[int64]     `name:"bytes" unit:"B" doc:"Bytes of frames on the wire, also of those that were captured in part. CICFlowMeter counts payload here."`
	IPBytes      schema.Values[int64]     `name:"ip_bytes" unit:"B" source:"IPFIX 1 octetDeltaCount" doc:"Bytes of IP packets by their length fields (Zeek: orig_ip_bytes, resp_ip_bytes; NetFlow: bytes); 0 for ARP."`
	Payload      schema.Values[int64]     `name:"payload_bytes" unit:"B" doc:"Bytes above the transport header, by the IP length: Ethernet padding is not payload (CICFlowMeter counts it)."`
	Headers      schema.Values[int64]     `name:"header_bytes" unit:"B" doc:"Bytes of transport headers."`
	DataPackets  schema.Values[int64]     `name:"data_packets" doc:"Packets with payload (CICFlowMeter: Act Data Pkts, forward only)."`
	SmallPackets schema.Values[int64]     `name:"small_packets" doc:"Packets with 1 to 63 bytes of payload."`
	MACChanges   schema.Values[int64]     `name:"mac_changes" doc:"Packets whose sender's MAC address is not that of the direction's first: a host between the two shows so."`
	LenMin       schema.Optional[uint32]  `name:"len_min" unit:"B" doc:"Least frame length; null without packets, as all statistics here."`
	LenMax       schema.Optional[uint32]  `name:"len_max" unit:"B" doc:"Greatest frame length."`
	LenMean      schema.Optional[float64] `name:"len_mean" unit:"B" doc:"Mean frame length (nfstream: mean_ps, and so min_ps, max_ps and stddev_ps for the columns beside)."`
	LenStd       schema.Optional[float64] `name:"len_std" unit:"B" doc:"Sample standard deviation of frame lengths; null below two packets, where CICFlowMeter has 0."`
	PayloadMin   schema.Optional[uint32]  `name:"payload_min" unit:"B" doc:"Least payload length, packets without payload counting as 0."`
	PayloadMax   schema.Optional[uint32]  `name:"payload_max" unit:"B" doc:"Greatest payload length."`
	PayloadMean  schema.Optional[float64] `name:"payload_mean" unit:"B" doc:"Mean payload length. CICFlowMeter's Packet Length Mean counts the first packet twice; its Average Packet Size and Segment Size Avg mean the same."`
	PayloadStd   schema.Optional[float64] `name:"payload_std" unit:"B" doc:"Sample standard deviation of payload lengths; null below two packets. CICFlowMeter's Packet Length Variance is its square."`
	IATMin       schema.Optional[float64] `name:"iat_min" unit:"s" doc:"Least time between packets that follow each other; null below two packets, as all iat_ columns."`
	IATMax       schema.Optional[float64] `name:"iat_max" unit:"s" doc:"Greatest time between packets that follow each other."`
	IATMean      schema.Optional[float64] `name:"iat_mean" unit:"s" doc:"Mean time between packets that follow each other (CICFlowMeter: µs; nfstream's piat: ms, of times cut to ms)."`
	IATStd       schema.Optional[float64] `name:"iat_std" unit:"s" doc:"Sample standard deviation of these times; null below three packets."`
	PacketRate   schema.Optional[float64] `name:"packets_per_s" unit:"1/s" doc:"Packets divided by the flow's duration; null where that is 0 (CICFlowMeter: Infinity or NaN)."`
	ByteRate     schema.Optional[float64] `name:"bytes_per_s" unit:"B/s" doc:"Bytes of frames divided by the flow's duration; null where that is 0."`
	TTLMin       schema.Optional[uint8]   `name:"ttl_min" role:"identity" source:"IPFIX 52 minimumTTL" doc:"Least TTL or hop limit; null without IP packets. Says which host it was more than what it did, so it is not learned from."`
	TTLMax       schema.Optional[uint8]   `name:"ttl_max" role:"identity" source:"IPFIX 53 maximumTTL" doc:"Greatest TTL or hop limit."`
	Entropy      schema.Optional[float64] `name:"entropy_mean" unit:"bit/B" source:"Shannon 1948" doc:"Mean over packets with payload of the entropy of the payload's bytes, 0 to 8; null without payload."`
}

// DirectionColumns are what only makes sense of one direction (fwd_, bwd_).
type DirectionColumns struct {
	schema.Layer `name:"direction" title:"One direction" source:"CICFlowMeter; nfstream" every:"row"`

	Duration       schema.Optional[float64] `name:"duration" unit:"s" doc:"From the direction's earliest to its latest packet; null without packets. CICFlowMeter's IAT Total, in µs there; nfstream's src2dst_duration_ms."`
	TOS            schema.Optional[uint8]   `name:"ip_tos" role:"identity" source:"IPFIX 5 ipClassOfService" doc:"IPv4 TOS or IPv6 traffic class of the direction's first packet; null without IP packets."`
	HeaderMin      schema.Optional[uint16]  `name:"header_min" unit:"B" doc:"Least transport header; null where none was seen. CICFlowMeter's Fwd Seg Size Min, which is no segment's size."`
	Bulks          schema.Values[uint32]    `name:"bulks" doc:"Runs of at least 4 packets with payload, none of the other direction between, each at most 1 s behind the one before."`
	BulkPackets    schema.Optional[float64] `name:"bulk_packets_mean" doc:"Packets divided by bulks; null without bulks. CICFlowMeter's Packet/Bulk Avg, rounded down there."`
	BulkBytes      schema.Optional[float64] `name:"bulk_bytes_mean" unit:"B" doc:"Payload bytes divided by bulks; null without bulks. CICFlowMeter's Bytes/Bulk Avg, rounded down there."`
	BulkRate       schema.Optional[float64] `name:"bulk_rate" unit:"B/s" doc:"Payload bytes of all bulks divided by their durations; null where these are 0. CICFlowMeter's Bulk Rate Avg, rounded down there."`
	SubflowPackets schema.Values[float64]   `name:"subflow_packets_mean" doc:"Packets divided by subflows. CICFlowMeter's Subflow Packets: 0 there without a pause, and divided by one too few."`
	SubflowBytes   schema.Values[float64]   `name:"subflow_bytes_mean" unit:"B" doc:"Payload bytes divided by subflows. CICFlowMeter's Subflow Bytes, likewise."`
}

// ShapeColumns say how the directions and pauses of a flow relate.
type ShapeColumns struct {
	schema.Layer `name:"shape" title:"Shape" source:"CICFlowMeter; nfstream" every:"row"`

	DownUp       schema.Optional[float64] `name:"down_up_ratio" doc:"Backward packets for each forward one; null without forward ones. CICFlowMeter rounds it down to a whole number."`
	DownUpBytes  schema.Optional[float64] `name:"down_up_bytes_ratio" doc:"Backward payload bytes for each forward one; null without forward ones."`
	Turns        schema.Values[uint32]    `name:"data_turns" doc:"Changes of direction from one packet with payload to the next: how often the two sides took turns."`
	ServerFirst  schema.Optional[bool]    `name:"server_first" doc:"Whether the first payload came from the other side; null without payload."`
	ActivePeriod schema.Values[int64]     `name:"active_periods" doc:"Periods without a silence longer than the activity gap (default 5 s); at least 1. The last one counts too, unlike in CICFlowMeter."`
	ActiveMean   schema.Values[float64]   `name:"active_mean" unit:"s" doc:"Mean length of active periods; of a single packet it is 0."`
	ActiveStd    schema.Optional[float64] `name:"active_std" unit:"s" doc:"Sample standard deviation; null below two periods."`
	ActiveMin    schema.Values[float64]   `name:"active_min" unit:"s" doc:"Shortest active period."`
	ActiveMax    schema.Values[float64]   `name:"active_max" unit:"s" doc:"Longest active period."`
	IdleMean     schema.Optional[float64] `name:"idle_mean" unit:"s" doc:"Mean length of the silences between them; null without."`
	IdleStd      schema.Optional[float64] `name:"idle_std" unit:"s" doc:"Sample standard deviation; null below two silences."`
	IdleMin      schema.Optional[float64] `name:"idle_min" unit:"s" doc:"Shortest silence; null without."`
	IdleMax      schema.Optional[float64] `name:"idle_max" unit:"s" doc:"Longest silence; null without."`
	Subflows     schema.Values[int64]     `name:"subflows" doc:"Parts of the flow between pauses longer than 1 s; at least 1. CICFlowMeter counts the pauses, so its Subflow columns divide by one too few."`
	Sizes        schema.List[int64]       `name:"splt_size" unit:"B" source:"Joy; nfstream SPLT" doc:"Payload bytes of the first packets (default 20; ARP: frame bytes), negative backward."`
	Directions   schema.List[uint8]       `name:"splt_direction" source:"Joy; nfstream SPLT" doc:"Direction of the same packets: 0 forward, 1 backward. Also tells that of packets without payload."`
	Gaps         schema.List[float64]     `name:"splt_iat" unit:"s" source:"Joy; nfstream SPLT" doc:"Time since the packet before, for the same packets; 0 for the first."`
}
