package layer

import "github.com/pcapline/pcapline/transform/schema"

// ICMPv6 is a message of ICMP for IPv6, with neighbour discovery and
// multicast listener discovery. Columns that do not apply to the type are
// null. The packet that an error message quotes is payload.
type ICMPv6 struct {
	schema.Layer `name:"icmpv6" title:"ICMP for IPv6" source:"RFC 4443"`

	Type     schema.Values[uint8]    `name:"icmpv6_type" ws:"icmpv6.type" store:"dict" doc:"Type: 1 to 4 errors, 128 echo, 129 echo reply, 133 to 137 neighbour discovery."`
	Code     schema.Values[uint8]    `name:"icmpv6_code" ws:"icmpv6.code" store:"dict" doc:"Code, which says more of the type."`
	Checksum schema.Values[uint16]   `name:"icmpv6_checksum" ws:"icmpv6.checksum" role:"identity" store:"plain" doc:"Checksum as captured."`
	Status   schema.Optional[uint8]  `name:"icmpv6_checksum_status" ws:"icmpv6.checksum.status" role:"provenance" store:"dict" doc:"0 bad, 1 good, 3 absent (0 in the packet), 5 partial: the sum of the pseudo-header, which the network card completes; null where it cannot be verified (fragment, capture cut). Numbers as Wireshark's, which has none for partial."`
	ID       schema.Optional[uint16] `name:"icmpv6_id" ws:"icmpv6.echo.identifier" role:"identity" store:"dict" doc:"Identifier of an echo or extended echo message."`
	Seq      schema.Optional[uint16] `name:"icmpv6_seq" ws:"icmpv6.echo.sequence_number" role:"identity" store:"dict" doc:"Sequence number of an echo message."`
	MTU      schema.Optional[uint32] `name:"icmpv6_mtu" ws:"icmpv6.mtu" store:"dict" unit:"B" doc:"MTU of the next hop, of the message that a packet is too big."`
	Pointer  schema.Optional[uint32] `name:"icmpv6_pointer" ws:"icmpv6.pointer" store:"dict" unit:"B" doc:"Offset of what a parameter problem is about."`

	Target      schema.Optional[schema.IPv6] `name:"icmpv6_target" role:"identity" store:"dict" source:"RFC 4861" doc:"Target address of a neighbour solicitation, advertisement or redirect."`
	RedirectDst schema.Optional[schema.IPv6] `name:"icmpv6_redirect_dst" ws:"icmpv6.rd.na.destination_address" role:"identity" store:"dict" source:"RFC 4861, 4.5" doc:"Destination that a redirect is about."`
	RAHopLimit  schema.Optional[uint8]       `name:"icmpv6_ra_hop_limit" ws:"icmpv6.nd.ra.cur_hop_limit" store:"dict" source:"RFC 4861, 4.2" doc:"Hop limit that a router advertises."`
	RAFlags     schema.Optional[uint8]       `name:"icmpv6_ra_flags" ws:"icmpv6.nd.ra.flag" store:"dict" source:"RFC 4861, 4.2" doc:"Flags of a router advertisement: managed 128, other 64, home agent 32, preference 24, proxy 4."`
	RALifetime  schema.Optional[uint16]      `name:"icmpv6_ra_lifetime" ws:"icmpv6.nd.ra.router_lifetime" store:"dict" unit:"s" source:"RFC 4861, 4.2" doc:"Router lifetime; 0: not a default router."`
	RAReachable schema.Optional[uint32]      `name:"icmpv6_ra_reachable" ws:"icmpv6.nd.ra.reachable_time" store:"dict" unit:"ms" source:"RFC 4861, 4.2" doc:"Reachable time that a router advertises."`
	RARetrans   schema.Optional[uint32]      `name:"icmpv6_ra_retrans" ws:"icmpv6.nd.ra.retrans_timer" store:"dict" unit:"ms" source:"RFC 4861, 4.2" doc:"Retransmission timer that a router advertises."`
	NARouter    schema.Optional[bool]        `name:"icmpv6_na_router" ws:"icmpv6.nd.na.flag.r" source:"RFC 4861, 4.4" doc:"Neighbour advertisement: from a router."`
	NASolicited schema.Optional[bool]        `name:"icmpv6_na_solicited" ws:"icmpv6.nd.na.flag.s" source:"RFC 4861, 4.4" doc:"Neighbour advertisement: answers a solicitation."`
	NAOverride  schema.Optional[bool]        `name:"icmpv6_na_override" ws:"icmpv6.nd.na.flag.o" source:"RFC 4861, 4.4" doc:"Neighbour advertisement: replaces what is cached."`

	SrcMAC    schema.Optional[schema.MAC]  `name:"icmpv6_src_mac" ws:"icmpv6.opt.src_linkaddr" role:"identity" store:"dict" source:"RFC 4861, 4.6.1" doc:"Source link-layer address option."`
	TargetMAC schema.Optional[schema.MAC]  `name:"icmpv6_target_mac" ws:"icmpv6.opt.target_linkaddr" role:"identity" store:"dict" source:"RFC 4861, 4.6.1" doc:"Target link-layer address option."`
	OptMTU    schema.Optional[uint32]      `name:"icmpv6_opt_mtu" ws:"icmpv6.opt.mtu" store:"dict" unit:"B" source:"RFC 4861, 4.6.4" doc:"MTU option."`
	PrefixLen schema.Optional[uint8]       `name:"icmpv6_prefix_len" ws:"icmpv6.opt.prefix.length" store:"dict" unit:"bit" source:"RFC 4861, 4.6.2" doc:"Length of the first prefix advertised."`
	Prefix    schema.Optional[schema.IPv6] `name:"icmpv6_prefix" ws:"icmpv6.opt.prefix" role:"identity" store:"dict" source:"RFC 4861, 4.6.2" doc:"First prefix advertised."`
	Prefixes  schema.Optional[uint8]       `name:"icmpv6_prefixes" store:"dict" source:"RFC 4861, 4.6.2" doc:"How many prefixes a router advertises."`

	MLDGroup   schema.Optional[schema.IPv6] `name:"icmpv6_mld_group" role:"identity" store:"dict" source:"RFC 2710; RFC 9777" doc:"Multicast address of a listener message, of the first record in version 2 reports."`
	MLDRecords schema.Optional[uint16]      `name:"icmpv6_mld_records" ws:"icmpv6.mldr.nb_mcast_records" store:"dict" source:"RFC 9777" doc:"Records in a version 2 listener report."`
}

