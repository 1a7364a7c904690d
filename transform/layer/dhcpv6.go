package layer

import "github.com/pcapline/pcapline/transform/schema"

// DHCPv6 is the head of a message of DHCP for IPv6.
type DHCPv6 struct {
	schema.Layer `name:"dhcpv6" title:"Dynamic Host Configuration Protocol for IPv6" source:"RFC 8415, 8"`

	Message schema.Values[uint8]    `name:"dhcpv6_message_type" ws:"dhcpv6.msgtype" store:"dict" source:"RFC 8415, 7.3" doc:"1 solicit, 2 advertise, 3 request, 4 confirm, 5 renew, 6 rebind, 7 reply, 8 release, 11 information request, 12 and 13 between relay agents."`
	XID     schema.Optional[uint32] `name:"dhcpv6_xid" ws:"dhcpv6.xid" role:"identity" store:"plain" doc:"Transaction identifier of 24 bits; null between relay agents, whose messages quote the client's."`
}

// Reached says what leads to a DHCPv6 message: the ports of client and server.
func (*DHCPv6) Reached() []Key { return []Key{UDPPort(546), UDPPort(547)} }

// Decode takes the message's first four bytes.
func (m *DHCPv6) Decode(d *Decoder, b []byte) (Key, []byte) {
	const relayForward, relayReply = 12, 13
	if len(b) < 4 {
		d.noteEnd(d.whole())
		return 0, nil
	}
	m.Mark(d.Row)
	m.Message.Append(b[0])
	if b[0] != relayForward && b[0] != relayReply {
		m.XID.Set(d.Row, be.Uint32(b)&0xffffff)
	}
	d.name(appDHCPv6)
	return 0, nil
}
