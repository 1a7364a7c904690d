package flow

import "github.com/pcapline/pcapline/transform/schema"

// WindowColumns say what a host did in the time before a flow's first packet,
// this flow not included: src_ the initiator as a source of flows, dst_ the
// other side as their target, each over the last 1, 10 and 60 s.
type WindowColumns struct {
	schema.Layer `name:"window" title:"Windows over hosts" source:"UNSW-NB15 ct_; KDD Cup 99 traffic features" every:"row"`

	Flows      schema.Values[uint32]    `name:"flows" doc:"Flows that began."`
	Peers      schema.Values[uint32]    `name:"peers" doc:"Distinct hosts at the other end of these."`
	Ports      schema.Values[uint32]    `name:"ports" doc:"Distinct (protocol, destination port) of these; the ICMP type stands for a port."`
	Rejected   schema.Values[uint32]    `name:"rejected" doc:"SYNs that were answered by RST in the window."`
	SynRatio   schema.Optional[float64] `name:"syn_ratio" doc:"Share of flows that began with a TCP SYN; null without flows."`
	Unanswered schema.Optional[float64] `name:"unanswered_ratio" doc:"1 − first answers / flows begun in the window, not below 0; null without flows."`
	Sent       schema.Values[int64]     `name:"bytes_sent" unit:"B" doc:"Bytes of frames that the host sent, counted in steps of 0.1 s."`
	Received   schema.Values[int64]     `name:"bytes_received" unit:"B" doc:"Bytes of frames that the host received, likewise."`
}

// LinkColumns say what ARP has shown before a flow's first packet.
type LinkColumns struct {
	schema.Layer `name:"link" title:"ARP history" source:"RFC 826; arpwatch" every:"row"`

	Requests1  schema.Values[uint32] `name:"mac_1s_arp_requests" doc:"ARP requests sent in the last second by the MAC address that sent the flow's first packet (of the initiator)."`
	Replies1   schema.Values[uint32] `name:"mac_1s_arp_replies" doc:"ARP replies, likewise."`
	Requests10 schema.Values[uint32] `name:"mac_10s_arp_requests" doc:"ARP requests in the last 10 s, likewise."`
	Replies10  schema.Values[uint32] `name:"mac_10s_arp_replies" doc:"ARP replies in the last 10 s, likewise."`
	Requests60 schema.Values[uint32] `name:"mac_60s_arp_requests" doc:"ARP requests in the last 60 s, likewise."`
	Replies60  schema.Values[uint32] `name:"mac_60s_arp_replies" doc:"ARP replies in the last 60 s, likewise."`
	SrcClaimed schema.Values[uint8]  `name:"src_arp_macs" doc:"Distinct MAC addresses that have claimed src_ip by ARP in this capture so far, up to 8; two or more are a conflict. Of an ARP flow: up to its last packet."`
	DstClaimed schema.Values[uint8]  `name:"dst_arp_macs" doc:"The same for dst_ip."`
}

// ServiceColumns say what the same source has asked of the same destination
// and port before, in this capture, this flow not included.
type ServiceColumns struct {
	schema.Layer `name:"service" title:"Service history" every:"row"`

	Flows     schema.Values[int64]     `name:"svc_flows" doc:"Earlier flows from src_ip to dst_ip with this protocol and destination port (ICMP: type)."`
	Recent    schema.Values[uint32]    `name:"svc_flows_60s" doc:"Those that began in the last 60 s."`
	Since     schema.Optional[float64] `name:"svc_gap" unit:"s" doc:"Time since the one before began; null without."`
	GapMean   schema.Optional[float64] `name:"svc_gap_mean" unit:"s" doc:"Mean time from one start to the next, up to this one; null without an earlier flow."`
	GapStd    schema.Optional[float64] `name:"svc_gap_std" unit:"s" doc:"Sample standard deviation of these; null below two earlier flows."`
	GapCV     schema.Optional[float64] `name:"svc_gap_cv" doc:"svc_gap_std / svc_gap_mean: near 0 where something calls as regularly as a beacon; null where the mean is 0."`
	BytesMean schema.Optional[float64] `name:"svc_bytes_mean" unit:"B" doc:"Bytes of frames of the earlier flows up to now, divided by their number; null without."`
	NameMean  schema.Optional[float64] `name:"svc_dns_name_len_mean" unit:"B" doc:"Mean length of the DNS names in the earlier flows; null without."`
}