// Reached says what leads to an ICMPv6 message.
func (*ICMPv6) Reached() []Key { return []Key{IPProto(58)} }

// Types of ICMPv6 messages that have columns of their own (IANA).
const (
	icmpv6TooBig    = 2
	icmpv6Parameter = 4
	icmpv6Echo      = 128
	icmpv6EchoReply = 129
	icmpv6Query     = 130
	icmpv6Report    = 131
	icmpv6Done      = 132
	icmpv6RS        = 133
	icmpv6RA        = 134
	icmpv6NS        = 135
	icmpv6NA        = 136
	icmpv6Redirect  = 137
	icmpv6ReportV2  = 143

	icmpv6ExtEcho      = 160 // RFC 8335
	icmpv6ExtEchoReply = 161
)

// Decode takes the header; a discovery message is taken whole.
func (m *ICMPv6) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 4 {
		return d.Short(b)
	}
	typ := b[0]
	m.Mark(d.Row)
	m.Type.Append(typ)
	m.Code.Append(b[1])
	m.Checksum.Append(be.Uint16(b[2:]))
	d.setChecksum(&m.Status, 58, b, be.Uint16(b[2:]))
	d.Digest.ICMPType, d.Digest.ICMPCode, d.Digest.HeaderLen = typ, b[1], 8
	if len(b) < 8 {
		return d.Short(b[4:])
	}
	switch {
	case typ == icmpv6TooBig:
		m.MTU.Set(d.Row, be.Uint32(b[4:]))
	case typ == icmpv6Parameter:
		m.Pointer.Set(d.Row, be.Uint32(b[4:]))
	case typ == icmpv6Echo || typ == icmpv6EchoReply:
		d.Digest.ICMPID = be.Uint16(b[4:])
		m.ID.Set(d.Row, be.Uint16(b[4:]))
		m.Seq.Set(d.Row, be.Uint16(b[6:]))
	case typ == icmpv6ExtEcho || typ == icmpv6ExtEchoReply:
		m.ID.Set(d.Row, be.Uint16(b[4:]))
	case typ >= icmpv6Query && typ <= icmpv6Done || typ == icmpv6ReportV2:
		return m.decodeMLD(d, b)
	case typ >= icmpv6RS && typ <= icmpv6Redirect:
		return m.decodeNDP(d, b)
	}
	return 0, b[8:]
}

func (m *ICMPv6) decodeMLD(d *Decoder, b []byte) (Key, []byte) {
	group := b[8:]
	if b[0] == icmpv6ReportV2 {
		records := be.Uint16(b[6:])
		m.MLDRecords.Set(d.Row, records)
		if records == 0 {
			return 0, nil
		}
		group = group[min(4, len(group)):] // behind the record's own header
	}
	if len(group) < 16 {
		return d.Short(nil)
	}
	m.MLDGroup.Set(d.Row, schema.IPv6(group))
	return 0, nil
}
