package layer

import "github.com/pcapline/pcapline/transform/schema"

// DHCP is a message of the Dynamic Host Configuration Protocol, or of BOOTP,
// which has the same form without options.
type DHCP struct {
	schema.Layer `name:"dhcp" title:"Dynamic Host Configuration Protocol" source:"RFC 2131, 2"`

	Op        schema.Values[uint8]          `name:"dhcp_op" ws:"dhcp.type" store:"dict" doc:"1 from a client, 2 from a server."`
	HWType    schema.Values[uint8]          `name:"dhcp_hw_type" ws:"dhcp.hw.type" store:"dict" doc:"Kind of link-layer address, 1 for Ethernet."`
	HWLen     schema.Values[uint8]          `name:"dhcp_hw_len" ws:"dhcp.hw.len" store:"dict" unit:"B" doc:"Length of the client's link-layer address."`
	Hops      schema.Values[uint8]          `name:"dhcp_hops" ws:"dhcp.hops" store:"dict" doc:"Relay agents that the message passed."`
	XID       schema.Values[uint32]         `name:"dhcp_xid" ws:"dhcp.id" role:"identity" store:"plain" doc:"Transaction identifier that the client chose."`
	Secs      schema.Values[uint16]         `name:"dhcp_secs" ws:"dhcp.secs" unit:"s" doc:"Time since the client began, as it says."`
	Broadcast schema.Values[bool]           `name:"dhcp_broadcast" ws:"dhcp.flags.bc" doc:"The client asks for answers by broadcast."`
	CIAddr    schema.Values[schema.IPv4]    `name:"dhcp_ciaddr" ws:"dhcp.ip.client" role:"identity" store:"dict" doc:"Client's address, where it has one; 0.0.0.0 as sent, here and below."`
	YIAddr    schema.Values[schema.IPv4]    `name:"dhcp_yiaddr" ws:"dhcp.ip.your" role:"identity" store:"dict" doc:"Address that the server gives."`
	SIAddr    schema.Values[schema.IPv4]    `name:"dhcp_siaddr" ws:"dhcp.ip.server" role:"identity" store:"dict" doc:"Server of the next step of booting."`
	GIAddr    schema.Values[schema.IPv4]    `name:"dhcp_giaddr" ws:"dhcp.ip.relay" role:"identity" store:"dict" doc:"Relay agent's address."`
	CHAddr    schema.Optional[schema.MAC]   `name:"dhcp_chaddr" ws:"dhcp.hw.mac_addr" role:"identity" store:"dict" doc:"Client's link-layer address; null where it is not 6 bytes long."`
	Options   schema.List[uint8]            `name:"dhcp_options" ws:"dhcp.option.type" source:"RFC 2132" doc:"Codes of the options in their order, without pad and end, the first 256; null in BOOTP messages without the magic cookie."`
	Message   schema.Optional[uint8]        `name:"dhcp_message_type" ws:"dhcp.option.dhcp" store:"dict" source:"RFC 2132, 9.6" doc:"1 discover, 2 offer, 3 request, 4 decline, 5 acknowledge, 6 refuse, 7 release, 8 inform. Of an option that comes twice the first counts, here and below."`
	Hostname  schema.Optional[schema.Text]  `name:"dhcp_hostname" ws:"dhcp.option.hostname" role:"payload" store:"dict" source:"RFC 2132, 3.14" doc:"Client's host name; bytes that do not print are written \\DDD, as in all texts of this layer."`
	Requested schema.Optional[schema.IPv4]  `name:"dhcp_requested_ip" ws:"dhcp.option.requested_ip_address" role:"identity" store:"dict" source:"RFC 2132, 9.1" doc:"Address that the client asks for."`
	ServerID  schema.Optional[schema.IPv4]  `name:"dhcp_server_id" ws:"dhcp.option.dhcp_server_id" role:"identity" store:"dict" source:"RFC 2132, 9.7" doc:"Server's address."`
	Lease     schema.Optional[uint32]       `name:"dhcp_lease_time" ws:"dhcp.option.ip_address_lease_time" unit:"s" source:"RFC 2132, 9.2" doc:"Time for which the address is asked for or given."`
	Params    schema.List[uint8]            `name:"dhcp_parameter_list" ws:"dhcp.option.request_list_item" source:"RFC 2132, 9.8" doc:"Codes of the options that the client asks for, in its order."`
	Vendor    schema.Optional[schema.Text]  `name:"dhcp_vendor_class" ws:"dhcp.option.vendor_class_id" role:"identity" store:"dict" source:"RFC 2132, 9.13" doc:"Vendor class of the client's software."`
	ClientID  schema.Optional[schema.Bytes] `name:"dhcp_client_id" role:"identity" store:"dict" source:"RFC 2132, 9.14" doc:"Client identifier: a type and, mostly, its link-layer address."`

	codes []uint8 // scratch for the list
}

