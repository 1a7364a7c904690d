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
	GapBytes        schema.Values[int64]    `name:"tcp_gap_bytes" unit:"B" doc:"Bytes that the sequence numbers skipped there: not captured, lost or late (Zeek: missed_bytes, which it does not count when they come late)."`
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
	NameEntropy schema.Optional[float64] `name:"dns_name_entropy_mean" unit:"bit/B" source:"Shannon 1948" doc:"Mean over these names of the entropy of their characters: high where they carry data; null where none could be read."`
}

// AppColumns are what the protocols above say of themselves; null where
// nothing was said. Of texts it is the first in the flow, at most 255 bytes.
type AppColumns struct {
	schema.Layer `name:"app" title:"Application protocols" every:"row"`

	Name       schema.Optional[schema.Text] `name:"app_proto" store:"dict" doc:"Protocol of the first packet with one that is decoded: tls, http, dns, ssh, quic …"`
	TLSVersion schema.Optional[uint16]      `name:"tls_version" store:"dict" source:"RFC 8446 4.2.1" doc:"TLS version chosen by the server, else the highest that the client offers: 771 is TLS 1.2, 772 is TLS 1.3."`
	SNI        schema.Optional[schema.Text] `name:"tls_sni" role:"identity" store:"dict" source:"RFC 6066 3" doc:"Server name that a TLS or QUIC client asks for, in lower case."`
	SNILen     schema.Optional[uint16]      `name:"tls_sni_len" unit:"B" doc:"Its length."`
	SNILabels  schema.Optional[uint8]       `name:"tls_sni_labels" doc:"Its labels: parts between dots."`
	SNIEntropy schema.Optional[float64]     `name:"tls_sni_entropy" unit:"bit/B" source:"Shannon 1948" doc:"Entropy of its characters."`
	ALPN       schema.Optional[schema.Text] `name:"tls_alpn" store:"dict" source:"RFC 7301" doc:"Protocol chosen by the server, else the first that the client offers."`
	JA3        schema.Optional[schema.Text] `name:"tls_ja3" role:"identity" store:"dict" source:"JA3" doc:"JA3 fingerprint of the ClientHello: says which program it was more than what it did."`
	JA3S       schema.Optional[schema.Text] `name:"tls_ja3s" role:"identity" store:"dict" source:"JA3" doc:"JA3S fingerprint of the ServerHello."`
	JA4        schema.Optional[schema.Text] `name:"tls_ja4" role:"identity" store:"dict" source:"JA4" doc:"JA4 fingerprint of the ClientHello."`
	QUIC       schema.Optional[uint32]      `name:"quic_version" store:"dict" source:"RFC 8999" doc:"Version in the first long header; 1 is RFC 9000."`

	Requests  schema.Optional[uint32]      `name:"http_requests" source:"RFC 9112" doc:"HTTP requests; null without requests and responses, as the next six."`
	Responses schema.Optional[uint32]      `name:"http_responses" source:"RFC 9112" doc:"HTTP responses."`
	Status1   schema.Optional[uint32]      `name:"http_1xx" source:"RFC 9110 15" doc:"Responses with status 100 to 199."`
	Status2   schema.Optional[uint32]      `name:"http_2xx" source:"RFC 9110 15" doc:"Responses with status 200 to 299: successes."`
	Status3   schema.Optional[uint32]      `name:"http_3xx" source:"RFC 9110 15" doc:"Responses with status 300 to 399: redirections."`
	Status4   schema.Optional[uint32]      `name:"http_4xx" source:"RFC 9110 15" doc:"Responses with status 400 to 499: errors of the client."`
	Status5   schema.Optional[uint32]      `name:"http_5xx" source:"RFC 9110 15" doc:"Responses with status 500 to 599: errors of the server."`
	Status    schema.Optional[uint16]      `name:"http_status" store:"dict" source:"RFC 9110 15" doc:"Status of the first response."`
	Method    schema.Optional[schema.Text] `name:"http_method" store:"dict" source:"RFC 9110 9" doc:"Method of the first request."`
	Host      schema.Optional[schema.Text] `name:"http_host" role:"identity" store:"dict" source:"RFC 9110 7.2" doc:"Host of the first request that has one."`
	URI       schema.Optional[schema.Text] `name:"http_uri" role:"payload" source:"RFC 9112 3.2" doc:"Target of the first request."`
	URIMean   schema.Optional[float64]     `name:"http_uri_len_mean" unit:"B" doc:"Mean length of the requests' targets; null without requests."`
	URIMax    schema.Optional[uint32]      `name:"http_uri_len_max" unit:"B" doc:"Greatest length of these."`
	Agent     schema.Optional[schema.Text] `name:"http_user_agent" role:"payload" store:"dict" source:"RFC 9110 10.1.5" doc:"User-Agent of the first request that has one."`
	AgentLen  schema.Optional[uint16]      `name:"http_user_agent_len" unit:"B" doc:"Its length, at most 255."`

	DNSName      schema.Optional[schema.Text] `name:"dns_first_name" role:"identity" store:"dict" source:"RFC 1035" doc:"Name in the first question of the first DNS message that has one."`
	ClientBanner schema.Optional[schema.Text] `name:"ssh_client" role:"payload" store:"dict" source:"RFC 4253 4.2" doc:"SSH identification string of the initiator."`
	ServerBanner schema.Optional[schema.Text] `name:"ssh_server" role:"payload" store:"dict" source:"RFC 4253 4.2" doc:"SSH identification string of the other side."`
}

// ARPColumns sum up the messages of an ARP conversation; null but for ARP.
type ARPColumns struct {
	schema.Layer `name:"arp" title:"ARP messages" source:"RFC 826; RFC 5227"`

	Requests   schema.Values[uint32] `name:"arp_requests" doc:"Requests."`
	Replies    schema.Values[uint32] `name:"arp_replies" doc:"Replies; more than requests: nobody asked."`
	Gratuitous schema.Values[uint32] `name:"arp_gratuitous" doc:"Messages whose sender and target address are the same."`
	Probes     schema.Values[uint32] `name:"arp_probes" doc:"Messages with sender address 0.0.0.0."`
}
