package flow

import "github.com/pcapline/pcapline/transform/schema"

// HandshakeColumns are how long a TCP handshake took.
type HandshakeColumns struct {
	schema.Layer `name:"tcp" title:"TCP connection" source:"RFC 9293"`

	SynRTT schema.Optional[float64] `name:"tcp_syn_rtt" unit:"s" doc:"From the first SYN to the SYN with ACK: the way from here to the server and back; null without both."`
	AckRTT schema.Optional[float64] `name:"tcp_ack_rtt" unit:"s" doc:"From there to the ACK: the way from here to the client and back."`
}

// TCPColumns are what TCP headers show of one direction (fwd_, bwd_); null
// but for TCP. A later fragment has no TCP header and does not count.
type TCPColumns struct {
	schema.Layer `name:"tcp" title:"TCP" source:"RFC 9293"`

	FIN             schema.Values[uint32]   `name:"tcp_fin" doc:"Packets with FIN. CICFlowMeter's Fwd and Bwd flag counts cover PSH and URG only, and its totals miss the first packet."`
	SYN             schema.Values[uint32]   `name:"tcp_syn" doc:"Packets with SYN."`
	RST             schema.Values[uint32]   `name:"tcp_rst" doc:"Packets with RST."`
	PSH             schema.Values[uint32]   `name:"tcp_psh" doc:"Packets with PSH."`
	ACK             schema.Values[uint32]   `name:"tcp_ack" doc:"Packets with ACK."`
	URG             schema.Values[uint32]   `name:"tcp_urg" doc:"Packets with URG."`
	ECE             schema.Values[uint32]   `name:"tcp_ece" source:"RFC 3168" doc:"Packets with ECE."`
	CWR             schema.Values[uint32]   `name:"tcp_cwr" source:"RFC 3168" doc:"Packets with CWR (CICFlowMeter spells it CWE)."`
	Retransmissions schema.Values[uint32]   `name:"tcp_retransmissions" doc:"Segments that end at or below the highest sequence number seen: sent again, or late."`
	Gaps            schema.Values[uint32]   `name:"tcp_gaps" doc:"Segments that begin above it: something before them is missing or late."`
	KeepAlives      schema.Values[uint32]   `name:"tcp_keepalives" source:"RFC 9293 3.8.4" doc:"Segments of one old byte that ask for an answer."`
	ZeroWindows     schema.Values[uint32]   `name:"tcp_zero_windows" doc:"Packets without SYN, FIN, RST whose window is 0."`
	InitWindow      schema.Optional[uint16] `name:"tcp_init_window" unit:"B" doc:"Window of the direction's first packet, not scaled; null without packets, where CICFlowMeter has -1 or 0."`
	MSS             schema.Optional[uint16] `name:"tcp_mss" unit:"B" source:"RFC 9293 3.7.1" doc:"Maximum segment size that the SYN offers; null without."`
	WScale          schema.Optional[uint8]  `name:"tcp_wscale" source:"RFC 7323" doc:"Window scale of the SYN, 0 also where the option is missing; null without a SYN."`
}

// DNSColumns sum up the DNS messages of a flow; null without any.
type DNSColumns struct {
	schema.Layer `name:"dns" title:"DNS messages" source:"RFC 1035"`

	Queries     schema.Values[uint32]    `name:"dns_queries" doc:"Queries."`
	Responses   schema.Values[uint32]    `name:"dns_responses" doc:"Responses."`
	NoError     schema.Values[uint32]    `name:"dns_noerror" doc:"Responses with code 0."`
	NXDomain    schema.Values[uint32]    `name:"dns_nxdomain" doc:"Responses with code 3: the name does not exist."`
	ServFail    schema.Values[uint32]    `name:"dns_servfail" doc:"Responses with code 2."`
	OtherRcode  schema.Values[uint32]    `name:"dns_other_rcode" doc:"Responses with another code."`
	BulkQueries schema.Values[uint32]    `name:"dns_bulk_queries" doc:"Queries of types TXT, NULL or ANY, whose answers may carry much."`
	QType       schema.Values[uint16]    `name:"dns_first_qtype" store:"dict" source:"IANA DNS parameters" doc:"Question type of the first message."`
	NameMean    schema.Optional[float64] `name:"dns_name_len_mean" unit:"B" doc:"Mean length of the names in the first question of each message; null without names."`
	NameMax     schema.Optional[uint16]  `name:"dns_name_len_max" unit:"B" doc:"Greatest length of such a name."`
	LabelsMax   schema.Optional[uint8]   `name:"dns_labels_max" doc:"Most labels in such a name."`
}

// ARPColumns sum up the messages of an ARP conversation; null but for ARP.
type ARPColumns struct {
	schema.Layer `name:"arp" title:"ARP messages" source:"RFC 826; RFC 5227"`

	Requests   schema.Values[uint32] `name:"arp_requests" doc:"Requests."`
	Replies    schema.Values[uint32] `name:"arp_replies" doc:"Replies; more than requests: nobody asked."`
	Gratuitous schema.Values[uint32] `name:"arp_gratuitous" doc:"Messages whose sender and target address are the same."`
	Probes     schema.Values[uint32] `name:"arp_probes" doc:"Messages with sender address 0.0.0.0."`
}