// Reached says what leads to a DHCP message: the ports of server and client.
func (*DHCP) Reached() []Key { return []Key{UDPPort(67), UDPPort(68)} }

// Options (IANA, BOOTP Vendor Extensions and DHCP Options).
const (
	dhcpPad       = 0
	dhcpHostname  = 12
	dhcpRequested = 50
	dhcpLease     = 51
	dhcpOverload  = 52
	dhcpMessage   = 53
	dhcpServerID  = 54
	dhcpParams    = 55
	dhcpVendor    = 60
	dhcpClientID  = 61
	dhcpEnd       = 255
)

const (
	dhcpFixed      = 236
	dhcpSName      = 44 // offset of the 64 bytes of the server's name
	dhcpFile       = 108
	dhcpCookie     = 0x63825363
	maxDHCPOptions = 256
)

// Decode takes the message. Options may go on in the fields for the server's
// name and the boot file (RFC 2131, 4.1).
func (m *DHCP) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < dhcpFixed {
		d.noteEnd(d.whole())
		return 0, nil
	}
	m.append(d, b)
	d.name(appDHCP)
	if len(b) < dhcpFixed+4 || be.Uint32(b[dhcpFixed:]) != dhcpCookie {
		return 0, nil
	}
	m.codes = m.codes[:0]
	overload, whole := m.decodeOptions(d, b[dhcpFixed+4:])
	if !whole {
		d.noteEnd(d.whole())
	}
	if overload&1 != 0 {
		m.decodeOptions(d, b[dhcpFile:dhcpFixed])
	}
	if overload&2 != 0 {
		m.decodeOptions(d, b[dhcpSName:dhcpFile])
	}
	m.Options.Set(d.Row, m.codes...)
	return 0, nil
}

// append fills the columns of the fixed part.
func (m *DHCP) append(d *Decoder, b []byte) {
	m.Mark(d.Row)
	m.Op.Append(b[0])
	m.HWType.Append(b[1])
	m.HWLen.Append(b[2])
	m.Hops.Append(b[3])
	m.XID.Append(be.Uint32(b[4:]))
	m.Secs.Append(be.Uint16(b[8:]))
	m.Broadcast.Append(b[10]&0x80 != 0)
	m.CIAddr.Append(schema.IPv4(b[12:]))
	m.YIAddr.Append(schema.IPv4(b[16:]))
	m.SIAddr.Append(schema.IPv4(b[20:]))
	m.GIAddr.Append(schema.IPv4(b[24:]))
	if b[2] == 6 {
		m.CHAddr.Set(d.Row, schema.MAC(b[28:]))
	}
}

// decodeOptions takes the options in b. It returns the option that says which
// other fields hold options, and whether each option was whole.
func (m *DHCP) decodeOptions(d *Decoder, b []byte) (overload uint8, whole bool) {
	for len(b) > 0 && len(m.codes) < maxDHCPOptions {
		switch b[0] {
		case dhcpPad:
			b = b[1:]
			continue
		case dhcpEnd:
			return overload, true
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return overload, false
		}
		code, value := b[0], b[2:2+int(b[1])]
		m.codes = append(m.codes, code)
		if code == dhcpOverload && len(value) == 1 {
			overload = value[0]
		}
		m.decodeOption(d, code, value)
		b = b[2+len(value):]
	}
	return overload, true
}

// decodeOption fills the column of an option; one with a wrong length is
// passed over.
func (m *DHCP) decodeOption(d *Decoder, code uint8, v []byte) {
	row := d.Row
	switch {
	case code == dhcpMessage && len(v) == 1 && !m.Message.Has(row):
		m.Message.Set(row, v[0])
	case code == dhcpHostname && !m.Hostname.Has(row):
		m.Hostname.Set(row, d.Printable(v))
	case code == dhcpRequested && len(v) == 4 && !m.Requested.Has(row):
		m.Requested.Set(row, schema.IPv4(v))
	case code == dhcpServerID && len(v) == 4 && !m.ServerID.Has(row):
		m.ServerID.Set(row, schema.IPv4(v))
	case code == dhcpLease && len(v) == 4 && !m.Lease.Has(row):
		m.Lease.Set(row, be.Uint32(v))
	case code == dhcpParams && !m.Params.Has(row):
		m.Params.Set(row, v...)
	case code == dhcpVendor && !m.Vendor.Has(row):
		m.Vendor.Set(row, d.Printable(v))
	case code == dhcpClientID && !m.ClientID.Has(row):
		m.ClientID.Set(row, schema.Bytes(v))
	}
}
